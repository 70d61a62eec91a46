# SPDX-License-Identifier: Apache-2.0
"""Floors: what is wrong with one is said with the name of the aisle or bin, and odd but walkable ones are walked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from central.errors import DomainError
from central.tours import Aisle, Layout, LayoutError, Point, Stop, plan_tour

pytestmark = pytest.mark.requirement("R49")


@pytest.mark.parametrize(
    ("aisles", "rows", "said"),
    [
        ([], [0, 10], "at least one aisle"),
        ([Aisle("A1", 0, 0, 10)], [], "at least one aisle and one cross aisle"),
        ([Aisle("A1", 0, 0, 10), Aisle("A1", 3, 0, 10)], [0], "aisle A1: stands twice"),
        ([Aisle("A1", 0, 10, 10)], [0], "aisle A1: runs from 10 to 10"),
        ([Aisle("A1", 0, 0, 10, "north")], [0], "aisle A1: direction 'north'"),
        ([Aisle("A1", 0, 0, 10), Aisle("A2", 0, 8, 20)], [0, 20], "aisles A1 and A2: lie over each other at x 0"),
        ([Aisle("A1", 0, 0, 10), Aisle("A2", 3, 2, 8)], [0, 10], "aisle A2: reaches no cross aisle"),
        ([Aisle("A1", 0, 0, 10), Aisle("A2", 3, 10, 12)], [0, 5, 10, 12, 20], "cross aisles at y 12 and 20"),
        ([Aisle("A1", 0, 0, 10, "up"), Aisle("A2", 3, 0, 10, "up")], [0, 10], "one-way up, nobody comes back"),
        ([Aisle("A1", 0, 0, 12, "up"), Aisle("A2", 3, 0, 12)], [0, 10], "aisle A1: is one-way into a dead end between y 10 and 12"),
        ([Aisle("A1", 0, 0, 5, "up"), Aisle("A2", 0, 5, 10, "down"), Aisle("A3", 3, 0, 10)], [0, 10], "aisles A1 and A2: point against each other"),
    ],
)
def test_floor_that_cannot_be_walked_is_refused_by_name(aisles: Sequence[Aisle], rows: Sequence[int], said: str) -> None:
    with pytest.raises(LayoutError, match=said) as caught:
        Layout(aisles, rows)

    assert isinstance(caught.value, DomainError)
    assert caught.value.code == "bad_layout"


def two_aisles(**options: int) -> Layout:
    return Layout([Aisle("A1", 0, 0, 10_000), Aisle("A2", 4000, 0, 10_000)], [0, 10_000], **options)


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        (Stop("A9-01", "A9", 100), "bin A9-01: its aisle A9 is not in the layout"),
        (Stop("X-01", "", 100), r"bin X-01: its aisle \(none\)"),
        (Stop("A1-99", "A1", 10_001), "bin A1-99: y 10001 mm lies outside aisle A1, which runs from 0 to 10000 mm"),
        (Stop("A1-01", "A1", 5, level=-1), "bin A1-01: level"),
    ],
)
def test_stop_outside_the_floor_is_refused_by_name(stop: Stop, said: str) -> None:
    with pytest.raises(LayoutError, match=said):
        plan_tour(two_aisles(), [stop], Point(0, 0), Point(0, 0))


def test_start_beside_all_aisles_is_refused_and_the_nearest_point_is_offered() -> None:
    layout = two_aisles()

    with pytest.raises(LayoutError, match=r"point \(1000, 300\) mm lies neither on an aisle nor on a cross aisle"):
        plan_tour(layout, [], Point(1000, 300), Point(0, 0))

    assert layout.nearest(1000, 300) == (Point(1000, 0), 300)
    assert layout.nearest(4100, 5000) == (Point(4000, 5000), 100)


def test_levels_and_access_add_to_the_length_but_not_to_the_walk() -> None:
    stops = [Stop("A1-01-0", "A1", 3000), Stop("A1-02-3", "A1", 5000, level=3), Stop("A1-03-0", "A1", 4000, access_mm=600)]

    tour = plan_tour(two_aisles(level_cost_mm=1500), stops, Point(0, 0), Point(0, 0))

    assert (tour.walk_mm, tour.length_mm) == (10_000, 10_000 + 3 * 1500 + 600)


def test_tour_names_its_stops_in_the_order_in_which_they_are_passed() -> None:
    stops = [Stop("far", "A1", 9000), Stop("other", "A2", 5000), Stop("near", "A1", 1000), Stop("beside", "A1", 1000)]

    tour = plan_tour(two_aisles(), stops, Point(0, 0), Point(4000, 0))

    assert [stop.code for stop in tour.order] == ["near", "beside", "far", "other"]
    assert tour.walk_mm == 24_000
    assert (tour.walk[0], tour.walk[-1]) == (Point(0, 0), Point(4000, 0))


def test_tour_without_stops_goes_from_start_to_end() -> None:
    assert plan_tour(two_aisles(), [], Point(0, 0), Point(0, 0)).walk_mm == 0
    assert plan_tour(two_aisles(), [], Point(0, 2000), Point(4000, 9000)).walk_mm == 8000 + 4000 + 1000


def test_aisles_of_one_x_in_two_zones_are_two_aisles() -> None:
    layout = Layout([Aisle("N1", 0, 6000, 10_000), Aisle("S1", 0, 0, 4000), Aisle("A2", 3000, 0, 10_000)], [0, 10_000])
    stops = [Stop("S1-01", "S1", 4000), Stop("N1-01", "N1", 6000)]

    assert plan_tour(layout, stops, Point(0, 0), Point(0, 0)).walk_mm == 2 * 4000 + 2 * (3000 + 10_000 + 3000) + 2 * 4000


def test_one_way_aisle_is_walked_round_the_block() -> None:
    layout = Layout([Aisle("A1", 0, 0, 10_000, "down"), Aisle("A2", 4000, 0, 10_000, "up")], [0, 10_000])

    tour = plan_tour(layout, [Stop("A1-01", "A1", 1000)], Point(0, 0), Point(0, 0))

    assert tour.exact
    assert tour.walk == (Point(0, 0), Point(4000, 0), Point(4000, 10_000), Point(0, 10_000), Point(0, 1000), Point(0, 0))
    assert tour.walk_mm == 28_000
