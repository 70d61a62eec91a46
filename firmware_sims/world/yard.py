# SPDX-License-Identifier: Apache-2.0
"""How a dock door's antennas and photo-eyes see a pallet go by.

A portal model, not a field solver: two-way path loss of 40 dB per decade from -45 dBm at 1.2 m, a noise of 2 dB per read and 3 dB per tag,
and a floor of -72 dBm below which a passive tag stays silent (guessed from the captured reads, whose strongest are near -40 and weakest near -75 dBm).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

READS_PER_S = 150.0
"""Reads per second of the whole portal: peak of the captured runs is 134-159."""
_DWELL_S = 0.05
_NEAR_M, _NEAR_DBM, _LOSS_DB_PER_DECADE, _FLOOR_DBM = 1.2, -45.0, 40.0, -72.0
_ANTENNA_M = {1: 0.75, 2: 0.75, 3: -0.75, 4: -0.75}
_HEIGHT_M = {1: 0.0, 2: 0.8, 3: 0.0, 4: 0.8}
_EYE_M = {"outer": -1.5, "inner": 1.5}
_HALF_PALLET_M = 0.6


@dataclass(frozen=True)
class Read:
    """A tag answers an antenna `at_s` seconds after the pass began."""

    at_s: float
    epc: str
    antenna: int
    peak_rssi_dbm: float


@dataclass(frozen=True)
class Edge:
    """A photo-eye is covered (`level` true) or freed."""

    at_s: float
    eye: str
    level: bool


@dataclass(frozen=True)
class Path:
    """Position of the pallet's centre along the door's axis: outside is negative, inside positive."""

    speed_m_s: float
    turn_at_m: float | None = None
    inward: bool = True
    start_m: float = 3.0

    @property
    def duration_s(self) -> float:
        """Until the pallet is out of sight again."""
        way_m = 2 * self.start_m if self.turn_at_m is None else 2 * (self.start_m + self.turn_at_m)
        return way_m / self.speed_m_s

    def position_m(self, at_s: float) -> float:
        """Where it is."""
        gone_m = self.speed_m_s * at_s
        if self.turn_at_m is not None and gone_m > self.start_m + self.turn_at_m:
            gone_m = 2 * (self.start_m + self.turn_at_m) - gone_m
        along_m = gone_m - self.start_m
        return along_m if self.inward else -along_m


def rssi_dbm(distance_m: float) -> float:
    """Strength of a tag's answer at a distance."""
    return _NEAR_DBM - _LOSS_DB_PER_DECADE * math.log10(max(distance_m, 0.3) / _NEAR_M)


@dataclass(frozen=True)
class _Tag:
    epc: str
    offset_m: float
    side_m: float
    gain_db: float


def see_pass(tags: Sequence[str], path: Path, rng: random.Random) -> Iterator[Read | Edge]:
    """Everything that a door sees of one pass, in order of time."""
    moving = [_Tag(epc, rng.uniform(-0.5, 0.5), rng.uniform(0.8, 1.4), rng.gauss(0, 3)) for epc in tags]
    covered = dict.fromkeys(_EYE_M, False)
    at_s = 0.0
    while at_s < path.duration_s:
        centre_m = path.position_m(at_s)
        for eye, place_m in _EYE_M.items():
            if (abs(centre_m - place_m) < _HALF_PALLET_M) != covered[eye]:
                covered[eye] = not covered[eye]
                yield Edge(at_s, eye, covered[eye])
        antenna = 1 + int(at_s / _DWELL_S) % 4
        if answers := list(_answers(moving, centre_m, antenna, rng)):
            epc, strength_dbm = rng.choice(answers)
            yield Read(at_s, epc, antenna, round(strength_dbm, 1))
        at_s += rng.uniform(0.5, 1.5) / READS_PER_S


def _answers(tags: Sequence[_Tag], centre_m: float, antenna: int, rng: random.Random) -> Iterator[tuple[str, float]]:
    for tag in tags:
        along_m = centre_m + tag.offset_m - _ANTENNA_M[antenna]
        strength_dbm = rssi_dbm(math.hypot(along_m, tag.side_m, _HEIGHT_M[antenna])) + tag.gain_db + rng.gauss(0, 2)
        if strength_dbm > _FLOOR_DBM:
            yield tag.epc, strength_dbm
