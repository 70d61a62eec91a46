# SPDX-License-Identifier: Apache-2.0
"""From the edges of a tour to the walk itself: a trail that uses every edge as often as it counts (Hierholzer 1873)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from central.tours.exact import Edge

XY = tuple[int, int]


def trail(edges: Iterable[Edge], start: XY, end: XY) -> list[XY]:
    """A walk from `start` to `end` over all edges, points in order. The edges are connected and every point but start and end has even degree."""
    neighbours: dict[XY, list[XY]] = {}
    for a, b, times in edges:
        if a != b:
            neighbours.setdefault(a, []).extend([b] * times)
            neighbours.setdefault(b, []).extend([a] * times)
    for others in neighbours.values():
        others.sort()
    stack, done = [end], []
    while stack:
        here = stack[-1]
        ways = neighbours.get(here)
        if ways:
            following = _onward(ways, stack[-2] if len(stack) > 1 else None)
            neighbours[following].remove(here)
            stack.append(following)
        else:
            done.append(stack.pop())
    assert done[0] == start
    return done


def directed_trail(arcs: Iterable[Edge], start: XY, end: XY) -> list[XY]:
    """The same for arcs, each walked from its first point to its second."""
    following: dict[XY, list[XY]] = {}
    for a, b, times in arcs:
        if a != b:
            following.setdefault(a, []).extend([b] * times)
    for others in following.values():
        others.sort()
    stack, done = [start], []
    while stack:
        ways = following.get(stack[-1])
        if ways:
            stack.append(_onward(ways, stack[-2] if len(stack) > 1 else None))
        else:
            done.append(stack.pop())
    assert done[0] == end
    return done[::-1]


def _onward(others: list[XY], came_from: XY | None) -> XY:
    """A way on, rather not back where one came from."""
    for index in range(len(others) - 1, -1, -1):
        if others[index] != came_from:
            return others.pop(index)
    return others.pop()


def length_mm(walk: Sequence[XY]) -> int:
    """How far a walk is, along x and y."""
    return sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(walk))
