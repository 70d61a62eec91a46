# SPDX-License-Identifier: Apache-2.0
"""When telemetry that has come is made durable: soon, but not more often than the card bears. Pure; times are monotonic seconds.

What comes together (devices that are polled at the same moment) shares a commit: a group is closed when nothing more came for `QUIET_S`, or
`LINGER_S_MAX` after its first event. Each commit takes one of a second's worth of permits; when they are used up the group waits for the next one. So a
sample of a quiet gateway is on its way after a millisecond, and one that never falls silent commits `COMMITS_PER_S` times a second, with all that came.
"""

from __future__ import annotations

from dataclasses import dataclass

QUIET_S, LINGER_S_MAX = 0.001, 0.003
COMMITS_PER_S = 12.0


@dataclass
class Grouping:
    """`due_s` is when the group that gathers is to be committed; None: there is none."""

    due_s: float | None = None
    _began_s: float = 0.0
    _permits: float = COMMITS_PER_S
    _counted_s: float = 0.0

    def came(self, now_s: float) -> float:
        """Something more for the group; returns when it is due."""
        self._refill(now_s)
        if self.due_s is None:
            self._began_s = now_s
        permitted_s = now_s + max(0.0, 1.0 - self._permits) / COMMITS_PER_S
        self.due_s = max(min(now_s + QUIET_S, self._began_s + LINGER_S_MAX), permitted_s)
        return self.due_s

    def committed(self, now_s: float) -> None:
        """The group is on its way to the disk, alone or along with something else."""
        self._refill(now_s)
        self._permits = max(0.0, self._permits - 1.0)
        self.due_s = None

    def _refill(self, now_s: float) -> None:
        self._permits = min(COMMITS_PER_S, self._permits + (now_s - self._counted_s) * COMMITS_PER_S)
        self._counted_s = now_s
