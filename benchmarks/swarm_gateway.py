# SPDX-License-Identifier: Apache-2.0
"""A simulated gateway at the level of the protocol, light enough for ten thousand in one process: MQTT 3.1.1 by hand, births, batches, acknowledgements obeyed.

It keeps the promise of a real one: what central has not acknowledged is sent again, what it has is forgotten, and before the first event it asks.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from contracts import wire
from contracts.addresses import BrokerAddress
from contracts.events import LANES, Lane
from contracts.topics import CENTRAL_STATE, GatewayAddress, partition_of
from contracts.wire import GatewayState

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK, _PINGREQ, _DISCONNECT = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90, 0xC0, 0xE0
"""First bytes of packets: OASIS MQTT 3.1.1, section 2.2."""
_KEEPALIVE_S = 30
_NO_PROGRESS_S = 2.0
_STRIKES_MAX = 2
_WINDOW_EVENTS = 200
_DELAY_S = (0.2, 5.0)
_KNOCK_S = 5.0
_AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC).isoformat()


def _packet(first: int, body: bytes) -> bytes:
    size, length = bytearray(), len(body)
    while True:
        length, digit = divmod(length, 128)
        size.append(digit | (128 if length else 0))
        if not length:
            return bytes((first,)) + bytes(size) + body


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def packets(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take whole packets (first byte, body) from the front of a buffer."""
    while len(buffer) >= 2:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(buffer):
                return
            length |= (buffer[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if not buffer[at - 1] & 128:
                break
        if len(buffer) < at + length:
            return
        body = bytes(buffer[at : at + length])
        first = buffer[0]
        del buffer[: at + length]
        yield first, body


class LaneState:
    """Numbers of one lane: given, sent on this connection, acknowledged. `known`: central was asked on this connection."""

    __slots__ = ("acked", "asked_at_s", "given", "known", "sent", "strikes")

    def __init__(self) -> None:
        self.given = self.sent = self.acked = self.strikes = 0
        self.asked_at_s = 0.0
        self.known = False


class SwarmGateway(asyncio.Protocol):
    """One gateway. `accept` gives events to send; `tick` is called now and then with the time; `on_ack` hears of what central has."""

    __slots__ = (
        "_asking",
        "_broker",
        "_buffer",
        "_connecting",
        "_delay_s",
        "_mid",
        "_next_try_s",
        "_transport",
        "address",
        "brokers",
        "central_up",
        "commands",
        "connects",
        "epoch",
        "lanes",
        "on_ack",
    )

    def __init__(self, name: str, site: str, brokers: Sequence[BrokerAddress], on_ack: Callable[[SwarmGateway, Lane], None] | None = None) -> None:
        self.address = GatewayAddress(partition_of(site), site, name)
        self.brokers = brokers
        self.epoch = "e1"
        self.lanes: dict[Lane, LaneState] = {lane: LaneState() for lane in LANES}
        self.central_up = True
        self.connects = 0
        self.commands: list[bytes] = []
        self.on_ack = on_ack
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._broker = 0
        self._mid = 0
        self._next_try_s = 0.0
        self._delay_s = _DELAY_S[0]
        self._asking: Lane | None = None

    @property
    def is_connected(self) -> bool:
        """Whether a broker answered; it may be the next moment that it does not."""
        return self._transport is not None

    @property
    def pending(self) -> int:
        """Events that central has not acknowledged."""
        return sum(state.given - state.acked for state in self.lanes.values())

    def told(self) -> str:
        """Where it stands, for a person who asks why it does not go on."""
        lanes = ", ".join(f"{lane} {state.acked}/{state.sent}/{state.given} acknowledged/sent/given" for lane, state in self.lanes.items())
        link = f"connected to broker {self._broker % len(self.brokers)}" if self.is_connected else "not connected"
        return f"{self.address.gateway} is {link} for the {self.connects}. time, central {'on' if self.central_up else 'off'}line; {lanes}"

    def accept(self, lane: Lane, events: int, now_s: float) -> None:
        """These many more events have happened."""
        self.lanes[lane].given += events
        self._send(now_s)

    def tick(self, now_s: float) -> None:
        """Connect when that is due, send again what gets no answer, give up a connection without progress."""
        if self._transport is None:
            if self._connecting is None and now_s >= self._next_try_s:
                self._connecting = asyncio.get_running_loop().create_task(self._connect(now_s))
            return
        for state in self.lanes.values():
            waits = not state.known or state.sent > state.acked
            patience_s = _NO_PROGRESS_S if self.central_up else _KNOCK_S
            if waits and now_s - state.asked_at_s > patience_s:
                state.strikes += 1
                state.sent, state.asked_at_s, self._asking = state.acked, now_s, None
                if state.strikes > _STRIKES_MAX and (self.central_up or len(self.brokers) > 1):
                    self._lost(now_s)
                    return
                self._send(now_s)

    def close(self) -> None:
        """Hang up in order."""
        if self._connecting is not None:
            self._connecting.cancel()
        if self._transport is not None:
            self._transport.write(_packet(_DISCONNECT, b""))
            self._transport.close()

    async def _connect(self, now_s: float) -> None:
        broker = self.brokers[self._broker % len(self.brokers)]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(5):
                await loop.create_connection(lambda: self, broker.host, broker.port)
        except OSError:
            self._broker += 1
            self._delay_s = min(_DELAY_S[1], self._delay_s * 2)
            self._next_try_s = loop.time() + self._delay_s
        finally:
            self._connecting = None

    def _lost(self, now_s: float) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._broker += 1
        self._next_try_s = now_s + self._delay_s
        self._delay_s = min(_DELAY_S[1], self._delay_s * 2)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the broker; the will is the death."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._buffer = transport, bytearray()
        will = _text(self.address.topic("state")) + _bytes(self._state(online=False))
        # Section 3.1.2: will flag, will QoS 1, will retain, clean session.
        head = _text("MQTT") + bytes((4, 0x02 | 0x04 | 0x08 | 0x20)) + struct.pack(">H", _KEEPALIVE_S)
        transport.write(_packet(_CONNECT, head + _text(f"{self.address.site}-{self.address.gateway}") + will))

    def connection_lost(self, exc: Exception | None) -> None:
        """Try again after a while, at the next broker if there is one."""
        if self._transport is not None:
            self._transport = None
            self._broker += 1
            self._next_try_s = asyncio.get_running_loop().time() + self._delay_s

    def data_received(self, data: bytes) -> None:
        """Bytes of the broker."""
        self._buffer += data
        for first, body in packets(self._buffer):
            self._on_packet(first, body)

    def _on_packet(self, first: int, body: bytes) -> None:
        now_s = asyncio.get_running_loop().time()
        kind = first & 0xF0
        if kind == _CONNACK:
            self._welcomed(now_s)
        elif kind == _PUBLISH:
            length = struct.unpack_from(">H", body)[0]
            topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
            if first & 0x06:
                self._write(_packet(_PUBACK, rest[:2]))
                rest = rest[2:]
            self._on_message(topic, rest, now_s)

    def _welcomed(self, now_s: float) -> None:
        self.connects += 1
        self._asking = None
        for state in self.lanes.values():
            state.sent, state.known, state.strikes, state.asked_at_s = state.acked, False, 0, now_s
        topics = b"".join(_text(topic) + b"\x01" for topic in (self.address.topic("ack"), self.address.topic("down"), CENTRAL_STATE))
        self._write(_packet(_SUBSCRIBE, struct.pack(">H", self._next_mid()) + topics))
        self._publish(self.address.topic("state"), self._state(online=True), retain=True)
        self._send(now_s)

    def _on_message(self, topic: str, payload: bytes, now_s: float) -> None:
        if topic == CENTRAL_STATE:
            came_back, self.central_up = not self.central_up, wire.decode_central_state(payload).online
            if came_back and self.central_up:
                for state in self.lanes.values():
                    state.sent, state.strikes = state.acked, 0
                self._send(now_s)
        elif topic.endswith("/down"):
            self.commands.append(payload)
        elif topic.endswith("/ack"):
            self._on_ack(wire.decode_ack(payload), now_s)

    def _on_ack(self, ack: wire.Ack, now_s: float) -> None:
        state = self.lanes[ack.lane]
        if ack.epoch != self.epoch:
            return
        if ack.upto > state.given:
            raise RuntimeError(f"{self.address.gateway}: central acknowledges {ack.upto} of {ack.lane}, {state.given} were given")
        state.known, state.strikes, state.asked_at_s, self._asking = True, 0, now_s, None
        self._delay_s = _DELAY_S[0]
        state.acked = max(state.acked, ack.upto)
        state.sent = state.acked if ack.resend else max(state.sent, state.acked)
        if self.on_ack is not None:
            self.on_ack(self, ack.lane)
        self._send(now_s)

    def _send(self, now_s: float) -> None:
        """First ask each lane, then send what is within the window; with central offline one message knocks."""
        if self._transport is None or not self.connects:
            return
        unknown = next((lane for lane, state in self.lanes.items() if not state.known), None)
        if unknown is not None:
            if self._asking is None:
                self._asking, state = unknown, self.lanes[unknown]
                state.asked_at_s = now_s
                self._publish(self.address.topic(f"up/{unknown}"), self._batch(unknown, state.acked + 1, 0))
            return
        for lane, state in self.lanes.items():
            while state.sent < min(state.given, state.acked + _WINDOW_EVENTS) and (self.central_up or state.sent == state.acked):
                events = min(50, state.given - state.sent)
                self._publish(self.address.topic(f"up/{lane}"), self._batch(lane, state.sent + 1, events))
                if state.sent == state.acked:
                    state.asked_at_s = now_s
                state.sent += events

    def _batch(self, lane: Lane, first: int, events: int) -> bytes:
        oldest = self.lanes[lane].acked + 1
        head = f'{{"gateway":"{self.address.gateway}","epoch":"{self.epoch}","lane":"{lane}","firstSeq":{first},"oldestSeq":{oldest},"events":['
        return (head + ",".join(event_of(seq) for seq in range(first, first + events)) + "]}").encode()

    def _state(self, *, online: bool) -> bytes:
        last = {str(lane): state.given for lane, state in self.lanes.items()}
        return wire.encode(GatewayState(online=online, boot_id="swarm", session_id=str(self.connects), epoch=self.epoch, version="swarm", last_seq=last))

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        flags = _PUBLISH | 0x02 | (0x01 if retain else 0)
        self._write(_packet(flags, _text(topic) + struct.pack(">H", self._next_mid()) + payload))

    def ping(self) -> None:
        """Keep the connection; called more often than `_KEEPALIVE_S`."""
        self._write(_packet(_PINGREQ, b""))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _next_mid(self) -> int:
        self._mid = self._mid % 65_535 + 1
        return self._mid


def _bytes(raw: bytes) -> bytes:
    return struct.pack(">H", len(raw)) + raw


def event_of(seq: int) -> str:
    """The event with a number, always the same: a device's link went up or down."""
    state = "connected" if seq % 2 else "lost"
    return f'{{"type":"DeviceLinkChanged","seq":{seq},"eventTime":"{_AT}","device":"scale-{seq % 3}","state":"{state}"}}'
