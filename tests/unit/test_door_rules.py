# SPDX-License-Identifier: Apache-2.0
"""What a door's list says, how urgent a wrong pallet is, and whether its lamp was right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.shipping import door_rules
from central.shipping.door_rules import DoorList

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "named", "is_open", "said"),
    [
        ("closed", False, False, ()),
        ("receiving", True, True, None),
        ("loading", False, False, None),
        ("loading", True, True, ("1", "2")),
        ("both", False, True, ("1", "2")),
        ("loading", True, False, ()),
    ],
)
def test_what_may_leave_is_unchecked_without_a_load_and_nothing_once_it_left(state: str, named: bool, is_open: bool, said: tuple[str, ...] | None) -> None:
    assert door_rules.leaving(state, load_named=named, load_open=is_open, ready={"2", "1"}) == said


def test_door_that_checks_coming_goods_lets_loaded_ones_back_in() -> None:
    assert door_rules.coming("both", checked=True, announced={"1"}, loaded={"2"}) == ("1", "2")
    assert door_rules.coming("loading", checked=True, announced={"1"}, loaded={"2"}) == ("2",)
    assert door_rules.coming("both", checked=False, announced={"1"}, loaded={"2"}) is None


def test_nothing_may_pass_and_not_checked_are_different_lists() -> None:
    assert len({DoorList(None, None).digest, DoorList((), None).digest, DoorList(None, ()).digest, DoorList((), (), "L-1").digest}) == 4


def test_version_rises_even_when_the_database_or_the_clock_was_put_back() -> None:
    first = door_rules.next_version(0, NOW)

    assert door_rules.next_version(first, NOW) == first + 1
    assert door_rules.next_version(first, NOW - timedelta(days=1)) == first + 1
    assert door_rules.next_version(0, NOW + timedelta(seconds=1)) > first


def test_unit_passes_when_every_package_on_it_does() -> None:
    parents = {"a": "inner", "b": "inner", "inner": "outer", "c": "outer"}

    assert door_rules.carriers(parents, "abc", "ab") == {"inner"}
    assert door_rules.carriers(parents, "abc", "abc") == {"inner", "outer"}
    assert door_rules.carriers({}, "abc", "abc") == set()


def test_wrong_pallet_hurries_when_the_vehicle_is_about_to_leave() -> None:
    assert door_rules.priority(NOW, None, missing=3) == 2
    assert door_rules.priority(NOW, None, missing=0) == 1
    assert door_rules.priority(NOW, NOW + timedelta(minutes=30), missing=3) == 1
    assert door_rules.priority(NOW, NOW + timedelta(hours=2), missing=3) == 2


def test_lamp_is_compared_with_what_central_knows() -> None:
    assert door_rules.judge_lamp("", right=False) == "not_checked"
    assert door_rules.judge_lamp("expected", right=True) == "right"
    assert door_rules.judge_lamp("unexpected", right=False) == "right"
    assert door_rules.judge_lamp("expected", right=False) == "green_wrong"
    assert door_rules.judge_lamp("unexpected", right=True) == "red_wrong"


def test_gateway_forgot_only_when_it_judges_by_an_older_list_after_it_took_the_newest() -> None:
    after, before = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)

    assert door_rules.is_forgotten(5, 4, NOW, after)
    assert not door_rules.is_forgotten(5, 4, NOW, before)
    assert not door_rules.is_forgotten(5, 4, None, after)
    assert not door_rules.is_forgotten(5, 5, NOW, after)
