# SPDX-License-Identifier: Apache-2.0
"""What a partial tour looks like from its right edge: the states of the exact dynamic program and the moves between them.

Ratliff & Rosenthal, "Order-picking in a rectangular warehouse", Operations Research 31(3) 1983, for two cross aisles; here for any number of rows.
A tour is a connected multigraph in which every point has even degree (but start and end, where they differ). Swept from left to right, all that
matters of the part already chosen is, for each row of the current column: untouched, or its degree's parity and which piece it belongs to.
A state is a tuple with one number a row: 0 untouched, else 2 * piece + (1 if odd), pieces numbered from 1 in order of appearance.
States are numbered as they are met and all moves are kept, so that a layout's later tours only look them up.
"""

from __future__ import annotations

from itertools import product
from threading import Lock

State = tuple[int, ...]
Crossing = tuple[int, int, tuple[int, ...]]
"""Where one gets, how many edges that takes, and how many on each row."""

EMPTY = 0
"""Number of the state before anything is chosen."""


class Moves(dict[int, int]):
    """The moves of one kind: state to state, worked out when first asked for.

    In a column the point on `low` gains `low_degree` edges and that on `high` gains `high_degree`; `joined`: a walk connects the two.
    """

    def __init__(self, frontier: Frontier, low: int, high: int, low_degree: int, high_degree: int, joined: bool) -> None:
        super().__init__()
        self._frontier = frontier
        self._low, self._high = low, high
        self._degrees = (low_degree, high_degree)
        self._joined = joined

    def __missing__(self, number: int) -> int:
        rows = list(self._frontier.states[number])
        fresh = 2 * len(rows) + 2
        for row, degree in zip((self._low, self._high), self._degrees, strict=True):
            if degree:
                rows[row] = (rows[row] or fresh) ^ (degree & 1)
                fresh += 2
        if self._joined:
            kept, gone = rows[self._low] >> 1, rows[self._high] >> 1
            rows = [2 * kept + (code & 1) if code >> 1 == gone else code for code in rows]
        self[number] = found = self._frontier.number(rows)
        return found


class Crossings(dict[int, tuple[Crossing, ...]]):
    """For each state, the ways on to the next column: odd rows take one edge, even rows two or none, and no piece is left behind."""

    def __init__(self, frontier: Frontier) -> None:
        super().__init__()
        self._frontier = frontier

    def __missing__(self, number: int) -> tuple[Crossing, ...]:
        state = self._frontier.states[number]
        pieces = {code >> 1 for code in state if code}
        best: dict[int, Crossing] = {}
        for edges in product(*(((0,) if not code else (1,) if code & 1 else (0, 2)) for code in state)):
            if {code >> 1 for code, count in zip(state, edges, strict=True) if count} != pieces:
                continue
            target = self._frontier.number([(code & ~1) | (count & 1) if count else 0 for code, count in zip(state, edges, strict=True)])
            if target not in best or sum(edges) < best[target][1]:
                best[target] = (target, sum(edges), edges)
        self[number] = found = tuple(best.values())
        return found


class Frontier:
    """States and moves for one number of rows; shared by all layouts that have so many. Use `frontier_of`."""

    def __init__(self, rows: int) -> None:
        self.states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._lock = Lock()
        self._moves: dict[tuple[int, int, int, int, bool], Moves] = {}
        self.crossings = Crossings(self)
        self.number([0] * rows)

    def number(self, rows: list[int]) -> int:
        """The number of a state, its pieces renumbered in order of appearance."""
        names: dict[int, int] = {}
        state = tuple(2 * names.setdefault(code >> 1, len(names) + 1) + (code & 1) if code else 0 for code in rows)
        found = self._numbers.get(state)
        return self._fresh_number(state) if found is None else found

    def _fresh_number(self, state: State) -> int:
        """Tours are planned by several threads at once; numbers are given by one at a time."""
        with self._lock:
            if state not in self._numbers:
                self.states.append(state)
                self._numbers[state] = len(self.states) - 1
            return self._numbers[state]

    def link(self, row: int, low_degree: int, high_degree: int, joined: bool) -> Moves:
        """Moves by what is walked between `row` and the next row in a column."""
        return self._kept(row, row + 1, low_degree, high_degree, joined)

    def stub(self, row: int, degree: int) -> Moves:
        """Moves by what hangs on the crossing at `row` alone."""
        return self._kept(row, row, degree, 0, False)

    def is_closed(self, number: int) -> bool:
        """Whether the state is a whole tour: one piece, all even."""
        touched = {code for code in self.states[number] if code}
        return touched == {2}

    def _kept(self, low: int, high: int, low_degree: int, high_degree: int, joined: bool) -> Moves:
        key = (low, high, low_degree, high_degree, joined)
        found = self._moves.get(key)
        if found is None:
            found = self._moves[key] = Moves(self, low, high, low_degree, high_degree, joined)
        return found


_frontiers: dict[int, Frontier] = {}
_frontiers_lock = Lock()


def frontier_of(rows: int) -> Frontier:
    """The frontier for a number of rows: one in a process, whoever asks, since its numbers mean nothing to another one."""
    with _frontiers_lock:
        found = _frontiers.get(rows)
        if found is None:
            found = _frontiers[rows] = Frontier(rows)
        return found
