# SPDX-License-Identifier: Apache-2.0
"""The way to central over MQTT: birth and will, batches up, acknowledgements and commands down, over one of the brokers that the table names.

A broker's PUBACK proves nothing of an event: only central's acknowledgement lets the outbox forget. It proves that the link lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import aiomqtt
import msgspec
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode

from contracts import wire
from contracts.addresses import parse_broker
from contracts.commands import AnyCommand
from contracts.events import LANES
from contracts.topics import CENTRAL_STATE, GatewayAddress, partition_of
from gateway.clock import Now
from gateway.config import GatewayTable
from gateway.connection import CALLS_MAX, Connection, ConnectionMaker, MuteError, Version, refuses_version
from gateway.delivery import Delivery, FruitlessError, NumbersInDoubtError, SilentError
from gateway.knocking import Knocker, UnreachableError, abandon
from gateway.metrics import Metrics
from gateway.outbox import OutboxFullError, StoredBatch
from gateway.reconnect import Outcome, Reconnect
from gateway.store import Store

_COMPRESS_FROM_BYTES = 512
_KNOCKS_S = 3.0
_SUBSCRIBED_S = 2.4
_IDLE_S = 5.0
_WORK_S = 10.0
_SETTLED_S = 5.0  # a connection that lasted longer and was closed was good for something

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identity:
    """What the birth says of this gateway."""

    version: str
    config_hash: str
    boot_id: str
    restarted: str = ""
    safe_mode: bool = False
    config_version: int = 0


class UplinkStatus(msgspec.Struct, frozen=True):
    """How the uplink fares. `broker`: the one that is connected, or that is tried next; `since_s`: for how long it is so; `round_trip_ms`: from sending
    to central's acknowledgement, mean of the last; `acked_per_s`: events that central acknowledged, over the last 10 s.
    """

    connected: bool
    broker: str
    since_s: float
    round_trip_ms: float
    acked_per_s: float


class Uplink:
    """Runs until cancelled. `on_command` gets every command that arrives, also repeated ones."""

    def __init__(self, table: GatewayTable, identity: Identity, store: Store, on_command: Callable[[AnyCommand], None], now: Now, metrics: Metrics) -> None:
        self._identity = identity
        self._is_changed = False
        self._address = GatewayAddress(partition_of(table.site), table.site, table.id)
        self._gateway = table.id
        self._store = store
        self._on_command = on_command
        self._now = now
        self._metrics = metrics
        self._urls = (table.broker, *table.brokers_more)
        self._brokers = tuple(parse_broker(url) for url in self._urls)
        self._at = 0
        self._versions = _Versions(table.mqtt_version, len(self._brokers))
        self._maker = ConnectionMaker(table)
        self._knocker = Knocker(self._brokers)
        self._reconnect = Reconnect()
        self._heard_s = 0.0
        self._delivery = Delivery(store, now, metrics, lambda: self._heard_s, len(self._brokers))
        self._session_id = secrets.token_hex(8)
        self._calls: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._changed_s = self._due_s = now().monotonic_s
        self.connected = False

    @property
    def stalled_s(self) -> float:
        """Seconds since the uplink should have done something by itself and did not; 0 while it gets on."""
        return max(0.0, self._now().monotonic_s - self._due_s)

    @property
    def status(self) -> UplinkStatus:
        """How it fares now."""
        since_s, trip = self._now().monotonic_s - self._changed_s, self._delivery.trip
        return UplinkStatus(self.connected, self._urls[self._at], round(since_s, 1), round(trip.smoothed_s * 1000, 1), round(self._delivery.acked_per_s, 1))

    def announce(self, identity: Identity) -> None:
        """Say from now on that this gateway is such; the birth is published anew at once."""
        self._identity, self._is_changed = identity, True
        self._store.changed.set()

    async def run(self) -> None:
        """Connect, converse, and connect again."""
        is_told = False
        while True:
            was_connected, outcome, reason = await self._until_it_ends()
            if (was_connected or not is_told) and reason:
                log.warning("uplink lost", extra={"broker": self._urls[self._at], "reason": _said(reason, was_connected=was_connected)})
                is_told = True
            delay_s = self._reconnect.ended(outcome, self._now().monotonic_s) if outcome else 0.0
            if outcome and outcome not in ("unreachable", "refused"):
                self._at = (self._at + 1) % len(self._brokers)
            self._expect(delay_s)
            await asyncio.sleep(delay_s)
            self._metrics.uplink_reconnects.inc()

    async def _until_it_ends(self) -> tuple[bool, Outcome | None, str]:
        """One attempt and the conversation that comes of it; returns whether there was one, how it ended (None: to be tried again at once) and why."""
        try:
            await self._attempt()
        except NumbersInDoubtError:
            return self._ended(), None, ""
        except UnreachableError as error:
            return self._ended(), "refused" if error.is_refused else "unreachable", str(error)
        except (MuteError, SilentError, FruitlessError, aiomqtt.MqttError, OutboxFullError, OSError, ValueError) as error:
            had_progress = self.connected and self._delivery.progressed
            is_settled = had_progress or (self.connected and self._now().monotonic_s - self._changed_s > _SETTLED_S)
            was_connected = self._ended()
            if not was_connected and self._versions.failed(self._at, error):
                return False, None, ""
            return was_connected, _outcome_of(error, is_settled=is_settled, was_connected=was_connected), str(error)
        except asyncio.CancelledError:
            self._ended()
            raise
        raise AssertionError("a conversation ends with an error")

    def _ended(self) -> bool:
        """Whether there was a conversation, which is over."""
        was_connected, self.connected, self._store.is_live = self.connected, False, False
        if was_connected:
            self._changed_s = self._now().monotonic_s
        self._metrics.uplink_up.set(0)
        return was_connected

    async def _attempt(self) -> NoReturn:
        self._expect(_KNOCKS_S)
        self._delivery.connecting()
        self._at, opened = await self._knocker.knock(self._at, self._reconnect.knock_s(self._now().monotonic_s), _KNOCKS_S)
        patience_s = self._reconnect.patience_s()
        self._expect(patience_s)
        self._session_id, self._failure = secrets.token_hex(8), None
        try:
            will = aiomqtt.Will(self._address.topic("state"), wire.encode(self._state(online=False)), qos=1, retain=True)
            version = self._versions.to_try(self._at)
            client = self._maker.make(self._brokers[self._at], version, will)
        except BaseException:
            abandon(opened)
            raise
        began_s = time.monotonic()
        async with client.over(opened, patience_s):
            self._versions.worked(self._at, version)
            self._reconnect.connected(time.monotonic() - began_s)
            await self._converse(client)

    def _state(self, *, online: bool) -> wire.GatewayState:
        return wire.GatewayState(
            online=online,
            boot_id=self._identity.boot_id,
            session_id=self._session_id,
            epoch=self._store.epoch,
            version=self._identity.version,
            config_hash=self._identity.config_hash,
            config_version=self._identity.config_version,
            safe_mode=self._identity.safe_mode,
            restarted=self._identity.restarted,
            outbox=self._store.found.harm,
            last_seq={lane: self._store.level(lane).last_seq for lane in LANES},
        )

    async def _converse(self, client: Connection) -> NoReturn:
        await self._introduce(client)
        self.connected = True
        self._heard_s = self._changed_s = self._now().monotonic_s
        self._metrics.uplink_up.set(1)
        log.info("uplink connected", extra={"broker": self._urls[self._at]})
        self._delivery.reconnected()
        try:
            await self._until_one_fails(client)
        except NumbersInDoubtError:
            await client.farewell()
            raise
        finally:
            await self._drop_calls()

    async def _introduce(self, client: Connection) -> None:
        """Subscribe and publish the birth, both under way at once. Raises: SilentError: no answer; ValueError: refused."""
        within_s = max(_SUBSCRIBED_S, 3 * self._reconnect.welcome_s)
        self._expect(within_s)
        topics = [(self._address.topic("ack"), 1), (self._address.topic("down"), 1), (CENTRAL_STATE, 1)]
        birth = client.publish(self._address.topic("state"), wire.encode(self._state(online=True)), qos=1, retain=True, timeout=math.inf)
        try:
            async with asyncio.timeout(within_s):
                granted, _ = await asyncio.gather(client.subscribe(topics, timeout=math.inf), birth)
        except TimeoutError:
            raise SilentError("the broker welcomed us and says nothing any more; connecting anew") from None
        for (topic, _), code in zip(topics, granted, strict=True):
            if int(getattr(code, "value", code)) >= 0x80:
                raise ValueError(f"the broker does not let this gateway subscribe to {topic}; check its access list")

    async def _until_one_fails(self, client: Connection) -> NoReturn:
        tasks = [asyncio.create_task(self._receive(client), name="uplink-receive"), asyncio.create_task(self._send(client), name="uplink-send")]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            raise next(iter(done)).exception() or SilentError("the connection ended")
        except asyncio.CancelledError:
            await self._die_politely(client)
            raise
        finally:
            self._expect(_WORK_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _die_politely(self, client: Connection) -> None:
        """A clean end makes the broker forget the will, so the death is published."""
        try:
            await client.publish(self._address.topic("state"), wire.encode(self._state(online=False)), qos=1, retain=True, timeout=1.0)
        except aiomqtt.MqttError as error:
            log.debug("could not publish the death", extra={"reason": str(error)})
            return
        await client.farewell()

    async def _receive(self, client: Connection) -> NoReturn:
        ack_topic, down_topic = self._address.topic("ack"), self._address.topic("down")
        async for message in client.messages:
            self._heard_s = self._now().monotonic_s
            payload = message.payload if isinstance(message.payload, bytes) else b""
            topic = str(message.topic)
            try:
                if topic == ack_topic:
                    await self._delivery.on_ack(wire.decode_ack(payload))
                    if self._delivery.progressed:
                        self._reconnect.progress()
                elif topic == down_topic:
                    self._on_command(wire.decode_command(payload))
                elif topic == CENTRAL_STATE:
                    self._delivery.on_central(wire.decode_central_state(payload))
            except wire.WireError as error:
                log.warning("message not understood", extra={"topic": topic, "reason": str(error)})
        raise SilentError("the connection ended")

    async def _send(self, client: Connection) -> NoReturn:
        while True:
            self._expect(_WORK_S)
            self._store.changed.clear()
            self._delivery.check()
            if self._is_changed:
                self._is_changed = False
                self._call(client, self._address.topic("state"), wire.encode(self._state(online=True)), retain=True)
            while len(self._calls) < CALLS_MAX and (batch := await self._delivery.next_batch()) is not None:
                self._publish(client, batch)
                self._expect(_WORK_S)
            await self._until_changed()
            if self._failure is not None:
                raise self._failure

    async def _until_changed(self) -> None:
        deadline_s = self._delivery.deadline_s()
        wait_s = _IDLE_S if deadline_s is None else min(_IDLE_S, max(0.0, deadline_s - self._now().monotonic_s))
        self._expect(wait_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._store.changed.wait()

    def _publish(self, client: Connection, batch: StoredBatch) -> None:
        """Hand a batch to the broker without waiting for its PUBACK; publishes start in the order of the calls."""
        message = wire.Batch(
            gateway=self._gateway,
            epoch=batch.epoch,
            lane=batch.lane,
            first_seq=batch.first_seq,
            oldest_seq=self._store.level(batch.lane).oldest_kept,
            events=[msgspec.Raw(body) for body in batch.events],
        )
        payload, central = wire.encode(message), self._delivery.central
        if len(payload) >= _COMPRESS_FROM_BYTES and central is not None and "zstd" in central.encodings and wire.zstd_available():
            payload = wire.compress(payload)
        self._call(client, self._address.topic(f"up/{batch.lane}"), payload)

    def _call(self, client: Connection, topic: str, payload: bytes, *, retain: bool = False) -> None:
        task = asyncio.create_task(self._publish_payload(client, topic, payload, retain=retain), name="uplink-publish")
        self._calls.add(task)
        task.add_done_callback(self._published)

    async def _publish_payload(self, client: Connection, topic: str, payload: bytes, *, retain: bool) -> None:
        """Without a time-out of its own: whether the broker answers is judged in one place, see `Delivery.check`."""
        await client.publish(topic, payload, qos=1, retain=retain, timeout=math.inf)
        self._heard_s = self._now().monotonic_s

    def _published(self, task: asyncio.Task[None]) -> None:
        if len(self._calls) >= CALLS_MAX:
            self._store.changed.set()
        self._calls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._store.changed.set()

    async def _drop_calls(self) -> None:
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _expect(self, within_s: float) -> None:
        """Within that time the uplink does something by itself, whatever the network does."""
        self._due_s = self._now().monotonic_s + within_s


class _Versions:
    """Which MQTT each broker speaks: as the table says, or 5, and 3.1.1 where that fails; what worked is kept."""

    def __init__(self, wanted: str, brokers: int) -> None:
        self._is_auto = wanted == "auto"
        self._next = [Version.V311 if wanted == "3.1.1" else Version.V5] * brokers
        self._known = [not self._is_auto] * brokers

    def to_try(self, broker: int) -> Version:
        return self._next[broker]

    def worked(self, broker: int, version: Version) -> None:
        self._next[broker], self._known[broker] = version, True

    def failed(self, broker: int, error: BaseException) -> bool:
        """An attempt failed before the welcome; returns whether another version is to be tried at once."""
        is_refused = refuses_version(error)
        if not self._is_auto or (self._known[broker] and not is_refused) or not (is_refused or _says_nothing(error)):
            return False
        was_known, self._known[broker] = self._known[broker], False
        self._next[broker] = Version.V311 if self._next[broker] is Version.V5 else Version.V5
        return is_refused and (was_known or self._next[broker] is Version.V311)


def _says_nothing(error: BaseException) -> bool:
    """How brokers end a conversation whose first word they do not understand."""
    return isinstance(error, MuteError) or (isinstance(error, aiomqtt.MqttError) and not isinstance(error, MqttConnectError))


def _outcome_of(error: Exception, *, is_settled: bool, was_connected: bool) -> Outcome:
    match error:
        case MuteError():
            return "mute"
        case SilentError() | aiomqtt.MqttCodeError(rc=MQTTErrorCode.MQTT_ERR_KEEPALIVE):
            return "silent"
        case MqttConnectError() | OSError() | ValueError():
            return "turned_away"
        case aiomqtt.MqttError() if is_settled:
            return "closed"
        case _:
            return "fruitless" if was_connected else "turned_away"


def _said(said: str, *, was_connected: bool) -> str:
    """What went wrong and, where a broker only hints at it, what to look at. Some brokers answer a wrong password with silence."""
    if was_connected:
        return said
    if "authorized" in said.lower() or "user name or password" in said.lower():
        return f"{said}; check broker_username and broker_password_file"
    if "certificate verify failed" in said.lower():
        return f"{said}; check broker_ca_file and the name in the broker's certificate"
    if "before its welcome" in said:
        return f"{said}; check broker_certificate_file, broker_key_file, broker_username and broker_password_file"
    if "said nothing" in said.lower():
        return f"{said}; check broker, broker_username and broker_password_file"
    return said
