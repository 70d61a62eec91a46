# SPDX-License-Identifier: Apache-2.0
"""The ingest worker: one conversation for each broker, one thread that writes to the database, acknowledgements after the commit; also publishes commands.

A broker's PUBACK proves nothing to a gateway; what proves is the Ack that is sent after the commit, on the broker from which the batch came. Several workers
may run on one database: each takes the gateways of the partitions that it holds (`central.ingest.leases`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import BusyError
from central.fleet import service as fleet
from central.ingest.groups import Grip, Group, Said, take_group
from central.ingest.leases import LeaseLostError, Leases, read_boot_id
from central.ingest.line import Arrived, Line
from central.ingest.rules import fault_of
from central.ingest.service import Door, Taken, read_message
from central.ingest.shares import ROUND_S
from central.metrics import Metrics
from contracts import wire
from contracts.addresses import BrokerAddress
from contracts.topics import PARTITIONS, lane_of_leaf, parse_topic

_GROUP_MESSAGES_MAX = 100
_GROUP_BYTES_MAX = 64 * 1024
"""In one transaction at most: one disk sync for all of them when there is a queue, none waits when there is not."""
_STILL_S = (0.1, 5.0)
_BUSY_MAX = 3
"""A database that is busy so often in a row is one that does not answer."""
_COMMAND_POLL_S = 1.0
_COMMAND_POLL_SHARED_S = 0.2
_COMMAND_MARK_S = 0.25
"""Commands are marked as published so often: far less than after how long one is sent again."""
_COMMANDS_MARKED_MAX = 500

log = logging.getLogger(__name__)


class IngestWorker:
    """Runs until cancelled. `connected`: at least one broker was told that central takes events; `faults` says in words what is wrong."""

    def __init__(
        self, engine: Engine, brokers: Sequence[BrokerAddress], door: Door, metrics: Metrics, changes: Changes, clock: Callable[[], datetime], process: str = ""
    ) -> None:
        self._engine = engine
        self._door = door
        self._metrics = metrics
        self._changes = changes
        self._clock = clock
        self._boot_id = read_boot_id()
        self._leases = Leases(engine, clock, process)
        self._inbox: asyncio.Queue[Arrived] = asyncio.Queue()
        self._lines = [Line(broker, self._inbox, self._line_changed) for broker in brokers]
        self._heard_on: dict[str, Line] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ingest")
        self._fault = ""
        self._on_the_way: set[str] = set()
        self._unmarked: set[str] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Take events from all brokers until cancelled; then say so to the gateways and give the partitions back."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for line in self._lines:
                    tasks.create_task(line.run(), name=f"ingest-line-{line.name}")
                tasks.create_task(self._keep_leases(), name="ingest-leases")
                tasks.create_task(self._work(), name="ingest-work")
                tasks.create_task(self._send_commands(), name="ingest-commands")
                tasks.create_task(self._mark_commands(), name="ingest-commands-marked")
        finally:
            self._fault = "ingest has ended; see the log for why, and start the service again"
            self.connected.clear()
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            await asyncio.get_running_loop().run_in_executor(self._writer, self._leave)
            self._writer.shutdown(wait=True)

    def faults(self) -> list[str]:
        """What keeps events from being taken, in words; nothing when all is well."""
        away = [f"the broker {line.name} is not connected" for line in self._lines if not line.is_connected]
        idle = [] if self._fault or self._leases.held else ["no partition is held yet; another worker is giving some back, or its term has to pass"]
        return [*([self._fault] if self._fault else []), *away, *idle]

    def _line_changed(self) -> None:
        up = [line.is_up for line in self._lines]
        if any(up):
            self.connected.set()
        else:
            self.connected.clear()
        self._metrics.broker_up.set(int(any(up)))
        for line in self._lines:
            self._metrics.brokers_up.labels(broker=line.name).set(int(line.is_up))
        self._changes.tell()

    async def _keep_leases(self) -> None:
        level = logging.WARNING
        while True:
            try:
                await self._round()
                level = logging.WARNING
            except (SQLAlchemyError, BusyError) as error:
                log.log(level, "leases could not be kept, trying again", extra={"reason": fault_of(error)})
                level = logging.DEBUG
            await asyncio.sleep(ROUND_S)

    async def _round(self) -> None:
        planned = await asyncio.to_thread(self._leases.look)
        if not planned.quiet:
            if planned.give:
                # First no more is taken for them, then what is under way is committed, then they are free.
                self._serve(set(planned.held) - set(planned.give))
                await asyncio.get_running_loop().run_in_executor(self._writer, self._leases.keep)
            else:
                await asyncio.to_thread(self._leases.keep)
            self._metrics.partitions_held.set(len(self._leases.held))
        self._serve(self._leases.held)

    def _serve(self, partitions: Iterable[int]) -> None:
        for line in self._lines:
            line.serve(frozenset(partitions), serves=not self._fault)

    def _leave(self) -> None:
        try:
            self._leases.give_all()
        except (SQLAlchemyError, BusyError) as error:
            log.warning("leases could not be given back; they end by themselves", extra={"reason": fault_of(error)})

    async def _work(self) -> None:
        while True:
            arrived = await self._next_group()
            taken = await self._take_at_last(arrived)
            for line, each in taken:
                if each.ack is not None:
                    line.say(each.address.topic("ack"), wire.encode(each.ack))
            for message in arrived:
                message.line.acknowledge(message)

    async def _next_group(self) -> list[Arrived]:
        arrived = [await self._inbox.get()]
        size_bytes = _size_bytes(arrived[0])
        while len(arrived) < _GROUP_MESSAGES_MAX and size_bytes < _GROUP_BYTES_MAX and not self._inbox.empty():
            arrived.append(self._inbox.get_nowait())
            size_bytes += _size_bytes(arrived[-1])
        return arrived

    async def _take_at_last(self, arrived: Sequence[Arrived]) -> list[tuple[Line, Taken]]:
        """Take them, however long the database stays away; what it does not take is not acknowledged."""
        failures = 0
        while True:
            try:
                taken = await asyncio.get_running_loop().run_in_executor(self._writer, self._take, arrived)
            except LeaseLostError:
                log.warning("a partition was taken over by another worker; what was under way is left to it")
                await self._round_or_wait()
                continue
            except (SQLAlchemyError, BusyError) as error:
                failures += 1
                await self._stand_still(error, failures)
                continue
            self._go_on()
            return taken

    async def _round_or_wait(self) -> None:
        try:
            await self._round()
        except (SQLAlchemyError, BusyError):
            await asyncio.sleep(_STILL_S[0])

    async def _stand_still(self, error: Exception, failures: int) -> None:
        """Nothing can be stored: say so to the gateways, which then knock only now and then, and try again."""
        self._metrics.ingest_failures.inc()
        if not isinstance(error, BusyError) or failures >= _BUSY_MAX:
            fault = fault_of(error)
            if not self._fault:
                log.warning("ingest stands still", extra={"reason": fault})
            self._fault = fault
            self._metrics.ingest_stands_still.set(1)
            self._serve(self._leases.held)
            self._changes.tell()
        await asyncio.sleep(min(_STILL_S[1], _STILL_S[0] * 2 ** min(failures, 10)))

    def _go_on(self) -> None:
        if self._fault:
            log.info("ingest goes on")
            self._fault = ""
            self._metrics.ingest_stands_still.set(0)
            self._serve(self._leases.held)

    def _take(self, arrived: Sequence[Arrived]) -> list[tuple[Line, Taken]]:
        """In the writer's thread: take what belongs to the partitions held now; the rest is its owner's business."""
        grip = Grip(self._leases.worker, dict(self._leases.held))
        group, lines = self._sort(arrived, grip)
        taken = take_group(self._engine, group, self._door, self._clock, grip)
        self._count(taken)
        if taken or group.states:
            self._changes.tell()
        return [(lines[each.address.gateway], each) for each in taken]

    def _sort(self, arrived: Sequence[Arrived], grip: Grip) -> tuple[Group, dict[str, Line]]:
        group, lines = Group(), {}
        for each in arrived:
            topic, payload = str(each.message.topic), each.message.payload
            parsed = parse_topic(topic)
            if parsed is None or not isinstance(payload, bytes) or parsed[0].partition not in grip.held:
                continue
            address, leaf = parsed
            lane = lane_of_leaf(leaf)
            if lane is not None:
                group.messages.append(read_message(topic, address, lane, payload))
                lines[address.gateway] = self._heard_on[address.gateway] = each.line
            elif leaf == "state" and payload and (state := _state(address.gateway, payload)) is not None:
                if self._is_stale(each, address.gateway, state):
                    continue
                group.states.append(Said(address, state, each.message.retain))
                if state.online:
                    self._heard_on[address.gateway] = each.line
        return group, lines

    def _is_stale(self, each: Arrived, gateway: str, state: wire.GatewayState) -> bool:
        """A birth that a broker kept from before, while the gateway speaks over another one."""
        heard_on = self._heard_on.get(gateway)
        return each.message.retain and state.online and heard_on is not None and heard_on is not each.line and heard_on.is_up

    def _count(self, taken: Sequence[Taken]) -> None:
        committed_s = time.monotonic()
        metrics = self._metrics
        for each in taken:
            lane = each.lane or "movements"
            metrics.events_accepted.labels(lane=lane).inc(each.applied + each.quarantined)
            metrics.events_applied.labels(lane=lane).inc(each.applied)
            metrics.events_excepted.labels(lane=lane).inc(each.excepted)
            metrics.events_quarantined.labels(lane=lane).inc(each.quarantined)
            metrics.duplicates_refused.labels(lane=lane).inc(each.duplicates)
            metrics.gaps.labels(lane=lane).inc(each.gaps)
            for event in each.events:
                if event.boot_id and event.boot_id == self._boot_id and not event.historical:
                    metrics.observe_lag(lane, committed_s - event.monotonic_s)

    async def _send_commands(self) -> None:
        while True:
            # The count is read before the database, so that a command queued in between is not waited for.
            seen = self._changes.count
            if self.connected.is_set():
                try:
                    due = await asyncio.to_thread(self._due_commands)
                except (SQLAlchemyError, BusyError) as error:
                    log.debug("commands could not be read", extra={"reason": fault_of(error)})
                    due = []
                for command in due:
                    if command.command_id not in self._unmarked | self._on_the_way:
                        self._start(command)
            # Another process may have queued it, of which no news comes here.
            await self._changes.wait(seen, _COMMAND_POLL_S if len(self._leases.held) == PARTITIONS else _COMMAND_POLL_SHARED_S)

    def _due_commands(self) -> Sequence[fleet.Outgoing]:
        held = self._leases.held
        with reading(self._engine) as connection:
            return fleet.due_commands(connection, self._clock(), partitions=None if len(held) == PARTITIONS else sorted(held))

    def _start(self, command: fleet.Outgoing) -> None:
        """Publish without waiting: a broker that does not answer must not hold up the commands of the others."""
        self._on_the_way.add(command.command_id)
        task = asyncio.create_task(self._send(command), name="ingest-command")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, command: fleet.Outgoing) -> None:
        """To the broker over which the gateway spoke last; over all of them when that is not known or away: doing a command twice changes nothing."""
        parsed = parse_topic(command.topic)
        line = self._heard_on.get(parsed[0].gateway) if parsed else None
        lines = [line] if line is not None and line.is_up else self._lines
        try:
            if any(await asyncio.gather(*(each.ask(command.topic, command.payload) for each in lines))):
                self._metrics.commands_published.inc()
                self._unmarked.add(command.command_id)
        finally:
            self._on_the_way.discard(command.command_id)

    async def _mark_commands(self) -> None:
        """Afterwards and together: a command that is published once more, because central ended in between, is done once all the same."""
        while True:
            await asyncio.sleep(_COMMAND_MARK_S)
            if not self._unmarked:
                continue
            ids = sorted(self._unmarked)[:_COMMANDS_MARKED_MAX]
            try:
                await asyncio.to_thread(in_transaction, self._engine, lambda connection, ids=ids: fleet.commands_published(connection, ids, self._clock()))
                self._unmarked.difference_update(ids)
            except (SQLAlchemyError, BusyError) as error:
                log.debug("commands could not be marked", extra={"reason": fault_of(error)})


def _size_bytes(arrived: Arrived) -> int:
    payload = arrived.message.payload
    return len(payload) if isinstance(payload, bytes) else 0


def _state(gateway: str, payload: bytes) -> wire.GatewayState | None:
    try:
        return wire.decode_gateway_state(payload)
    except wire.WireError as error:
        log.warning("state not understood", extra={"gateway": gateway, "reason": str(error)})
        return None
