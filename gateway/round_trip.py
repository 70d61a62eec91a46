# SPDX-License-Identifier: Apache-2.0
"""How long central's acknowledgements take, and from that how long to wait for one; pure, times are monotonic seconds (after RFC 6298)."""

from __future__ import annotations

from dataclasses import dataclass

TIMEOUT_S = (1.2, 10.0)
"""Twice the least is below 3 s: after that a silent link of ordinary speed is given up. A slow one gets as much more as it was seen to need."""
_SMOOTH, _VARY, _DEVIATIONS = 1 / 8, 1 / 4, 4  # RFC 6298, 2.3
_LIGHT_EVENTS, _SMOOTH_LIGHT = 50, 1 / 4


@dataclass
class RoundTrip:
    """`smoothed_s`: mean of the last samples; 0: none yet. `light_s`: the same of batches that were alone on their way, which nothing made wait but the line
    and the disk of central; `light_at_s`: when one last was.
    """

    smoothed_s: float = 0.0
    light_s: float = 0.0
    light_at_s: float = 0.0
    _variation_s: float = 0.0

    def sampled(self, took_s: float, on_the_way: int, now_s: float) -> None:
        """An acknowledgement came `took_s` after its batch was sent, with which so many events were on their way.

        Only for what was sent once: of a batch that was sent again nobody knows which copy was acknowledged (Karn).
        """
        if not self.smoothed_s:
            self.smoothed_s, self.light_s, self._variation_s, self.light_at_s = took_s, took_s, took_s / 2, now_s
            return
        self._variation_s += _VARY * (abs(took_s - self.smoothed_s) - self._variation_s)
        self.smoothed_s += _SMOOTH * (took_s - self.smoothed_s)
        if on_the_way <= _LIGHT_EVENTS:
            self.light_s += _SMOOTH_LIGHT * (took_s - self.light_s)
            self.light_at_s = now_s

    @property
    def timeout_s(self) -> float:
        """Without progress for so long it is time to send again."""
        return min(TIMEOUT_S[1], max(TIMEOUT_S[0], self.smoothed_s + _DEVIATIONS * self._variation_s))
