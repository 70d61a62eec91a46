# SPDX-License-Identifier: Apache-2.0
"""The lights with a small broker before them: one client, MQTT 3.1.1 (OASIS), as much of it as a client of lights needs.

It takes CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH with QoS 0 and 1, PUBACK, PINGREQ and DISCONNECT; it delivers with QoS 0 and keeps no session.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from firmware_sims.engine.twin import StimulusValue, Twin
from firmware_sims.light_mqtt.twin import MqttLightsTwin, framed, unframed

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK, _UNSUBSCRIBE, _UNSUBACK, _PINGREQ, _PINGRESP, _DISCONNECT = 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14


class LightsWithBroker(Twin):
    """A broker on its own port with lights behind it. Stimuli are those of the lights."""

    def __init__(self, nodes: int = 30, lights: MqttLightsTwin | None = None) -> None:
        self.lights = lights or MqttLightsTwin(nodes)
        self._pending = b""
        self._wants_close = False

    @classmethod
    def stimuli(cls) -> list[str]:
        """See `Twin.stimuli`."""
        return MqttLightsTwin.stimuli()

    def stimulate(self, name: str, arguments: Mapping[str, StimulusValue], now_s: float) -> bytes:
        """See `Twin.stimulate`."""
        return self._told(self.lights.stimulate(name, arguments, now_s))

    @property
    def wants_close(self) -> bool:
        """See `Twin.wants_close`."""
        return self._wants_close

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._pending, self._wants_close = b"", False
        self.lights.connected(now_s)
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._pending += data
        said = b""
        while not self._wants_close and (packet := self._packet()) is not None:
            said += self._obey(packet[0], packet[1], now_s)
        return said

    def _packet(self) -> tuple[int, bytes] | None:
        """First byte and body of the next whole packet (2.2: fixed header with a length of one to four bytes)."""
        size = shift = 0
        for index in range(1, 5):
            if len(self._pending) <= index:
                return None
            size |= (self._pending[index] & 0x7F) << shift
            shift += 7
            if not self._pending[index] & 0x80:
                end = index + 1 + size
                if len(self._pending) < end:
                    return None
                head, body, self._pending = self._pending[0], self._pending[index + 1 : end], self._pending[end:]
                return head, body
        self._wants_close = True
        return None

    def _obey(self, head: int, body: bytes, now_s: float) -> bytes:
        kind = head >> 4
        try:
            if kind == _CONNECT:
                return self._connect(body)
            if kind == _PUBLISH:
                return self._publish(head, body, now_s)
            if kind == _SUBSCRIBE:
                return self._subscribe(body, now_s)
            if kind == _UNSUBSCRIBE:
                return bytes([_UNSUBACK << 4, 2]) + body[:2]
            if kind == _PINGREQ:
                return bytes([_PINGRESP << 4, 0])
        except (struct.error, IndexError):
            self._wants_close = True
            return b""
        self._wants_close = kind != _PUBACK
        return b""

    def _connect(self, body: bytes) -> bytes:
        """3.1.2.2: another protocol level than 4 gets the return code 1, and the connection ends."""
        (size,) = struct.unpack_from(">H", body)
        is_spoken = (body[2 : 2 + size], body[2 + size]) == (b"MQTT", 4)
        self._wants_close = not is_spoken
        return bytes([_CONNACK << 4, 2, 0, 0 if is_spoken else 1])

    def _publish(self, head: int, body: bytes, now_s: float) -> bytes:
        (size,) = struct.unpack_from(">H", body)
        topic, rest = body[2 : 2 + size].decode("utf-8", "replace"), body[2 + size :]
        qos = head >> 1 & 3
        acknowledged = bytes([_PUBACK << 4, 2]) + rest[:2] if qos else b""
        return acknowledged + self._told(self.lights.receive_bytes(framed(1, topic, rest[2:] if qos else rest, head & 1), now_s))

    def _subscribe(self, body: bytes, now_s: float) -> bytes:
        number, rest, codes, told = body[:2], body[2:], b"", b""
        while rest:
            (size,) = struct.unpack_from(">H", rest)
            topic, qos, rest = rest[2 : 2 + size].decode("utf-8", "replace"), rest[2 + size], rest[3 + size :]
            codes += bytes([min(qos, 1)])
            told += self.lights.receive_bytes(framed(2, topic, b"", qos << 1), now_s)
        return bytes([_SUBACK << 4, 2 + len(codes)]) + number + codes + self._told(told)

    def _told(self, data: bytes) -> bytes:
        """What the lights say, as PUBLISH with QoS 0."""
        said = b""
        for kind, flags, topic, payload in unframed(data)[0]:
            if kind == 1:
                name = topic.encode()
                body = struct.pack(">H", len(name)) + name + payload
                said += bytes([_PUBLISH << 4 | flags & 1]) + _length(len(body)) + body
        return said


def _length(size: int) -> bytes:
    """2.2.3: seven bits a byte, the lowest first, bit 7: more follow."""
    data = b""
    while True:
        size, low = divmod(size, 128)
        data += bytes([low | (0x80 if size else 0)])
        if not size:
            return data
