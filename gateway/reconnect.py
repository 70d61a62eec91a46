# SPDX-License-Identifier: Apache-2.0
"""When to try for a connection again, and how long to wait for the broker's welcome; pure, chance is passed in.

A line that was silent is tried all the time: whoever cannot be reached is not bothered by that, and work goes on at once when the line is back. A broker that
went away itself (reset, refused) comes back with all of its gateways at its door: they come spread over some tenths of a second, and then wait for their turn,
longer each time, instead of asking again and again. A broker that turns a gateway away is left alone for longer and longer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Literal

KNOCK_S = 0.3
"""Another try at the broker's door while the first has no answer: TCP itself would wait 1, 3, 7 s (RFC 6298) and sleep through the line's return."""
_KNOCK_LATE_S = 1.0
_LATE_FROM_S = 600.0
_SPREAD_S = (0.05, 0.4)
_QUICK_S = 0.3
_WELCOME_FACTOR = 3.0  # a welcome may take three times as long as the last
_PATIENT_S = (5.0, 60.0)
_SLOW_S = 3.0
_SLOW_ATTEMPTS = (5, 25, 125, 625, 3125)  # among the quick attempts of one outage; the line may have become slow instead of being silent
_TURNED_AWAY_S = (0.5, 10.0)
_FRUITLESS_S = (0.2, 5.0)

Outcome = Literal["silent", "closed", "fruitless", "unreachable", "refused", "mute", "turned_away"]
"""How an attempt or a conversation ended: no answer any more; closed by the other side; central made no progress; no answer at the door; nobody there;
connected without a welcome; the broker said no."""


@dataclass
class Reconnect:
    """The attempts of one outage."""

    chance: random.Random = field(default_factory=random.Random)
    welcome_s: float = 0.0
    """How long the broker's last welcome took, from the first byte to it."""
    _attempts: int = 0
    _in_a_row: int = 0
    _last: Outcome | Literal[""] = ""
    _is_broker_away: bool = False
    _since_s: float | None = None

    def connected(self, welcome_s: float) -> None:
        """The broker welcomed this gateway: the outage is over."""
        self.welcome_s, self._is_broker_away = welcome_s, False
        self._attempts, self._since_s = 0, None

    def progress(self) -> None:
        """Central acknowledged something: this connection is good for something."""
        self._in_a_row, self._last = 0, ""

    def ended(self, outcome: Outcome, now_s: float) -> float:
        """An attempt or a conversation ended so; returns how long to wait before the next."""
        self._in_a_row = self._in_a_row + 1 if outcome == self._last else 1
        self._last = outcome
        self._since_s = now_s if self._since_s is None else self._since_s
        self._attempts += 1
        if outcome in ("closed", "refused", "unreachable", "turned_away"):
            self._is_broker_away = True
        elif outcome == "silent":
            self._is_broker_away = False
        return self._delay_s(outcome)

    def knock_s(self, now_s: float) -> float:
        """How often to knock."""
        return _KNOCK_LATE_S if self._since_s is not None and now_s - self._since_s > _LATE_FROM_S else KNOCK_S

    def patience_s(self) -> float:
        """How long to wait for the welcome of a broker that let us in."""
        if self._is_broker_away:
            return min(_PATIENT_S[1], _PATIENT_S[0] * 2.0 ** (self._in_a_row - 1 if self._last == "mute" else 0))
        if not self.welcome_s or self._attempts in _SLOW_ATTEMPTS:
            return max(_SLOW_S, _WELCOME_FACTOR * self.welcome_s)
        return min(_SLOW_S, max(_QUICK_S, _WELCOME_FACTOR * self.welcome_s))

    def _delay_s(self, outcome: Outcome) -> float:
        times = 2.0 ** min(self._in_a_row - 1, 10)
        match outcome:
            case "silent" | "unreachable":
                return 0.0
            case "mute":
                return self.chance.uniform(0.0, 0.05) if not self._is_broker_away else self.chance.uniform(*_SPREAD_S) * min(times, 8)
            case "closed" | "refused":
                return self.chance.uniform(*_SPREAD_S)
            case "fruitless":
                return self.chance.uniform(0.8, 1.2) * min(_FRUITLESS_S[1], _FRUITLESS_S[0] * times)
            case "turned_away":
                return self.chance.uniform(0.8, 1.2) * min(_TURNED_AWAY_S[1], _TURNED_AWAY_S[0] * times)
