# SPDX-License-Identifier: Apache-2.0
"""The outbox seen from the event loop: its blocking calls run in one thread (a commit takes 5 to 50 ms on an SD card), telemetry is committed in groups."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from contracts.events import Event, Lane
from contracts.wire import WireError, decode_event
from gateway.clock import Now
from gateway.grouping import Grouping
from gateway.metrics import Metrics
from gateway.outbox import Answer, Found, Level, Outbox, OutboxFullError, StoredBatch, Wear

T = TypeVar("T")
log = logging.getLogger(__name__)


class Store:
    """One outbox and its thread. `changed` is set whenever there is something new to send."""

    def __init__(self, outbox: Outbox, metrics: Metrics, now: Now) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._now = now
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._telemetry: list[Event] = []
        self._grouping = Grouping()
        self._flush_timer: asyncio.TimerHandle | None = None
        self._flushing: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._is_full = False
        self._answered = asyncio.Event()
        self.changed = asyncio.Event()
        self.is_live = False
        """Whether central takes events just now; set by the uplink."""
        self._say_found()

    @property
    def epoch(self) -> str:
        """See `Outbox.epoch`."""
        return self._outbox.epoch

    @property
    def known(self) -> Mapping[Lane, int]:
        """See `Outbox.known`."""
        return self._outbox.known

    @property
    def must_begin_epoch(self) -> bool:
        """See `Outbox.must_begin_epoch`."""
        return self._outbox.must_begin_epoch

    @property
    def found(self) -> Found:
        """In what state the outbox's file was at the start."""
        return self._outbox.found

    @property
    def payload_bytes(self) -> int:
        """See `Outbox.payload_bytes`."""
        return self._outbox.payload_bytes

    @property
    def epochs_begun(self) -> int:
        """See `Outbox.epochs_begun`."""
        return self._outbox.epochs_begun

    @property
    def size_bytes(self) -> int:
        """Bytes of events kept."""
        return self._outbox.size_bytes

    @property
    def next_telemetry_row(self) -> int:
        """See `Outbox.next_telemetry_row`."""
        return self._outbox.next_telemetry_row

    def _say_found(self) -> None:
        found = self._outbox.found
        self._metrics.outbox_found.labels(state=found.state).inc()
        if found.text:
            log.log(logging.ERROR if found.harm else logging.INFO, "outbox was not as it was left", extra={"state": found.state, "about": found.text})

    def level(self, lane: Lane) -> Level:
        """How full a lane is."""
        return self._outbox.levels[lane]

    async def append(self, events: Sequence[Event], snapshots: Mapping[str, bytes], answers: Mapping[str, Answer]) -> None:
        """Durable when it returns; telemetry that waits for its group goes along. Raises: OutboxFullError: nothing of it was stored."""
        waiting, self._telemetry = self._telemetry, []
        self._grouping.committed(asyncio.get_running_loop().time())
        started_s = time.perf_counter()
        try:
            await self._call(lambda: self._outbox.append([*waiting, *events], snapshots, answers, live=self.is_live))
        except OutboxFullError:
            self._telemetry = [*waiting, *self._telemetry]
            if waiting:
                self._gather()
            raise
        self._metrics.outbox_commit_seconds.observe(time.perf_counter() - started_s)
        if answers:
            self._answered.set()
            self._answered = asyncio.Event()
        self.changed.set()

    def put_telemetry(self, events: Sequence[Event]) -> None:
        """Durable within some milliseconds, or when the card bears another commit (see `gateway.grouping`)."""
        if events:
            self._telemetry.extend(events)
            self._gather()

    def _gather(self) -> None:
        self._grouping.came(asyncio.get_running_loop().time())
        if self._flush_timer is None:
            self._wind_flush()

    def _wind_flush(self) -> None:
        """The group may have become due later since the clock was wound, or have gone along with a movement."""
        due_s, now_s = self._grouping.due_s, asyncio.get_running_loop().time()
        self._flush_timer = None
        if due_s is None:
            return
        if due_s > now_s:
            self._flush_timer = asyncio.get_running_loop().call_later(due_s - now_s, self._wind_flush)
        elif not self._flushing:  # a card that is slower than groups come gets larger groups, not more of them
            self._flush_soon()

    async def batch_after(self, lane: Lane, seq: int, live_from_row: int) -> StoredBatch | None:
        """See `Outbox.batch_after`; does not touch the file when there is nothing. None also when the full disk takes no numbers for telemetry."""
        if seq >= self.level(lane).accepted:
            return None
        return await self._if_disk_takes_it(lambda: self._outbox.batch_after(lane, seq, live_from_row=live_from_row))

    async def acknowledge(self, lane: Lane, upto: int) -> None:
        """Central has everything up to `upto`."""
        if self._outbox.acknowledge(lane, upto):
            await self._if_disk_takes_it(self._outbox.trim)

    async def rewind(self, lane: Lane, upto: int) -> int:
        """See `Outbox.rewind`. Raises: OutboxFullError: nothing has changed."""
        acked = await self._call(lambda: self._outbox.rewind(lane, upto))
        self.changed.set()
        return acked

    async def wear(self) -> Wear:
        """What the outbox has cost the card."""
        return await self._call(self._outbox.wear)

    async def answered(self) -> None:
        """See `Outbox.answered`."""
        await self._call(self._outbox.answered)

    async def begin_epoch(self, central_has: Mapping[Lane, int]) -> str:
        """See `Outbox.begin_epoch`."""
        return await self._call(lambda: self._outbox.begin_epoch(central_has))

    async def answers(self) -> None:
        """Returns once the outbox's thread is done with what it was given before. Raises: OutboxDamagedError: telemetry could not be stored."""
        await self._call(lambda: None)
        if self._failure is not None:
            raise self._failure

    async def snapshots(self) -> dict[str, bytes]:
        """See `Outbox.snapshots`."""
        return await self._call(self._outbox.snapshots)

    async def answer_to(self, command_id: str) -> Answer | None:
        """See `Outbox.answer_to`."""
        return await self._call(lambda: self._outbox.answer_to(command_id))

    async def answer_within(self, command_id: str, within_s: float) -> Answer | None:
        """What is answered to a command, as soon as that is durable; None: nothing in that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    answered = self._answered  # that of before the look, so that no answer slips by between the two
                    if (answer := await self.answer_to(command_id)) is not None:
                        return answer
                    await answered.wait()
        return None

    async def oldest_pending_s(self) -> float:
        """Age of the oldest event that central does not have; 0 when it has all."""
        if not any(level.pending for level in self._outbox.levels.values()):
            return 0.0
        body = await self._call(self._outbox.oldest_pending)
        try:
            return max(0.0, (self._now().utc - decode_event(body).event_time).total_seconds()) if body else 0.0
        except WireError:
            return 0.0  # written by another version; central will judge it

    async def close(self) -> None:
        """Flush, delete what is acknowledged, close the file."""
        await self._flush()
        await asyncio.gather(*self._flushing)
        await self._if_disk_takes_it(lambda: self._outbox.trim(everything=True))
        await self._call(self._outbox.close)
        self._thread.shutdown()

    def _flush_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self._flush(), name="outbox-flush")
        self._flushing.add(task)
        task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        """What gathered meanwhile may be due. A failure is told by `answers`, since nobody waits for telemetry."""
        self._flushing.discard(task)
        if task.cancelled():
            return
        self._failure = self._failure or task.exception()
        if self._telemetry and self._flush_timer is None and self._failure is None:
            self._wind_flush()

    async def _flush(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if not self._telemetry:
            return
        try:
            await self.append((), {}, {})
        except OutboxFullError as error:
            lost, self._telemetry = len(self._telemetry), []
            self._metrics.outbox_refused.labels(lane="telemetry").inc(lost)
            log.warning("telemetry dropped", extra={"events": lost, "reason": str(error)})

    async def _if_disk_takes_it(self, function: Callable[[], T]) -> T | None:
        """For what can be done later as well: a full disk is said once, until it takes something again."""
        try:
            result = await self._call(function)
        except OutboxFullError as error:
            if not self._is_full:
                log.warning("outbox waits for room", extra={"reason": str(error)})
            self._is_full = True
            return None
        self._is_full = False
        return result

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)
