# SPDX-License-Identifier: Apache-2.0
"""How an order parts: over sites, over days, over what stands in for what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.outbound.atp_rules import Claim, Slice, Supply, claim, promisable, slices
from central.outbound.parting_rules import Part, Policy, Terms, Want, part_order
from central.outbound.sourcing_rules import Candidate, Position, assign, choose_sites, distance_km

TODAY = date(2026, 11, 21)
SOON = TODAY + timedelta(days=3)


@dataclass
class ShelfOf:
    """A shelf with supplies by item."""

    supplies: dict[str, list[Supply]]
    first_day: date = TODAY
    claims: dict[str, list[Claim]] = field(default_factory=dict)

    def can(self, item: str, keep_days: int) -> int:
        return promisable(self.supplies.get(item, []), self.claims.get(item, []), self.first_day, keep_days)

    def give(self, item: str, quantity: int, on_day: date, keep_days: int) -> None:
        self.claims.setdefault(item, []).append(claim(quantity, on_day, keep_days))

    def slices(self, item: str, quantity: int, keep_days: int) -> list[Slice]:
        return slices(self.supplies.get(item, []), self.claims.get(item, []), quantity, self.first_day, keep_days)


MILK = {"milk": [Supply(4, TODAY), Supply(5, SOON)]}


def parts(shelf: ShelfOf, terms: Terms, *wants: tuple[str, int]) -> list[tuple[str, int, int, date | None, bool]]:
    made = part_order([Want(n, item, quantity) for n, (item, quantity) in enumerate(wants, start=1)], shelf, terms)
    return [(each.item, each.quantity, each.promised, each.on_day, each.later) for each in made]


@pytest.mark.requirement("X3")
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("backorder", [("milk", 4, 4, TODAY, False), ("milk", 3, 3, SOON, True)]),
        ("wait", [("milk", 7, 7, SOON, False)]),
        ("drop", [("milk", 7, 4, TODAY, False)]),
    ],
)
def test_what_is_not_there_waits_or_is_dropped_as_the_order_says(policy: Policy, expected: list[object]) -> None:
    assert parts(ShelfOf(MILK), Terms(policy), ("milk", 7)) == expected


def test_what_nobody_expects_stays_with_what_leaves_now() -> None:
    assert parts(ShelfOf(MILK), Terms(), ("milk", 12)) == [("milk", 7, 4, TODAY, False), ("milk", 5, 5, SOON, True)]
    assert parts(ShelfOf({}), Terms(), ("milk", 2)) == [("milk", 2, 0, None, False)]


def test_order_of_which_all_comes_later_is_no_backorder() -> None:
    assert parts(ShelfOf({"milk": [Supply(5, SOON)]}), Terms(), ("milk", 5)) == [("milk", 5, 5, SOON, False)]


@pytest.mark.requirement("X3")
def test_substitutes_stand_in_before_anything_waits() -> None:
    shelf = ShelfOf(MILK | {"oat": [Supply(2, TODAY)], "soy": [Supply(9, TODAY)]})

    made = part_order([Want(1, "milk", 8)], shelf, Terms(substitutes={"milk": ("oat", "soy")}))

    assert made == [
        Part(1, "milk", 4, 4, TODAY),
        Part(1, "oat", 2, 2, TODAY, instead_of="milk", units=2),
        Part(1, "soy", 2, 2, TODAY, instead_of="milk", units=2),
    ]


@pytest.mark.requirement("X3")
def test_kit_is_made_of_its_components_where_no_assembled_one_is_there() -> None:
    shelf = ShelfOf({"box": [Supply(1, TODAY)], "cup": [Supply(7, TODAY)], "tea": [Supply(9, TODAY)]})

    made = part_order([Want(1, "box", 5)], shelf, Terms(kits={"box": (("cup", 2), ("tea", 1))}))

    assert made == [
        Part(1, "box", 2, 1, TODAY),
        Part(1, "cup", 6, 6, TODAY, instead_of="box", units=3),
        Part(1, "tea", 3, 3, TODAY, instead_of="box"),
    ]


def test_two_lines_of_one_item_share_what_is_there() -> None:
    assert [row[2] for row in parts(ShelfOf({"milk": [Supply(5, TODAY)]}), Terms(), ("milk", 3), ("milk", 3))] == [3, 2]


OFFERS = st.lists(st.fixed_dictionaries({"a": st.integers(0, 5), "b": st.integers(0, 5), "c": st.integers(0, 5)}), min_size=1, max_size=7)


@pytest.mark.requirement("R45")
@given(OFFERS, st.fixed_dictionaries({"a": st.integers(1, 8), "b": st.integers(1, 8)}))
def test_no_fewer_sites_could_send_as_much(offers: list[dict[str, int]], needs: dict[str, int]) -> None:
    candidates = [Candidate(f"s{n}", each, float(n)) for n, each in enumerate(offers)]
    by_site = {each.site: each.offers for each in candidates}

    def left(sites: tuple[str, ...]) -> int:
        return sum(max(0, wanted - sum(by_site[site][item] for site in sites)) for item, wanted in needs.items())

    choice = choose_sites(needs, candidates)

    assert choice.exact
    assert left(choice.sites) == choice.uncovered == left(tuple(by_site))
    assert all(left(fewer) > choice.uncovered for size in range(1, len(choice.sites)) for fewer in combinations(by_site, size))


@pytest.mark.requirement("R45")
def test_nearest_site_that_is_not_full_sends() -> None:
    near, far = Candidate("near", {"a": 5}, 10.0, load=1.2), Candidate("far", {"a": 5}, 90.0, load=0.2)
    unknown = Candidate("unknown", {"a": 5})

    assert choose_sites({"a": 5}, [unknown, near, far]).sites == ("far",)
    assert choose_sites({"a": 5}, [unknown, near, far], priority=1).sites == ("near",)
    assert choose_sites({"a": 7}, [near, far]).sites == ("near", "far")


def test_many_candidates_are_reduced_to_the_strongest_and_it_is_said() -> None:
    candidates = [Candidate(f"s{n:02d}", {"a": 1 if n != 17 else 3}) for n in range(20)]

    choice = choose_sites({"a": 3}, candidates)

    assert (choice.sites, choice.uncovered, choice.exact) == (("s17",), 0, False)


def test_line_is_sent_whole_from_the_nearest_site_that_has_it_all() -> None:
    assert assign(5, ("near", "far"), {"near": 3, "far": 5}) == [("far", 5)]
    assert assign(5, ("near", "far"), {"near": 3, "far": 3}) == [("near", 3), ("far", 2)]
    assert assign(9, ("near", "far"), {"near": 3, "far": 3}) == [("near", 6), ("far", 3)]
    assert assign(2, ("near", "far"), {}) == [("near", 2)]


def test_distance_is_that_of_the_great_circle() -> None:
    shanghai, beijing = Position(31.2304, 121.4737), Position(39.9042, 116.4074)

    assert distance_km(shanghai, beijing) == pytest.approx(1067.3, abs=1)
    assert distance_km(shanghai, shanghai) == 0
