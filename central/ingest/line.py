# SPDX-License-Identifier: Apache-2.0
"""One broker that ingest talks to: connected again and again, subscribed to the partitions that are held, MQTT 5 where the broker has it and 3.1.1 where not.

The session is clean: what was not acknowledged by an Ack comes again from the gateways' outboxes, and their retained births come with the subscription.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contracts import wire
from contracts.addresses import BROKER_SOCKET_OPTIONS, BrokerAddress
from contracts.topics import ALL_STATES, ALL_UP, CENTRAL_STATE, PARTITIONS, PREFIX

_KEEPALIVE_S = 10
_TIMEOUT_S = 5.0
_DELAY_S = (0.1, 5.0)
_RECEIVE_MAX = 100

log = logging.getLogger(__name__)


def filters(partitions: Collection[int]) -> frozenset[str]:
    """What to subscribe to for these partitions; two filters for all of them, which is cheaper for a broker than 128."""
    if len(partitions) == PARTITIONS:
        return frozenset((ALL_STATES, ALL_UP))
    return frozenset(f"{PREFIX}/{partition}/+/+/{leaf}" for partition in partitions for leaf in ("state", "up/+"))


class Line:
    """The conversation with one broker. What comes is put into `inbox`; `say` and `ask` send; births of central are said while it `serves`."""

    def __init__(self, broker: BrokerAddress, inbox: asyncio.Queue[Arrived], on_change: Callable[[], None]) -> None:
        self.name = f"{broker.host}:{broker.port}"
        self.is_up = False
        self._broker = broker
        self._inbox = inbox
        self._on_change = on_change
        self._session_id = ""
        self._version = aiomqtt.ProtocolVersion.V5
        self._client: aiomqtt.Client | None = None
        self._outgoing: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._wanted: frozenset[str] = frozenset()
        self._subscribed: frozenset[str] = frozenset()
        self._serves = False
        self._told = False
        self._news = asyncio.Event()

    def serve(self, partitions: Collection[int], *, serves: bool) -> None:
        """Subscribe to these partitions from now on, and say to the gateways whether central takes what they send."""
        self._wanted, self._serves = filters(partitions) if partitions else frozenset(), serves and bool(partitions)
        self._news.set()

    @property
    def is_connected(self) -> bool:
        """Whether the broker answers; `is_up`: and was told that central takes events."""
        return self._client is not None

    def say(self, topic: str, payload: bytes) -> None:
        """Send at most once; nothing is sent, or waited for, while the broker is away."""
        if self.is_up:
            self._outgoing.put_nowait((topic, payload))

    async def ask(self, topic: str, payload: bytes) -> bool:
        """Send at least once; False: the broker did not take it."""
        if self._client is None or not self.is_up:
            return False
        try:
            await publish(self._client, topic, payload, qos=1)
        except aiomqtt.MqttError:
            return False
        return True

    def acknowledge(self, arrived: Arrived) -> None:
        """Let the broker send more: it holds back what comes faster than the database takes it (MQTT 5). In the order of arrival [MQTT-4.6.0-2]."""
        if self._client is arrived.client:
            arrived.client._client.ack(arrived.message.mid, arrived.message.qos)  # noqa: SLF001  # aiomqtt has no public way

    async def run(self) -> None:
        """Converse until cancelled; one log line on loss and one on return."""
        delay_s, is_first = _DELAY_S[0], True
        while True:
            is_refused = False
            try:
                # Each conversation is a task of its own: a TaskGroup that failed leaves a cancellation counted on its task (before Python 3.13).
                await asyncio.create_task(self._converse(), name=f"ingest-{self.name}")
            except* (aiomqtt.MqttError, OSError, ValueError) as group:
                is_refused = self._takes_other_version(group.exceptions)
                if not is_refused and (self._client is not None or is_first):
                    self._say_lost(group.exceptions)
            _heed_cancellation()
            was_connected, is_first, self._client = self._client is not None, is_refused, None
            delay_s = _DELAY_S[0] if was_connected else min(_DELAY_S[1], delay_s * 2)
            self._set_up(is_up=False)
            await asyncio.sleep(0 if is_refused else delay_s)

    def _say_lost(self, errors: Sequence[BaseException]) -> None:
        hint = "" if self._client is not None else "; check --broker, its user and its password"
        log.warning("ingest lost", extra={"broker": self.name, "reason": "; ".join(str(error) for error in errors) + hint})

    def _takes_other_version(self, errors: Sequence[BaseException]) -> bool:
        """A broker that refuses MQTT 5 is asked for 3.1.1 at once; one that refuses that too is asked for 5 after the delay."""
        if not any("protocol version" in str(error) for error in errors):
            return False
        is_five = self._version is aiomqtt.ProtocolVersion.V5
        self._version = aiomqtt.ProtocolVersion.V311 if is_five else aiomqtt.ProtocolVersion.V5
        return is_five

    def _set_up(self, *, is_up: bool) -> None:
        self.is_up = is_up
        self._on_change()

    def _new_client(self) -> aiomqtt.Client:
        broker, is_five = self._broker, self._version is aiomqtt.ProtocolVersion.V5
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            identifier=f"dockline-central-{self._session_id}",
            username=broker.user,
            password=broker.password,
            protocol=self._version,
            clean_start=True if is_five else MQTT_CLEAN_START_FIRST_ONLY,
            clean_session=None if is_five else True,
            keepalive=_KEEPALIVE_S,
            timeout=_TIMEOUT_S,
            properties=_receive_max() if is_five else None,
            will=aiomqtt.Will(CENTRAL_STATE, self._state(online=False), qos=1, retain=True),
            tls_context=broker.tls_context(),
            socket_options=BROKER_SOCKET_OPTIONS,
        )
        client.pending_calls_threshold = 1000
        # Before connecting: set later, messages would slip through unacknowledged (aiomqtt 2.5.1 has no public way; the version is pinned).
        client._client.manual_ack_set(True)  # noqa: SLF001
        return client

    def _state(self, *, online: bool) -> bytes:
        return wire.encode(wire.CentralState(online=online, session_id=self._session_id, encodings=["zstd"] if wire.zstd_available() else []))

    async def _converse(self) -> None:
        self._session_id, self._subscribed, self._told = secrets.token_hex(8), frozenset(), False
        self._outgoing = asyncio.Queue()
        async with self._new_client() as client:
            _heed_cancellation()
            await client.subscribe(CENTRAL_STATE, 1)
            _heed_cancellation()
            self._client = client
            log.info("ingest connected", extra={"host": self._broker.host, "port": self._broker.port, "mqtt": self._version.name})
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._receive(client), name="ingest-receive")
                    tasks.create_task(self._speak(client), name="ingest-speak")
                    tasks.create_task(self._follow(client), name="ingest-follow")
            except asyncio.CancelledError:
                await self._die_politely(client)
                raise

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self._hear(client, message)
            while len(client.messages):  # what came with it: aiomqtt makes a task for each, which costs more than hearing it
                self._hear(client, client._queue.get_nowait())  # noqa: SLF001  # aiomqtt has no public way

    def _hear(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        if message.topic.value == CENTRAL_STATE:
            self._hear_central(message.payload)
        # All in one queue, also what is heard already: some brokers hang up when they are acknowledged out of order.
        self._inbox.put_nowait(Arrived(self, client, message))

    def _hear_central(self, payload: object) -> None:
        """Another worker died, or its will came late: as long as this one serves, central is not offline."""
        with contextlib.suppress(wire.WireError):
            if isinstance(payload, bytes) and payload and not wire.decode_central_state(payload).online:
                self._told = False
                self._news.set()

    async def _speak(self, client: aiomqtt.Client) -> None:
        """What is to be said at once goes at once; the last of it is waited for, so that no more piles up than the broker takes."""
        while True:
            topic, payload = await self._outgoing.get()
            while not self._outgoing.empty():
                client._client.publish(topic, payload, 0)  # noqa: SLF001  # aiomqtt has a task and a timer for each
                topic, payload = self._outgoing.get_nowait()
            await publish(client, topic, payload, qos=0)

    async def _follow(self, client: aiomqtt.Client) -> None:
        """Make true what `serve` asked for: first listen, then say so; first say that it is over, then stop listening."""
        while True:
            self._news.clear()
            wanted, serves = self._wanted, self._serves
            if not serves:
                await self._tell(client, online=False)
            if wanted - self._subscribed:
                await client.subscribe([(each, 1) for each in sorted(wanted - self._subscribed)])
                _heed_cancellation()
            if self._subscribed - wanted:
                await client.unsubscribe(sorted(self._subscribed - wanted))
                _heed_cancellation()
            self._subscribed = wanted
            if serves:
                await self._tell(client, online=True)
            await self._news.wait()

    async def _tell(self, client: aiomqtt.Client, *, online: bool) -> None:
        if self._told != online:
            self._told = online
            await publish(client, CENTRAL_STATE, self._state(online=online), qos=1, retain=True)
        if self.is_up != online:
            self._set_up(is_up=online)

    async def _die_politely(self, client: aiomqtt.Client) -> None:
        """A clean end makes the broker forget the will, so the death is published."""
        if not self._told:
            return
        try:
            await client.publish(CENTRAL_STATE, self._state(online=False), qos=1, retain=True, timeout=1.0)
        except aiomqtt.MqttError as error:
            log.debug("could not publish the death", extra={"reason": str(error)})


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message, the line on which it came, and that line's connection then."""

    line: Line
    client: aiomqtt.Client
    message: aiomqtt.Message


def _receive_max() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no annotation there
    properties.ReceiveMaximum = _RECEIVE_MAX
    return properties


async def publish(client: aiomqtt.Client, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> None:
    """Publish, and do not lose a cancellation."""
    await client.publish(topic, payload, qos=qos, retain=retain)
    _heed_cancellation()


def _heed_cancellation() -> None:
    """aiomqtt waits by asyncio.wait_for, which before Python 3.12 swallows a cancellation that comes with the result, or with the failure."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
