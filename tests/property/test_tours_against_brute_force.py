# SPDX-License-Identifier: Apache-2.0
"""Tours on small random floors of every shape, against an oracle that shares no code with the product: Floyd & Warshall, then every subset in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from central.tours import Aisle, Face, Layout, LayoutError, Order, Point, Stop, Tour, batch_orders, largest_gap_mm, plan_scattered, plan_tour, s_shape_mm
from central.tours.exact import shortest_edges, shortest_length_mm
from central.tours.general import general_path

pytestmark = pytest.mark.requirement("R49")
FAR = 10**9
XY = tuple[int, int]


@dataclass(frozen=True)
class Floor:
    """Aisles and cross aisles as drawn, and the layout made of them."""

    aisles: tuple[Aisle, ...]
    rows: tuple[int, ...]
    layout: Layout


@dataclass(frozen=True)
class Question:
    floor: Floor
    stops: tuple[Stop, ...]
    start: Point
    end: Point


@st.composite
def floors(draw: st.DrawFn, one_way: bool = False, rows_min: int = 1) -> Floor:
    """One to four cross aisles at odd distances; aisles through all of them, through some, with dead ends, in two parts."""
    rows = tuple(sorted(draw(st.sets(st.integers(0, 40), min_size=rows_min, max_size=4))))
    xs = sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=5)))
    aisles: list[Aisle] = []
    for x_mm in xs:
        directions = st.sampled_from(["both", "up", "down"] if one_way else ["both"])
        shape = draw(st.sampled_from(["whole"] if one_way else ["whole", "whole", "overhanging", "parts"]))
        ends = [rows[0] - 3 * (shape == "overhanging" or len(rows) == 1), rows[-1] + 4 * (shape == "overhanging")]
        if shape == "parts":
            ends = sorted(draw(st.sets(st.integers(-4, 45), min_size=4, max_size=4)))
        for low, high in pairwise(ends) if len(ends) == 2 else [(ends[0], ends[1]), (ends[2], ends[3])]:
            if any(low <= row <= high for row in rows):
                aisles.append(Aisle(f"A{len(aisles)}", x_mm, low, high, draw(directions)))
    assume(aisles)
    try:
        return Floor(tuple(aisles), rows, Layout(aisles, rows))
    except LayoutError as error:
        assume("no aisle leads" not in error.message and "nobody comes back" not in error.message)
        raise


@st.composite
def stops_on(draw: st.DrawFn, floor: Floor, most: int) -> tuple[Stop, ...]:
    found = []
    for number in range(draw(st.integers(0, most))):
        aisle = draw(st.sampled_from(floor.aisles))
        found.append(Stop(f"bin {number}", aisle.code, draw(st.integers(aisle.y_from_mm, aisle.y_to_mm))))
    return tuple(found)


@st.composite
def points_on(draw: st.DrawFn, floor: Floor) -> Point:
    if draw(st.booleans()):
        return Point(draw(st.integers(-5, 35)), draw(st.sampled_from(floor.rows)))
    aisle = draw(st.sampled_from(floor.aisles))
    return Point(aisle.x_mm, draw(st.integers(aisle.y_from_mm, aisle.y_to_mm)))


@st.composite
def questions(draw: st.DrawFn, one_way: bool = False, most: int = 6, rows_min: int = 1) -> Question:
    floor = draw(floors(one_way, rows_min))
    start = draw(points_on(floor))
    return Question(floor, draw(stops_on(floor, most)), start, draw(st.one_of(st.just(start), points_on(floor))))


def standing_points(floor: Floor, stops: Sequence[Stop]) -> list[XY]:
    x_of = {aisle.code: aisle.x_mm for aisle in floor.aisles}
    return [(x_of[stop.aisle], stop.y_mm) for stop in stops]


def streets(floor: Floor, points: Sequence[XY]) -> dict[tuple[XY, XY], int]:
    """Every step one may make between neighbouring points of interest, with its length."""
    found: dict[tuple[XY, XY], int] = {}
    xs = {aisle.x_mm for aisle in floor.aisles}
    for row in floor.rows:
        on_row = sorted({(x_mm, row) for x_mm in xs} | {point for point in points if point[1] == row})
        for one, other in pairwise(on_row):
            found[one, other] = found[other, one] = other[0] - one[0]
    for aisle in floor.aisles:
        inside = {row for row in floor.rows if aisle.y_from_mm <= row <= aisle.y_to_mm} | {aisle.y_from_mm, aisle.y_to_mm}
        inside |= {y_mm for x_mm, y_mm in points if x_mm == aisle.x_mm and aisle.y_from_mm <= y_mm <= aisle.y_to_mm}
        for low, high in pairwise(sorted(inside)):
            if aisle.direction != "down":
                found[(aisle.x_mm, low), (aisle.x_mm, high)] = high - low
            if aisle.direction != "up":
                found[(aisle.x_mm, high), (aisle.x_mm, low)] = high - low
    return found


def distances(steps: dict[tuple[XY, XY], int]) -> dict[tuple[XY, XY], int]:
    corners = {corner for step in steps for corner in step}
    found = {(one, other): 0 if one == other else steps.get((one, other), FAR) for one, other in product(corners, corners)}
    for middle, one, other in product(corners, corners, corners):
        found[one, other] = min(found[one, other], found[one, middle] + found[middle, other])
    return found


def brute_force(floor: Floor, stops: Sequence[Stop], start: Point, end: Point) -> int:
    """The shortest walk over all stops, over every order of them by subsets."""
    first, last = (start.x_mm, start.y_mm), (end.x_mm, end.y_mm)
    targets = sorted(set(standing_points(floor, stops)))
    between = distances(streets(floor, [*targets, first, last]))
    if not targets:
        return between[first, last]
    best = {(1 << number, number): between[first, target] for number, target in enumerate(targets)}
    for seen in range(1, 1 << len(targets)):
        for number in range(len(targets)):
            if (seen, number) in best:
                for other in range(len(targets)):
                    if not seen >> other & 1:
                        key = (seen | 1 << other, other)
                        best[key] = min(best.get(key, FAR), best[seen, number] + between[targets[number], targets[other]])
    return min(best[(1 << len(targets)) - 1, number] + between[target, last] for number, target in enumerate(targets))


def assert_is_walked(question: Question, tour: Tour) -> None:
    """The walk goes from start to end over lines of the floor in allowed directions, is as long as it says and passes the stops in their order."""
    walk = [(point.x_mm, point.y_mm) for point in tour.walk]
    steps = streets(question.floor, [*walk, *standing_points(question.floor, question.stops)])
    between = distances(steps)

    assert (tour.walk[0], tour.walk[-1]) == (question.start, question.end)
    for one, other in pairwise(walk):
        straight = abs(one[0] - other[0]) + abs(one[1] - other[1])
        assert one[0] == other[0] or one[1] == other[1]
        assert between[one, other] == straight, f"{one} to {other} is no line of the floor, or against the one-way direction"
    assert sum(abs(one[0] - other[0]) + abs(one[1] - other[1]) for one, other in pairwise(walk)) == tour.walk_mm
    assert sorted(stop.code for stop in tour.order) == sorted(stop.code for stop in question.stops)
    reached = [walk.index(point) for point in standing_points(question.floor, tour.order)]
    assert reached == sorted(reached)


@given(questions())
def test_exact_tour_is_the_shortest_there_is(question: Question) -> None:
    tour = plan_tour(question.floor.layout, question.stops, question.start, question.end)

    assert tour.exact
    assert tour.walk_mm == brute_force(question.floor, question.stops, question.start, question.end)
    assert_is_walked(question, tour)


@given(questions(rows_min=2))
def test_length_alone_is_the_length_of_the_tour(question: Question) -> None:
    layout = question.floor.layout
    spots = [layout.spot_of_stop(stop) for stop in question.stops]
    ends = layout.spot_of_point(question.start), layout.spot_of_point(question.end)

    assert shortest_length_mm(layout, spots, *ends) == shortest_edges(layout, spots, *ends)[0]


@given(questions(one_way=True, rows_min=2, most=7))
def test_tour_with_one_way_aisles_is_the_shortest_that_keeps_their_directions(question: Question) -> None:
    tour = plan_tour(question.floor.layout, question.stops, question.start, question.end)

    assert_is_walked(question, tour)
    assert tour.walk_mm == brute_force(question.floor, question.stops, question.start, question.end)


@given(questions(one_way=True, rows_min=2, most=7))
def test_directed_sweep_finds_the_same_tours_as_trying_all_orders(question: Question) -> None:
    from central.tours.flows import shortest_arcs  # beside its use: everything else here asks the public face

    layout = question.floor.layout
    spots = [layout.spot_of_stop(stop) for stop in question.stops]
    ends = layout.spot_of_point(question.start), layout.spot_of_point(question.end)
    shortest = brute_force(question.floor, question.stops, question.start, question.end)
    assume(len({(spot.x_mm, spot.segment) for spot in (*spots, *ends)}) > 1)

    found, arcs, proven = shortest_arcs(layout, spots, *ends, shortest + 1, effort=200_000)

    assert not proven or (found == shortest and arcs is not None)


@given(questions(rows_min=2, most=6))
def test_general_path_is_exact_for_few_stops_and_never_far_from_it(question: Question) -> None:
    layout = question.floor.layout
    spots = [layout.spot_of_stop(stop) for stop in question.stops]
    ends = layout.spot_of_point(question.start), layout.spot_of_point(question.end)

    path = general_path(layout, spots, *ends)

    assert path.exact
    assert path.walk_mm == brute_force(question.floor, question.stops, question.start, question.end)


@st.composite
def scattered_questions(draw: st.DrawFn) -> tuple[Question, list[Face], dict[str, int]]:
    floor = draw(floors(rows_min=2))
    stops = draw(stops_on(floor, 7).filter(bool))
    faces = [Face(draw(st.sampled_from("abc")), stop, draw(st.integers(1, 2))) for stop in stops]
    there = {article: sum(face.quantity for face in faces if face.article == article) for article in sorted({face.article for face in faces})}
    wanted = {article: draw(st.integers(1, quantity)) for article, quantity in there.items()}
    start = draw(points_on(floor))
    return Question(floor, stops, start, draw(st.one_of(st.just(start), points_on(floor)))), faces, wanted


@given(scattered_questions())
def test_scattered_tour_is_the_shortest_over_all_choices_of_places(asked: tuple[Question, list[Face], dict[str, int]]) -> None:
    question, faces, wanted = asked
    planned = plan_scattered(question.floor.layout, wanted, faces, question.start, question.end)
    taken = dict.fromkeys(wanted, 0)
    for face, quantity in planned.picks:
        assert 0 < quantity <= face.quantity
        taken[face.article] += quantity
    shortest = FAR
    for kept in product([False, True], repeat=len(faces)):
        chosen = [face for face, keep in zip(faces, kept, strict=True) if keep]
        if all(sum(face.quantity for face in chosen if face.article == article) >= quantity for article, quantity in wanted.items()):
            shortest = min(shortest, brute_force(question.floor, [face.stop for face in chosen], question.start, question.end))

    assert taken == wanted
    assert planned.lower_bound_mm <= shortest <= planned.tour.walk_mm
    assert not planned.exact or planned.tour.walk_mm == shortest
    first = question.floor.layout.spot_of_point(question.start)
    assert planned.exact or first.segment is not None, "only a tour that may stay within one stretch is left unproven on so small a floor"


@given(st.data(), st.integers(1, 6), st.integers(10, 40))
def test_rules_of_thumb_are_never_shorter_than_the_exact_tour(data: st.DataObject, aisles: int, length_mm: int) -> None:
    floor = Floor(tuple(Aisle(f"A{number}", 3 * number, 0, length_mm) for number in range(aisles)), (0, length_mm), Layout(
        [Aisle(f"A{number}", 3 * number, 0, length_mm) for number in range(aisles)], [0, length_mm]))  # fmt: skip
    stops = data.draw(stops_on(floor, 12))
    start = Point(data.draw(st.integers(0, 3 * aisles)), data.draw(st.sampled_from([0, length_mm])))
    exact_mm = plan_tour(floor.layout, stops, start, start).walk_mm

    assert exact_mm <= s_shape_mm(floor.layout, stops, start)
    assert exact_mm <= largest_gap_mm(floor.layout, stops, start)


@given(st.data())
@settings(max_examples=25)
def test_batches_hold_every_order_once_and_never_too_much(data: st.DataObject) -> None:
    floor = data.draw(floors(rows_min=2))
    start = data.draw(points_on(floor))
    orders = [
        Order(f"order {number}", data.draw(stops_on(floor, 4)), (data.draw(st.integers(0, 5)), data.draw(st.integers(0, 3))))
        for number in range(data.draw(st.integers(0, 7)))
    ]
    of = {order.code: order for order in orders}

    batches = batch_orders(floor.layout, orders, (6, 4), start, start, iterations=200)

    assert sorted(code for batch in batches for code in batch.orders) == sorted(of)
    for batch in batches:
        assert all(sum(of[code].load[part] for code in batch.orders) <= most for part, most in enumerate((6, 4)))
        stops = [stop for code in batch.orders for stop in of[code].stops]
        assert batch.walk_mm == plan_tour(floor.layout, stops, start, start).walk_mm
    assert sum(batch.walk_mm for batch in batches) <= sum(plan_tour(floor.layout, order.stops, start, start).walk_mm for order in orders)
