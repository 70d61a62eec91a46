# SPDX-License-Identifier: Apache-2.0
"""The ways to walk one stretch of an aisle so that every mark in it is reached.

Any shortest tour walks a piece between two neighbouring marks once, twice or not at all, and leaves out at most one piece (what lies between two
gaps would be cut off). A mark at which the tour starts or ends turns odd into even and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

Mark = tuple[int, bool]
"""How far from the stretch's low end, and whether the tour starts or ends there (not both)."""
Piece = tuple[int, int, int]
"""From, to (both from the low end), how many times it is walked."""


class Pass(NamedTuple):
    """One way through a link: how often its two ends are left into it, whether it connects them, its length and its pieces."""

    low_degree: int
    high_degree: int
    joined: bool
    length_mm: int
    pieces: tuple[Piece, ...]


class DeadEnd(NamedTuple):
    """The only way into a dead end and back (or not back, where the tour starts or ends in it)."""

    degree: int
    length_mm: int
    pieces: tuple[Piece, ...]


@lru_cache(maxsize=100_000)
def link_passes(length_mm: int, marks: tuple[Mark, ...]) -> tuple[Pass, ...]:
    """The shortest pass of each kind through a link; `marks` ascending, each place once."""
    best: dict[tuple[int, int, bool], Pass] = {}
    for found in _passes(length_mm, marks):
        kind = found[:3]
        if kind not in best or found.length_mm < best[kind].length_mm:
            best[kind] = found
    return tuple(best.values())


def _passes(length_mm: int, marks: tuple[Mark, ...]) -> Iterator[Pass]:
    bounds = list(pairwise((0, *(place for place, _ in marks), length_mm)))
    for first_odd in (True, False):
        odd = list(accumulate((turns for _, turns in marks), lambda before, turns: before != turns, initial=first_odd))
        pieces = tuple((low, high, 1 if is_odd else 2) for (low, high), is_odd in zip(bounds, odd, strict=True))
        whole_mm = sum((high - low) * times for low, high, times in pieces)
        low_degree, high_degree = pieces[0][2], pieces[-1][2]
        yield Pass(low_degree, high_degree, True, whole_mm, pieces)
        for index, (low, high, times) in enumerate(pieces):
            if times == 2:
                kept = pieces[:index] + pieces[index + 1 :]
                yield Pass(low_degree if index else 0, high_degree if index < len(marks) else 0, False, whole_mm - 2 * (high - low), kept)


@lru_cache(maxsize=100_000)
def dead_end(marks: tuple[Mark, ...]) -> DeadEnd:
    """The way into a dead end to all its marks; places measured from its open end, ascending."""
    odd = False
    pieces: list[Piece] = []
    for (low, _), (high, turns) in reversed(list(pairwise(((0, False), *marks)))):
        odd = odd != turns
        pieces.append((low, high, 1 if odd else 2))
    return DeadEnd(pieces[-1][2], sum((high - low) * times for low, high, times in pieces), tuple(pieces))
