# SPDX-License-Identifier: Apache-2.0
"""What is told of devices' conditions, in virtual time: every change, unless there are too many of them."""

from __future__ import annotations

import itertools

import pytest

from contracts.events import DeviceConditionChanged
from contracts.readings import ConditionChanged
from gateway.device_conditions import TOLD_MAX, WINDOW_S, DeviceConditions
from tests.unit.gateway.virtual_time import instant

pytestmark = pytest.mark.requirement("E11")


def say(conditions: DeviceConditions, at_s: float, *, active: bool, condition: str = "head_open") -> list[bool]:
    change = ConditionChanged(device="p", at_s=at_s, condition=condition, active=active)
    return states(conditions.changed(change, instant(at_s)))


def states(events: list[DeviceConditionChanged]) -> list[bool]:
    return [event.active for event in events]


def test_condition_is_told_when_it_begins_and_when_it_ends_and_never_twice() -> None:
    conditions = DeviceConditions()

    said = [say(conditions, at_s, active=active) for at_s, active in ((1, False), (2, True), (3, True), (4, False), (5, False))]

    assert said == [[], [True], [], [False], []]
    assert conditions.next_deadline_s() is None


def test_condition_that_comes_and_goes_all_the_time_is_told_now_and_then_and_at_last_as_it_stands() -> None:
    conditions = DeviceConditions()
    told: list[bool] = []

    for step in range(1, 1200):  # ten minutes, twice a second
        at_s = step / 2
        told += states(conditions.due(instant(at_s)))
        told += say(conditions, at_s, active=step % 2 == 1)
    due_s = conditions.next_deadline_s()
    before = list(told)
    if due_s is not None:
        told += states(conditions.due(instant(due_s)))

    assert TOLD_MAX < len(before) <= TOLD_MAX * (600 / WINDOW_S + 1)
    assert told[-1] is True
    assert all(now != then for now, then in itertools.pairwise(told))
    assert conditions.due(instant(9999)) == []


def test_other_condition_is_told_at_once_while_one_flaps() -> None:
    conditions = DeviceConditions()
    for step in range(40):
        say(conditions, step / 2, active=step % 2 == 0)

    assert say(conditions, 20, active=True, condition="paper_out") == [True]


def test_flap_that_ends_where_it_began_is_not_told() -> None:
    conditions = DeviceConditions()
    for step in range(TOLD_MAX):
        say(conditions, step, active=step % 2 == 0)

    held_back = say(conditions, 10, active=True)
    due_s = conditions.next_deadline_s()
    assert say(conditions, 11, active=False) == []

    assert (held_back, due_s) == ([], WINDOW_S)
    assert conditions.next_deadline_s() is None


def test_what_holds_is_told_when_its_device_is_back_also_when_it_was_held_back() -> None:
    conditions = DeviceConditions()
    for step in range(TOLD_MAX + 1):
        say(conditions, step, active=step % 2 == 0)
    say(conditions, 8, active=True, condition="paper_out")
    say(conditions, 8, active=False, condition="paper_out")

    told = conditions.again("p", instant(9))

    assert [(event.condition, event.active, event.monotonic_s) for event in told] == [("head_open", True, 6)]
    assert conditions.again("q", instant(9)) == []
    assert conditions.next_deadline_s() is None
