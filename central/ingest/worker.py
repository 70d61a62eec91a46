# SPDX-License-Identifier: Apache-2.0
"""The ingest worker: one MQTT client, one thread that writes to the database, acknowledgements after the commit; also publishes commands.

A broker's PUBACK proves nothing to a gateway; what proves is the Ack that is published here after the commit. The session is clean: what was not
acknowledged that way comes again from the gateways' outboxes, and their retained births come with the subscription.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import BusyError, DomainError
from central.fleet import service as fleet
from central.ingest.service import Door, Message, Taken, read_message, refuse_message, take_message
from central.metrics import Metrics
from contracts import wire
from contracts.addresses import BROKER_SOCKET_OPTIONS, BrokerAddress
from contracts.topics import ALL_STATES, ALL_UP, CENTRAL_STATE, GatewayAddress, lane_of_leaf, parse_topic

_KEEPALIVE_S = 10
_TIMEOUT_S = 5.0
_DELAY_S = (0.1, 5.0)
_RECEIVE_MAX = 100
_GROUP_MESSAGES_MAX = 20
"""Messages in one transaction at most: one disk sync for all of them when there is a queue, none waits when there is not."""
_COMMAND_POLL_S = 1.0
_COMMAND_MARK_S = 0.25
"""Commands are marked as published so often: far less than after how long one is sent again."""
_COMMANDS_MARKED_MAX = 500

log = logging.getLogger(__name__)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id() -> str:
    """The kernel's id of this boot; empty where there is none."""
    return _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""


class IngestWorker:
    """Runs until cancelled. Only one may run on a database at a time; a second one is fenced off by the marks."""

    def __init__(
        self, engine: Engine, broker: BrokerAddress, door: Door, metrics: Metrics, changes: Changes, clock: Callable[[], datetime], identity: str = "central"
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._door = door
        self._metrics = metrics
        self._changes = changes
        self._clock = clock
        self._identity = identity
        self._boot_id = read_boot_id()
        self._session_id = secrets.token_hex(8)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="ingest")
        self._queue: asyncio.Queue[aiomqtt.Message] = asyncio.Queue()
        self._unmarked: set[str] = set()
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Connect, converse, and connect again with back-off; one log line on loss and one on return."""
        delay_s = _DELAY_S[0]
        try:
            while True:
                try:
                    # Each conversation is a task of its own: a TaskGroup that failed leaves a cancellation counted on its task (before Python 3.13).
                    await asyncio.create_task(self._converse(), name="ingest-conversation")
                except* (aiomqtt.MqttError, OSError, SQLAlchemyError, BusyError) as group:
                    if self.connected.is_set() or delay_s == _DELAY_S[0]:
                        hint = "" if self.connected.is_set() else "; check --broker, its user and its password"
                        log.warning("ingest lost", extra={"reason": "; ".join(str(error) for error in group.exceptions) + hint})
                delay_s = _DELAY_S[0] if self.connected.is_set() else min(_DELAY_S[1], delay_s * 2)
                self._disconnected()
                await asyncio.sleep(delay_s)
        finally:
            self._disconnected()
            self._writer.shutdown(wait=True)

    def _disconnected(self) -> None:
        self.connected.clear()
        self._metrics.broker_up.set(0)

    def _client(self) -> aiomqtt.Client:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no annotation there
        properties.ReceiveMaximum = _RECEIVE_MAX
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            identifier=f"dockline-{self._identity}",
            username=self._broker.user,
            password=self._broker.password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=_KEEPALIVE_S,
            timeout=_TIMEOUT_S,
            properties=properties,
            will=aiomqtt.Will(CENTRAL_STATE, wire.encode(self._state(online=False)), qos=1, retain=True),
            tls_context=ssl.create_default_context(cafile=self._broker.ca_file or None) if self._broker.tls else None,
            socket_options=BROKER_SOCKET_OPTIONS,
        )
        client.pending_calls_threshold = 1000
        # Before connecting: set later, messages would slip through unacknowledged (aiomqtt 2.5.1 has no public way; the version is pinned).
        client._client.manual_ack_set(True)  # noqa: SLF001
        return client

    def _state(self, *, online: bool) -> wire.CentralState:
        return wire.CentralState(online=online, session_id=self._session_id, encodings=["zstd"] if wire.zstd_available() else [])

    async def _converse(self) -> None:
        self._session_id, self._queue = secrets.token_hex(8), asyncio.Queue()
        async with self._client() as client:
            await client.subscribe([(ALL_STATES, 1), (ALL_UP, 1)])
            await _publish(client, CENTRAL_STATE, wire.encode(self._state(online=True)), qos=1, retain=True)
            self.connected.set()
            self._metrics.broker_up.set(1)
            log.info("ingest connected", extra={"host": self._broker.host, "port": self._broker.port})
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._receive(client), name="ingest-receive")
                    tasks.create_task(self._work(client), name="ingest-work")
                    tasks.create_task(self._send_commands(client), name="ingest-commands")
                    tasks.create_task(self._mark_commands(), name="ingest-commands-marked")
            except asyncio.CancelledError:
                await self._die_politely(client)
                raise

    async def _die_politely(self, client: aiomqtt.Client) -> None:
        """A clean end makes the broker forget the will, so the death is published."""
        try:
            await client.publish(CENTRAL_STATE, wire.encode(self._state(online=False)), qos=1, retain=True, timeout=1.0)
        except aiomqtt.MqttError as error:
            log.debug("could not publish the death", extra={"reason": str(error)})

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._queue.put_nowait(message)

    async def _work(self, client: aiomqtt.Client) -> None:
        while True:
            arrived = [await self._queue.get()]
            while len(arrived) < _GROUP_MESSAGES_MAX and not self._queue.empty():
                arrived.append(self._queue.get_nowait())
            taken = await asyncio.get_running_loop().run_in_executor(self._writer, self._take, arrived)
            for each in taken:
                if each.ack is not None:
                    await _publish(client, each.address.topic("ack"), wire.encode(each.ack), qos=0)
            # In the order of arrival [MQTT-4.6.0-2], and only now: the broker holds back what comes faster than the database takes it.
            for message in arrived:
                client._client.ack(message.mid, message.qos)  # noqa: SLF001

    def _take(self, arrived: Sequence[aiomqtt.Message]) -> list[Taken]:
        """In the writer's thread: take the states one by one, the batches together, movements first."""
        batches: list[Message] = []
        for message in arrived:
            parsed = parse_topic(str(message.topic))
            if parsed is None or not isinstance(message.payload, bytes):
                continue
            address, leaf = parsed
            lane = lane_of_leaf(leaf)
            if lane is not None:
                batches.append(read_message(str(message.topic), address, lane, message.payload))
            elif leaf == "state" and message.payload:
                self._take_state(address, message.payload)
        batches.sort(key=lambda each: each.batch is None or each.batch.lane != "movements")
        taken = take_group(self._engine, batches, self._door, self._clock)
        self._count(taken)
        if arrived:
            self._changes.tell()
        return taken

    def _take_state(self, address: GatewayAddress, payload: bytes) -> None:
        try:
            state = wire.decode_gateway_state(payload)
            in_transaction(self._engine, lambda connection: fleet.gateway_state_changed(connection, address, state, self._clock()))
        except wire.WireError as error:
            log.warning("state not understood", extra={"gateway": address.gateway, "reason": str(error)})
        except BusyError:
            raise
        except DomainError as error:
            log.warning("state refused", extra={"gateway": address.gateway, "reason": error.message})

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

    async def _send_commands(self, client: aiomqtt.Client) -> None:
        while True:
            # The count is read before the database, so that a command queued in between is not waited for.
            seen = self._changes.count
            due = [command for command in await asyncio.to_thread(self._due_commands) if command.command_id not in self._unmarked]
            await asyncio.gather(*(_publish(client, command.topic, command.payload, qos=1) for command in due))
            self._metrics.commands_published.inc(len(due))
            self._unmarked |= {command.command_id for command in due}
            await self._changes.wait(seen, _COMMAND_POLL_S)

    def _due_commands(self) -> Sequence[fleet.Outgoing]:
        with reading(self._engine) as connection:
            return fleet.due_commands(connection, self._clock())

    async def _mark_commands(self) -> None:
        """Afterwards and together: a command that is published once more, because central ended in between, is done once all the same."""
        while True:
            await asyncio.sleep(_COMMAND_MARK_S)
            if self._unmarked:
                ids = sorted(self._unmarked)[:_COMMANDS_MARKED_MAX]
                await asyncio.to_thread(in_transaction, self._engine, lambda connection, ids=ids: fleet.commands_published(connection, ids, self._clock()))
                self._unmarked.difference_update(ids)


async def _publish(client: aiomqtt.Client, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> None:
    """Publish, and do not lose a cancellation: aiomqtt waits by asyncio.wait_for, which before Python 3.12 swallows one that comes with the result."""
    await client.publish(topic, payload, qos=qos, retain=retain)
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def take_group(engine: Engine, messages: Sequence[Message], door: Door, clock: Callable[[], datetime]) -> list[Taken]:
    """Take messages in one transaction; when that does not go, each in its own: two that are busy then do not wait for each other's fences,
    and one that breaks the program does not take the others with it.

    Raises: BusyError, OperationalError: the database is busy, full or gone; nothing may be acknowledged.
    """
    if not messages:
        return []
    try:
        return in_transaction(engine, lambda connection: [take_message(connection, each, door, clock()) for each in messages], attempts=1)
    except OperationalError:
        raise
    except Exception as error:  # ingest loop: each alone then finds out which message it was
        if not isinstance(error, BusyError):
            log.exception("group of messages broke", extra={"messages": len(messages)})
    return [_take_alone(engine, each, door, clock) for each in messages]


def _take_alone(engine: Engine, message: Message, door: Door, clock: Callable[[], datetime]) -> Taken:
    try:
        return in_transaction(engine, lambda connection: take_message(connection, message, door, clock()), attempts=10)
    except (BusyError, OperationalError):
        raise
    except Exception as error:  # ingest loop: a message that breaks the program is kept and shown, those behind it go on
        log.exception("message broke", extra={"topic": message.topic})
        fault = f"it could not be taken: {type(error).__name__}: {error}"
        return in_transaction(engine, lambda connection: refuse_message(connection, message, fault, door, clock()))
