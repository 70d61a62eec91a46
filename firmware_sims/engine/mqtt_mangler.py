# SPDX-License-Identifier: Apache-2.0
"""What MQTT allows a network of brokers, and few tests try: QoS 1 messages that come twice, and messages that overtake each other.

A proxy that understands MQTT 3.1.1 and 5 as far as it must (fixed header, and topic and packet identifier of PUBLISH; OASIS 3.1.1 and 5.0, sections 2.1, 2.2
and 3.3): a duplicate gets a packet identifier of its own, and its PUBACK is taken out of the way back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from firmware_sims.engine.network import LinkProxy, Way

_PUBLISH, _PUBACK = 3, 4
_ID_MAX = 0xFFFF
_COPIES_MAX = 4  # unacknowledged at once, to stay far from the Receive Maximum of either end (mosquitto: 20)
_HELD_S = 0.2
_HEADER_BYTES_MAX = 5


def packets(buffer: bytearray) -> Iterator[bytes]:
    """Take whole packets off the front of the buffer."""
    while (size := _packet_bytes(buffer)) and len(buffer) >= size:
        yield bytes(buffer[:size])
        del buffer[:size]


def _packet_bytes(buffer: bytearray) -> int:
    """Size of the first packet; 0: not known yet."""
    length = 0
    for index, byte in enumerate(buffer[1:_HEADER_BYTES_MAX]):
        length |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return length + index + 2
    return 0


def _id_at(packet: bytes) -> int:
    """Where the packet identifier of a PUBLISH of QoS 1, or of a PUBACK, stands; 0: it is another packet."""
    header_bytes = 1 + next(index for index, byte in enumerate(packet[1:], 1) if not byte & 0x80)
    if packet[0] >> 4 == _PUBACK:
        return header_bytes
    is_qos_1 = packet[0] >> 4 == _PUBLISH and (packet[0] >> 1) & 3 == 1
    return header_bytes + 2 + int.from_bytes(packet[header_bytes : header_bytes + 2], "big") if is_qos_1 else 0


class MqttWay(Way):
    """One direction; `back` is the other one, which carries the PUBACKs of what goes here."""

    def __init__(self, mangler: MqttMangler, name: str) -> None:
        super().__init__(mangler, "up" if name == "up" else "down")
        self.back: MqttWay
        self._mangler = mangler
        self._buffer = bytearray()
        self._in_flight: set[int] = set()
        self._copies: set[int] = set()
        self._held: bytes = b""
        self._timer: asyncio.TimerHandle | None = None

    def take(self, data: bytes) -> None:
        """See `Way.take`."""
        self._buffer += data
        for packet in packets(self._buffer):
            at = _id_at(packet)
            if not at:
                self.put(packet)
            elif packet[0] >> 4 == _PUBACK:
                if not self.back.acknowledged(int.from_bytes(packet[at : at + 2], "big")):
                    self.put(packet)
            else:
                self._publish(packet, at)

    def put(self, data: bytes) -> None:
        """See `Way.put`; a message that is held back must not be forgotten at the end."""
        if not data:
            self._release()
        super().put(data)

    def acknowledged(self, packet_id: int) -> bool:
        """The receiver has the message; whether it is a copy, of which the sender knows nothing."""
        self._in_flight.discard(packet_id)
        is_copy = packet_id in self._copies
        self._copies.discard(packet_id)
        return is_copy

    def _publish(self, packet: bytes, at: int) -> None:
        mangler = self._mangler
        self._in_flight.add(int.from_bytes(packet[at : at + 2], "big"))
        if not self._held and mangler.dice.random() < mangler.reorder:
            self._held = packet
            self._timer = asyncio.get_running_loop().call_later(_HELD_S, self._release)
            mangler.reordered += 1
            return
        self.put(packet)
        self._release()
        if len(self._copies) < _COPIES_MAX and mangler.dice.random() < mangler.duplicate:
            self.put(self._copy(packet, at))
            mangler.duplicated += 1

    def _copy(self, packet: bytes, at: int) -> bytes:
        packet_id = next(number for number in range(_ID_MAX, 0, -1) if number not in self._in_flight)
        self._in_flight.add(packet_id)
        self._copies.add(packet_id)
        return packet[:at] + packet_id.to_bytes(2, "big") + packet[at + 2 :]

    def _release(self) -> None:
        held, self._held = self._held, b""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if held:
            self.put(held)


class MqttMangler(LinkProxy):
    """A `LinkProxy` before a broker that also sends QoS 1 messages twice and out of order, both ways; `mangle` says how often."""

    def __init__(self, target_port: int, *, target_host: str = "127.0.0.1", port: int = 0, seed: int = 0) -> None:
        super().__init__(target_port, target_host=target_host, port=port, seed=seed)
        self.duplicate = self.reorder = 0.0
        self.duplicated = self.reordered = 0

    def mangle(self, *, duplicate: float = 0.0, reorder: float = 0.0) -> None:
        """From now on send so large a share of the messages twice, and let so large a share be overtaken by the next one (or come 0.2 s late)."""
        self.duplicate, self.reorder = duplicate, reorder

    async def heal(self) -> None:
        """See `LinkProxy.heal`."""
        self.duplicate = self.reorder = 0.0
        await super().heal()

    def make_ways(self) -> tuple[MqttWay, MqttWay]:
        """See `LinkProxy.make_ways`."""
        up, down = MqttWay(self, "up"), MqttWay(self, "down")
        up.back, down.back = down, up
        return up, down
