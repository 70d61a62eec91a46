# SPDX-License-Identifier: Apache-2.0
"""Tours where the exact sweep is not at home: one-way aisles, and floors with many cross aisles.

The stops become the nodes of an asymmetric travelling salesman path over shortest ways. All stops of a one-way stretch are one node, entered at
its tail and left at its head, since whoever walks it passes them all. Up to nine nodes Held & Karp (1962) is exact; beyond, a greedy path is
improved by moving and turning strings of stops (Or-opt, 2-opt) with random kicks, from a fixed seed and for a fixed number of rounds.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from central.tours.layout import Layout, Spot
from central.tours.streets import XY, Streets, streets_of

EXACT_NODES = 9
DEFAULT_ROUNDS = 60
_STRING_MAX = 12
Matrix = list[list[int]]


@dataclass(frozen=True, slots=True)
class Node:
    """Something to visit in one go: entered at the first spot, left at the last."""

    spots: tuple[Spot, ...]

    @property
    def inside_mm(self) -> int:
        """What is walked between entering and leaving; all on one line."""
        return abs(self.spots[0].y_mm - self.spots[-1].y_mm)


class Path(NamedTuple):
    """A walk by its points. `exact`: no shorter one exists."""

    walk_mm: int
    points: tuple[XY, ...]
    exact: bool


def general_path(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot, *, rounds: int = DEFAULT_ROUNDS, seed: int = 1) -> Path:
    """A short walk from `start` over all `spots` to `end`.

    `rounds` of kicks and improvements are made beyond the first path; the same seed gives the same walk.
    """
    streets = streets_of(layout)
    nodes = _nodes(layout, spots, start, end)
    matrix = _matrix(streets, [Node((start,)), *nodes, Node((end,))])
    exact = len(nodes) <= EXACT_NODES
    order = held_karp(matrix) if exact else improved(matrix, rounds, random.Random(seed))  # noqa: S311 - kicks, not secrets
    visits = [spot for index in order for spot in nodes[index - 1].spots]
    walk_mm, points = 0, [(start.x_mm, start.y_mm)]
    for here, there in zip([start, *visits], [*visits, end], strict=True):
        length_mm, way = streets.way(here, there)
        walk_mm += length_mm
        points += way[1:]
    return Path(walk_mm, tuple(points), exact)


def _nodes(layout: Layout, spots: Sequence[Spot], start: Spot, end: Spot) -> list[Node]:
    """Each place once; the places of a one-way stretch together, unless the tour starts or ends in it."""
    singles: dict[Spot, None] = {}
    grouped: dict[tuple[int, int], list[Spot]] = {}
    ends = {(spot.x_mm, spot.segment) for spot in (start, end)}
    for spot in spots:
        column = layout.column_of.get(spot.x_mm)
        one_way = column is not None and spot.segment is not None and layout.columns[column].segments[spot.segment].direction != "both"
        if one_way and spot.segment is not None and (spot.x_mm, spot.segment) not in ends:
            grouped.setdefault((spot.x_mm, spot.segment), []).append(spot)
        elif spot not in (start, end):
            singles[spot] = None
    nodes = [Node((spot,)) for spot in singles]
    for (x_mm, segment), group in grouped.items():
        downwards = layout.columns[layout.column_of[x_mm]].segments[segment].direction == "down"
        nodes.append(Node(tuple(sorted(set(group), key=lambda spot: spot.y_mm, reverse=downwards))))
    return nodes


def _matrix(streets: Streets, nodes: Sequence[Node]) -> Matrix:
    """From leaving one node to leaving another: the way there and through it."""
    return [[0 if here is there else streets.way(here.spots[-1], there.spots[0])[0] + there.inside_mm for there in nodes] for here in nodes]


def held_karp(matrix: Matrix) -> list[int]:
    """The best order of the nodes 1 .. n between node 0 and the last."""
    inner = range(1, len(matrix) - 1)
    best: dict[tuple[int, int], tuple[int, int]] = {(1 << node, node): (matrix[0][node], 0) for node in inner}
    layer = list(best)
    for _ in range(len(inner) - 1):
        following: dict[tuple[int, int], tuple[int, int]] = {}
        for seen, node in layer:
            for other in inner:
                if not seen >> other & 1:
                    key, length = (seen | 1 << other, other), best[seen, node][0] + matrix[node][other]
                    if key not in following or length < following[key][0]:
                        following[key] = (length, node)
        best.update(following)
        layer = list(following)
    if not layer:
        return []
    seen, node = min(layer, key=lambda key: best[key][0] + matrix[key[1]][-1])
    order = []
    while node:
        order.append(node)
        seen, node = seen & ~(1 << node), best[seen, node][1]
    return order[::-1]


def improved(matrix: Matrix, rounds: int, rng: random.Random) -> list[int]:
    """A good order of the nodes 1 .. n: cheapest insertion, local search, then rounds of double bridges kept when they do not hurt."""
    best = _local_search(matrix, _inserted(matrix))
    shortest = _length(matrix, best)
    for _ in range(rounds):
        tried = _local_search(matrix, _kicked(best, rng))
        length = _length(matrix, tried)
        if length <= shortest:
            best, shortest = tried, length
    return best


def _length(matrix: Matrix, order: Sequence[int]) -> int:
    return sum(matrix[here][there] for here, there in zip([0, *order], [*order, len(matrix) - 1], strict=True))


def _inserted(matrix: Matrix) -> list[int]:
    """Farthest insertion: each next node where it costs least, those first that are far from what is there."""
    last = len(matrix) - 1
    path = [0, last]
    left = set(range(1, last))
    nearest = {node: min(matrix[0][node], matrix[node][last]) for node in left}
    while left:
        node = max(left, key=lambda each: (nearest[each], each))
        at = min(range(len(path) - 1), key=lambda i: matrix[path[i]][node] + matrix[node][path[i + 1]] - matrix[path[i]][path[i + 1]])
        path.insert(at + 1, node)
        left.remove(node)
        for other in left:
            nearest[other] = min(nearest[other], matrix[node][other])
    return path[1:-1]


def _kicked(order: list[int], rng: random.Random) -> list[int]:
    """A double bridge within a stretch of the order: two neighbouring strings change places."""
    size = len(order)
    first = rng.randrange(size - 1)
    second = rng.randrange(first + 1, min(size, first + 1 + _STRING_MAX))
    third = rng.randrange(second + 1, min(size, second + _STRING_MAX) + 1)
    return order[:first] + order[second:third] + order[first:second] + order[third:]


def _local_search(matrix: Matrix, order: list[int]) -> list[int]:
    path = [0, *order, len(matrix) - 1]
    while _moved(matrix, path) or _turned(matrix, path):
        pass
    return path[1:-1]


def _moved(matrix: Matrix, path: list[int]) -> bool:
    """Or-opt: the first string found that stands better elsewhere, as it is or turned round; whether there was one."""
    size = len(path)
    for first in range(1, size - 1):
        turned = 0
        for last in range(first, min(first + _STRING_MAX, size - 1)):
            if last > first:
                turned += matrix[path[last]][path[last - 1]] - matrix[path[last - 1]][path[last]]
            head, tail = path[first], path[last]
            before, after = path[first - 1], path[last + 1]
            saved = matrix[before][head] + matrix[tail][after] - matrix[before][after]
            if saved <= 0:
                continue
            for at in range(size - 1):
                if first - 1 <= at <= last:
                    continue
                left, right = path[at], path[at + 1]
                base = matrix[left][right]
                straight = matrix[left][head] + matrix[tail][right] - base
                backwards = matrix[left][tail] + matrix[head][right] - base + turned
                if min(straight, backwards) < saved:
                    string = path[first : last + 1] if straight <= backwards else path[first : last + 1][::-1]
                    del path[first : last + 1]
                    where = at + 1 if at < first else at + 1 - len(string)
                    path[where:where] = string
                    return True
    return False


def _turned(matrix: Matrix, path: list[int]) -> bool:
    """2-opt for ways of unequal length: the first string found that is better walked the other way; whether there was one."""
    size = len(path)
    for first in range(1, size - 2):
        change = 0
        for last in range(first + 1, size - 1):
            change += matrix[path[last]][path[last - 1]] - matrix[path[last - 1]][path[last]]
            before, after = path[first - 1], path[last + 1]
            ends = matrix[before][path[last]] + matrix[path[first]][after] - matrix[before][path[first]] - matrix[path[last]][after]
            if change + ends < 0:
                path[first : last + 1] = path[first : last + 1][::-1]
                return True
    return False
