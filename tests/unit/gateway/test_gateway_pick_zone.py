# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.commands import AcknowledgeAlarm, CancelTasks, LampTest, LightTasks, PickTask
from contracts.events import LampsTested, LightFailed, PickConfirmed, UnexpectedPress, ZoneCompleted
from contracts.quantities import Quantity
from contracts.readings import ButtonPressed, LampTestEnded, LinkChanged, PressKind, ReadingFailed
from gateway.config import PickZone
from gateway.stations.pick_zone import PickZoneStation
from gateway.stations.station import CommandRefusedError
from tests.unit.gateway.virtual_time import DEADLINE, Stage


def zone() -> Stage:
    return Stage(PickZoneStation(PickZone(id="zone-1", lights="l", bins={"A": 1, "B": 2})))


def task(task_id: str, bin_code: str = "A", quantity: int = 3) -> PickTask:
    return PickTask(task_id=task_id, bin=bin_code, item="milk", quantity=Quantity(quantity))


def on_tour(task_id: str, bin_code: str, sequence: int, *, tour: str = "t", colour: str = "blue") -> PickTask:
    return PickTask(task_id=task_id, bin=bin_code, item="milk", quantity=Quantity(sequence), tour=tour, sequence=sequence, colour=colour)


def wide(**changes: Any) -> Stage:
    return Stage(PickZoneStation(PickZone(id="zone-1", lights="l", bins={"A": 1, "B": 2, "C": 3}, **changes)))


def lit(stage: Stage) -> dict[int, str]:
    assert isinstance(stage.station, PickZoneStation)
    return {node: task.task_id for node, task in stage.station.lit().items()}


def light(*tasks: PickTask) -> LightTasks:
    return LightTasks(command_id="c", station="zone-1", deadline_at=DEADLINE, tasks=list(tasks))


def press(node: int, at_s: float, kind: PressKind = "confirm", quantity: int | None = None) -> ButtonPressed:
    return ButtonPressed(device="l", at_s=at_s, node=node, press=kind, quantity=quantity)


def taken(stage: Stage) -> list[tuple[str, int, bool]]:
    return [(e.task_id, e.quantity.value, e.short) for e in stage.events(PickConfirmed) if isinstance(e, PickConfirmed)]


@pytest.mark.parametrize(
    ("kind", "shown", "expected"),
    [
        ("confirm", None, ("t", 3, False)),
        ("confirm", 3, ("t", 3, False)),
        ("confirm", 2, ("t", 2, True)),
        ("confirm", 0, ("t", 0, True)),
        ("shortage", 1, ("t", 1, True)),
        ("shortage", 3, ("t", 0, True)),
        ("shortage", None, ("t", 0, True)),
    ],
)
@pytest.mark.requirement("R51")
def test_answer_takes_what_the_display_shows(kind: PressKind, shown: int | None, expected: tuple[str, int, bool]) -> None:
    stage = zone()
    stage.command(light(task("t")))

    stage.read(press(1, 5.0, kind, shown))

    assert taken(stage) == [expected]
    assert stage.actions() == [("show", {"node": 1, "quantity": 3, "colour": "green"}), ("clear", {"node": 1})]


def test_second_task_of_a_bin_waits_until_the_first_is_answered() -> None:
    stage = zone()
    stage.command(light(task("t1"), task("t2", quantity=7), task("t3", "B")))
    assert [arguments["node"] for _, arguments in stage.actions()] == [1, 2]

    stage.read(press(1, 5.0))

    assert stage.actions()[-1] == ("show", {"node": 1, "quantity": 7, "colour": "green"})


def test_press_of_a_dark_button_is_reported_and_lights_nothing() -> None:
    stage = zone()

    stage.read(press(2, 1.0))
    stage.read(press(9, 2.0))

    assert [e.node for e in stage.events(UnexpectedPress) if isinstance(e, UnexpectedPress)] == [2, 9]
    assert stage.actions() == []


def test_double_press_does_not_answer_the_next_task() -> None:
    stage = zone()
    stage.command(light(task("t1"), task("t2")))

    stage.read(press(1, 5.0))
    stage.read(press(1, 5.3))
    stage.read(press(1, 6.0))

    assert [name for name, _, _ in taken(stage)] == ["t1", "t2"]


def test_task_that_a_double_press_has_put_out_is_lit_again() -> None:
    stage = zone()
    stage.command(light(task("t1"), task("t2", quantity=9)))
    stage.read(press(1, 5.0))

    outputs = stage.read(press(1, 5.3))

    assert [o.arguments for o in outputs] == [{"node": 1, "quantity": 9, "colour": "green"}]  # type: ignore[union-attr]


def test_known_and_answered_tasks_are_not_lit_again() -> None:
    stage = zone()
    stage.command(light(task("t1")))
    stage.command(light(task("t1")))
    stage.read(press(1, 5.0))

    outputs = stage.command(light(task("t1"), task("t2")))

    assert [o.arguments for o in outputs if not isinstance(o, PickConfirmed)] == [{"node": 1, "quantity": 3, "colour": "green"}]  # type: ignore[union-attr]
    assert [name for name, _, _ in taken(stage)] == ["t1"]


def test_cancelled_task_goes_out_and_the_next_is_lit() -> None:
    stage = zone()
    stage.command(light(task("t1"), task("t2", quantity=9), task("t3", "B")))

    stage.command(CancelTasks(command_id="c2", station="zone-1", deadline_at=DEADLINE, task_ids=["t1", "t3", "unknown"]))

    assert stage.actions()[-2:] == [("show", {"node": 1, "quantity": 9, "colour": "green"}), ("clear", {"node": 2})]


def test_command_with_an_unknown_bin_lights_nothing_at_all() -> None:
    stage = zone()

    with pytest.raises(CommandRefusedError, match="no light for bin Z"):
        stage.command(light(task("t1"), task("t2", "Z")))

    assert stage.actions() == []


def test_alarm_command_is_refused_by_a_zone() -> None:
    with pytest.raises(CommandRefusedError, match="takes no AcknowledgeAlarm"):
        zone().command(AcknowledgeAlarm(command_id="c", station="zone-1", deadline_at=DEADLINE, alarm_id="x.high", actor="li"))


@pytest.mark.requirement("E8")
def test_reconnected_lights_show_exactly_what_is_open() -> None:
    before = zone()
    before.command(light(task("t1"), task("t2")))
    after = zone()
    after.station.restore(before.station.snapshot())

    after.read(LinkChanged(device="l", at_s=1.0, state="connected"))

    assert after.actions() == [("show", {"node": 1, "quantity": 3, "colour": "green"}), ("clear", {"node": 2})]


@pytest.mark.requirement("R51", "E8")
def test_lights_of_a_tour_come_one_after_the_other_without_central() -> None:
    stage = wide()
    stage.command(light(on_tour("t2", "A", 2), on_tour("t1", "B", 1), on_tour("t3", "B", 3)))
    seen = [lit(stage)]

    for at_s, node in ((1.0, 2), (2.0, 1), (3.0, 2)):
        stage.read(press(node, at_s))
        seen.append(lit(stage))

    assert seen == [{2: "t1"}, {1: "t2"}, {2: "t3"}, {}]
    assert [name for name, _, _ in taken(stage)] == ["t1", "t2", "t3"]


def test_light_does_not_change_under_a_hand_when_an_earlier_task_becomes_due() -> None:
    stage = wide()
    stage.command(light(on_tour("first", "A", 1), on_tour("second", "B", 2), task("other", "B")))
    assert lit(stage) == {1: "first", 2: "other"}

    stage.read(press(1, 1.0))

    assert lit(stage) == {2: "other"}
    stage.read(press(2, 2.0))
    assert lit(stage) == {2: "second"}


@pytest.mark.requirement("E8")
def test_task_taken_over_by_another_picker_changes_its_colour_and_not_its_quantity() -> None:
    stage = wide()
    stage.command(light(task("t1", quantity=4)))

    stage.command(light(PickTask(task_id="t1", bin="A", item="milk", quantity=Quantity(9), colour="pink", tour="x")))
    stage.command(light(PickTask(task_id="t1", bin="A", item="milk", quantity=Quantity(9), colour="pink", tour="x")))

    assert stage.actions() == [("show", {"node": 1, "quantity": 4, "colour": "green"}), ("show", {"node": 1, "quantity": 4, "colour": "pink"})]


@pytest.mark.requirement("X7")
def test_completed_tour_is_said_once_and_shown_by_the_zones_lamp_until_it_is_pressed() -> None:
    stage = wide(done_node=9)
    stage.command(light(on_tour("t1", "A", 1), on_tour("t2", "B", 2)))
    stage.read(press(1, 1.0))
    assert stage.events(ZoneCompleted) == []

    stage.read(press(2, 2.0))
    after = wide(done_node=9)
    after.station.restore(stage.station.snapshot())
    after.read(LinkChanged(device="l", at_s=3.0, state="connected"))
    after.read(press(9, 4.0))
    after.read(press(9, 5.0))

    (completed,) = stage.events(ZoneCompleted)
    assert isinstance(completed, ZoneCompleted)
    assert (completed.tour, completed.colour) == ("t", "blue")
    assert stage.actions()[-1] == ("show", {"node": 9, "quantity": 0, "colour": "blue"})
    assert after.actions()[-2:] == [("show", {"node": 9, "quantity": 0, "colour": "blue"}), ("clear", {"node": 9})]
    assert [e.node for e in after.events(UnexpectedPress) if isinstance(e, UnexpectedPress)] == [9]


@pytest.mark.requirement("E8")
def test_tasks_of_a_tag_that_does_not_answer_are_told_for_a_screen() -> None:
    stage = wide()
    stage.command(light(task("t1"), task("t2"), task("t3", "B")))

    stage.read(ReadingFailed(device="l", at_s=1.0, quantity="node_1", reason="no answer (code 0A)"))
    stage.read(ReadingFailed(device="l", at_s=2.0, quantity="node_3", reason="nothing is lit there"))
    stage.command(CancelTasks(command_id="c2", station="zone-1", deadline_at=DEADLINE, task_ids=["t1", "t2"]))

    (failed,) = stage.events(LightFailed)
    assert isinstance(failed, LightFailed)
    assert (failed.node, failed.bin, failed.task_ids, failed.reason) == (1, "A", ["t1", "t2"], "no answer (code 0A)")
    assert lit(stage) == {2: "t3"}


@pytest.mark.requirement("E8")
def test_tasks_are_told_for_a_screen_once_when_the_controller_stays_away() -> None:
    stage = wide(dark_s=15.0)
    stage.command(light(task("t1"), task("t3", "B")))
    stage.read(LinkChanged(device="l", at_s=10.0, state="lost", reason="cable"))

    stage.wait_until(24.9)
    assert stage.events(LightFailed) == []
    stage.wait_until(60.0)
    stage.command(light(task("t4", "B")))
    stage.wait_until(61.0)

    assert [(e.node, e.task_ids) for e in stage.events(LightFailed) if isinstance(e, LightFailed)] == [(0, ["t1", "t3"]), (0, ["t4"])]


@pytest.mark.requirement("E8")
def test_lamp_test_names_the_dead_lamps_of_the_zone_and_no_others() -> None:
    stage = wide()
    test = LampTest(command_id="lt", station="zone-1", deadline_at=DEADLINE)
    with pytest.raises(CommandRefusedError, match="controller l is not connected"):
        stage.command(test)
    stage.read(LinkChanged(device="l", at_s=1.0, state="connected"))

    stage.command(test)
    stage.read(LampTestEnded(device="l", at_s=3.0, dead=[2, 3, 4, 200]))
    stage.read(LampTestEnded(device="l", at_s=4.0, dead=[]))

    assert stage.actions()[-1] == ("test", {})
    (tested,) = stage.events(LampsTested)
    assert isinstance(tested, LampsTested)
    assert (tested.command_id, tested.tested, tested.dead_bins, tested.dead_nodes, tested.fault) == ("lt", 3, ["B", "C"], [2, 3], "")


def test_lamp_test_that_loses_its_controller_says_so() -> None:
    stage = wide()
    stage.read(LinkChanged(device="l", at_s=1.0, state="connected"))
    stage.command(LampTest(command_id="lt", station="zone-1", deadline_at=DEADLINE))

    stage.read(LinkChanged(device="l", at_s=2.0, state="lost", reason="cable"))

    (tested,) = stage.events(LampsTested)
    assert isinstance(tested, LampsTested)
    assert (tested.tested, tested.fault) == (0, "the controller was lost: cable")


def test_snapshot_of_the_version_before_is_taken_up() -> None:
    stage = wide()
    waiting = [{"taskID": name, "bin": "A", "item": "milk", "quantity": {"value": 3}} for name in ("t1", "t2")]
    old = json.dumps({"queues": {"A": waiting}, "answered": {"t0": None}}).encode()

    stage.station.restore(old)

    assert lit(stage) == {1: "t1"}


@given(
    st.lists(
        st.one_of(st.tuples(st.just("light"), st.integers(0, 9)), st.tuples(st.just("press"), st.integers(1, 2)), st.tuples(st.just("restart"), st.just(0)))
    )
)
def test_every_task_is_answered_at_most_once_whatever_happens(steps: list[tuple[str, int]]) -> None:
    stage = zone()
    answered: list[str] = []
    for number, (step, value) in enumerate(steps):
        at_s = float(number + 1)
        if step == "light":
            stage.command(light(task(f"t{value}", "AB"[value % 2])))
        elif step == "press":
            stage.read(press(value, at_s))
        else:
            answered += [name for name, _, _ in taken(stage)]
            stage, old = zone(), stage
            stage.station.restore(old.station.snapshot())
    answered += [name for name, _, _ in taken(stage)]

    assert len(answered) == len(set(answered))
