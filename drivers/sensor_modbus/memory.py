# SPDX-License-Identifier: Apache-2.0
"""What outlives the connections to a unit: how long its values have not moved, and how often it was silent."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.sensor_modbus.maps import MappedValue, ValueRefused

_PAUSE_S_MAX = 60.0
"""Chosen: at a time-out of 1 s and as much drain a dead unit takes 3 % of a shared line of sensors at the most, and serves a minute after it is back."""
_PAUSE_FIRST_S = 1.0  # chosen: a board that restarted after a dip of the mains is asked again before anybody misses it, whatever its interval
_DOUBLINGS_MAX = 10
_HOUR_S = 3600.0


class Memory:
    """Times are monotonic seconds."""

    def __init__(self) -> None:
        self.tries = 0
        self.next_try_s = float("-inf")
        self._still: dict[str, tuple[tuple[int, ...], float]] = {}

    def answered(self) -> None:
        """The unit is there."""
        self.tries, self.next_try_s = 0, float("-inf")

    def silent(self, now_s: float, interval_s: float, *, shared: bool) -> None:
        """The unit was given up; on a shared line it is asked again after a pause that doubles, so that it does not take the time of the others."""
        if shared:
            self.next_try_s = now_s + min(_PAUSE_S_MAX, min(interval_s, _PAUSE_FIRST_S) * 2 ** min(self.tries, _DOUBLINGS_MAX))
            self.tries += 1

    def check_moves(self, value: MappedValue, registers: Sequence[int], stuck_s: float, now_s: float) -> None:
        """Raises: ValueRefused: the raw value has been exactly the same for longer than a working probe ever is."""
        limit_s = stuck_s or value.stuck_s
        if not limit_s:
            return
        raw = tuple(registers[value.offset : value.offset + value.size_words])
        before, since_s = self._still.get(value.quantity, ((), now_s))
        if before != raw:
            self._still[value.quantity] = (raw, now_s)
        elif now_s - since_s > limit_s:
            limit = f"{limit_s / _HOUR_S:g} h" if limit_s >= _HOUR_S else f"{limit_s:g} s"
            raise ValueRefused(f"exactly the same value for more than {limit}; check the probe, it seems to be stuck")
