# SPDX-License-Identifier: Apache-2.0
"""What moves and stands in the yard: loads with their tags, trucks, people; each on its way."""

from __future__ import annotations

import bisect
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_sims.yard.radio import TAG_SPREAD_DB, Body, Echoes, Point


class Stop(NamedTuple):
    """Where a thing is at a second."""

    t_s: float
    x: float
    y: float


class Way:
    """A way from stop to stop, straight between them. Before the first and after the last the thing is not there (or it stands, when `stands`)."""

    def __init__(self, stops: Iterable[Stop], *, stands: bool = False) -> None:
        self.stops = tuple(stops)
        self.stands = stands
        self._times = [stop.t_s for stop in self.stops]

    @property
    def start_s(self) -> float:
        """When it comes."""
        return self._times[0]

    @property
    def end_s(self) -> float:
        """When it is gone."""
        return self._times[-1]

    def at(self, t_s: float) -> tuple[float, float] | None:
        """Where the thing is; None: not there."""
        index = bisect.bisect_right(self._times, t_s)
        if index == 0 or index == len(self.stops):
            edge = self.stops[0 if index == 0 else -1]
            return (edge.x, edge.y) if self.stands or t_s == edge.t_s else None
        before, after = self.stops[index - 1], self.stops[index]
        share = (t_s - before.t_s) / (after.t_s - before.t_s)
        return before.x + share * (after.x - before.x), before.y + share * (after.y - before.y)

    def crossings(self) -> list[tuple[float, str]]:
        """When the middle went through the plane of the doors, and which way."""
        found = []
        for before, after in zip(self.stops, self.stops[1:], strict=False):
            if (before.y < 0) != (after.y < 0):
                found.append((before.t_s + (after.t_s - before.t_s) * before.y / (before.y - after.y), "in" if before.y < 0 else "out"))
        return found


@dataclass(eq=False)
class Tag:
    """A tag at a place on its load. `echoes` by (door, antenna), made when first needed."""

    epc: str
    dx: float
    dy: float
    z: float
    gain_db: float
    echoes: dict[tuple[int, int], Echoes] = field(default_factory=dict)

    def place(self, at: tuple[float, float]) -> Point:
        """Where it is when its load's middle is `at`."""
        return Point(at[0] + self.dx, at[1] + self.dy, self.z)


@dataclass(eq=False)
class Thing:
    """A load, truck or person on its way; several may share a way at fixed offsets. `what` is for people; `tags` may be none."""

    what: str
    way: Way
    half_x: float
    half_y: float
    loss_db_per_m: float
    loss_max_db: float
    offset_y: float = 0.0
    tags: Sequence[Tag] = ()
    covers_eyes: bool = True

    def at(self, t_s: float) -> tuple[float, float] | None:
        """Its middle."""
        place = self.way.at(t_s)
        return None if place is None else (place[0], place[1] + self.offset_y)

    def body(self, place: tuple[float, float]) -> Body:
        """As an obstacle."""
        return Body(place[0], place[1], self.half_x, self.half_y, self.loss_db_per_m, self.loss_max_db)


def load(way: Way, epcs: Sequence[str], rng: random.Random, *, what: str = "load", heights_m: tuple[float, float] = (0.2, 1.7)) -> Thing:
    """A pallet of 0.8 m by 1.2 m, driven lengthwise; tags on its faces more often than within. Dry goods: a few dB a metre."""
    density = rng.choice((3.0, 5.0, 8.0))
    return Thing(what, way, 0.4, 0.6, density, 6.0, tags=[_on_pallet(epc, heights_m, rng) for epc in epcs])


def _on_pallet(epc: str, heights_m: tuple[float, float], rng: random.Random) -> Tag:
    dx, dy = rng.uniform(-0.4, 0.4), rng.uniform(-0.6, 0.6)
    hidden = rng.random() < 0.3
    if not hidden and rng.random() < 0.6:
        dx = rng.choice((-0.4, 0.4))
    elif not hidden:
        dy = rng.choice((-0.6, 0.6))
    return Tag(epc, dx, dy, rng.uniform(*heights_m), rng.gauss(-2.0 if hidden else 0.0, TAG_SPREAD_DB))


def standing(epcs: Sequence[str], x: float, y: float, spread_m: float, rng: random.Random, *, what: str = "rack") -> Thing:
    """Goods that stand: tags spread round a place."""
    tags = [Tag(epc, rng.uniform(-spread_m, spread_m), rng.uniform(-spread_m, spread_m), rng.uniform(0.2, 2.2), rng.gauss(0.0, TAG_SPREAD_DB)) for epc in epcs]
    return Thing(what, Way([Stop(0.0, x, y)], stands=True), spread_m, spread_m, 1.0, 4.0, tags=tags, covers_eyes=False)


def forklift(way: Way, ahead: int) -> Thing:
    """A truck behind (`ahead` +1: the load goes before it towards inside; -1: towards outside) the load that shares its way."""
    return Thing("forklift", way, 0.55, 1.1, 25.0, 12.0, offset_y=-ahead * 1.9)


def jack(way: Way, ahead: int) -> Thing:
    """A person who pulls a hand pallet truck before the load."""
    return Thing("person", way, 0.25, 0.2, 12.0, 5.0, offset_y=ahead * 1.4)


def person(way: Way) -> Thing:
    """A person who walks."""
    return Thing("person", way, 0.25, 0.2, 12.0, 5.0)
