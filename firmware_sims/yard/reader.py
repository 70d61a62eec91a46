# SPDX-License-Identifier: Apache-2.0
"""One reader: its antennas take turns; who answers, how strong, how often."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from firmware_sims.yard.bodies import Tag, Thing
from firmware_sims.yard.doors import Door
from firmware_sims.yard.radio import READ_NOISE_DB, Antenna, Echoes, Obstacle, answer_dbm, obstacle, read_probability

_TURN_S = 0.06
"""An antenna's turn at most (captures: 90 % below 60 ms)."""
_EMPTY_TURN_S = 0.025
_FAR_M, _BODY_M = 9.0, 3.4
"""Tags farther from a door are not heard by it; bodies farther away neither shade nor echo (the next lane's middle is 3.6 m away)."""


class Read(NamedTuple):
    """A tag answered an antenna of a door."""

    t_s: float
    epc: str
    antenna: int
    peak_rssi_dbm: float


class _Silent:
    """Which tags this reader has just counted: they keep still for a while (Gen2 inventoried flag)."""

    def __init__(self, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._until_s: dict[str, float] = {}

    def keeps(self, epc: str, t_s: float) -> bool:
        return self._until_s.get(epc, 0.0) > t_s

    def counted(self, epc: str, t_s: float, rng: random.Random) -> None:
        self._until_s[epc] = t_s + self._quiet_s * rng.uniform(0.7, 1.5)


class Inventory:
    """A reader at work, turn by turn. What stands and moves before it (`things`) may change between turns."""

    def __init__(self, door: Door, things: Sequence[Thing], rng: random.Random) -> None:
        self._door, self._rng = door, rng
        self._ears = _Ears(door, things, rng)
        self.t_s = rng.uniform(0, _TURN_S)
        """When the next turn begins."""
        self._turn = 0

    def next_turn(self, until_s: float = math.inf) -> Iterator[Read]:
        """The next antenna has its turn, which ends at `until_s` at the latest."""
        door, rng = self._door, self._rng
        antenna = door.antennas[self._turn % len(door.antennas)]
        answers = self._ears.answers(antenna, self.t_s)
        rng.shuffle(answers)
        over_s, earliest_s = min(self.t_s + _TURN_S, until_s), self.t_s + _EMPTY_TURN_S
        for epc, strength_dbm in answers:
            self.t_s += door.slot_s * rng.uniform(0.6, 1.4)
            if self.t_s >= over_s:
                break
            self._ears.silent.counted(epc, self.t_s, rng)
            yield Read(self.t_s, epc, antenna.number, round(strength_dbm / door.step_db) * door.step_db)
        self.t_s = max(self.t_s, earliest_s) + rng.uniform(0.001, 0.004)
        self._turn += 1


def inventory(door: Door, things: Sequence[Thing], duration_s: float, rng: random.Random) -> Iterator[Read]:
    """What the reader of a door reports, in order of time."""
    reader = Inventory(door, things, rng)
    while reader.t_s < duration_s:
        yield from reader.next_turn(duration_s)


class _Ears:
    """What a door's antennas hear at a moment."""

    def __init__(self, door: Door, things: Sequence[Thing], rng: random.Random) -> None:
        self.silent = _Silent(door.quiet_s)
        self._door, self._things, self._rng = door, things, rng
        self._alone: dict[tuple[str, int], float] = {}

    def answers(self, antenna: Antenna, t_s: float) -> list[tuple[str, float]]:
        """The tags that answer this antenna now, each with its strength in dBm."""
        here = [(thing, place) for thing in self._things if (place := thing.at(t_s)) is not None and abs(place[0] - self._door.x) < _FAR_M]
        near = [(thing, place) for thing, place in here if abs(place[0] - self._door.x) < _BODY_M and abs(place[1]) < _FAR_M]
        obstacles = [obstacle(antenna, thing.body(place)) for thing, place in near]
        disturbed = any(not thing.way.stands for thing, _ in near)
        found = []
        for thing, place in here:
            own = obstacles if (thing, place) in near else [obstacle(antenna, thing.body(place))]
            for tag in thing.tags:
                if self.silent.keeps(tag.epc, t_s):
                    continue
                strength_dbm = self._strength_dbm(antenna, tag, place, own, same=thing.way.stands and not disturbed)
                if strength_dbm > -math.inf and self._rng.random() < read_probability(strength_dbm := strength_dbm + self._rng.gauss(0, READ_NOISE_DB)):
                    found.append((tag.epc, strength_dbm))
        return found

    def _strength_dbm(self, antenna: Antenna, tag: Tag, place: tuple[float, float], obstacles: Sequence[Obstacle], *, same: bool) -> float:
        """`same`: nothing moves, so that it answers as it did before."""
        key = (tag.epc, antenna.number)
        if same and key in self._alone:
            return self._alone[key]
        ear = (self._door.number, antenna.number)
        if ear not in tag.echoes:
            tag.echoes[ear] = Echoes(random.Random(f"{tag.epc} {ear}"))  # noqa: S311  # a simulation that can be repeated
        strength_dbm = answer_dbm(antenna, tag.place(place), tag.gain_db, tag.echoes[ear], obstacles)
        if same:
            self._alone[key] = strength_dbm
        return strength_dbm
