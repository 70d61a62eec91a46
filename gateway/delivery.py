# SPDX-License-Identifier: Apache-2.0
"""What goes up next, what central's answers mean, and when silence means that the link is dead. No network here; time is the clock that is passed in."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from contracts import wire
from contracts.events import LANES, Lane
from gateway.clock import Now
from gateway.epoch import EpochWatch
from gateway.metrics import Metrics
from gateway.outbox import OutboxFullError, StoredBatch
from gateway.round_trip import RoundTrip
from gateway.store import Store
from gateway.window import LaneWindow

PROBE_S = 5.0
"""Central said that it is offline: knock this often all the same, retained states can be stale."""
_STRIKES_SILENT = 2
_STRIKES_FRUITLESS = 3
_RATE_OVER_S = 10

log = logging.getLogger(__name__)


class SilentError(Exception):
    """Nothing comes any more although the connection seems to stand."""


class FruitlessError(Exception):
    """The broker answers and central makes no progress."""


class NumbersInDoubtError(Exception):
    """The conversation must begin anew because central counts other numbers, see `gateway.epoch`."""


class Delivery:
    """The lanes of one outbox on their way to central, over one connection after the other.

    `heard` tells when anything last came from the broker, monotonic seconds; `brokers`: so many can be tried.
    """

    def __init__(self, store: Store, now: Now, metrics: Metrics, heard: Callable[[], float], brokers: int = 1) -> None:
        self._store = store
        self._now = now
        self._metrics = metrics
        self._heard = heard
        self._fruitless_from = _STRIKES_SILENT if brokers > 1 else _STRIKES_FRUITLESS
        self._has_other_brokers = brokers > 1
        self.trip = RoundTrip()
        self._windows: dict[Lane, LaneWindow] = {}
        self._make_windows()
        self._watch = EpochWatch(store.known, is_damaged=store.must_begin_epoch)
        self._ask_sent_at_strikes = 0
        self._rests_until_s: dict[Lane, float] = dict.fromkeys(LANES, 0.0)
        self._live_from_row = store.next_telemetry_row
        self._acked_in: deque[tuple[int, int]] = deque(maxlen=_RATE_OVER_S)
        self.central: wire.CentralState | None = None
        """What central last said of itself at this broker."""
        self.progressed = False
        """Whether central acknowledged anything on this connection."""

    @property
    def is_central_away(self) -> bool:
        """Whether central said goodbye, or its broker did in its place."""
        return self.central is not None and not self.central.online

    @property
    def acked_per_s(self) -> float:
        """Events per second that central acknowledged, over the last 10 s."""
        second = int(self._now().monotonic_s)
        return sum(count for at, count in self._acked_in if second - at <= _RATE_OVER_S) / _RATE_OVER_S

    def connecting(self) -> None:
        """An attempt begins: what is accepted from now on is live if it succeeds; nobody waits long for that."""
        self._live_from_row = self._store.next_telemetry_row

    def reconnected(self) -> None:
        """A new connection, perhaps to another broker: what was not acknowledged goes again."""
        self.central, self.progressed, self._store.is_live = None, False, False
        self._watch.reconnected()
        for lane, window in self._windows.items():
            window.reconnected()
            self._rests_until_s[lane] = 0.0

    def on_central(self, state: wire.CentralState) -> None:
        """A death that belongs to another session than the last birth is late news."""
        if not state.online and self.central is not None and self.central.online and self.central.session_id != state.session_id:
            return
        came_back = state.online and self.is_central_away
        self.central = state
        if came_back:
            self._live_from_row = self._store.next_telemetry_row
            for lane, window in self._windows.items():
                window.reconnected()
                self._rests_until_s[lane] = 0.0
        self._tell_store()
        self._store.changed.set()

    async def on_ack(self, ack: wire.Ack) -> None:
        """Forget what central has; go back to what it lacks. Raises: NumbersInDoubtError."""
        if ack.epoch != self._store.epoch:
            return
        window, was_asked, now_s = self._windows[ack.lane], self._watch.asked == ack.lane, self._now().monotonic_s
        oldest_kept = self._store.level(ack.lane).oldest_kept
        ours = self._watch.on_ack(ack.lane, ack.upto, resend=ack.resend, acked=window.acked, oldest_kept=oldest_kept)
        self.progressed |= ours > window.acked or was_asked
        self._count(max(0, ours - window.acked), int(now_s))
        if window.on_ack(ours, ack.resend, now_s):
            self._metrics.uplink_resends.labels(lane=ack.lane, reason="gap").inc()
        if was_asked:
            window.reconnected()
            await self._on_answer(ack.lane)
        elif self._watch.is_in_doubt:
            raise NumbersInDoubtError
        self._store.changed.set()
        await self._store.acknowledge(ack.lane, ours)

    async def next_batch(self) -> StoredBatch | None:
        """What may be sent now, movements before telemetry; None: nothing. Before the first events it is a question: an empty batch."""
        if self._watch.to_ask:
            return self._question()
        for lane in LANES:
            window = self._windows[lane]
            if not self._may_send(lane, window):
                continue
            batch = await self._store.batch_after(lane, window.sent, self._live_from_row)
            if batch is not None:
                window.on_sent(batch.last_seq, self._now().monotonic_s)
                self._watch.on_sent(lane, batch.last_seq)
                return batch
        return None

    def deadline_s(self) -> float | None:
        """When `check` has something to do or something rested may go; None: only when something happens."""
        waits = [deadline_s for window in self._windows.values() if (deadline_s := window.deadline_s()) is not None]
        return min([*waits, *(rest_s for rest_s in self._rests_until_s.values() if rest_s)], default=None)

    def check(self) -> None:
        """Send again what got no answer in time. Raises: SilentError, FruitlessError: that is of no use on this connection any more."""
        now_s = self._now().monotonic_s
        for lane, window in self._windows.items():
            if self._rests_until_s[lane] and now_s >= self._rests_until_s[lane]:
                self._rests_until_s[lane] = 0.0
            struck_s = window.struck_s
            strikes = window.overdue(now_s)
            if strikes:
                self._metrics.uplink_resends.labels(lane=lane, reason="no_progress").inc()
                self._strike(lane, window, strikes, was_heard=strikes == 1 or self._heard() >= struck_s)

    def _strike(self, lane: Lane, window: LaneWindow, strikes: int, *, was_heard: bool) -> None:
        """`was_heard`: the broker answered anything since it was last tried."""
        if strikes >= _STRIKES_SILENT and not was_heard:
            raise SilentError(f"nothing was heard for {window.trip.timeout_s:.1f} s after sending {lane} again; connecting anew")
        if self.is_central_away:
            if strikes >= _STRIKES_SILENT:
                self._rest(lane, window)
        elif strikes >= self._fruitless_from:
            raise FruitlessError(f"the broker answers and central acknowledged nothing of {lane}, sent {strikes} times; connecting anew")

    def _rest(self, lane: Lane, window: LaneWindow) -> None:
        """Central is away and the link is not: knock again later, at another broker if there is one."""
        if self._has_other_brokers:
            raise FruitlessError("central is not connected to this broker; trying the next")
        window.rest()
        window.strikes = 0
        self._rests_until_s[lane] = self._now().monotonic_s + PROBE_S

    def _may_send(self, lane: Lane, window: LaneWindow) -> bool:
        """With central offline one batch knocks, and no more until it answers."""
        if self._rests_until_s[lane]:
            return False
        return window.sent == window.acked if self.is_central_away else window.has_room

    def _question(self) -> StoredBatch | None:
        """An empty batch for the first lane to ask, unless one is on its way; central answers it with its mark."""
        lane = self._watch.to_ask[0]
        window = self._windows[lane]
        is_on_its_way = window.is_waiting and self._watch.asked == lane and self._ask_sent_at_strikes == window.strikes
        if is_on_its_way or self._rests_until_s[lane]:
            return None
        self._watch.asked, self._ask_sent_at_strikes = lane, window.strikes
        window.on_sent(window.acked, self._now().monotonic_s)
        return StoredBatch(lane, window.acked + 1, (), self._store.epoch)

    async def _on_answer(self, lane: Lane) -> None:
        """Heed an answer. Raises: NumbersInDoubtError; OutboxFullError: it could not be noted, so that all is asked again before anything is sent.

        Else the next start would take what was sent meanwhile for another copy's, and what belongs to a new epoch would go under old numbers.
        """
        try:
            await self._heed(lane)
        except OutboxFullError:
            self._watch.ask_again()
            self._tell_store()
            raise

    async def _heed(self, lane: Lane) -> None:
        """Go on with the numbers, go back to what central lost, or begin an epoch once all lanes were asked: its birth comes with the next connection."""
        upto = self._watch.rewinds.pop(lane, None)
        if upto is not None:
            acked = self._windows[lane].acked
            await self._store.rewind(lane, upto)
            self._windows[lane].rewound(upto)
            log.warning("central lost events that it had acknowledged, they are sent again", extra={"lane": lane, "first": upto + 1, "last": acked})
        if self._watch.must_begin_anew:
            await self._begin_epoch()
        if not self._watch.to_ask:
            await self._store.answered()
            self._tell_store()

    def _tell_store(self) -> None:
        """Whether what happens now goes up at once: our numbers are agreed on, and central is there as far as we know."""
        self._store.is_live = not self._watch.to_ask and not self.is_central_away

    async def _begin_epoch(self) -> None:
        """Raises: NumbersInDoubtError: always, once it has begun."""
        old, pending = self._store.epoch, {lane: self._store.level(lane).pending for lane in LANES}
        epoch = await self._store.begin_epoch(self._watch.central_has)
        moved = {lane: self._store.level(lane).pending for lane in LANES}
        log.warning("numbers begin anew", extra={"reason": self._watch.fault, "old": old, "epoch": epoch, "pending_before": pending, "moved": moved})
        self._watch = EpochWatch(self._store.known, is_new=True)
        self._make_windows()
        raise NumbersInDoubtError

    def _make_windows(self) -> None:
        levels = {lane: self._store.level(lane).acked for lane in LANES}
        self._windows = {lane: LaneWindow(acked=acked, sent=acked, trip=self.trip) for lane, acked in levels.items()}

    def _count(self, gained: int, second: int) -> None:
        if self._acked_in and self._acked_in[-1][0] == second:
            self._acked_in[-1] = second, self._acked_in[-1][1] + gained
        elif gained:
            self._acked_in.append((second, gained))
