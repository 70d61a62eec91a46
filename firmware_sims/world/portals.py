# SPDX-License-Identifier: Apache-2.0
"""Dock doors in real time: the physics of the yard moves along with the clock, and readers' twins are told what their antennas and photo-eyes see."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Literal, NamedTuple

from firmware_sims.engine.servers import TwinServer
from firmware_sims.yard.bodies import Thing, Way, jack, load, standing
from firmware_sims.yard.doors import EYE_M, Eye, make_door
from firmware_sims.yard.eyes import covers
from firmware_sims.yard.reader import Inventory
from firmware_sims.yard.scenarios import Scene, carried, through, turned

Direction = Literal["in", "out"]

_IN_SIGHT_S = 2.5
"""So far on its way a load is when it comes into sight: about 4 m before the door."""
_AWAY_S = 1.5
"""So long after its middle was in the door the next load may come into sight."""
_TURNS_AT_M = -0.5


class PhotoEyes(NamedTuple):
    """Which of the reader's inputs each photo-eye is wired to."""

    outer: int
    inner: int


class LiveYard:
    """Doors side by side (numbered from 1, as in `firmware_sims.yard`). Its clock begins with the first thing that happens in it."""

    def __init__(self, doors: int, rng: random.Random) -> None:
        self.scene = Scene("live", 0, rng, 0.0)
        self.scene.doors = {number: make_door(number, rng, "both", "") for number in range(1, doors + 1)}
        self._start_s: float | None = None

    def now_s(self) -> float:
        """Seconds of the yard's clock."""
        now_s = asyncio.get_running_loop().time()
        if self._start_s is None:
            self._start_s = now_s
        return now_s - self._start_s

    async def until(self, t_s: float) -> None:
        """Wait for a second of the yard's clock."""
        if (wait_s := t_s - self.now_s()) > 0:
            await asyncio.sleep(wait_s)

    async def watch(self, number: int, server: TwinServer, eyes: PhotoEyes) -> None:
        """Tell a reader what its antennas and inputs see, until cancelled."""
        door, things = self.scene.doors[number], self.scene.things
        reader = Inventory(door, things, self.scene.rng)
        reader.t_s += self.now_s()
        covered: dict[Eye, bool] = {"outer": False, "inner": False}
        while True:
            reads = list(reader.next_turn())
            await self.until(reader.t_s)
            for read in reads:
                server.stimulate("read", epc=read.epc, antenna=read.antenna, peak_rssi_dbm=read.peak_rssi_dbm)
            for eye, was in covered.items():
                now = any(thing.covers_eyes and covers(thing, door, EYE_M[eye], reader.t_s) for thing in things)
                if now != was:
                    covered[eye] = now
                    server.stimulate("input", input=getattr(eyes, eye), level=now)

    async def passes(self, number: int, direction: Direction, tags: Sequence[str], speed_m_s: float) -> None:
        """A load goes through a door; returns when the next one may come."""
        way = through(self.scene, number, direction, self._sighted_s(), speed_m_s)
        carried(self.scene, way, list(tags))
        await self._gone_by(way)

    async def turns_round_outside(self, number: int, tags: Sequence[str], speed_m_s: float) -> None:
        """What has just gone out through a door is brought in again, once it is out of sight; returns when it is out of the way."""
        way = max((thing.way for thing in self.scene.things if any(tag.epc == tags[0] for tag in thing.tags)), key=lambda way: way.end_s, default=None)
        if way is not None:
            await self.until(way.end_s)
        await self.passes(number, "in", tags, speed_m_s)
        await self.until(max(thing.way.end_s for thing in self.scene.things))

    async def two_pass(self, number: int, direction: Direction, loads: Sequence[Sequence[str]], speed_m_s: float, apart_s: float) -> None:
        """Loads on a truck each, so many seconds apart."""
        scene, start_s = self.scene, self._sighted_s()
        ways = [through(scene, number, direction, start_s + apart_s * index, speed_m_s) for index in range(len(loads))]
        for way, tags in zip(ways, loads, strict=True):
            scene.things += [load(way, tags, scene.rng), jack(way, 1 if direction == "in" else -1)]
        await self._gone_by(ways[-1])

    async def turns_back_then_passes(self, number: int, direction: Direction, tags: Sequence[str], speed_m_s: float) -> None:
        """A load comes up to the door, goes back, comes again, and goes through."""
        first = turned(self.scene, number, direction, self._sighted_s(), speed_m_s, _TURNS_AT_M)
        second = through(self.scene, number, direction, first.end_s + 1.0, speed_m_s)
        carried(self.scene, Way([*first.stops, *second.stops]), list(tags))
        await self._gone_by(second)

    def stands(self, number: int, tags: Sequence[str], *, side_m: float, depth_m: float) -> Thing:
        """Goods are put down beside a lane, so far to the side of its middle and behind the doors' plane."""
        thing = standing(tags, self.scene.x(number) + side_m, depth_m, 0.5, self.scene.rng)
        self.scene.things.append(thing)
        return thing

    def taken_away(self, thing: Thing) -> None:
        """What stood there does so no more."""
        self.scene.things.remove(thing)

    def _sighted_s(self) -> float:
        """The beginning of a way whose load comes into sight now. Who is gone is forgotten."""
        now_s = self.now_s()
        self.scene.things[:] = [thing for thing in self.scene.things if thing.way.stands or thing.way.end_s > now_s]
        return now_s - _IN_SIGHT_S

    async def _gone_by(self, way: Way) -> None:
        await self.until(way.crossings()[-1][0] + _AWAY_S)


async def pass_once(server: TwinServer, tags: Sequence[str], rng: random.Random, *, direction: Direction, eyes: PhotoEyes) -> None:
    """Let one load go through a door where nothing else stands or moves; returns when it is out of sight."""
    yard = LiveYard(1, rng)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(yard.watch(1, server, eyes))
        await yard.passes(1, direction, tags, speed_m_s=1.3)
        await yard.until(max(thing.way.end_s for thing in yard.scene.things))
        watching.cancel()
