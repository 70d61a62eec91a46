# SPDX-License-Identifier: Apache-2.0
"""The doors of the yard: where antennas and photo-eyes hang, how each reader works, what is broken."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal

from firmware_sims.yard.radio import Antenna, Point, Side

Eye = Literal["outer", "inner", "presence"]
Eyes = Literal["none", "both", "presence"]
Fault = Literal["", "outer dead", "inner dead", "inner stuck", "flicker", "edges lost"]
DOORS = 4
PITCH_M = 3.6
_POST_M, _DEPTH_M = 1.4, 0.7
EYES: dict[Eyes, tuple[Eye, ...]] = {"none": (), "both": ("outer", "inner"), "presence": ("presence",)}
"""What hangs at a door, by its equipment."""
EYE_M: dict[Eye, float] = {"outer": -1.4, "inner": 1.4, "presence": 0.0}
LANE_M = 1.3
"""Half the width that a beam spans."""


@dataclass(frozen=True)
class Door:
    """One door. `quiet_s`: how long a tag that answered is silent (Gen2 session 1: 0.5-5 s by the standard; 0.1: session 0)."""

    number: int
    x: float
    antennas: tuple[Antenna, ...]
    quiet_s: float
    slot_s: float
    step_db: float
    eyes: Eyes = "none"
    fault: Fault = ""

    @property
    def sides(self) -> dict[int, Side]:
        """Antenna: side."""
        return {antenna.number: antenna.side for antenna in self.antennas}


def make_door(number: int, rng: random.Random, eyes: Eyes, fault: Fault) -> Door:
    """A door as an electrician hung it: antennas 1 and 2 look to the inner side, 3 and 4 to the outer, from both posts and different heights."""
    x = (number - 1) * PITCH_M
    antennas = []
    for index in range(4):
        side: Side = "inner" if index < 2 else "outer"
        post = -1 if index % 2 == 0 else 1
        sign = 1 if side == "inner" else -1
        turn_rad = math.radians(rng.uniform(15, 40))
        height_m = rng.choice((0.8, 1.2, 1.6)) + rng.uniform(-0.1, 0.1)
        at = Point(x + post * _POST_M, sign * (_DEPTH_M + rng.uniform(-0.15, 0.15)), height_m)
        antennas.append(Antenna(index + 1, side, at, Point(-post * math.cos(turn_rad), sign * math.sin(turn_rad), 0.0)))
    quiet_s = rng.choice((1.3, 1.3, 1.3, 0.12))
    return Door(number, x, tuple(antennas), quiet_s, rng.choice((0.005, 0.0065, 0.009)), rng.choice((0.5, 1.0)), eyes, fault)
