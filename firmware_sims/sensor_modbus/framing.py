# SPDX-License-Identifier: Apache-2.0
"""A Modbus server's side of the line, written from "Modbus over Serial Line V1.02" and "Modbus Messaging on TCP/IP V1.0b"; shares nothing with our driver."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

FramingName = Literal["tcp", "rtu"]
_SILENCE_S = 0.02  # a slave forgets a half request after 1.5 characters; serial adapters need a little more patience
_FIXED_REQUEST_BYTES = 8  # functions 01 to 06: unit, function, address, count or value, CRC
_BYTE_COUNT_AT = 6  # functions 0F and 10 carry a byte count


def crc16(data: bytes) -> bytes:
    """CRC-16 of a serial line frame, low byte first: start FFFF, polynomial A001, least significant bit first (appendix B)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            carry = crc & 1
            crc >>= 1
            if carry:
                crc ^= 0xA001
    return struct.pack("<H", crc)


@dataclass(frozen=True)
class Question:
    """A request as it came: `tag` is what a TCP reply has to repeat."""

    unit: int
    pdu: bytes
    tag: bytes = b""


class ServerLine:
    """Cuts requests out of bytes and dresses answers. Silent on whatever it does not understand, as a device on a bus has to be."""

    def __init__(self, framing: FramingName) -> None:
        self._framing = framing
        self._bytes = b""
        self._heard_at_s = float("-inf")

    @property
    def is_tcp(self) -> bool:
        """Whether it is a connection of its own, with nobody else on it."""
        return self._framing == "tcp"

    def forget(self) -> None:
        """A new client."""
        self._bytes = b""

    def questions(self, data: bytes, now_s: float) -> Iterator[Question]:
        """The requests that are complete now."""
        if self._framing == "rtu" and now_s - self._heard_at_s > _SILENCE_S:
            self._bytes = b""
        self._heard_at_s = now_s
        self._bytes += data
        yield from self._rtu() if self._framing == "rtu" else self._tcp()

    def answer(self, question: Question, pdu: bytes) -> bytes:
        """Dress an answer for the line."""
        if self._framing == "rtu":
            body = bytes([question.unit]) + pdu
            return body + crc16(body)
        return question.tag + struct.pack(">HHB", 0, len(pdu) + 1, question.unit) + pdu

    def _rtu(self) -> Iterator[Question]:
        while len(self._bytes) >= _FIXED_REQUEST_BYTES:
            length = _FIXED_REQUEST_BYTES
            if self._bytes[1] in (0x0F, 0x10):
                length = 9 + self._bytes[_BYTE_COUNT_AT]
            if len(self._bytes) < length:
                return
            frame, self._bytes = self._bytes[:length], self._bytes[length:]
            if crc16(frame[:-2]) != frame[-2:]:
                self._bytes = b""  # only silence tells where the next request begins
                return
            yield Question(frame[0], frame[1:-2])

    def _tcp(self) -> Iterator[Question]:
        while len(self._bytes) >= 8:
            protocol, length, unit = struct.unpack_from(">HHB", self._bytes, 2)
            if protocol != 0 or not 2 <= length <= 254:
                self._bytes = b""
                return
            if len(self._bytes) < 6 + length:
                return
            frame, self._bytes = self._bytes[: 6 + length], self._bytes[6 + length :]
            yield Question(unit, frame[7:], frame[:2])
