# SPDX-License-Identifier: Apache-2.0
"""What is promised can be kept, and nothing that could be promised is refused."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.outbound.atp_rules import Claim, Supply, broken, buckets, claim, promisable, served, slices, unserved

pytestmark = pytest.mark.requirement("R43")

START = date(2026, 11, 21)
DAYS = st.integers(0, 6).map(lambda n: START + timedelta(days=n))
SUPPLIES = st.lists(st.builds(Supply, st.integers(1, 5), DAYS, DAYS), max_size=5)
CLAIMS = st.lists(st.builds(claim, st.integers(1, 4), DAYS, st.integers(0, 4)), max_size=5)


def greatest_flow(supplies: list[Supply], claims: list[Claim]) -> int:
    """The same by augmenting paths, piece by piece: slow and obviously right."""
    pieces = [each for each in supplies for _ in range(each.quantity)]
    wishes = [each for each in claims for _ in range(each.quantity)]
    taken: dict[int, int] = {}

    def augment(wish: int, tried: set[int]) -> bool:
        for n, piece in enumerate(pieces):
            if n not in tried and piece.on_day <= wishes[wish].on_day and piece.expiry >= wishes[wish].keeps_until:
                tried.add(n)
                if n not in taken or augment(taken[n], tried):
                    taken[n] = wish
                    return True
        return False

    return sum(augment(wish, set()) for wish in range(len(wishes)))


@given(SUPPLIES, CLAIMS)
def test_served_is_the_greatest_number_that_any_assignment_serves(supplies: list[Supply], claims: list[Claim]) -> None:
    assert served(supplies, claims) == greatest_flow(supplies, claims)


@given(SUPPLIES, st.lists(st.tuples(st.integers(1, 6), DAYS, st.integers(0, 3)), max_size=6))
def test_promises_are_kept_however_many_are_given_one_after_the_other(supplies: list[Supply], wishes: list[tuple[int, date, int]]) -> None:
    claims: list[Claim] = []
    for quantity, day, keep_days in wishes:
        claims += [claim(part.quantity, part.on_day, keep_days) for part in slices(supplies, claims, quantity, day, keep_days)]

        assert broken(supplies, claims) == 0
        assert all(promisable(supplies, claims, START + timedelta(days=n)) >= 0 for n in range(7))
    for day in {each.on_day for each in claims}:
        promised = sum(each.quantity for each in claims if each.on_day <= day)
        assert promised <= sum(each.quantity for each in supplies if each.on_day <= day)


@given(SUPPLIES, CLAIMS)
def test_what_cannot_be_served_is_missing_to_those_who_come_last(supplies: list[Supply], claims: list[Claim]) -> None:
    one_by_one = [broken(supplies, claims[: n + 1]) - broken(supplies, claims[:n]) for n in range(len(claims))]

    assert unserved(supplies, claims) == one_by_one
    assert all(0 <= missing <= each.quantity for missing, each in zip(one_by_one, claims, strict=True))


@given(SUPPLIES, CLAIMS, st.integers(1, 9), DAYS)
def test_what_is_promised_for_a_day_is_all_that_can_be(supplies: list[Supply], claims: list[Claim], wanted: int, day: date) -> None:
    can = promisable(supplies, claims, day)

    assert greatest_flow(supplies, [*claims, claim(can, day, 0)]) == greatest_flow(supplies, claims) + can
    assert greatest_flow(supplies, [*claims, claim(can + 1, day, 0)]) == greatest_flow(supplies, claims) + can


@given(SUPPLIES, CLAIMS)
def test_later_days_of_goods_that_keep_can_promise_no_less(supplies: list[Supply], claims: list[Claim]) -> None:
    keeping = [Supply(each.quantity, each.on_day) for each in supplies]

    available = [each.available for each in buckets(keeping, claims, START, START + timedelta(days=9))]

    assert available == list(accumulate(available, max))


def test_later_promise_is_not_stolen_by_an_earlier_one() -> None:
    supplies = [Supply(10, START), Supply(5, START + timedelta(days=3))]
    claims = [claim(12, START + timedelta(days=3), 0)]

    assert promisable(supplies, claims, START) == 3
    assert [each.available for each in buckets(supplies, claims, START, START + timedelta(days=9))] == [3, 3]
    assert slices(supplies, claims, 9, START) == slices(supplies, claims, 3, START)
