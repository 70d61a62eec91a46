# SPDX-License-Identifier: Apache-2.0
"""Shortest tours, exactly: a dynamic program over the columns of the layout, from left to right (see `frontier`).

Right for any layout without one-way aisles; the effort grows linearly with the columns and about fivefold with each cross aisle, hardly with
the stops. Start and end may differ and may lie on a cross aisle or in an aisle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from central.tours.frontier import EMPTY, Frontier, Moves, frontier_of
from central.tours.layout import Column, Layout, Segment, Spot
from central.tours.passes import Mark, Piece, dead_end, link_passes

Edge = tuple[tuple[int, int], tuple[int, int], int]
"""Two points (x, y) of one line and how many times one walks between them."""


class Choice(NamedTuple):
    """One of the ways that a step offers: the moves it makes, what it costs and the pieces it walks, y from the step's base."""

    moves: Moves
    cost_mm: int
    pieces: tuple[Piece, ...]


class Step(NamedTuple):
    """One step of the sweep: choices within a column, or (no choices) the way on to the next one."""

    choices: tuple[Choice, ...]
    x_mm: int
    base_mm: int
    width_mm: int
    may_end: bool
    """Whether the tour may be complete after this step."""


@dataclass(slots=True)
class Needs:
    """What must be visited in one column: on its rows and in its segments; the flag says that the tour starts or ends there."""

    rows: dict[int, bool] = field(default_factory=dict)
    segments: dict[int, dict[int, bool]] = field(default_factory=dict)


def shortest_length_mm(layout: Layout, spots: Iterable[Spot], start: Spot, end: Spot) -> int:
    """The length of the shortest walk from `start` over all `spots` to `end`."""
    spots = list(spots)
    inside = _within_one_segment(layout, spots, start, end)
    steps = steps_of(layout, spots, start, end)
    best = _sweep(frontier_of(len(layout.rows)), steps, None)[0]
    return best if inside is None else min(best, inside[0])


def shortest_edges(layout: Layout, spots: Iterable[Spot], start: Spot, end: Spot) -> tuple[int, list[Edge]]:
    """The length of the shortest walk and the edges it is made of (a trail over them: `walks.trail`)."""
    spots = list(spots)
    inside = _within_one_segment(layout, spots, start, end)
    steps = steps_of(layout, spots, start, end)
    layers: list[dict[int, int]] = []
    frontier = frontier_of(len(layout.rows))
    best, last, state = _sweep(frontier, steps, layers)
    if inside is not None and inside[0] <= best:
        return inside
    return best, _edges(frontier, layout, steps[: last + 1], layers, state)


def steps_of(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot) -> list[Step]:
    """The sweep for one question. Columns outside the first complete ones beyond the spots cannot help and are left out."""
    needs = needs_of(spots, start, end)
    frontier = frontier_of(len(layout.rows))
    columns = columns_of(layout, needs)
    last_x = max(needs)
    steps: list[Step] = []
    for index, (x_mm, column) in enumerate(columns):
        if index:
            steps.append(Step((), columns[index - 1][0], 0, x_mm - columns[index - 1][0], False))
        steps += _column_steps(frontier, x_mm, column, needs.get(x_mm))
        if x_mm >= last_x and steps:
            steps[-1] = steps[-1]._replace(may_end=True)
    return steps


def needs_of(spots: Iterable[Spot], start: Spot, end: Spot) -> dict[int, Needs]:
    """What must be visited, by x."""
    needs: dict[int, Needs] = {}
    for spot, turns in (*((spot, False) for spot in spots), (start, True), (end, True)):
        need = needs.setdefault(spot.x_mm, Needs())
        if spot.row is not None:
            need.rows[spot.row] = need.rows.get(spot.row, False) != turns
        elif spot.segment is not None:
            marks = need.segments.setdefault(spot.segment, {})
            marks[spot.y_mm] = marks.get(spot.y_mm, False) != turns
    return needs


def columns_of(layout: Layout, needs: dict[int, Needs], *, whole: bool = False) -> list[tuple[int, Column | None]]:
    """The columns to sweep, with bare places on cross aisles between them as columns without aisles; `whole`: all of the layout."""
    first_x, last_x = min(needs), max(needs)
    complete = [column.x_mm for column in layout.columns if column.complete and not whole]
    low = max((x_mm for x_mm in complete if x_mm <= first_x), default=min(first_x, layout.columns[0].x_mm))
    high = min((x_mm for x_mm in complete if x_mm >= last_x), default=max(last_x, layout.columns[-1].x_mm))
    found: dict[int, Column | None] = {column.x_mm: column for column in layout.columns if low <= column.x_mm <= high}
    found.update((x_mm, None) for x_mm in needs if x_mm not in layout.column_of)
    return sorted(found.items(), key=lambda item: item[0])


def _column_steps(frontier: Frontier, x_mm: int, column: Column | None, need: Needs | None) -> list[Step]:
    steps: list[Step] = []
    if need is not None:
        steps += [Step((Choice(frontier.stub(row, 1 if turns else 2), 0, ()),), x_mm, 0, 0, False) for row, turns in need.rows.items()]
    for index, segment in enumerate(column.segments if column is not None else ()):
        places = need.segments.get(index) if need is not None else None
        if segment.low_row is not None and segment.high_row is not None:
            low = segment.y_low_mm
            marks = tuple(sorted([(y_mm - low, turns) for y_mm, turns in places.items()])) if places else ()
            steps.append(Step(_link_choices(frontier, segment.low_row, segment.y_high_mm - low, marks), x_mm, low, 0, False))
        elif places:
            steps.append(_dead_end_step(frontier, x_mm, segment, places))
    return steps


@lru_cache(maxsize=50_000)
def _link_choices(frontier: Frontier, row: int, length_mm: int, marks: tuple[Mark, ...]) -> tuple[Choice, ...]:
    ways = link_passes(length_mm, marks)
    return tuple([Choice(frontier.link(row, way.low_degree, way.high_degree, way.joined), way.length_mm, way.pieces) for way in ways])


def _dead_end_step(frontier: Frontier, x_mm: int, segment: Segment, places: dict[int, bool]) -> Step:
    if segment.low_row is not None:
        row, base, sign = segment.low_row, segment.y_low_mm, 1
    else:
        assert segment.high_row is not None
        row, base, sign = segment.high_row, segment.y_high_mm, -1
    way = dead_end(tuple(sorted((sign * (y_mm - base), turns) for y_mm, turns in places.items())))
    pieces = tuple((sign * a, sign * b, times) for a, b, times in way.pieces)
    return Step((Choice(frontier.stub(row, way.degree), way.length_mm, pieces),), x_mm, base, 0, False)


def _sweep(frontier: Frontier, steps: Sequence[Step], layers: list[dict[int, int]] | None) -> tuple[int, int, int]:
    """The shortest length, the index of the step after which it is reached, and the state then. Each step's costs go to `layers`, if given."""
    costs: dict[int, int] = {EMPTY: 0}
    found: tuple[int, int, int] | None = None
    for index, step in enumerate(steps):
        if layers is not None:
            layers.append(costs)
        costs = _chosen(costs, step.choices) if step.choices else _crossed(frontier, costs, step.width_mm)
        if step.may_end:
            ended = min(((cost, index, state) for state, cost in costs.items() if frontier.is_closed(state)), default=None)
            if ended is not None and (found is None or ended < found):
                found = ended
    assert found is not None, "a layout is connected, so a tour always exists"
    return found


def _chosen(costs: dict[int, int], choices: tuple[Choice, ...]) -> dict[int, int]:
    found: dict[int, int] = {}
    known = found.get
    for moves, cost_mm, _ in choices:
        for state, cost in costs.items():
            target = moves[state]
            best = known(target)
            cost += cost_mm
            if best is None or cost < best:
                found[target] = cost
    return found


def _crossed(frontier: Frontier, costs: dict[int, int], width_mm: int) -> dict[int, int]:
    found: dict[int, int] = {}
    crossings = frontier.crossings
    for state, cost in costs.items():
        for target, count, _ in crossings[state]:
            reached = cost + count * width_mm
            if target not in found or reached < found[target]:
                found[target] = reached
    return found


def _edges(frontier: Frontier, layout: Layout, steps: Sequence[Step], layers: Sequence[dict[int, int]], state: int) -> list[Edge]:
    """Back from the last state to the empty one, collecting what was walked."""
    edges: list[Edge] = []
    cost = _cost_after(frontier, layers[len(steps) - 1], steps[-1], state)
    for step, before in zip(reversed(steps), reversed(layers[: len(steps)]), strict=True):
        state, cost, walked = _step_back(frontier, layout, step, before, state, cost)
        edges += walked
    return edges


def _cost_after(frontier: Frontier, before: dict[int, int], step: Step, state: int) -> int:
    after = _chosen(before, step.choices) if step.choices else _crossed(frontier, before, step.width_mm)
    return after[state]


def _step_back(frontier: Frontier, layout: Layout, step: Step, before: dict[int, int], state: int, cost: int) -> tuple[int, int, Sequence[Edge]]:
    for choice in step.choices:
        wanted, low = cost - choice.cost_mm, step.base_mm
        for previous, spent in before.items():
            if spent == wanted and choice.moves[previous] == state:
                return previous, spent, [((step.x_mm, low + a), (step.x_mm, low + b), times) for a, b, times in choice.pieces]
    for previous, spent in before.items() if not step.choices else ():
        if spent <= cost:
            for target, count, by_row in frontier.crossings[previous]:
                if target == state and spent + count * step.width_mm == cost:
                    right = step.x_mm + step.width_mm
                    return previous, spent, [((step.x_mm, layout.rows[row]), (right, layout.rows[row]), n) for row, n in enumerate(by_row) if n]
    raise AssertionError("every state of a layer was reached from the layer before")


def _within_one_segment(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot) -> tuple[int, list[Edge]] | None:
    """The walk that never leaves the aisle between two crossings, where all there is to visit lies in one."""
    places = {(spot.x_mm, spot.segment) for spot in (*spots, start, end)}
    if len(places) > 1 or start.segment is None:
        return None
    x_mm = start.x_mm
    ys = sorted({spot.y_mm for spot in (*spots, start, end)})
    low, high = min(start.y_mm, end.y_mm), max(start.y_mm, end.y_mm)
    pieces = [((x_mm, a), (x_mm, b), 1 if low <= a and b <= high else 2) for a, b in pairwise(ys)]
    return sum((b[1] - a[1]) * times for a, b, times in pieces), pieces
