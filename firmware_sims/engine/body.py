# SPDX-License-Identifier: Apache-2.0
"""What simulated things do as time passes, apart from any wire: they approach what they are drawn to, never beyond it, and their sensors are noisy by seed."""

from __future__ import annotations

import abc
import math
import random
from collections.abc import Callable


def linear(current: float, target: float, rate_per_s: float, dt_s: float) -> float:
    """A value that moves towards its target at a constant rate and stops there."""
    step = abs(rate_per_s) * dt_s
    return target if abs(target - current) <= step else current + math.copysign(step, target - current)


def exponential(current: float, target: float, time_constant_s: float, dt_s: float) -> float:
    """A value whose distance from its target shrinks by 1/e in each time constant; exact for any `dt_s`, so it never overshoots."""
    return target if time_constant_s <= 0 else target + (current - target) * math.exp(-dt_s / time_constant_s)


class Noise:
    """A sensor's noise: of one seed always the same. `sigma` in the unit of the value; values are rounded to `step`, the last digit of the display."""

    def __init__(self, seed: int | str, sigma: float, step: float = 0.0) -> None:
        self._random = random.Random(seed)  # noqa: S311  # a simulation
        self._sigma, self._step = sigma, step

    def on(self, value: float) -> float:
        """The value as the sensor tells it."""
        noisy = value + self._random.gauss(0.0, self._sigma) if self._sigma else value
        return round(round(noisy / self._step) * self._step, 9) if self._step else noisy


class Body(abc.ABC):
    """Something that changes while time passes. `advance` may be called with any `dt_s`; it is done in steps of at most `step_max_s`."""

    step_max_s = math.inf

    def advance(self, dt_s: float) -> None:
        """Let so many seconds pass. A time that runs backwards passes nothing."""
        left_s = max(0.0, dt_s)
        while left_s > 0:
            step_s = min(left_s, self.step_max_s)
            self.step(step_s)
            left_s -= step_s

    @abc.abstractmethod
    def step(self, dt_s: float) -> None:
        """Let a short time pass."""


class BodyClock:
    """Turns instants, as twins are told them, into the time that passes for a body. The first instant begins."""

    def __init__(self, advance: Callable[[float], None], speed: float = 1.0) -> None:
        self._advance, self._speed = advance, speed
        self._at_s: float | None = None

    def advance_to(self, now_s: float) -> float:
        """Let the body catch up; returns how much time passed for it."""
        dt_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s) * self._speed
        self._at_s = now_s if self._at_s is None else max(self._at_s, now_s)
        if dt_s:
            self._advance(dt_s)
        return dt_s
