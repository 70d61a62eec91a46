# SPDX-License-Identifier: Apache-2.0
"""The way to central over MQTT: birth and will, batches up, acknowledgements and commands down.

A broker's PUBACK proves nothing here: only central's acknowledgement lets the outbox forget. aiomqtt acknowledges what it receives before this program has seen
it; that costs at most an acknowledgement or a command that central sends again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import aiomqtt
import msgspec

from contracts import wire
from contracts.addresses import BROKER_SOCKET_OPTIONS, parse_broker
from contracts.commands import AnyCommand
from contracts.events import LANES, Lane
from contracts.topics import CENTRAL_STATE, GatewayAddress, partition_of
from gateway.clock import Now
from gateway.config import GatewayTable
from gateway.epoch import EpochWatch
from gateway.metrics import Metrics
from gateway.outbox import OutboxFullError, StoredBatch
from gateway.store import Store
from gateway.window import LaneWindow

_KEEPALIVE_S = 10
_TIMEOUT_S = 3.0
_COMPRESS_FROM_BYTES = 512
_DELAY_S = (0.2, 5.0)
_PROBE_S = 5.0  # central said that it is offline: knock this often all the same, retained states can be stale
_CALLS_MAX = 64

log = logging.getLogger(__name__)


class _Client(aiomqtt.Client):
    """aiomqtt's client, with an end that also holds when connecting was cut short: otherwise its socket and task live on until the keep-alive."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        """Connected inside. Connecting blocks a thread of paho's, so that a cancellation has to wait for it. Raises: MqttError."""
        entering = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(entering)
            yield
        finally:
            if (await asyncio.gather(entering, return_exceptions=True))[0] is self:
                await self.__aexit__(None, None, None)
            self._client.disconnect()
            await asyncio.sleep(0)  # aiomqtt cancels its task by a callback


class LinkDeadError(Exception):
    """Central made no progress although the connection seems to stand."""


class NumbersInDoubtError(Exception):
    """The conversation must begin anew because central counts other numbers, see `gateway.epoch`."""


@dataclass(frozen=True)
class Identity:
    """What the birth says of this gateway."""

    version: str
    config_hash: str
    boot_id: str


class Uplink:
    """Runs until cancelled. `on_command` gets every command that arrives, also repeated ones."""

    def __init__(self, table: GatewayTable, identity: Identity, store: Store, on_command: Callable[[AnyCommand], None], now: Now, metrics: Metrics) -> None:
        self._table = table
        self._identity = identity
        self._address = GatewayAddress(partition_of(table.site), table.site, table.id)
        self._store = store
        self._on_command = on_command
        self._now = now
        self._metrics = metrics
        self._windows: dict[Lane, LaneWindow] = {lane: LaneWindow(acked=store.level(lane).acked, sent=store.level(lane).acked) for lane in LANES}
        self._watch = EpochWatch(store.known)
        self._session_id = secrets.token_hex(8)
        self._central: wire.CentralState | None = None
        self._live_from_row = store.next_telemetry_row
        self._calls: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._progress = False
        self.connected = False

    async def run(self) -> None:
        """Connect, converse, and connect again with back-off."""
        delay_s, is_first = _DELAY_S[0], True
        while True:
            self._progress = False
            try:
                await self._converse()
            except (aiomqtt.MqttError, LinkDeadError, OutboxFullError, OSError, ValueError) as error:
                if self.connected or is_first:
                    log.warning("uplink lost", extra={"broker": self._table.broker, "reason": _said(error, was_connected=self.connected)})
            except NumbersInDoubtError:
                self._progress = True
            finally:
                self.connected = is_first = False
                self._metrics.uplink_up.set(0)
                await self._drop_calls()
            delay_s = _DELAY_S[0] if self._progress else min(_DELAY_S[1], delay_s * 2)
            await asyncio.sleep(delay_s * random.uniform(0.8, 1.2))  # noqa: S311  # spreads reconnects, keeps no secret
            self._metrics.uplink_reconnects.inc()

    def _client(self) -> _Client:
        broker, table = parse_broker(self._table.broker), self._table
        password = Path(table.broker_password_file).read_text().strip() if table.broker_password_file else None
        client = _Client(
            broker.host,
            broker.port,
            identifier=f"dockline-{table.site}-{table.id}",
            username=(table.broker_username or table.id) if password else None,
            password=password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=_KEEPALIVE_S,
            timeout=_TIMEOUT_S,
            will=aiomqtt.Will(self._address.topic("state"), wire.encode(self._state(online=False)), qos=1, retain=True),
            tls_context=ssl.create_default_context(cafile=table.broker_ca_file or None) if broker.tls else None,
            socket_options=BROKER_SOCKET_OPTIONS,
        )
        client.pending_calls_threshold = _CALLS_MAX
        return client

    def _state(self, *, online: bool) -> wire.GatewayState:
        return wire.GatewayState(
            online=online,
            boot_id=self._identity.boot_id,
            session_id=self._session_id,
            epoch=self._store.epoch,
            version=self._identity.version,
            config_hash=self._identity.config_hash,
            last_seq={lane: self._store.level(lane).last_seq for lane in LANES},
        )

    async def _converse(self) -> None:
        self._session_id, self._failure = secrets.token_hex(8), None
        client = self._client()
        async with client.connection():
            for leaf in (self._address.topic("ack"), self._address.topic("down"), CENTRAL_STATE):
                await client.subscribe(leaf, qos=1)
            await client.publish(self._address.topic("state"), wire.encode(self._state(online=True)), qos=1, retain=True)
            self.connected = True
            self._metrics.uplink_up.set(1)
            log.info("uplink connected", extra={"broker": self._table.broker})
            self._live_from_row = self._store.next_telemetry_row
            self._watch.reconnected()
            for window in self._windows.values():
                window.reconnected()
            await self._until_one_fails(client)

    async def _until_one_fails(self, client: aiomqtt.Client) -> NoReturn:
        tasks = [asyncio.create_task(self._receive(client), name="uplink-receive"), asyncio.create_task(self._send(client), name="uplink-send")]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            raise next(iter(done)).exception() or LinkDeadError("the connection ended")
        except asyncio.CancelledError:
            await self._die_politely(client)
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _die_politely(self, client: aiomqtt.Client) -> None:
        """A clean end makes the broker forget the will, so the death is published."""
        try:
            await client.publish(self._address.topic("state"), wire.encode(self._state(online=False)), qos=1, retain=True, timeout=1.0)
        except aiomqtt.MqttError as error:
            log.debug("could not publish the death", extra={"reason": str(error)})

    async def _receive(self, client: aiomqtt.Client) -> NoReturn:
        ack_topic, down_topic = self._address.topic("ack"), self._address.topic("down")
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            topic = str(message.topic)
            try:
                if topic == ack_topic:
                    await self._on_ack(wire.decode_ack(payload))
                elif topic == down_topic:
                    self._on_command(wire.decode_command(payload))
                elif topic == CENTRAL_STATE:
                    self._on_central(wire.decode_central_state(payload))
            except wire.WireError as error:
                log.warning("message not understood", extra={"topic": topic, "reason": str(error)})
        raise LinkDeadError("the connection ended")

    async def _on_ack(self, ack: wire.Ack) -> None:
        if ack.epoch != self._store.epoch:
            return
        window, was_asked = self._windows[ack.lane], self._watch.asked == ack.lane
        ours = self._watch.on_ack(ack.lane, ack.upto, resend=ack.resend, acked=window.acked)
        if ours > window.acked or was_asked:
            self._progress = True
        if window.on_ack(ours, ack.resend, self._now().monotonic_s):
            self._metrics.uplink_resends.labels(lane=ack.lane, reason="gap").inc()
        if was_asked:
            window.reconnected()
            await self._on_answer()
        elif self._watch.is_in_doubt:
            raise NumbersInDoubtError
        self._store.changed.set()
        await self._store.acknowledge(ack.lane, ours)

    async def _on_answer(self) -> None:
        """All lanes asked: go on with the numbers, or begin an epoch. Raises: NumbersInDoubtError: it has begun; its birth comes with the next connection."""
        if self._watch.must_begin_anew:
            old, pending = self._store.epoch, {lane: self._store.level(lane).pending for lane in LANES}
            epoch = await self._store.begin_epoch(self._watch.central_has)
            moved = {lane: self._store.level(lane).pending for lane in LANES}
            log.warning("numbers begin anew", extra={"reason": self._watch.fault, "old": old, "epoch": epoch, "pending_before": pending, "moved": moved})
            self._watch = EpochWatch(self._store.known, is_new=True)
            self._windows = {lane: LaneWindow() for lane in LANES}
            raise NumbersInDoubtError
        if not self._watch.to_ask:
            await self._store.answered()

    def _on_central(self, state: wire.CentralState) -> None:
        """A death that belongs to another session than the last birth is late news."""
        if not state.online and self._central is not None and self._central.online and self._central.session_id != state.session_id:
            return
        came_back = state.online and self._central is not None and not self._central.online
        self._central = state
        if came_back:
            self._live_from_row = self._store.next_telemetry_row
            for window in self._windows.values():
                window.reconnected()
        self._store.changed.set()

    async def _send(self, client: aiomqtt.Client) -> NoReturn:
        while True:
            self._store.changed.clear()
            while await self._send_one(client):
                pass
            now_s = self._now().monotonic_s
            self._check_progress(now_s)
            deadlines = [deadline_s for window in self._windows.values() if (deadline_s := window.deadline_s()) is not None]
            try:
                async with asyncio.timeout(max(0.0, min(deadlines) - now_s) if deadlines else None):
                    await self._store.changed.wait()
            except TimeoutError:
                pass
            if self._failure is not None:
                raise self._failure

    async def _send_one(self, client: aiomqtt.Client) -> bool:
        """Send one batch, of the movements if there is any; returns whether there was one. Before the first, ask what central has."""
        if self._watch.to_ask:
            return self._ask(client)
        for lane in LANES:
            window = self._windows[lane]
            if len(self._calls) >= _CALLS_MAX or not self._may_send(window):
                continue
            batch = await self._store.batch_after(lane, window.sent, self._live_from_row)
            if batch is not None:
                window.on_sent(batch.last_seq, self._now().monotonic_s)
                self._watch.on_sent(lane, batch.last_seq)
                self._publish(client, batch)
                return True
        return False

    def _ask(self, client: aiomqtt.Client) -> bool:
        """Send an empty batch for the first lane to ask, unless one is on its way; central answers it with its mark."""
        lane = self._watch.to_ask[0]
        window = self._windows[lane]
        if window.deadline_s() is not None or not self._may_send(window):
            return False
        self._watch.asked = lane
        window.on_sent(window.acked, self._now().monotonic_s)
        self._publish(client, StoredBatch(lane, window.acked + 1, (), self._store.epoch))
        return True

    def _may_send(self, window: LaneWindow) -> bool:
        """With central offline one batch knocks, and no more until it answers."""
        if self._central is not None and not self._central.online:
            return window.sent == window.acked and window.deadline_s() is None and window.strikes == 0
        return window.has_room

    def _check_progress(self, now_s: float) -> None:
        for lane, window in self._windows.items():
            overdue = window.overdue(now_s)
            if not overdue:
                continue
            self._metrics.uplink_resends.labels(lane=lane, reason="no_progress").inc()
            if self._central is not None and not self._central.online:
                asyncio.get_running_loop().call_later(_PROBE_S, self._probe, window)
            elif overdue == "reconnect":
                raise LinkDeadError(f"central acknowledged nothing of {lane} for two time-outs; connecting anew")
            else:
                self._store.changed.set()

    def _probe(self, window: LaneWindow) -> None:
        window.strikes = 0
        self._store.changed.set()

    def _publish(self, client: aiomqtt.Client, batch: StoredBatch) -> None:
        """Hand a batch to the broker without waiting for its PUBACK; publishes start in the order of the calls."""
        message = wire.Batch(
            gateway=self._table.id,
            epoch=self._store.epoch,
            lane=batch.lane,
            first_seq=batch.first_seq,
            oldest_seq=self._store.level(batch.lane).acked + 1,
            events=[msgspec.Raw(body) for body in batch.events],
        )
        payload = wire.encode(message)
        if len(payload) >= _COMPRESS_FROM_BYTES and self._central is not None and "zstd" in self._central.encodings and wire.zstd_available():
            payload = wire.compress(payload)
        task = asyncio.create_task(self._publish_payload(client, self._address.topic(f"up/{batch.lane}"), payload), name="uplink-publish")
        self._calls.add(task)
        task.add_done_callback(self._published)

    async def _publish_payload(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        await client.publish(topic, payload, qos=1)

    def _published(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._store.changed.set()

    async def _drop_calls(self) -> None:
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)


def _said(error: Exception, *, was_connected: bool) -> str:
    """What went wrong and, where a broker only hints at it, what to look at. Some brokers answer a wrong password with silence."""
    said = str(error)
    if was_connected:
        return said
    if "authorized" in said.lower() or "user name or password" in said.lower():
        return f"{said}; check broker_username and broker_password_file"
    if "certificate verify failed" in said.lower():
        return f"{said}; check broker_ca_file and the name in the broker's certificate"
    if "timed out" in said.lower():
        return f"{said}: the broker did not answer; check broker, broker_username and broker_password_file"
    return said
