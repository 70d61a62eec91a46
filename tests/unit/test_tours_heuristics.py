# SPDX-License-Identifier: Apache-2.0
"""Where nothing is proven, tours stay within one percent of optima that another way knows."""

from __future__ import annotations

import random
from threading import Thread

import pytest

from central.tours import Aisle, Face, Layout, LayoutError, Point, Stop, frontier, plan_scattered, plan_tour
from central.tours.exact import shortest_length_mm
from central.tours.flows import shortest_arcs
from central.tours.general import general_path

pytestmark = pytest.mark.requirement("R49")


def stops_on(layout: Layout, count: int, rng: random.Random) -> list[Stop]:
    aisles = list(layout.aisles.values())
    found = []
    for number in range(count):
        aisle = rng.choice(aisles)
        found.append(Stop(f"bin {number}", aisle.code, rng.randint(aisle.y_from_mm, aisle.y_to_mm)))
    return found


def floor(aisles: int, rows: int, one_way_share: float = 0.0, seed: int = 1) -> Layout:
    rng = random.Random(seed)
    top = 20_000 * (rows - 1)
    directions = [("up", "down")[number % 2] if rng.random() < one_way_share else "both" for number in range(aisles)]
    return Layout([Aisle(f"A{number}", 3000 * number, 0, top, direction) for number, direction in enumerate(directions)], range(0, top + 1, 20_000))


@pytest.mark.slow
@pytest.mark.parametrize(("aisles", "rows", "count"), [(10, 2, 20), (10, 3, 40), (10, 4, 30), (12, 5, 40), (6, 6, 30)])
def test_local_search_is_within_one_percent_of_the_exact_sweep(aisles: int, rows: int, count: int) -> None:
    layout = floor(aisles, rows)
    depot = layout.spot_of_point(Point(0, 0))
    gaps = []
    for seed in range(4):
        spots = [layout.spot_of_stop(stop) for stop in stops_on(layout, count, random.Random(seed))]
        shortest_mm = shortest_length_mm(layout, spots, depot, depot)
        gaps.append(general_path(layout, spots, depot, depot).walk_mm / shortest_mm - 1)

    assert max(gaps) <= 0.01, f"gaps {gaps}"


@pytest.mark.slow
@pytest.mark.parametrize(("aisles", "rows", "share"), [(10, 2, 1.0), (25, 2, 0.5), (10, 3, 0.3), (15, 3, 1.0), (8, 4, 0.5)])
def test_one_way_tours_of_sixty_stops_are_within_one_percent_of_the_directed_sweep(aisles: int, rows: int, share: float) -> None:
    layout = floor(aisles, rows, share)
    depot = layout.spot_of_point(Point(0, 0))
    for seed in range(3):
        spots = [layout.spot_of_stop(stop) for stop in stops_on(layout, 60, random.Random(seed))]
        path_mm = general_path(layout, spots, depot, depot).walk_mm

        shortest_mm, _, proven = shortest_arcs(layout, spots, depot, depot, path_mm, effort=2_000_000)

        assert proven
        assert path_mm <= 1.01 * shortest_mm


def test_one_way_tour_is_called_heuristic_when_its_proof_takes_too_long() -> None:
    layout = floor(10, 3, 0.5)
    stops = stops_on(layout, 40, random.Random(3))

    hasty = plan_tour(layout, stops, Point(0, 0), Point(0, 0), rounds=5, effort=50)
    patient = plan_tour(layout, stops, Point(0, 0), Point(0, 0), effort=1_000_000)

    assert (hasty.method, hasty.exact) == ("heuristic", False)
    assert (patient.method, patient.exact) == ("exact", True)
    assert patient.walk_mm <= hasty.walk_mm <= 1.05 * patient.walk_mm


def test_floor_with_very_many_cross_aisles_is_toured_without_the_sweep() -> None:
    layout = floor(5, 9)

    tour = plan_tour(layout, stops_on(layout, 15, random.Random(1)), Point(0, 0), Point(0, 0), rounds=5)

    assert (tour.method, len(tour.order)) == ("heuristic", 15)


class InterruptedList(list[frontier.State]):
    """While the first state is appended, another thread asks for the number of another state."""

    asking: Thread | None = None

    def append(self, state: frontier.State) -> None:
        if self.asking is None:
            self.asking = Thread(target=lambda: self.numbered.append(self.of.number([0, 2])))
            self.asking.start()
            self.asking.join(0.05)  # it is done by then, or waits for its turn
        super().append(state)

    def __init__(self, of: frontier.Frontier) -> None:
        super().__init__(of.states)
        self.of = of
        self.numbered: list[int] = []


def test_states_met_by_two_threads_at_once_get_two_numbers() -> None:
    fresh = frontier.Frontier(2)
    fresh.states = states = InterruptedList(fresh)

    number = fresh.number([2, 0])
    assert states.asking is not None
    states.asking.join()

    assert (fresh.states[number], fresh.states[states.numbered[0]]) == ((2, 0), (0, 2))


def test_scattered_choice_needs_what_is_wanted_and_aisles_open_both_ways() -> None:
    layout = floor(2, 2)
    faces = [Face("milk", Stop("A0-1", "A0", 1000), 2)]

    with pytest.raises(LayoutError, match="article milk: 3 wanted, 2 offered"):
        plan_scattered(layout, {"milk": 3}, faces, Point(0, 0), Point(0, 0))
    with pytest.raises(LayoutError, match="open both ways"):
        plan_scattered(floor(4, 2, 1.0), {"milk": 1}, faces, Point(0, 0), Point(0, 0))


def test_scattered_picks_take_as_few_faces_as_the_walk_allows_and_the_lowest_of_equals() -> None:
    layout = Layout([Aisle("A0", 0, 0, 10_000)], [0], level_cost_mm=1000)
    faces = [
        Face("milk", Stop("small", "A0", 1000), 1),
        Face("milk", Stop("high", "A0", 2000, level=4), 3),
        Face("milk", Stop("low", "A0", 2000), 3),
        Face("milk", Stop("far", "A0", 9000), 9),
        Face("tea", Stop("tea", "A0", 2500), 1),
    ]

    planned = plan_scattered(layout, {"milk": 3, "tea": 1}, faces, Point(0, 0), Point(0, 0))

    assert [(face.stop.code, quantity) for face, quantity in planned.picks] == [("low", 3), ("tea", 1)]
    assert planned.tour.walk_mm == 5000
    assert planned.exact


def test_scattered_effort_bounds_the_work_and_the_bound_stays_true() -> None:
    layout = floor(8, 3)
    rng = random.Random(5)
    faces = [Face(str(number % 12), stop, 1) for number, stop in enumerate(stops_on(layout, 40, rng))]
    wanted = {str(number): 1 for number in range(12)}

    hasty = plan_scattered(layout, wanted, faces, Point(0, 0), Point(0, 0), effort=1)
    patient = plan_scattered(layout, wanted, faces, Point(0, 0), Point(0, 0))

    assert patient.exact
    assert hasty.lower_bound_mm <= patient.tour.walk_mm <= hasty.tour.walk_mm
