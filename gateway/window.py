# SPDX-License-Identifier: Apache-2.0
"""Go-back-N over one lane: what was sent, what central has, and when to send again. Pure; times are monotonic seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WINDOW_EVENTS = 400  # 8 batches of 50; far below the 1000 to 2000 unacknowledged events that stay cheap
PROGRESS_TIMEOUT_S = 1.5
_REPEATED_GAP_S = 0.5  # central names the same gap once for each batch that was on its way; going back once is enough


@dataclass
class LaneWindow:
    """`acked`: central has up to this number; `sent`: handed to the broker up to this number on this connection."""

    acked: int = 0
    sent: int = 0
    strikes: int = 0
    _waiting_since_s: float | None = None
    _went_back: tuple[int, float] | None = None

    def reconnected(self) -> None:
        """A new connection: whatever central did not acknowledge is sent again."""
        self.sent = self.acked
        self.strikes = 0
        self._waiting_since_s = self._went_back = None

    @property
    def has_room(self) -> bool:
        """Whether another batch may be sent."""
        return self.sent - self.acked < WINDOW_EVENTS

    def on_sent(self, last_seq: int, now_s: float) -> None:
        """A batch up to `last_seq` was sent."""
        self.sent = last_seq
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s

    def on_ack(self, upto: int, resend: bool, now_s: float) -> bool:
        """Central has up to `upto`; returns whether the lane went back to send again from there."""
        if upto > self.acked:
            self.acked, self.strikes = upto, 0
            self.sent = max(self.sent, upto)
            self._waiting_since_s = now_s if self.sent > self.acked else None
        if not resend or upto < self.acked or self.sent <= self.acked:
            return False
        if self._went_back is not None and self._went_back[0] == upto and now_s - self._went_back[1] < _REPEATED_GAP_S:
            return False
        self._went_back = (upto, now_s)
        self.sent, self._waiting_since_s = self.acked, None
        return True

    def deadline_s(self) -> float | None:
        """When central must have made progress; None: nothing is on its way."""
        return None if self._waiting_since_s is None else self._waiting_since_s + PROGRESS_TIMEOUT_S

    def overdue(self, now_s: float) -> Literal["", "resend", "reconnect"]:
        """Without progress: send again once; the second time the link is dead although TCP says otherwise."""
        deadline_s = self.deadline_s()
        if deadline_s is None or now_s < deadline_s:
            return ""
        self.strikes += 1
        self.sent, self._waiting_since_s = self.acked, None
        return "resend" if self.strikes == 1 else "reconnect"
