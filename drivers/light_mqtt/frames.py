# SPDX-License-Identifier: Apache-2.0
"""MQTT messages as bytes between the session and the connection to the broker, so that tape, replay and tests hold for them as for any line.

Layout (ours): length of the rest (4, big end), kind (1), flags (1), length of the topic (2), topic, payload.
Flags as in the first byte of PUBLISH (MQTT 3.1.1, 3.3.1): bit 0 retained, bits 1-2 QoS, bit 3 sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

HEADER_BYTES = 8
FRAME_BYTES_MAX = 262_144
TOPIC_BYTES_MAX = 65_535  # MQTT 3.1.1, 1.5.3
_RETAINED, _QOS, _AGAIN = 0x01, 0x06, 0x08


class Kind(IntEnum):
    """What a frame is."""

    MESSAGE = 1
    SUBSCRIBE = 2
    SUBSCRIBED = 3


@dataclass(frozen=True)
class Frame:
    """A message, a subscription that is wanted (topic: the filter), or the broker's yes to it."""

    kind: Kind
    topic: str
    payload: bytes = b""
    qos: int = 0
    is_retained: bool = False
    is_sent_again: bool = False

    def encode(self) -> bytes:
        """Raises: LocalProtocolError: too long."""
        topic = self.topic.encode("utf-8", "surrogatepass")
        size = HEADER_BYTES + len(topic) + len(self.payload)
        if len(topic) > TOPIC_BYTES_MAX or size > FRAME_BYTES_MAX:
            raise LocalProtocolError(f"a message of {size} bytes is too long for a light")
        flags = self.is_retained * _RETAINED | self.qos << 1 | self.is_sent_again * _AGAIN
        return (size - 4).to_bytes(4, "big") + bytes([self.kind, flags]) + len(topic).to_bytes(2, "big") + topic + self.payload


def size_of(head: bytes) -> int | None:
    """Length of the frame that begins so; None: too few bytes to tell. Raises: RemoteProtocolError: it cannot be one."""
    if len(head) < 4:
        return None
    size = 4 + int.from_bytes(head[:4], "big")
    if not HEADER_BYTES <= size <= FRAME_BYTES_MAX:
        raise RemoteProtocolError(f"a frame of {size} bytes cannot be", head[:HEADER_BYTES])
    return size


def decode(data: bytes) -> Frame:
    """One whole frame. Raises: RemoteProtocolError: it is not exactly one."""
    end = HEADER_BYTES + int.from_bytes(data[6:8], "big") if len(data) >= HEADER_BYTES else 0
    if size_of(data) != len(data) or not HEADER_BYTES <= end <= len(data) or data[4] not in list(Kind) or data[5] & _QOS == _QOS or data[5] > 0x0F:
        raise RemoteProtocolError("not exactly one message", data)
    try:
        topic = data[HEADER_BYTES:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("a topic is not UTF-8", data) from error
    flags = data[5]
    return Frame(Kind(data[4]), topic, data[end:], (flags & _QOS) >> 1, bool(flags & _RETAINED), bool(flags & _AGAIN))
