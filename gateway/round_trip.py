# SPDX-License-Identifier: Apache-2.0
"""How long central's acknowledgements take, and from that how long to wait for one; pure, times are monotonic seconds (after RFC 6298)."""

from __future__ import annotations

from dataclasses import dataclass

TIMEOUT_S = (1.2, 10.0)
"""Twice the least is below 3 s: after that a silent link of ordinary speed is given up. A slow one gets as much more as it was seen to need."""
_SMOOTH, _VARY, _DEVIATIONS = 1 / 8, 1 / 4, 4  # RFC 6298, 2.3
_LEAST_KEPT_S = 10.0


@dataclass
class RoundTrip:
    """`smoothed_s`: mean of the last samples; 0: none yet."""

    smoothed_s: float = 0.0
    _variation_s: float = 0.0
    _least_s: tuple[float, float] = (0.0, 0.0)
    _least_since_s: float = 0.0

    def sampled(self, took_s: float, now_s: float) -> None:
        """An acknowledgement came `took_s` after its batch was sent for the first time; one for a batch that was sent twice tells nothing (Karn)."""
        if not self.smoothed_s:
            self.smoothed_s, self._variation_s, self._least_s, self._least_since_s = took_s, took_s / 2, (took_s, took_s), now_s
            return
        self._variation_s += _VARY * (abs(took_s - self.smoothed_s) - self._variation_s)
        self.smoothed_s += _SMOOTH * (took_s - self.smoothed_s)
        if now_s - self._least_since_s > _LEAST_KEPT_S:
            self._least_s, self._least_since_s = (self._least_s[1], took_s), now_s
        else:
            self._least_s = (self._least_s[0], min(self._least_s[1], took_s))

    @property
    def least_s(self) -> float:
        """The shortest of the last 10 to 20 s: what remains when nothing queues."""
        return min(self._least_s)

    @property
    def timeout_s(self) -> float:
        """Without progress for so long it is time to send again."""
        return min(TIMEOUT_S[1], max(TIMEOUT_S[0], self.smoothed_s + _DEVIATIONS * self._variation_s))
