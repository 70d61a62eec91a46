# SPDX-License-Identifier: Apache-2.0
"""Contacts bounce: a level counts once it was read so, and nothing else, for long enough."""

from __future__ import annotations

from collections.abc import Iterable

from drivers.sensor_modbus.maps import Input


class Contacts:
    """The digital inputs of a unit. Times are monotonic seconds. The first level that is read counts at once: nobody knows of another."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self._debounce_s = {each.number: each.debounce_s for each in inputs}
        self._levels: dict[int, bool] = {}
        self._moving_since_s: dict[int, float] = {}

    def read(self, number: int, level: bool, now_s: float) -> bool:
        """A level was read; returns whether the input has changed by it."""
        if self._levels.get(number) == level:
            self._moving_since_s.pop(number, None)
            return False
        since_s = self._moving_since_s.setdefault(number, now_s)
        if number in self._levels and now_s - since_s < self._debounce_s[number]:
            return False
        self._levels[number] = level
        del self._moving_since_s[number]
        return True
