# SPDX-License-Identifier: Apache-2.0
"""Shortest tours with one-way aisles, exactly where the effort allows: the sweep of `exact`, with directions.

A walk is a connected directed multigraph in which as many edges come to each point as leave it (the start lacks one, the end has one too many).
What matters of the part already chosen is, for each row of the current column: untouched, or its piece and how many more walks came to it than
left it; that many go on to the right, or come from there. No line is walked more often than its flow needs, twice if that is nothing.
How large a flow may be is not bounded; partial walks are given up when they and what must still be walked cannot be shorter than a known walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise, product
from typing import NamedTuple

from central.tours.exact import Needs, columns_of, needs_of
from central.tours.layout import Column, Layout, Segment, Spot
from central.tours.streets import XY

Row = tuple[int, int] | None
"""Piece and balance (walks that came minus walks that left); None: untouched."""
State = tuple[Row, ...]
Arc = tuple[XY, XY, int]
"""Walked from one point to the other so many times."""


class FlowChoice(NamedTuple):
    """One way through a stretch. Degrees of freedom: the rows it touches and by how much it changes their balance."""

    low: int | None
    high: int | None
    joined: bool
    cost_mm: int
    arcs: tuple[Arc, ...]


class _Step(NamedTuple):
    rows: tuple[int, int]
    low_mm: int
    high_mm: int
    marks: tuple[tuple[int, int], ...]
    direction: str
    kind: str
    """link, stub (hangs on rows[0], to the places of the marks) or across (low and high are x)."""
    x_mm: int
    least_mm: int
    may_end: bool


def shortest_arcs(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot, shorter_than_mm: int, effort: int) -> tuple[int, list[Arc] | None, bool]:
    """The length and arcs of the shortest walk, if it is below `shorter_than_mm` (else that and None), and whether this is proven.

    It is not when more than `effort` partial walks would have to be looked at. A walk that stays within the one stretch that holds all its
    points is not seen; it needs no search.
    """
    steps = _steps(layout, spots, start, end)
    rest = list(accumulate((step.least_mm for step in reversed(steps)), initial=0))[::-1]
    empty: State = (None,) * len(layout.rows)
    layers: list[dict[State, tuple[int, State, tuple[Arc, ...]]]] = [{empty: (0, empty, ())}]
    best: tuple[int, int, State] | None = None
    limit_mm = shorter_than_mm
    looked = 0
    for number, step in enumerate(steps):
        found: dict[State, tuple[int, State, tuple[Arc, ...]]] = {}
        for state, (cost, _, _) in layers[-1].items():
            for target, spent, arcs in _onward(layout, step, state, limit_mm - cost - rest[number + 1]):
                reached = cost + spent
                if target not in found or reached < found[target][0]:
                    found[target] = (reached, state, arcs)
                looked += 1
        if looked > effort:
            return shorter_than_mm, None, False
        layers.append(found)
        if step.may_end:
            for state, (cost, _, _) in found.items():
                if cost < limit_mm and _is_closed(state):
                    best, limit_mm = (cost, len(layers) - 1, state), cost
    if best is None:
        return shorter_than_mm, None, True
    return best[0], _arcs_back(layers, best[1], best[2]), True


def _arcs_back(layers: Sequence[dict[State, tuple[int, State, tuple[Arc, ...]]]], last: int, state: State) -> list[Arc]:
    found: list[Arc] = []
    for layer in reversed(layers[1 : last + 1]):
        _, state, arcs = layer[state]
        found += arcs
    return found


def _is_closed(state: State) -> bool:
    return {row for row in state if row is not None} == {(1, 0)}


def _steps(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot) -> list[_Step]:
    needs = needs_of(spots, start, end)
    columns: list[tuple[int, Column | None]] = columns_of(layout, needs, whole=True)
    last = max(needs)
    closed = 2 if start == end else 1
    first = min(needs)
    steps: list[_Step] = []
    for index, (x_mm, column) in enumerate(columns):
        if index:
            left = columns[index - 1][0]
            least = closed * (x_mm - left) if first <= left and x_mm <= last else 0
            steps.append(_Step((0, 0), left, x_mm, (), "both", "across", left, least, False))
        steps += _column_steps(layout, x_mm, column, needs.get(x_mm), start, end)
        if x_mm >= last and steps:
            steps[-1] = steps[-1]._replace(may_end=True)
    return steps


def _supply(x_mm: int, y_mm: int, start: Spot, end: Spot) -> int:
    """1 where the walk starts, -1 where it ends, 0 elsewhere and where it does both."""
    return ((x_mm, y_mm) == (start.x_mm, start.y_mm)) - ((x_mm, y_mm) == (end.x_mm, end.y_mm))


def _column_steps(layout: Layout, x_mm: int, column: Column | None, need: Needs | None, start: Spot, end: Spot) -> Iterator[_Step]:
    if need is not None:
        for row in need.rows:
            y_mm = layout.rows[row]
            yield _Step((row, row), y_mm, y_mm, ((y_mm, _supply(x_mm, y_mm, start, end)),), "both", "stub", x_mm, 0, False)
    for index, segment in enumerate(column.segments if column is not None else ()):
        marks = tuple((y_mm, _supply(x_mm, y_mm, start, end)) for y_mm in sorted(need.segments.get(index, ()))) if need is not None else ()
        if segment.low_row is not None and segment.high_row is not None:
            least = min(choice.cost_mm for flow in (-2, -1, 0, 1, 2) for choice in _link_choices(x_mm, segment, marks, flow))
            rows = (segment.low_row, segment.high_row)
            yield _Step(rows, segment.y_low_mm, segment.y_high_mm, marks, segment.direction, "link", x_mm, least, False)
        elif marks:
            hook = segment.low_row if segment.low_row is not None else segment.high_row
            assert hook is not None
            yield _Step((hook, hook), segment.y_low_mm, segment.y_high_mm, marks, "both", "stub", x_mm, 0, False)


def _onward(layout: Layout, step: _Step, state: State, budget_mm: int) -> Iterator[tuple[State, int, tuple[Arc, ...]]]:
    """Where one gets from a state in one step for less than the budget."""
    if step.kind == "across":
        yield from _across(layout, step, state, budget_mm)
        return
    for choice in _choices(layout, step, budget_mm):
        if choice.cost_mm < budget_mm:
            yield _touched(state, step.rows, choice), choice.cost_mm, choice.arcs


def _choices(layout: Layout, step: _Step, budget_mm: int) -> Iterator[FlowChoice]:
    if step.kind == "stub":
        yield _stub_choice(step, layout.rows[step.rows[0]])
        return
    segment = Segment(step.low_mm, step.high_mm, *step.rows, step.direction)
    yield from _link_choices(step.x_mm, segment, step.marks, 0)
    for sign in (1, -1):
        flow = sign
        while True:
            choices = _link_choices(step.x_mm, segment, step.marks, flow)
            yield from choices
            if abs(flow) > 1 and (not choices or min(choice.cost_mm for choice in choices) >= budget_mm):
                break
            flow += sign


@lru_cache(maxsize=20_000)
def _link_choices(x_mm: int, segment: Segment, marks: tuple[tuple[int, int], ...], flow: int) -> tuple[FlowChoice, ...]:
    """The ways through a link into which `flow` more walks go from its low end than come back."""
    return tuple(_passes(x_mm, segment, marks, flow))


def _passes(x_mm: int, segment: Segment, marks: tuple[tuple[int, int], ...], flow: int) -> Iterator[FlowChoice]:
    bounds = list(pairwise((segment.y_low_mm, *(y_mm for y_mm, _ in marks), segment.y_high_mm)))
    flows = list(accumulate((supply for _, supply in marks), initial=flow))
    if any(value < 0 for value in flows) and segment.direction == "up":
        return
    if any(value > 0 for value in flows) and segment.direction == "down":
        return
    walks_back = segment.direction == "both"
    still = [index for index, value in enumerate(flows) if value == 0]
    for gap in (None, *still):
        if not walks_back and len(still) > (gap is not None):
            continue
        arcs: list[Arc] = []
        for index, ((low, high), value) in enumerate(zip(bounds, flows, strict=True)):
            if index != gap:
                arcs += _arcs((x_mm, low), (x_mm, high), value)
        cost_mm = sum((abs(value) if value else 2) * (high - low) for index, ((low, high), value) in enumerate(zip(bounds, flows, strict=True)) if index != gap)
        low_change = None if gap == 0 else -flows[0]
        high_change = None if gap == len(marks) else flows[-1]
        yield FlowChoice(low_change, high_change, gap is None, cost_mm, tuple(arcs))


def _arcs(one: XY, other: XY, flow: int) -> list[Arc]:
    if flow:
        return [(one, other, flow) if flow > 0 else (other, one, -flow)]
    return [(one, other, 1), (other, one, 1)]


def _stub_choice(step: _Step, row_y_mm: int) -> FlowChoice:
    """Into a dead end and back; on the crossing itself the marks have no way to go."""
    ordered = sorted(step.marks, key=lambda mark: abs(mark[0] - row_y_mm), reverse=True)
    supply, cost_mm = 0, 0
    arcs: list[Arc] = []
    for (y_mm, more), (nearer, _) in zip(ordered, [*ordered[1:], (row_y_mm, 0)], strict=True):
        supply += more
        if y_mm != nearer:
            arcs += _arcs((step.x_mm, y_mm), (step.x_mm, nearer), supply)
            cost_mm += (abs(supply) or 2) * abs(y_mm - nearer)
    return FlowChoice(supply, None, False, cost_mm, tuple(arcs))


def _touched(state: State, rows: tuple[int, int], choice: FlowChoice) -> State:
    """The state after a choice within a column."""
    found = list(state)
    fresh = len(state) + 1
    for row, change in zip(rows, (choice.low, choice.high), strict=True):
        if change is not None:
            piece, balance = found[row] or (fresh, 0)
            found[row] = (piece, balance + change)
            fresh += 1
    low, high = found[rows[0]], found[rows[1]]
    if choice.joined and low is not None and high is not None:
        found = [(low[0], row[1]) if row is not None and row[0] == high[0] else row for row in found]
    return _named(found)


def _named(rows: Sequence[Row]) -> State:
    names: dict[int, int] = {}
    return tuple(None if row is None else (names.setdefault(row[0], len(names) + 1), row[1]) for row in rows)


def _across(layout: Layout, step: _Step, state: State, budget_mm: int) -> Iterator[tuple[State, int, tuple[Arc, ...]]]:
    """On to the next column: each row's balance goes on; a balanced row goes on by one walk there and one back, or not."""
    width_mm = step.high_mm - step.low_mm
    pieces = {row[0] for row in state if row is not None}
    if not pieces:
        yield state, 0, ()
        return
    options = [((0,) if row is None else (abs(row[1]),) if row[1] else (0, 2)) for row in state]
    for edges in product(*options):
        cost_mm = width_mm * sum(edges)
        if cost_mm >= budget_mm or {row[0] for row, count in zip(state, edges, strict=True) if row is not None and count} != pieces:
            continue
        arcs: list[Arc] = []
        for y_mm, row, count in zip(layout.rows, state, edges, strict=True):
            if row is not None and count:
                arcs += _arcs((step.low_mm, y_mm), (step.high_mm, y_mm), row[1])
        yield _named([row if count else None for row, count in zip(state, edges, strict=True)]), cost_mm, tuple(arcs)
