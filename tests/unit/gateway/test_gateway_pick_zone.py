# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.commands import AcknowledgeAlarm, CancelTasks, LightTasks, PickTask
from contracts.events import PickConfirmed, UnexpectedPress
from contracts.quantities import Quantity
from contracts.readings import ButtonPressed, LinkChanged, PressKind
from gateway.config import PickZone
from gateway.stations.pick_zone import PickZoneStation
from gateway.stations.station import CommandRefusedError
from tests.unit.gateway.virtual_time import DEADLINE, Stage


def zone() -> Stage:
    return Stage(PickZoneStation(PickZone(id="zone-1", lights="l", bins={"A": 1, "B": 2})))


def task(task_id: str, bin_code: str = "A", quantity: int = 3) -> PickTask:
    return PickTask(task_id=task_id, bin=bin_code, item="milk", quantity=Quantity(quantity))


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
