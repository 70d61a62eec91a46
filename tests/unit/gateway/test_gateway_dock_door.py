# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import math
import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import PalletPassed
from contracts.identifiers import Sgtin, Sscc
from contracts.readings import InputChanged, LinkChanged, TagRead
from gateway.config import DockDoor, InputRef, OutputRef
from gateway.stations.dock_door import DockDoorStation
from tests.unit.gateway.virtual_time import EPOCH, Stage

PALLET = Sscc("0614141", "1234567890")
CASES = [Sgtin("0614141", "812345", str(number)) for number in range(1, 21)]
START_US = 1_763_712_000_000_000


def door(*, eyes: bool = False, lights: bool = False, **changes: object) -> Stage:
    settings: dict[str, object] = {"id": "door-1", "reader": "r", "inner_antennas": [1, 2], "outer_antennas": [3, 4], "light_s": 3.0}
    if eyes:
        settings |= {"photo_eye_outer": InputRef(device="r", input=1), "photo_eye_inner": InputRef(device="r", input=2)}
    if lights:
        settings |= {"stack_light": OutputRef(device="r", output=1), "stack_light_red": OutputRef(device="r", output=2)}
    return Stage(DockDoorStation(DockDoor(**(settings | changes)), "site-1"))  # type: ignore[arg-type]


@dataclass
class World:
    """Reads of tags in a portal: a moving tag's RSSI falls by distance from an antenna that it passes at a certain second; noise by seed."""

    seed: int = 1

    def passing(self, epcs: list[str], at_s: float, *, inward: bool, reads: int = 12) -> list[tuple[float, str, int, float]]:
        noise, rows = random.Random(self.seed), []
        first, second = ((3, 4), (1, 2)) if inward else ((1, 2), (3, 4))
        for epc in epcs:
            for number in range(reads):
                t_s = at_s - 1.5 + 3.0 * number / reads + noise.uniform(0, 0.1)
                for antennas, peak_s in ((first, at_s - 0.6), (second, at_s + 0.6)):
                    rows.append((t_s, epc, noise.choice(antennas), -50 - 18 * abs(t_s - peak_s) + noise.gauss(0, 2)))
        return rows

    def standing(self, epcs: list[str], from_s: float, to_s: float, dbm: float = -68.0) -> list[tuple[float, str, int, float]]:
        noise = random.Random(self.seed + 1)
        return [
            (from_s + step + noise.uniform(0, 0.2), epc, noise.choice((1, 3)), dbm + noise.gauss(0, 1)) for epc in epcs for step in range(int(to_s - from_s))
        ]


def feed(stage: Stage, rows: list[tuple[float, str, int, float]], *, until_s: float) -> None:
    for t_s, epc, antenna, dbm in sorted(rows):
        stage.read(TagRead(device="r", at_s=t_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm, reader_time_us=START_US + int(t_s * 1e6)))
    stage.wait_until(until_s)


def passes(stage: Stage) -> list[PalletPassed]:
    return [event for event in stage.events(PalletPassed) if isinstance(event, PalletPassed)]


EPCS = [PALLET.hex(), *(case.hex() for case in CASES)]


@pytest.mark.parametrize(("inward", "direction"), [(True, "in"), (False, "out")])
@pytest.mark.requirement("E2")
@pytest.mark.requirement("R95")
def test_pallet_passes_with_direction_parent_and_children(inward: bool, direction: str) -> None:
    stage = door()

    feed(stage, World().passing(EPCS, 5.0, inward=inward), until_s=20)

    (event,) = passes(stage)
    assert (event.direction, event.parent_id) == (direction, PALLET.uri)
    assert event.child_epcs == sorted(case.uri for case in CASES)
    assert event.confidence > 0.95
    assert event.read_point == "urn:dockline:site-1:door-1"


@pytest.mark.requirement("E3")
def test_static_tags_are_strays_and_neither_open_nor_prolong_a_pass() -> None:
    standing = [Sgtin("0614141", "900000", str(number)).hex() for number in range(30)]
    stage = door()
    rows = World().standing(standing, 0.0, 200.0)
    for at_s in (60.0, 90.0, 130.0):
        rows += World(int(at_s)).passing(EPCS, at_s, inward=at_s != 90.0)

    feed(stage, rows, until_s=210)

    events = passes(stage)
    assert [event.direction for event in events] == ["in", "out", "in"]
    assert all(event.child_epcs == sorted(case.uri for case in CASES) for event in events)
    assert all(event.evidence.duration_s < 6 for event in events)


def test_stray_beside_the_pallet_is_named_as_a_stray() -> None:
    stranger = Sgtin("0614141", "900000", "1").hex()
    stage = door()

    feed(stage, [*World().passing(EPCS, 8.0, inward=True), (10.8, stranger, 1, -79.0)], until_s=20)

    (event,) = passes(stage)
    assert event.stray_epcs == ["urn:epc:id:sgtin:0614141.900000.1"]


@pytest.mark.requirement("E3")
def test_cases_that_stand_beside_a_door_with_eyes_are_never_on_its_pallets() -> None:
    stage = door(eyes=True)
    parked = Sgtin("0614141", "900000", "1").hex()
    world = World()
    happenings: list[tuple[float, TagRead | InputChanged]] = [
        (second / 4, TagRead(device="r", at_s=second / 4, epc=parked, antenna=1 + second % 2, peak_rssi_dbm=-62.0 + second % 3)) for second in range(1, 200)
    ]
    for start_s in (6.0, 20.0, 34.0):
        happenings += [
            (t_s, TagRead(device="r", at_s=t_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm))
            for t_s, epc, antenna, dbm in world.passing(EPCS, start_s, inward=True)
        ]
        for number, after_s in ((1, 0.5), (2, 2.5)):
            happenings += [
                (start_s + after_s + wait_s, InputChanged(device="r", at_s=start_s + after_s + wait_s, input=number, level=not wait_s)) for wait_s in (0.0, 0.8)
            ]

    for t_s, reading in sorted(happenings, key=lambda happening: happening[0]):
        stage.wait_until(t_s)
        stage.read(reading)
    stage.wait_until(60)

    assert [event.direction for event in passes(stage)] == ["in", "in", "in"]
    assert not [event for event in passes(stage) if any("900000" in uri for uri in event.child_epcs)]


@pytest.mark.requirement("E2")
def test_held_back_reports_of_two_pallets_do_not_become_one() -> None:
    stage = door()
    other = [Sscc("0614141", "1234567891").hex(), *(Sgtin("0614141", "812346", str(number)).hex() for number in range(5))]
    live = World().passing([Sgtin("0614141", "700000", "1").hex()], 2.0, inward=True)
    feed(stage, live, until_s=8)
    held_back = World().passing(EPCS, 20.0, inward=True) + World().passing(other, 40.0, inward=True)

    for t_s, epc, antenna, dbm in sorted(held_back):  # the link was down; all arrive at second 60
        stage.read(TagRead(device="r", at_s=60.0, epc=epc, antenna=antenna, peak_rssi_dbm=dbm, reader_time_us=START_US + int(t_s * 1e6)))
    stage.wait_until(70)

    _, first, second = passes(stage)
    assert (len(first.child_epcs), len(second.child_epcs)) == (20, 5)
    assert (first.event_time - EPOCH).total_seconds() == pytest.approx(21.5, abs=0.2)


@pytest.mark.parametrize(
    ("edges", "inward", "expected", "reason"),
    [
        ([1, 2], True, "in", ""),
        ([2, 1], False, "out", ""),
        ([2, 1], True, "unknown", "photo-eyes say out, antennas say in"),
        ([1, 2, 1], True, "unknown", "the photo-eyes saw it turn round"),
        ([1], True, "in", ""),
        ([], True, "unknown", "no photo-eye saw it"),
    ],
)
@pytest.mark.requirement("E3")
def test_photo_eyes_and_antennas_decide_together(edges: list[int], inward: bool, expected: str, reason: str) -> None:
    stage = door(eyes=True)
    readings: list[TagRead | InputChanged] = [
        TagRead(device="r", at_s=t_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm, reader_time_us=START_US + int(t_s * 1e6))
        for t_s, epc, antenna, dbm in World().passing(EPCS, 5.0, inward=inward)
    ]
    for number, edge in enumerate(edges):
        readings.append(InputChanged(device="r", at_s=4.3 + number * 0.5, input=edge, level=True))

    for reading in sorted(readings, key=lambda reading: reading.at_s):
        stage.read(reading)
    stage.wait_until(20)

    (event,) = passes(stage)
    assert (event.direction, event.evidence.reason) == (expected, reason)


def test_pass_through_both_eyes_without_a_tag_is_an_event_too() -> None:
    stage = door(eyes=True)
    for at_s, eye, level in ((1.0, 1, True), (1.6, 2, True), (1.9, 1, False), (2.4, 2, False)):
        stage.read(InputChanged(device="r", at_s=at_s, input=eye, level=level))
    stage.wait_until(5)

    (event,) = passes(stage)
    assert (event.direction, event.child_epcs, event.evidence.reason) == ("in", [], "no tag was read")


def test_tail_of_reads_after_the_eyes_closed_the_pass_opens_no_second_one() -> None:
    stage = door(eyes=True, settle_s=0.1)
    for at_s, eye, level in ((4.0, 1, True), (5.0, 2, True), (5.0, 1, False), (5.6, 2, False)):
        feed(stage, [row for row in World().passing(EPCS, 5.0, inward=True) if stage.now_s < row[0] <= at_s], until_s=at_s)
        stage.read(InputChanged(device="r", at_s=at_s, input=eye, level=level))
    stage.wait_until(5.75)
    feed(stage, [(5.8 + 0.1 * number, EPCS[0], 1, -60.0) for number in range(10)], until_s=20)

    assert len(passes(stage)) == 1


@pytest.mark.parametrize(("inward", "lamp"), [(True, 1), (None, 2)])
def test_lamp_says_whether_the_pass_was_clear_and_goes_out(inward: bool | None, lamp: int) -> None:
    stage = door(lights=True)
    rows = World().passing(EPCS, 5.0, inward=True) if inward else [(5.0 + number / 10, EPCS[0], 1, -60.0) for number in range(5)]

    feed(stage, rows, until_s=30)

    assert stage.actions() == [("switch_output", {"output": lamp, "on": True}), ("switch_output", {"output": lamp, "on": False})]


def test_two_pallets_at_once_have_no_parent_but_both_are_named() -> None:
    other = Sscc("0614141", "1234567891")
    stage = door()

    feed(stage, World().passing([*EPCS, other.hex()], 5.0, inward=True), until_s=20)

    (event,) = passes(stage)
    assert event.parent_id is None
    assert event.other_parents == sorted([PALLET.uri, other.uri])


def test_tag_of_another_numbering_stays_raw() -> None:
    stage = door()

    feed(stage, World().passing(["AD3830770CCDD0AD38300214"], 5.0, inward=True), until_s=20)

    assert passes(stage)[0].child_epcs == ["urn:epc:raw:96.xAD3830770CCDD0AD38300214"]


def test_reconnected_reader_has_its_lamps_put_out() -> None:
    stage = door(lights=True)

    stage.read(LinkChanged(device="r", at_s=1.0, state="connected"))

    assert stage.actions() == [("switch_output", {"output": 1, "on": False}), ("switch_output", {"output": 2, "on": False})]


def test_door_without_rssi_decides_by_the_order_of_sides() -> None:
    stage = door()
    for number in range(20):
        stage.read(TagRead(device="r", at_s=1.0 + number / 10, epc=EPCS[0], antenna=3 if number < 10 else 1))
    stage.wait_until(10)

    assert passes(stage)[0].direction == "in"


@given(
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(EPCS[:5]), st.integers(1, 5), st.one_of(st.none(), st.floats(-90, -30))), max_size=80), st.booleans()
)
def test_any_sequence_of_reads_gives_events_that_name_each_tag_once(reads: list[tuple[float, str, int, float | None]], eyes: bool) -> None:
    stage, at_s = door(eyes=eyes), 0.0
    for pause_s, epc, antenna, dbm in reads:
        at_s += pause_s
        stage.read(TagRead(device="r", at_s=at_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm, reader_time_us=START_US + int(at_s * 1e6)))
    stage.wait_until(at_s + 100)

    assert stage.station.next_deadline_s() is None
    for event in passes(stage):
        named = [*event.child_epcs, *event.stray_epcs, *event.other_parents, *([event.parent_id] if event.parent_id else [])]
        assert len(named) == len(set(named))
        assert not math.isnan(event.confidence)


CAPTURES = Path(__file__).parents[2] / "captures" / "rfid_portal"


def test_captured_passes_of_a_real_portal_alternate_in_and_out() -> None:
    """The excerpt has one pallet of 100 tags that goes to and fro among some 70 static tags; its labels say which tag is which."""
    moving = set((CAPTURES / "moving.txt").read_text().split())
    stage = door()
    with gzip.open(CAPTURES / "run3_excerpt.csv.gz", "rt") as lines:
        for line in lines:
            if line.startswith("//"):
                continue
            stamp, epc, _, antenna, dbm, *_ = line.split(";")
            second = datetime.fromisoformat(stamp[:26] + stamp[27:]).timestamp()
            first = second if stage.now_s == 0.0 else first  # noqa: F821  # set by the first line
            at_s = second - first + 1.0
            stage.read(
                TagRead(device="r", at_s=at_s, epc=epc, antenna=int(antenna), peak_rssi_dbm=float(dbm.replace(",", ".")), reader_time_us=int(second * 1e6))
            )
    stage.wait_until(stage.now_s + 100)

    known = [event for event in passes(stage) if event.direction != "unknown"]
    named = [{uri.rpartition("x")[2] for uri in event.child_epcs} for event in known]
    assert [event.direction for event in known] == ["out", "in", "out", "in", "out", "in"]
    assert len(set.union(*named) & moving) >= 94
    assert sum(len(epcs - moving) for epcs in named) <= 0.03 * sum(map(len, named))
