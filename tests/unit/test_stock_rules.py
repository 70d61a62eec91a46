# SPDX-License-Identifier: Apache-2.0
"""Rules of stock: limits, worth, SSCCs, kits and the state of transfers."""

from __future__ import annotations

from datetime import date

import pytest

from central.errors import DomainError
from central.stock.rules import (
    Limits,
    Part,
    buildable,
    is_near,
    kit_expiry,
    limits_for,
    mean_value_minor,
    needs_second_person,
    parts_of_broken,
    sscc,
    transfer_state,
)
from contracts.identifiers import check_sscc


@pytest.mark.requirement("R32", "R20")
@pytest.mark.parametrize(
    ("site", "item", "expected"),
    [
        ("s1", "milk", Limits(3, 7, 1)),
        ("s1", "peas", Limits(30, 9, 2)),
        ("s2", "milk", Limits(5, 7, 1)),
        ("s2", "peas", Limits(30, None, 1)),
    ],
)
def test_the_most_particular_limit_counts_field_by_field(site: str, item: str, expected: Limits) -> None:
    rows = [
        ("", "", Limits(30, None, 1)),
        ("s1", "", Limits(None, 9, 2)),
        ("", "milk", Limits(5, 7, 1)),
        ("s1", "milk", Limits(3, None, None)),
    ]

    assert limits_for(rows, site, item) == expected


@pytest.mark.requirement("R32")
@pytest.mark.parametrize(("quantity", "value", "expected"), [(5, 99, False), (6, 0, True), (1, 101, True), (5, 100, False)])
def test_second_person_is_needed_only_above_a_limit(quantity: int, value: int, expected: bool) -> None:
    assert needs_second_person(Limits(None, 5, 100), quantity, value) is expected
    assert not needs_second_person(Limits(), 10**9, 10**9)


@pytest.mark.parametrize(("total_minor", "total", "quantity", "worth"), [(1000, 3, 1, 333), (1000, 3, 2, 667), (5, 2, 1, 3), (1000, 0, 1, 0), (0, 5, 3, 0)])
def test_worth_is_the_mean_cost_rounded_half_up(total_minor: int, total: int, quantity: int, worth: int) -> None:
    assert mean_value_minor(total_minor, total, quantity) == worth


@pytest.mark.requirement("X1")
def test_own_sscc_has_18_digits_with_a_right_check_digit_until_the_range_is_used_up() -> None:
    assert [check_sscc(sscc(prefix, 7)) for prefix in ("00614141", "3" + "9" * 12)] == [sscc("00614141", 7), sscc("3" + "9" * 12, 7)]
    assert len(sscc("00614141", 10**9 - 1)) == 18
    with pytest.raises(DomainError, match="used up"):
        sscc("00614141", 10**9)


@pytest.mark.requirement("X3")
def test_kits_are_limited_by_their_scarcest_component_and_last_as_long_as_the_first_to_expire() -> None:
    assert buildable({"milk": 2, "peas": 1}, {"milk": 9, "peas": 3}) == 3
    assert buildable({"milk": 2, "peas": 1}, {"milk": 9}) == 0
    days = (date(2026, 12, 3), None, date(2026, 12, 1))
    assert kit_expiry(Part("milk", "", "", 1, day) for day in days) == date(2026, 12, 1)
    assert kit_expiry([Part("milk", "", "", 1)]) is None


@pytest.mark.requirement("R20")
def test_goods_are_near_their_last_day_from_so_many_days_before_it_and_ever_after() -> None:
    days = [date(2026, 11, 29), date(2026, 11, 30), date(2026, 12, 4)]
    assert [is_near(date(2026, 12, 3), today, 3) for today in days] == [False, True, True]
    assert is_near(date(1, 1, 1), date(2026, 12, 3), 36_500)


@pytest.mark.requirement("X3", "R18")
def test_lots_that_went_in_first_come_out_of_broken_kits_first() -> None:
    built = [Part("milk", "L1", "", 4), Part("peas", "P", "", 3), Part("milk", "L2", "", 2)]
    broken = [Part("milk", "L1", "", 3)]

    assert parts_of_broken(built, broken, {"milk": 2, "peas": 1}, 1) == [Part("milk", "L1", "", 1), Part("milk", "L2", "", 1), Part("peas", "P", "", 1)]
    with pytest.raises(DomainError, match="not recorded"):
        parts_of_broken(built, broken, {"milk": 2, "peas": 1}, 2)


@pytest.mark.requirement("R25")
@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([(5, 5, 5, 0)], "received"),
        ([(5, 5, 3, 2)], "received"),
        ([(5, 5, 4, 0)], "in_transit"),
        ([(5, 4, 4, 0)], "in_transit"),
        ([(5, 5, 5, 0), (1, 0, 0, 0)], "in_transit"),
        ([(5, 5, 5, 0), (0, 0, 0, 0)], "received"),
    ],
)
def test_transfer_is_received_when_nothing_is_left_to_ship_or_to_arrive(lines: list[tuple[int, int, int, int]], state: str) -> None:
    assert transfer_state(lines) == state
