# SPDX-License-Identifier: Apache-2.0
"""Go-back-N over one lane: what was sent, what central has, when to send again, and how much may be on its way. Pure; times are monotonic seconds.

How much may be on its way follows what the acknowledgements tell, in the spirit of LEDBAT (RFC 6817) for TCP: more while they come as fast as for a batch that
is alone, less when they come later, because then batches only queue before the broker or central, and what happens now would have to queue behind them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gateway.round_trip import RoundTrip

WINDOW_EVENTS = (50, 2000)
"""Least and most on its way: one batch of 50; more than 2000 is more than central takes in one transaction."""
_WINDOW_EVENTS_FIRST = 100
_QUEUE_S = 0.01  # so long may a batch queue: a fifth of what an event may take on its way while a backlog drains
_QUEUE_SHARE = 0.25  # or so much of a lone batch's round trip, where that is long
_GROWTH, _SHRINKAGE = 1 / 2, 1 / 2
_LIGHT_EVERY_S = 1.0  # so often a batch goes alone, to learn what it takes then
_GAP_FACTOR = 0.7
_REPEATED_GAP_S = 0.5  # central names the same gap once for each batch that was on its way; going back once is enough
_STRIKES_DOUBLED_MAX = 6


@dataclass
class LaneWindow:
    """`acked`: central has up to this number; `sent`: handed to the broker up to this number on this connection; `size`: so many events may be between them.

    `strikes`: so often in a row it was waited in vain for progress; `struck_s`: when that was last.
    """

    acked: int = 0
    sent: int = 0
    trip: RoundTrip = field(default_factory=RoundTrip)
    size: int = _WINDOW_EVENTS_FIRST
    strikes: int = 0
    struck_s: float = 0.0
    _waiting_since_s: float | None = None
    _went_back: tuple[int, float] | None = None
    _flights: deque[tuple[int, float, int]] = field(default_factory=deque)
    _sent_most: int = 0
    _goes_alone: bool = False

    def reconnected(self) -> None:
        """A new connection: whatever central did not acknowledge is sent again."""
        self.sent = self._sent_most = self.acked
        self.strikes = 0
        self._waiting_since_s = self._went_back = None
        self._goes_alone = False
        self._flights.clear()

    def rewound(self, upto: int) -> None:
        """Central lost what comes after `upto` and gets it again."""
        self.acked = upto
        self.reconnected()

    @property
    def has_room(self) -> bool:
        """Whether another batch may be sent. While central is silent one, to hear whether it is back; now and then one, to see how fast central is then."""
        return self.sent == self.acked if self.strikes or self._goes_alone else self.sent - self.acked < self.size

    @property
    def is_waiting(self) -> bool:
        """Whether central owes an answer."""
        return self._waiting_since_s is not None

    def on_sent(self, last_seq: int, now_s: float) -> None:
        """A batch up to `last_seq` was sent."""
        self.sent = last_seq
        if last_seq > self._sent_most:
            self._sent_most = last_seq
            self._flights.append((last_seq, now_s, last_seq - self.acked))
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s

    def on_ack(self, upto: int, resend: bool, now_s: float) -> bool:
        """Central has up to `upto`; returns whether the lane went back to send again from there."""
        if upto > self.acked:
            self._progress(upto, now_s)
        if not resend or upto < self.acked or self.sent <= self.acked:
            return False
        if self._went_back is not None and self._went_back[0] == upto and now_s - self._went_back[1] < _REPEATED_GAP_S:
            return False
        self._went_back = (upto, now_s)
        self._resize(self.size * _GAP_FACTOR)
        self._go_back()
        self._waiting_since_s = None
        return True

    def deadline_s(self) -> float | None:
        """When central must have made progress; None: nothing is on its way. Each time in vain doubles the wait since the first."""
        if self._waiting_since_s is None:
            return None
        return self._waiting_since_s + self.trip.timeout_s * 2.0 ** min(self.strikes, _STRIKES_DOUBLED_MAX)

    def overdue(self, now_s: float) -> int:
        """Without progress: go back, so that one batch is sent again; returns how often in a row that is, 0: there is still time."""
        deadline_s = self.deadline_s()
        if deadline_s is None or now_s < deadline_s:
            return 0
        self.strikes += 1
        self.struck_s = now_s
        self._resize(self.size / 2)
        self._go_back()
        return self.strikes

    def rest(self) -> None:
        """Wait for nothing until something is sent again."""
        self._waiting_since_s = None

    def _progress(self, upto: int, now_s: float) -> None:
        gained, was_full = upto - self.acked, self.sent - self.acked >= self.size
        self.acked, self.strikes = upto, 0
        self.sent = max(self.sent, upto)
        self._waiting_since_s = now_s if self.sent > self.acked else None
        flight = None
        while self._flights and self._flights[0][0] <= upto:
            flight = self._flights.popleft()
        if flight is not None:
            _, sent_s, on_the_way = flight
            self.trip.sampled(now_s - sent_s, on_the_way, now_s)
            self._follow(gained, was_full=was_full)
            self._goes_alone = (was_full or self._goes_alone) and now_s - self.trip.light_at_s > _LIGHT_EVERY_S

    def _follow(self, gained: int, *, was_full: bool) -> None:
        """More, with what arrived, while little queues and the window was used; less, in proportion, when too much queues."""
        allowed_s = max(_QUEUE_S, self.trip.light_s * _QUEUE_SHARE)
        excess = (self.trip.smoothed_s - self.trip.light_s) / allowed_s - 1
        if excess > 0:
            self._resize(self.size - gained * min(excess, 1) * _SHRINKAGE)
        elif was_full:
            self._resize(self.size - gained * max(excess, -1) * _GROWTH)

    def _resize(self, events: float) -> None:
        self.size = round(min(WINDOW_EVENTS[1], max(WINDOW_EVENTS[0], events)))

    def _go_back(self) -> None:
        self.sent = self.acked
        self._flights.clear()
