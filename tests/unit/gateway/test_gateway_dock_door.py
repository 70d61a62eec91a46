# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import math
import random
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.commands import DoorWork, LampTest
from contracts.events import Direction, PalletPassed, PassCaptured
from contracts.identifiers import Sgtin, Sscc
from contracts.readings import InputChanged, LinkChanged, TagRead
from gateway.config import DockDoor, InputRef, OutputRef
from gateway.portal.arbiter import Arbiter
from gateway.portal.portal import Portal
from gateway.stations.dock_door import DockDoorStation
from gateway.stations.station import CommandRefusedError, Remember
from tests.unit.gateway.portals import PlainPortal
from tests.unit.gateway.virtual_time import DEADLINE, EPOCH, Stage, instant

PALLET = Sscc("0614141", "1234567890")
CASES = [Sgtin("0614141", "812345", str(number)) for number in range(1, 21)]
START_US = 1_763_712_000_000_000


def door(*, eyes: bool = False, lights: bool = False, portal: Portal | None = None, arbiter: Arbiter | None = None, **changes: object) -> Stage:
    """A door whose portal finds that all tags moved in, unless another portal is given."""
    settings: dict[str, object] = {"id": "door-1", "reader": "r", "inner_antennas": [1, 2], "outer_antennas": [3, 4], "light_s": 3.0}
    if eyes:
        settings |= {"photo_eye_outer": InputRef(device="r", input=1), "photo_eye_inner": InputRef(device="r", input=2)}
    if lights:
        settings |= {"stack_light": OutputRef(device="r", output=1), "stack_light_red": OutputRef(device="r", output=2)}
    return Stage(DockDoorStation(DockDoor(**(settings | changes)), "site-1", arbiter, portal=portal or PlainPortal()))  # type: ignore[arg-type]


@dataclass
class World:
    """Reads of tags in a portal: a moving tag's RSSI falls by distance from an antenna that it passes at a certain second, down to silence; noise by seed."""

    seed: int = 1

    def passing(self, epcs: list[str], at_s: float, *, inward: bool, reads: int = 12) -> list[tuple[float, str, int, float]]:
        noise, rows = random.Random(self.seed), []
        first, second = ((3, 4), (1, 2)) if inward else ((1, 2), (3, 4))
        for epc in epcs:
            for number in range(reads):
                t_s = at_s - 1.5 + 3.0 * number / reads + noise.uniform(0, 0.1)
                for antennas, peak_s in ((first, at_s - 0.6), (second, at_s + 0.6)):
                    rows.append((t_s, epc, noise.choice(antennas), -50 - 18 * abs(t_s - peak_s) + noise.gauss(0, 2)))
        return [row for row in rows if row[3] > -72]

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


@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.requirement("E2")
@pytest.mark.requirement("R95")
def test_pallet_passes_with_direction_parent_and_children(direction: Direction) -> None:
    stage = door(portal=PlainPortal(direction=direction))

    feed(stage, World().passing(EPCS, 5.0, inward=direction == "in"), until_s=20)

    (event,) = passes(stage)
    assert (event.direction, event.parent_id) == (direction, PALLET.uri)
    assert event.child_epcs == sorted(case.uri for case in CASES)
    assert event.confidence > 0.95
    assert event.read_point == "urn:dockline:site-1:door-1"


@pytest.mark.requirement("E3")
def test_static_tags_are_strays_and_neither_open_nor_prolong_a_pass() -> None:
    standing = [Sgtin("0614141", "900000", str(number)).hex() for number in range(30)]
    stage = door(portal=PlainPortal(standing))
    rows = World().standing(standing, 0.0, 200.0)
    for at_s in (60.0, 90.0, 130.0):
        rows += World(int(at_s)).passing(EPCS, at_s, inward=at_s != 90.0)

    feed(stage, rows, until_s=210)

    events = passes(stage)
    assert len(events) == 3
    assert all(event.child_epcs == sorted(case.uri for case in CASES) for event in events)
    assert all(event.evidence.duration_s < 6 for event in events)


def test_stray_beside_the_pallet_is_named_as_a_stray() -> None:
    stranger = Sgtin("0614141", "900000", "1").hex()
    stage = door(portal=PlainPortal([stranger]))

    feed(stage, [*World().passing(EPCS, 8.0, inward=True), (5.8, stranger, 1, -79.0)], until_s=20)

    (event,) = passes(stage)
    assert event.stray_epcs == ["urn:epc:id:sgtin:0614141.900000.1"]


@pytest.mark.requirement("E3")
def test_cases_that_stand_beside_a_door_with_eyes_are_never_on_its_pallets() -> None:
    parked = Sgtin("0614141", "900000", "1").hex()
    stage = door(eyes=True, portal=PlainPortal([parked]))
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
    assert (first.event_time - EPOCH).total_seconds() == pytest.approx(20.0, abs=0.3)


@pytest.mark.requirement("E3")
def test_goods_that_neither_of_two_eyes_saw_are_for_a_person_to_decide() -> None:
    stage = door(eyes=True)

    feed(stage, World().passing(EPCS, 5.0, inward=True), until_s=20)

    (event,) = passes(stage)
    assert (event.direction, event.evidence.reason) == ("unknown", "no photo-eye saw it")


def test_pass_through_both_eyes_without_a_tag_is_an_event_too() -> None:
    stage = door(eyes=True)
    for at_s, eye, level in ((1.0, 1, True), (1.6, 2, True), (1.9, 1, False), (2.4, 2, False)):
        stage.read(InputChanged(device="r", at_s=at_s, input=eye, level=level))
    stage.wait_until(5)

    (event,) = passes(stage)
    assert (event.direction, event.child_epcs, event.evidence.eyes, event.evidence.closed_by) == ("in", [], "outer-inner", "eyes")


def test_tail_of_reads_after_the_eyes_closed_the_pass_opens_no_second_one() -> None:
    stage = door(eyes=True, settle_s=0.1)
    for at_s, eye, level in ((4.0, 1, True), (5.0, 2, True), (5.0, 1, False), (5.6, 2, False)):
        feed(stage, [row for row in World().passing(EPCS, 5.0, inward=True) if stage.now_s < row[0] <= at_s], until_s=at_s)
        stage.read(InputChanged(device="r", at_s=at_s, input=eye, level=level))
    stage.wait_until(5.75)
    feed(stage, [(5.8 + 0.1 * number, EPCS[0], 1, -60.0) for number in range(10)], until_s=20)

    assert len(passes(stage)) == 1


@pytest.mark.parametrize(("direction", "lamp"), [("in", 1), ("unknown", 2)])
def test_lamp_says_whether_the_pass_was_clear_and_goes_out(direction: Direction, lamp: int) -> None:
    stage = door(lights=True, portal=PlainPortal(direction=direction))

    feed(stage, World().passing(EPCS, 5.0, inward=True), until_s=30)

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


@given(
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(EPCS[:5]), st.integers(1, 5), st.one_of(st.none(), st.floats(-90, -30))), max_size=80), st.booleans()
)
def test_any_sequence_of_reads_gives_events_that_name_each_tag_once(reads: list[tuple[float, str, int, float | None]], eyes: bool) -> None:
    stage, at_s = door(eyes=eyes, portal=Portal({1: "inner", 2: "inner", 3: "outer", 4: "outer"})), 0.0
    for pause_s, epc, antenna, dbm in reads:
        at_s += pause_s
        stage.read(TagRead(device="r", at_s=at_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm, reader_time_us=START_US + int(at_s * 1e6)))
    stage.wait_until(at_s + 100)

    assert stage.station.next_deadline_s() is None
    for event in passes(stage):
        named = [*event.child_epcs, *event.stray_epcs, *event.other_parents, *event.doubtful_epcs, *([event.parent_id] if event.parent_id else [])]
        assert len(named) == len(set(named))
        assert not math.isnan(event.confidence)


CAPTURES = Path(__file__).parents[2] / "captures" / "rfid_portal"


def test_captured_passes_of_a_real_portal_alternate_in_and_out() -> None:
    """The excerpt has one pallet of 100 tags that goes to and fro among some 70 static tags; its labels say which tag is which."""
    moving = set((CAPTURES / "moving.txt").read_text().split())
    stage = door(portal=Portal({1: "inner", 2: "inner", 3: "outer", 4: "outer"}))
    first = 0.0
    with gzip.open(CAPTURES / "run3_excerpt.csv.gz", "rt") as lines:
        for line in lines:
            if line.startswith("//"):
                continue
            stamp, epc, _, antenna, dbm, *_ = line.split(";")
            second = datetime.fromisoformat(stamp[:26] + stamp[27:]).timestamp()
            first = second if stage.now_s == 0.0 else first
            at_s = second - first + 1.0
            stage.read(
                TagRead(device="r", at_s=at_s, epc=epc, antenna=int(antenna), peak_rssi_dbm=float(dbm.replace(",", ".")), reader_time_us=int(second * 1e6))
            )
    stage.wait_until(stage.now_s + 100)

    restarted = door(portal=Portal({1: "inner", 2: "inner", 3: "outer", 4: "outer"}))
    restarted.station.restore(stage.station.snapshot())
    assert restarted.station.snapshot() == stage.station.snapshot() != b"", "what stands there is known after a restart"
    known = [event for event in passes(stage) if event.direction != "unknown"]
    named = [{uri.rpartition("x")[2] for uri in event.child_epcs} for event in known]
    assert [event.direction for event in known] == ["out", "in", "out", "in", "out", "in"]
    assert len(set.union(*named) & moving) >= 94
    assert sum(len(epcs - moving) for epcs in named) <= 0.03 * sum(map(len, named))


def _work(version: int, may_leave: list[str] | None = None, may_come: list[str] | None = None) -> DoorWork:
    return DoorWork(command_id=f"w{version}", station="door-1", deadline_at=DEADLINE, version=version, may_leave=may_leave, may_come=may_come)


@pytest.mark.requirement("E2")
@pytest.mark.parametrize(("listed", "checked", "lamp"), [([PALLET.sscc], "expected", 1), ([], "unexpected", 2), (None, "", 1)])
def test_work_list_decides_the_lamp_at_the_end_of_the_session_and_outlives_a_restart(listed: list[str] | None, checked: str, lamp: int) -> None:
    first = door(lights=True, eyes=True)
    first.command(_work(7, may_leave=listed, may_come=[PALLET.sscc]))
    first.command(_work(6, may_leave=[]))
    stage = door(lights=True, eyes=True, portal=PlainPortal(direction="out"))
    stage.station.restore(first.station.snapshot())
    rows = World().passing(EPCS, 5.0, inward=False)
    readings: list[TagRead | InputChanged] = [TagRead(device="r", at_s=t_s, epc=epc, antenna=port, peak_rssi_dbm=dbm) for t_s, epc, port, dbm in rows]
    readings += [InputChanged(device="r", at_s=at_s, input=eye, level=level) for at_s, eye, level in ((4, 2, True), (5, 2, False), (5, 1, True), (6, 1, False))]

    for reading in sorted(readings, key=lambda reading: reading.at_s):
        stage.read(reading)
    last_s = max(t_s for t_s, *_ in rows)
    stage.wait_until(last_s + 0.4 + 0.3)

    (event,) = passes(stage)
    assert (event.checked, event.work_version, event.evidence.closed_by) == (checked, 7, "eyes")
    assert stage.actions() == [("switch_output", {"output": lamp, "on": True})]


def test_dock_door_refuses_what_is_no_work_list_and_a_damaged_snapshot() -> None:
    stage = door()
    with pytest.raises(CommandRefusedError, match="takes a work list"):
        stage.command(LampTest(command_id="c", station="door-1", deadline_at=DEADLINE))
    with pytest.raises(ValueError, match="snapshot of a dock door"):
        stage.station.restore(b"\xff\x00")


@pytest.mark.requirement("E2")
def test_pass_has_the_same_name_when_its_reads_are_worked_through_again_at_another_time() -> None:
    names = []
    for late_s in (0.0, 500.0):
        stage = door()
        for t_s, epc, antenna, dbm in sorted(World().passing(EPCS, 5.0, inward=True)):
            stage.read(TagRead(device="r", at_s=t_s + late_s, epc=epc, antenna=antenna, peak_rssi_dbm=dbm, reader_time_us=START_US + int(t_s * 1e6)))
        stage.wait_until(520)
        names.append([event.pass_id for event in passes(stage)])

    assert names[0] == names[1]
    assert len(names[0]) == 1
    assert uuid.UUID(names[0][0]).version == 5


def test_capture_has_the_reads_of_the_pass_in_columns_and_what_is_too_much_is_left_out_evenly() -> None:
    stage = door(eyes=True)
    stage.read(InputChanged(device="r", at_s=0.5, input=1, level=True, reader_time_us=START_US + 500_000))
    stage.read(InputChanged(device="r", at_s=0.9, input=1, level=False, reader_time_us=START_US + 900_000))
    feed(stage, [(1.0 + number / 1000, EPCS[number % 21], 1 + number % 4, -60.0) for number in range(3000)], until_s=20)

    (capture,) = [event for event in stage.events(PassCaptured) if isinstance(event, PassCaptured)]
    assert capture.pass_id == passes(stage)[0].pass_id
    assert (len(capture.read_ms), capture.left_out) == (2000, 1000)
    assert len(capture.read_ms) == len(capture.read_tags) == len(capture.read_antennas) == len(capture.read_rssi_dbm)
    assert (capture.read_ms[0], capture.read_ms[-1]) == (500, 500 + 2999)
    assert (capture.edge_ms, capture.edge_eyes, capture.edge_levels) == ([0, 400], ["outer", "outer"], [True, False])
    assert capture.sides == {"1": "inner", "2": "inner", "3": "outer", "4": "outer"}
    assert (capture.started_at - EPOCH).total_seconds() == pytest.approx(0.5, abs=0.01)


def test_levels_told_when_a_device_is_connected_are_no_passes() -> None:
    stage = door(presence=InputRef(device="box", input=3))
    for at_s, level in ((1.0, False), (10.0, False), (20.0, True), (30.0, True)):
        stage.read(LinkChanged(device="box", at_s=at_s - 0.1, state="connected"))
        stage.read(InputChanged(device="box", at_s=at_s, input=3, level=level))
    stage.wait_until(100)

    assert [event.evidence.closed_by for event in passes(stage)] == ["longest"]


@pytest.mark.requirement("E3")
@pytest.mark.parametrize(("other_dbm", "here", "there"), [(-70.0, "parent", "neighbour"), (-57.0, "contested", "contested"), (-40.0, "neighbour", "parent")])
def test_pallet_read_at_two_doors_belongs_to_the_clearly_stronger_one_and_else_to_nobody(other_dbm: float, here: str, there: str) -> None:
    arbiter = Arbiter()
    one, other = door(arbiter=arbiter, lights=True), door(arbiter=arbiter, id="door-2", reader="s")
    for number in range(20):
        t_s = 1.0 + number / 10
        one.read(TagRead(device="r", at_s=t_s, epc=EPCS[0], antenna=1, peak_rssi_dbm=-60.0))
        other.read(TagRead(device="s", at_s=t_s + 0.05, epc=EPCS[0], antenna=1, peak_rssi_dbm=other_dbm))
        one.wait_until(t_s + 0.05)
    other.read(TagRead(device="s", at_s=3.9, epc=EPCS[0], antenna=1, peak_rssi_dbm=other_dbm - 20))

    one.wait_until(5.0)
    assert passes(one) == [], "its neighbour still reads the pallet"
    other.wait_until(6.0)
    one.advance(6.0)

    for stage, expected in ((one, here), (other, there)):
        if expected == "neighbour":
            assert passes(stage) == []
            continue
        (event,) = passes(stage)
        assert event.parent_id == (PALLET.uri if expected == "parent" else None)
        assert event.other_parents == ([] if expected == "parent" else [PALLET.uri])
        assert ("read as strongly at" in event.evidence.reason) is (expected == "contested")
    assert (("switch_output", {"output": 1, "on": True}) in one.actions()) is (here == "parent")


def test_door_waits_for_its_neighbour_no_longer_than_a_window_lasts_and_warns_at_once() -> None:
    arbiter = Arbiter()
    one, other = door(arbiter=arbiter, lights=True, portal=PlainPortal(direction="unknown")), door(arbiter=arbiter, id="door-2", reader="s")
    other.read(TagRead(device="s", at_s=1.0, epc=EPCS[0], antenna=1, peak_rssi_dbm=-60.0))
    other.advance(1.1)
    one.read(TagRead(device="r", at_s=1.2, epc=EPCS[0], antenna=1, peak_rssi_dbm=-60.0))

    one.wait_until(3.0)
    assert one.actions() == [("switch_output", {"output": 2, "on": True})]
    assert passes(one) == []
    one.wait_until(2.7 + 0.4 + 30.1)
    assert len(passes(one)) == 1


def two_doors() -> tuple[Stage, Stage]:
    """A pallet went through the first; the second still reads it, in a window that is open."""
    arbiter = Arbiter()
    one, other = door(arbiter=arbiter, lights=True), door(arbiter=arbiter, id="door-2", reader="s")
    for number in range(20):
        t_s = 1.0 + number / 10
        one.read(TagRead(device="r", at_s=t_s, epc=EPCS[0], antenna=1, peak_rssi_dbm=-60.0))
        other.read(TagRead(device="s", at_s=t_s + 0.05, epc=EPCS[0], antenna=1, peak_rssi_dbm=-70.0))
        one.wait_until(t_s + 0.05)
    other.read(TagRead(device="s", at_s=3.9, epc=EPCS[0], antenna=1, peak_rssi_dbm=-90.0))
    one.wait_until(5.0)
    assert passes(one) == []
    return one, other


@pytest.mark.requirement("E12")
@pytest.mark.requirement("E13")
def test_pass_that_waits_for_a_neighbour_is_durable_and_told_after_a_power_cut_for_a_person_to_decide() -> None:
    one, other = two_doors()
    assert any(isinstance(output, Remember) for output in one.outputs)
    kept = one.station.parts()

    again = door(arbiter=Arbiter(), lights=True)
    again.station.restore_parts(kept)
    again.advance(0.1)

    (event,) = passes(again)
    assert (event.parent_id, event.other_parents, event.direction) == (None, [PALLET.uri], "in")
    assert "read as strongly at door-2" in event.evidence.reason
    assert [capture.pass_id for capture in again.events(PassCaptured) if isinstance(capture, PassCaptured)] == [event.pass_id]
    assert again.actions() == [], "the goods are gone: no lamp"
    again.station.restore_parts(again.station.parts())
    again.advance(60.0)
    assert len(passes(again)) == 1

    other.wait_until(6.0)
    one.advance(6.0)
    assert [told.pass_id for told in passes(one)] == [event.pass_id], "told without the cut, it is the same pass"
    assert one.station.parts()["untold"] == door().station.parts()["untold"]


@pytest.mark.requirement("E12")
def test_held_pass_that_was_not_accepted_when_it_was_told_is_told_again() -> None:
    one, other = two_doors()
    durable = one.station.parts()
    other.wait_until(6.0)
    one.advance(6.0)
    assert len(passes(one)) == 1

    one.station.restore_parts(durable)
    one.station.refused(instant(6.0))
    one.wait_until(10.9)
    assert len(passes(one)) == 1
    one.wait_until(11.1)

    first, again = passes(one)
    assert again.pass_id == first.pass_id


def test_pass_that_still_waits_goes_on_waiting_when_something_else_was_not_accepted() -> None:
    one, other = two_doors()

    one.station.restore_parts(one.station.parts())
    one.wait_until(5.2)
    assert passes(one) == []
    other.wait_until(6.0)
    one.advance(6.0)

    (event,) = passes(one)
    assert event.parent_id == PALLET.uri
