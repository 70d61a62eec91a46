# SPDX-License-Identifier: Apache-2.0
"""Records of the kernel's input events. Source: Linux, include/uapi/linux/input.h and input-event-codes.h; Documentation/input/event-codes.rst."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError

EV_SYN, EV_KEY, EV_MSC, EV_LED = 0x00, 0x01, 0x04, 0x11  # input-event-codes.h, "Event types"
SYN_DROPPED = 3
LED_CAPSL = 1
KEY_MAX = 0x2FF
RELEASED, PRESSED, REPEATED = 0, 1, 2
_TYPES = frozenset((0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x11, 0x12, 0x14, 0x15, 0x16, 0x17))
_LAYOUTS = {24: struct.Struct("=qqHHi"), 16: struct.Struct("=IIHHi")}
RECORD_BYTES = {"64-bit": 24, "32-bit": 16, "native": 24 if struct.calcsize("l") == 8 else 16}


@dataclass(frozen=True)
class InputEvent:
    """One record.

    | seconds (8 or 4) | microseconds (8 or 4) | type (2) | code (2) | value (4) |      in the byte order of the machine
    """

    seconds: int
    microseconds: int
    type: int
    code: int
    value: int

    def encode(self, size_bytes: int = 24) -> bytes:
        """As a record of 24 or 16 bytes."""
        return _LAYOUTS[size_bytes].pack(self.seconds, self.microseconds, self.type, self.code, self.value)

    @classmethod
    def decode(cls, record: bytes) -> InputEvent:
        """Raises: RemoteProtocolError: of neither length, or nothing that a kernel says; then the reader is out of step."""
        if len(record) not in _LAYOUTS:
            raise RemoteProtocolError(f"a record of {len(record)} bytes; there are such of 24 and of 16", record)
        event = cls.at(record, 0, len(record))
        if event is None:
            raise RemoteProtocolError("no input event", record)
        return event

    @classmethod
    def at(cls, data: bytes | bytearray, start: int, size_bytes: int) -> InputEvent | None:
        """The record of that size that begins there; None: a kernel says no such thing."""
        seconds, microseconds, kind, code, value = _LAYOUTS[size_bytes].unpack_from(data, start)
        if kind not in _TYPES or not 0 <= microseconds < 1_000_000 or seconds < 0 or code > KEY_MAX:
            return None
        if kind == EV_KEY and value not in (RELEASED, PRESSED, REPEATED):
            return None
        return cls(seconds, microseconds, kind, code, value)
