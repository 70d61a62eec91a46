# SPDX-License-Identifier: Apache-2.0
import random
from datetime import date

import pytest

from contracts.identifiers import decode_epc
from firmware_sims.world import labels
from firmware_sims.world.goods import ItemFileError, Supplier, read_items
from firmware_sims.world.rooms import ColdRoom
from firmware_sims.world.yard import Edge, Path, Read, see_pass


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


def _peak_times(happenings, antennas):
    reads = [h for h in happenings if isinstance(h, Read) and h.antenna in antennas]
    return max(reads, key=lambda read: read.peak_rssi_dbm).at_s


@pytest.mark.parametrize("inward", [True, False])
def test_eyes_and_antennas_see_the_pallet_in_its_direction(inward):
    happenings = list(see_pass(["A" * 24], Path(speed_m_s=1.2, inward=inward), random.Random(3)))
    covered = [edge.eye for edge in happenings if isinstance(edge, Edge) and edge.level]

    assert covered == (["outer", "inner"] if inward else ["inner", "outer"])
    assert (_peak_times(happenings, {3, 4}) < _peak_times(happenings, {1, 2})) == inward


def test_turned_back_pallet_never_covers_the_inner_eye():
    happenings = see_pass(["A" * 24], Path(speed_m_s=1.2, turn_at_m=-0.2), random.Random(3))

    assert [h.eye for h in happenings if isinstance(h, Edge) and h.level] in (["outer"], ["outer", "outer"])


def test_room_keeps_its_limits_until_the_compressor_breaks():
    room = ColdRoom(random.Random(1))

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
