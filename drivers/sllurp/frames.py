# SPDX-License-Identifier: Apache-2.0
"""Where one LLRP message ends and the next begins; what is in them is sllurp's business.

Source: EPCglobal Low Level Reader Protocol 1.0.1, 16.1: version and type (16 bits), length with this header (32), message identifier (32).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError

HEADER = struct.Struct("!HII")
MESSAGE_BYTES_MAX = 1_048_576  # chosen: some 24,000 tag reports; no reader sends more in one message
_VERSIONS = (1, 2)
_FIRST_PARAMETER_AT = {61: 0, 63: 0}
"""Messages that hold nothing but parameters, so that their lengths can be checked: reports (RO_ACCESS_REPORT) and notifications (16.1.34, 16.1.33)."""
_TV_BIT = 0x80


@dataclass(frozen=True)
class Message:
    """One message. `type` as in the header's lower 10 bits.

    | 3 bits 0 | 3 bits version | 10 bits type | 32 bits length | 32 bits identifier | body ...
    """

    type: int
    message_id: int
    body: bytes
    version: int = 1

    def encode(self) -> bytes:
        """As it goes over the wire."""
        return HEADER.pack(self.version << 10 | self.type, HEADER.size + len(self.body), self.message_id) + self.body

    @classmethod
    def decode(cls, data: bytes) -> Message:
        """Raises: RemoteProtocolError: not exactly one message."""
        if len(data) < HEADER.size or size_of(data) != len(data):
            raise RemoteProtocolError("not exactly one LLRP message", data)
        kind, _, message_id = HEADER.unpack_from(data)
        return cls(kind & 0x3FF, message_id, data[HEADER.size :], kind >> 10)

    @property
    def has_sound_parameters(self) -> bool:
        """Whether the lengths of its outermost parameters add up to it; sllurp takes what does not for a tag without data."""
        if self.type not in _FIRST_PARAMETER_AT:
            return True
        at = 0
        while at < len(self.body):
            if self.body[at] & _TV_BIT or at + 4 > len(self.body):
                return False
            length = int.from_bytes(self.body[at + 2 : at + 4], "big")
            if length < 4:
                return False
            at += length
        return at == len(self.body)


def size_of(head: bytes) -> int:
    """Length of the message with this header. Raises: RemoteProtocolError: it is no header."""
    kind, length, _ = HEADER.unpack_from(head)
    if kind >> 10 not in _VERSIONS or not HEADER.size <= length <= MESSAGE_BYTES_MAX:
        raise RemoteProtocolError("not the header of an LLRP message; is this port an LLRP reader?", head[: HEADER.size])
    return int(length)
