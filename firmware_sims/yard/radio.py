# SPDX-License-Identifier: Apache-2.0
"""How strong a passive tag's answer comes back: free space both ways, antenna pattern, what stands between, echoes."""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Side = Literal["inner", "outer"]
WAVE_M = 0.346
"""866 MHz."""
NEAR_DBM = -56.5
"""Answer of an ordinary tag on goods, one metre before the antenna (fitted: the strongest reads of tags that pass are -52 to -73 dBm, median -65)."""
TAG_SPREAD_DB = 2.6
"""Tags differ by make, glue and what is in the box (fitted: standard deviation of the strongest reads 3.3 dB, a part of it echoes)."""
FLOOR_DBM = -76.0
"""An answer so strong is read every second time (captures: the weakest reads are -77 dBm)."""
_FLOOR_WIDTH_DB = 0.7
READ_NOISE_DB = 1.0
"""One tag that does not move (captures: 1.2-1.7 dB in a warehouse where something always moves; the rest comes from echoes)."""
_PATCH_EXPONENT = 35.0  # a patch antenna of 70 degrees: half the power at 35 degrees to the side
_BACK_DB = -18.0
_RICE_DB = 6.0  # direct path over the sum of all echoes
_ECHOES = 5
_BODY_ECHO = 0.5  # share of the field that a truck or a load throws back


class Point(NamedTuple):
    """Metres: `x` along the wall, `y` through the door (outside negative), `z` up."""

    x: float
    y: float
    z: float

    def to(self, other: Point) -> float:
        """Distance."""
        return math.sqrt((self.x - other.x) ** 2 + (self.y - other.y) ** 2 + (self.z - other.z) ** 2)


@dataclass(frozen=True)
class Antenna:
    """One port of a reader. `looks` is a unit vector."""

    number: int
    side: Side
    at: Point
    looks: Point

    def gain_db(self, point: Point) -> float:
        """Gain towards a point, relative to straight ahead."""
        distance_m = max(self.at.to(point), 0.05)
        straight = ((point.x - self.at.x) * self.looks.x + (point.y - self.at.y) * self.looks.y + (point.z - self.at.z) * self.looks.z) / distance_m
        return max(_BACK_DB, _PATCH_EXPONENT * math.log10(straight)) if straight > 0 else _BACK_DB


class _Echo(NamedTuple):
    kx: float
    ky: float
    kz: float
    phase: float


class Echoes:
    """The echoes of hall and floor at one tag for one antenna: plane waves, so strength changes over centimetres, and stays at the same place."""

    def __init__(self, rng: random.Random) -> None:
        turn = 2 * math.pi / WAVE_M
        self._amplitude = math.sqrt(10 ** (-_RICE_DB / 10) / _ECHOES)
        self._waves = []
        for _ in range(_ECHOES):
            up, round_rad = rng.uniform(-1, 1), rng.uniform(0, 2 * math.pi)
            flat = math.sqrt(1 - up * up)
            self._waves.append(_Echo(turn * flat * math.cos(round_rad), turn * flat * math.sin(round_rad), turn * up, rng.uniform(0, 2 * math.pi)))

    def field(self, at: Point) -> complex:
        """The field at a place relative to the direct path's."""
        real, imaginary, amplitude = 1.0, 0.0, self._amplitude
        for kx, ky, kz, phase in self._waves:
            angle = kx * at.x + ky * at.y + kz * at.z + phase
            real += amplitude * math.cos(angle)
            imaginary += amplitude * math.sin(angle)
        return complex(real, imaginary)


@dataclass(frozen=True)
class Body:
    """A box that swallows and throws back waves, at one moment: middle, half sizes, loss of one way through it by metre and at most (waves bend round it)."""

    x: float
    y: float
    half_x: float
    half_y: float
    loss_db_per_m: float
    loss_max_db: float

    def loss_db(self, start: Point, end: Point) -> float:
        """One way from start to end."""
        near, far = 0.0, 1.0
        for origin, delta, middle, half in ((start.x, end.x - start.x, self.x, self.half_x), (start.y, end.y - start.y, self.y, self.half_y)):
            if abs(delta) < 1e-9:
                if abs(origin - middle) > half:
                    return 0.0
                continue
            first, second = (middle - half - origin) / delta, (middle + half - origin) / delta
            near, far = max(near, min(first, second)), min(far, max(first, second))
        if far <= near:
            return 0.0
        return min(self.loss_max_db, self.loss_db_per_m * (far - near) * math.hypot(end.x - start.x, end.y - start.y))


class Obstacle(NamedTuple):
    """A body as one antenna meets it: how far its middle is, and the antenna's gain towards it (None: too far for an echo)."""

    body: Body
    middle: Point
    there_m: float
    gain_db: float | None


def obstacle(antenna: Antenna, body: Body) -> Obstacle:
    """What an antenna can know of a body before it asks for a tag."""
    middle = Point(body.x, body.y, 1.0)
    there_m = antenna.at.to(middle)
    return Obstacle(body, middle, there_m, antenna.gain_db(middle) if there_m < _ECHO_REACH_M else None)


def _echo(seen: Obstacle, tag: Point, direct_m: float, direct_gain_db: float) -> complex:
    """The field that a body throws back to a tag, relative to the direct path's; 0 for what lies within the body or right at it."""
    back_m = seen.middle.to(tag)
    if seen.gain_db is None or back_m < max(seen.body.half_x, seen.body.half_y) + 0.3:
        return 0j
    amplitude = _BODY_ECHO * direct_m / (seen.there_m + back_m) * 10 ** ((seen.gain_db - direct_gain_db) / 20)
    return cmath.rect(min(amplitude, 1.5), 2 * math.pi * (seen.there_m + back_m) / WAVE_M)


_ECHO_REACH_M = 3.5
_HOPELESS_DB, _ECHO_GAIN_DB = 5.0, 10.0
"""So far below the floor nobody listens; so much may echoes add (rarely more)."""


def answer_dbm(antenna: Antenna, tag: Point, tag_db: float, echoes: Echoes, obstacles: Sequence[Obstacle]) -> float:
    """Strength of a tag's answer at an antenna, without the noise of a read; -inf when it cannot be heard. All losses count twice: there and back."""
    direct_m = max(antenna.at.to(tag), 0.3)
    gain_db = antenna.gain_db(tag)
    straight_dbm = NEAR_DBM + tag_db + 2 * gain_db - 40 * math.log10(direct_m)
    if straight_dbm < FLOOR_DBM - _HOPELESS_DB - _ECHO_GAIN_DB:
        return -math.inf
    field = echoes.field(tag)
    loss_db = 0.0
    for seen in obstacles:
        loss_db += seen.body.loss_db(antenna.at, tag)
        field += _echo(seen, tag, direct_m, gain_db)
    return straight_dbm - 2 * loss_db + 40 * math.log10(max(abs(field), 0.05))


def read_probability(strength_dbm: float) -> float:
    """Whether one attempt at so strong an answer succeeds."""
    if strength_dbm < FLOOR_DBM - _HOPELESS_DB:
        return 0.0
    return 1 / (1 + math.exp((FLOOR_DBM - strength_dbm) / _FLOOR_WIDTH_DB))
