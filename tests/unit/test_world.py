# SPDX-License-Identifier: Apache-2.0
import asyncio
import random
from datetime import date

import pytest

from contracts.identifiers import decode_epc
from firmware_sims.world import labels
from firmware_sims.world.goods import ItemFileError, Supplier, read_items
from firmware_sims.world.portals import PhotoEyes, pass_once
from firmware_sims.world.rooms import ColdRoom
from firmware_sims.world.truth import Truth


def _supplier(seed=1):
    return Supplier(read_items(), random.Random(seed), today=date(2026, 11, 21))


def test_labels_of_the_simulator_are_read_back_by_the_codec():
    pallet = _supplier().pack(3)

    assert decode_epc(pallet.tag).identity.sscc == pallet.sscc
    assert decode_epc(pallet.cases[0].tag).identity.gtin == pallet.cases[0].item.gtin
    assert decode_epc(pallet.cases[0].tag).identity.serial == str(pallet.cases[0].serial)


def test_tag_memory_follows_the_printed_vectors_but_for_the_filter():
    # GS1 TDS annex E.3 prints both with filter 3; logistic units and cases carry filter 2 here.
    assert labels.sscc_tag("106141412345678908") == "3154257BF4499602D2000000"
    assert labels.sgtin_tag("80614141123458", 6789) == "3054257BF7194E4000001A85"


def test_same_seed_packs_the_same_pallet():
    assert _supplier(7).pack(5) == _supplier(7).pack(5)


def test_dead_tags_cannot_be_read():
    pallet = _supplier().pack(5, dead_tags=2)

    assert len(pallet.readable_tags) == 4
    assert pallet.tag in pallet.readable_tags


class _Reader:
    """Notes what a reader's twin would be told."""

    def __init__(self):
        self.reads, self.edges = [], []

    def stimulate(self, name, **said):
        at_s = asyncio.get_running_loop().time()
        (self.reads if name == "read" else self.edges).append((at_s, said))


def _in_no_time(coroutine):
    """Run something on a loop whose clock jumps over every wait."""
    loop, now_s = asyncio.SelectorEventLoop(), 0.0
    select = loop._selector.select

    def jump(timeout):
        nonlocal now_s
        now_s += timeout or 0.0
        return select(0)

    loop._selector.select, loop.time = jump, lambda: now_s
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def _strongest_s(reads, antennas):
    return max((said["peak_rssi_dbm"], -at_s) for at_s, said in reads if said["antenna"] in antennas)[1] * -1


@pytest.mark.parametrize("direction", ["in", "out"])
def test_eyes_and_antennas_see_a_load_in_its_direction(direction):
    reader = _Reader()
    tags = [labels.sgtin_tag("00614141123452", serial) for serial in range(8)]

    _in_no_time(pass_once(reader, tags, random.Random(3), direction=direction, eyes=PhotoEyes(outer=1, inner=2)))

    covered = list(dict.fromkeys(said["input"] for _, said in reader.edges if said["level"]))
    assert covered == ([1, 2] if direction == "in" else [2, 1])
    assert (_strongest_s(reader.reads, {3, 4}) < _strongest_s(reader.reads, {1, 2})) == (direction == "in")
    assert {said["epc"] for _, said in reader.reads} == set(tags)


def _row(station, direction, sscc, **params):
    return {"station": station, "direction": direction, "sscc": sscc, "params": params}


def test_truth_counts_right_doubtful_wrong_missed_and_invented_passes():
    truth = Truth()
    for sscc in "ABCDEF":
        truth.goes("door-1", "in", sscc, ())

    told = [("in", "A"), ("out", "B"), ("unknown", "C"), ("in", "A")]
    counts = truth.passes([*(_row("door-1", *each) for each in told), _row("door-1", "in", "", ssccs="D, E")])

    assert counts == {"sent": 6, "right": 1, "doubtful": 3, "wrong": 1, "missed": 1, "invented": 1}


def test_truth_lets_a_door_doubt_a_load_that_turned_back():
    truth = Truth()
    truth.turns_back("door-1", "A")
    truth.goes("door-1", "in", "A", ())

    counts = truth.passes([_row("door-1", "unknown", "A"), _row("door-1", "in", "A")])

    assert counts == {"sent": 1, "right": 1, "doubtful": 1, "wrong": 0, "missed": 0, "invented": 0}


def test_truth_forgives_dead_tags_and_counts_missed_and_foreign_cases():
    pallet, truth = _supplier().pack(5, dead_tags=1), Truth()
    truth.goes("door-1", "in", pallet.sscc, pallet.readable_cases, cases=5)
    dead, alive = ([case.item.gtin, str(case.serial)] for case in (pallet.cases[0], pallet.cases[4]))
    about = {"sscc": pallet.sscc}

    cases = truth.cases([pallet.sscc], [{**about, "kind": "missing", "cases": [dead, alive]}, {**about, "kind": "unexpected", "cases": [["", "urn:x"]]}])

    assert cases == {"sent": 5, "received": 3, "missed": 1, "strays_accepted": 1}
    asked = [{"kind": kind, "subject": pallet.sscc, "message": "", "params": about} for kind in ("pallet_cases_missing", "pallet_cases_doubtful", "pick_short")]
    assert [line.split()[0] for line in truth.surprises(asked)] == ["pallet_cases_doubtful"]


def test_room_keeps_its_limits_until_the_compressor_breaks():
    room = ColdRoom(seed=1)

    def warmest(seconds):
        seen = []
        for _ in range(seconds):
            room.advance(1.0)
            seen.append(room.temperature_c)
        return max(seen)

    assert warmest(600) < 7.0
    room.broken = True
    assert warmest(120) > 8.0


def test_item_file_of_a_chinese_spreadsheet_is_read(tmp_path):
    path = tmp_path / "items.csv"
    path.write_bytes("code,name,gtin,unit_weight_g\r\nA-1,鲜牛奶,06901234567892,1030\r\n".encode("gb18030"))

    (item,) = read_items(path)

    assert (item.name, item.gtin, item.shelf_life_days, item.condition) == ("鲜牛奶", "06901234567892", 365, "ambient")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("code,name\n", "column 'gtin' is missing; the first line must have code, name, gtin, unit_weight_g, and may have name_zh"),
        ("code,name,name_zh,gtin,unit_weight_g,shelf_life_days,condition\n", "has no items"),
        ("code,name,name_zh,gtin,unit_weight_g,shelf_life_days,condition\nA,a,,00614141123453,1,1,ambient\n", "row 2: gtin"),
        ("code,name,name_zh,gtin,unit_weight_g,shelf_life_days,condition\nA,a,,00614141123452,x,1,ambient\n", "row 2: unit_weight_g"),
    ],
)
def test_item_file_errors_name_row_and_column(tmp_path, text, words):
    path = tmp_path / "items.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ItemFileError, match=words):
        read_items(path)
