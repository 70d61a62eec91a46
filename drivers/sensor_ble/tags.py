# SPDX-License-Identifier: Apache-2.0
"""What is remembered of one tag: what it told last, how often it tells something, and whether it is silent. Pure; times are monotonic seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from drivers.sensor_ble.heard import Heard

_GAPS_KEPT, _GAPS_MIN = 8, 3
_REPEATED_S = 0.5  # the same data so soon is the same advertisement on another channel
_RESTARTED_BELOW = 100  # guessed: a counter of encryption as low as this began anew with a fresh battery
BATTERY_REARM_PCT = 5.0


@dataclass
class Tag:
    """One tag. `key` empty: it does not encrypt, or nobody told the key. `battery_low` None: it has not told."""

    name: str
    key: bytes = b""
    contact_input: int = 0
    button_input: int = 0
    is_named: bool = True
    heard_at_s: float | None = None
    quantities: dict[str, None] = field(default_factory=dict)
    is_silent: bool = False
    is_sleepy: bool = False
    battery_low: bool | None = None
    sampled_at_s: float | None = None
    told_locked_at_s: float | None = None
    contacts: dict[str, bool] = field(default_factory=dict)
    counter: int | None = None
    _gaps_s: deque[float] = field(default_factory=lambda: deque(maxlen=_GAPS_KEPT))
    _last: dict[str, tuple[int | None, bytes, float]] = field(default_factory=dict)

    @property
    def silence(self) -> bool | None:
        """Whether it is missed; None: it was neither heard nor missed yet. Who has no name just passed by."""
        if not self.is_named:
            return False
        return self.is_silent if self.is_silent or self.heard_at_s is not None else None

    def is_repeated(self, heard: Heard, data: bytes, now_s: float) -> bool:
        """Whether this was told before: by its sequence number, or else by the same bytes at almost the same time."""
        before = self._last.get(heard.format)
        self._last[heard.format] = (heard.sequence, data, now_s)
        if before is None:
            return False
        if heard.sequence is not None:
            return heard.sequence == before[0]
        return data == before[1] and now_s - before[2] < _REPEATED_S

    def is_replayed(self, counter: int) -> bool:
        """Whether somebody plays an older encrypted advertisement again."""
        old = self.counter is not None and counter < self.counter and counter >= _RESTARTED_BELOW
        if not old:
            self.counter = counter
        return old

    def hear(self, now_s: float) -> None:
        """It told something new. A silence says nothing of its interval, unless that is not known yet: then it may just be slow."""
        is_learning = len(self._gaps_s) < _GAPS_MIN
        if self.heard_at_s is not None and now_s > self.heard_at_s and (is_learning or not self.is_silent):
            self._gaps_s.append(now_s - self.heard_at_s)
        self.heard_at_s = now_s

    def interval_s(self, expected_s: float) -> float:
        """How often it tells something new, as far as that is known."""
        return sorted(self._gaps_s)[len(self._gaps_s) // 2] if len(self._gaps_s) >= _GAPS_MIN else expected_s

    def judge_battery(self, heard: Heard, low_pct: float) -> None:
        """Keep whether the battery is low; a percentage must rise somewhat before it is not."""
        if heard.battery_low is not None:
            self.battery_low = heard.battery_low
        elif heard.battery_pct is not None:
            self.battery_low = heard.battery_pct <= low_pct + (BATTERY_REARM_PCT if self.battery_low else 0.0)
