# SPDX-License-Identifier: Apache-2.0
"""A cold room: a compressor that cycles, warm air that leaks in, and a probe that sees it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class ColdRoom:
    """First-order thermal model: dT/dt = leak - cooling. Temperatures in degrees Celsius, rates in degrees per second."""

    random: random.Random
    set_point_c: float = 5.0
    hysteresis_c: float = 0.8
    outside_c: float = 22.0
    leak_per_s: float = 0.004
    cooling_c_per_s: float = 0.16
    temperature_c: float = 5.0
    compressor_on: bool = False
    broken: bool = False
    humidity_pct: float = field(default=62.0)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if self.temperature_c > self.set_point_c + self.hysteresis_c:
            self.compressor_on = True
        elif self.temperature_c < self.set_point_c - self.hysteresis_c:
            self.compressor_on = False
        cooling = self.cooling_c_per_s if self.compressor_on and not self.broken else 0.0
        self.temperature_c += (self.leak_per_s * (self.outside_c - self.temperature_c) - cooling) * seconds
        self.humidity_pct = min(95.0, max(30.0, self.humidity_pct + self.random.gauss(0, 0.2)))

    @property
    def seen_c(self) -> float:
        """What a probe with 0.05 degrees of noise shows, to a tenth."""
        return round(self.temperature_c + self.random.gauss(0, 0.05), 1)
