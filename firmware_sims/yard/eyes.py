# SPDX-License-Identifier: Apache-2.0
"""Photo-eyes: what covers the beams, and what is wrong with them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from firmware_sims.yard.bodies import Thing
from firmware_sims.yard.doors import EYE_M, EYES, LANE_M, Door, Eye

_STEP_S = 0.01
_LOST = 0.3
"""Share of edges that a worn input loses."""


class Edge(NamedTuple):
    """A beam was covered (`level` true) or freed."""

    t_s: float
    eye: Eye
    level: bool


def edges(door: Door, things: Sequence[Thing], duration_s: float, rng: random.Random) -> list[Edge]:
    """All edges of a door, in order of time."""
    found: list[Edge] = []
    for eye in EYES[door.eyes]:
        found += _faulty(door, eye, _true(door, eye, things, duration_s), rng)
    return sorted(found)


def _true(door: Door, eye: Eye, things: Sequence[Thing], duration_s: float) -> list[Edge]:
    covering = [thing for thing in things if thing.covers_eyes]
    covered, found = False, []
    for step in range(int(duration_s / _STEP_S)):
        t_s = step * _STEP_S
        now = any(covers(thing, door, EYE_M[eye], t_s) for thing in covering)
        if now != covered:
            covered = now
            found.append(Edge(t_s, eye, now))
    return found


def covers(thing: Thing, door: Door, beam_y: float, t_s: float) -> bool:
    """Whether a thing is in the beam of an eye (`beam_y` metres behind the plane) of a door."""
    if not thing.way.stands and not thing.way.start_s <= t_s <= thing.way.end_s:
        return False
    place = thing.at(t_s)
    return place is not None and abs(place[1] - beam_y) < thing.half_y and abs(place[0] - door.x) < LANE_M + thing.half_x


def _faulty(door: Door, eye: Eye, true: list[Edge], rng: random.Random) -> Iterator[Edge]:
    if door.fault == f"{eye} dead":
        return
    if door.fault == f"{eye} stuck":
        yield Edge(0.0, eye, True)
        return
    level = False
    for edge in true:
        if door.fault == "edges lost" and rng.random() < _LOST:
            continue
        if edge.level == level:
            continue
        level = edge.level
        yield edge
        for _ in range(rng.randint(1, 3) if door.fault == "flicker" else 0):
            off_s = edge.t_s + rng.uniform(0.01, 0.2)
            yield from (Edge(off_s, eye, not level), Edge(off_s + rng.uniform(0.005, 0.06), eye, level))
