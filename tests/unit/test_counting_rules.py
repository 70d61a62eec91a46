# SPDX-License-Identifier: Apache-2.0
"""Counting's rules: comparing, judging, ranking, the figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.counting import rules
from central.counting.rules import Accuracy, Compared, Goods, PlaceHistory, Said, Stock, Tolerance

MILK_1, MILK_2, PEAS = Goods("milk", "L1"), Goods("milk", "L2"), Goods("peas")


@pytest.mark.requirement("R36", "R37")
def test_what_a_counter_does_not_name_was_not_there() -> None:
    assert rules.compare({MILK_1: 4, PEAS: 2}, {MILK_1: 4}) == [Compared(MILK_1, 4, 4), Compared(PEAS, 2, 0)]


def test_goods_that_the_books_do_not_know_are_a_surplus() -> None:
    (found,) = rules.compare({}, {PEAS: 3})

    assert found.difference == 3


def test_a_count_without_lots_is_accepted_when_the_sum_is_right() -> None:
    assert all(each.difference == 0 for each in rules.compare({MILK_1: 4, MILK_2: 6}, {Goods("milk"): 10}))


def test_a_count_without_lots_goes_to_the_only_lot() -> None:
    assert rules.compare({MILK_1: 4}, {Goods("milk"): 3}) == [Compared(MILK_1, 4, 3)]


def test_a_count_without_lots_is_refused_when_lots_would_decide() -> None:
    with pytest.raises(rules.LotNeededError, match="lots L1, L2"):
        rules.compare({MILK_1: 4, MILK_2: 6}, {Goods("milk"): 9})


@pytest.mark.requirement("R39")
@pytest.mark.parametrize(
    ("difference", "earlier", "verdict"),
    [
        (0, (), "agreed"),
        (1, (), "within"),
        (-3, (), "recount"),
        (-3, (-3,), "confirmed"),
        (0, (-3,), "agreed"),
        (-2, (-3,), "recount"),
        (-1, (-3, -2), "unclear"),
    ],
)
def test_a_difference_is_judged_by_what_others_said(difference: int, earlier: tuple[int, ...], verdict: str) -> None:
    assert rules.judge(Said(difference), [Said(each) for each in earlier], 100, Tolerance(units=1)) == verdict


def test_tolerance_is_the_larger_of_pieces_and_share() -> None:
    assert Tolerance(2, 10).allows(-5, 500)
    assert not Tolerance(2, 10).allows(6, 500)
    assert Tolerance(2, 10).allows(2, 3)


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(1, 99), st.integers(0, 20)), max_size=8, unique_by=lambda pair: pair[0]))
def test_a_loss_is_taken_whole_and_never_beyond_what_is_free(missing: int, stocks: list[tuple[int, int]]) -> None:
    taken, beyond = rules.take_from(missing, [Stock(*pair) for pair in stocks])

    assert sum(taken.values()) + beyond == missing
    assert all(quantity <= dict(stocks)[key] for key, quantity in taken.items())
    assert beyond == max(0, missing - sum(free for _, free in stocks))


@given(st.integers(0, 500), st.floats(0, 1000), st.integers(0, 3), st.booleans())
def test_risk_is_a_probability_that_grows_with_every_reason(moves: int, days: float, shorts: int, wrong: bool) -> None:
    here = rules.risk(PlaceHistory("s/a", moves, days, shorts, wrong))

    assert 0 <= here <= 1
    assert here <= rules.risk(PlaceHistory("s/a", moves + 1, days + 1, shorts + 1, True))


def test_the_riskiest_place_comes_first_and_names_decide_between_equals() -> None:
    places = [PlaceHistory("s/c"), PlaceHistory("s/b", moves=3), PlaceHistory("s/a"), PlaceHistory("s/d", shorts=1)]

    assert [each.place for each, _ in rules.ranked(places)] == ["s/d", "s/b", "s/a", "s/c"]


def test_the_item_that_crosses_a_class_line_is_of_the_upper_class() -> None:
    assert rules.abc_classes({"a": 70, "b": 15, "c": 11, "d": 4}) == {"a": "A", "b": "A", "c": "B", "d": "C"}
    assert rules.abc_classes({"a": 0}) == {"a": "C"}


@pytest.mark.requirement("R39")
def test_accuracy_follows_its_formulas() -> None:
    figures = Accuracy(places=200, places_right=199, book=1000, off=5)

    assert (figures.locations_percent, figures.pieces_percent) == (99.5, 99.5)
    assert Accuracy(0, 0, 0, 0).locations_percent is None
