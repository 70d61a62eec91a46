# SPDX-License-Identifier: Apache-2.0
"""LLRP messages and parameters as bytes.

Source: EPCglobal Low Level Reader Protocol 1.0.1 (13 August 2007), chapter 16 "Binary Encoding for LLRP"; the numbers are the same in 1.1 (13 October 2010).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from drivers.base.errors import RemoteProtocolError

VERSION = 1  # LLRP 1.0.1; a 1.1 reader speaks it until asked for more (LLRP 1.1, 10.3)
VERSION_1_1 = 2
VERSIONS_READ = (1, 2)  # 1.0.1 and 1.1
HEADER_BYTES = 10
FRAME_BYTES_MAX = 1_048_576  # chosen: some 24,000 tag reports; no reader sends more in one message

_HEADER = struct.Struct("!HII")
_TLV_HEADER = struct.Struct("!HH")
_U16 = struct.Struct("!H")


class MessageType(IntEnum):
    """Message numbers that this driver sends or understands (LLRP 1.0.1, 16.1)."""

    GET_READER_CAPABILITIES = 1
    GET_READER_CONFIG = 2
    SET_READER_CONFIG = 3
    CLOSE_CONNECTION_RESPONSE = 4
    GET_READER_CAPABILITIES_RESPONSE = 11
    GET_READER_CONFIG_RESPONSE = 12
    SET_READER_CONFIG_RESPONSE = 13
    CLOSE_CONNECTION = 14
    ADD_ROSPEC = 20
    DELETE_ROSPEC = 21
    START_ROSPEC = 22
    ENABLE_ROSPEC = 24
    ADD_ROSPEC_RESPONSE = 30
    DELETE_ROSPEC_RESPONSE = 31
    START_ROSPEC_RESPONSE = 32
    ENABLE_ROSPEC_RESPONSE = 34
    ADD_ACCESSSPEC = 40
    DELETE_ACCESSSPEC = 41
    ENABLE_ACCESSSPEC = 42
    GET_SUPPORTED_VERSION = 46
    SET_PROTOCOL_VERSION = 47
    ADD_ACCESSSPEC_RESPONSE = 50
    DELETE_ACCESSSPEC_RESPONSE = 51
    ENABLE_ACCESSSPEC_RESPONSE = 52
    GET_SUPPORTED_VERSION_RESPONSE = 56
    SET_PROTOCOL_VERSION_RESPONSE = 57
    GET_REPORT = 60
    RO_ACCESS_REPORT = 61
    KEEPALIVE = 62
    READER_EVENT_NOTIFICATION = 63
    ENABLE_EVENTS_AND_REPORTS = 64
    KEEPALIVE_ACK = 72
    ERROR_MESSAGE = 100


_KNOWN_TYPES = frozenset(MessageType)


class ParameterType(IntEnum):
    """Parameter numbers that this driver sends or understands (LLRP 1.0.1, 16.2)."""

    UTC_TIMESTAMP = 128
    UPTIME = 129
    GENERAL_DEVICE_CAPABILITIES = 137
    GPIO_CAPABILITIES = 141
    LLRP_CAPABILITIES = 142
    REGULATORY_CAPABILITIES = 143
    UHF_BAND_CAPABILITIES = 144
    TRANSMIT_POWER_LEVEL_TABLE_ENTRY = 145
    FREQUENCY_INFORMATION = 146
    FREQUENCY_HOP_TABLE = 147
    FIXED_FREQUENCY_TABLE = 148
    RO_SPEC = 177
    RO_BOUNDARY_SPEC = 178
    RO_SPEC_START_TRIGGER = 179
    PERIODIC_TRIGGER_VALUE = 180
    GPI_TRIGGER_VALUE = 181
    RO_SPEC_STOP_TRIGGER = 182
    AI_SPEC = 183
    AI_SPEC_STOP_TRIGGER = 184
    INVENTORY_PARAMETER_SPEC = 186
    ACCESS_SPEC = 207
    ACCESS_SPEC_STOP_TRIGGER = 208
    ACCESS_COMMAND = 209
    IDENTIFICATION = 218
    GPO_WRITE_DATA = 219
    KEEPALIVE_SPEC = 220
    ANTENNA_CONFIGURATION = 222
    RF_TRANSMITTER = 224
    GPI_PORT_CURRENT_STATE = 225
    EVENTS_AND_REPORTS = 226
    RO_REPORT_SPEC = 237
    TAG_REPORT_CONTENT_SELECTOR = 238
    ACCESS_REPORT_SPEC = 239
    TAG_REPORT_DATA = 240
    EPC_DATA = 241
    READER_EVENT_NOTIFICATION_SPEC = 244
    EVENT_NOTIFICATION_STATE = 245
    READER_EVENT_NOTIFICATION_DATA = 246
    GPI_EVENT = 248
    RO_SPEC_EVENT = 249
    REPORT_BUFFER_LEVEL_WARNING = 250
    REPORT_BUFFER_OVERFLOW = 251
    READER_EXCEPTION_EVENT = 252
    ANTENNA_EVENT = 255
    CONNECTION_ATTEMPT_EVENT = 256
    CONNECTION_CLOSE_EVENT = 257
    LLRP_STATUS = 287
    C1G2_LLRP_CAPABILITIES = 327
    C1G2_UHF_RF_MODE_TABLE = 328
    C1G2_UHF_RF_MODE_TABLE_ENTRY = 329
    C1G2_INVENTORY_COMMAND = 330
    C1G2_RF_CONTROL = 335
    C1G2_SINGULATION_CONTROL = 336
    C1G2_TAG_SPEC = 338
    C1G2_TARGET_TAG = 339
    C1G2_READ = 341
    C1G2_WRITE = 342
    C1G2_KILL = 343
    C1G2_LOCK = 344
    C1G2_LOCK_PAYLOAD = 345
    C1G2_READ_OP_SPEC_RESULT = 349
    C1G2_WRITE_OP_SPEC_RESULT = 350
    C1G2_KILL_OP_SPEC_RESULT = 351
    C1G2_LOCK_OP_SPEC_RESULT = 352
    CUSTOM = 1023


STATUS = {  # LLRP 1.0.1, chapter 14
    0: "M_Success",
    100: "M_ParameterError",
    101: "M_FieldError",
    102: "M_UnexpectedParameter",
    103: "M_MissingParameter",
    104: "M_DuplicateParameter",
    105: "M_OverflowParameter",
    106: "M_OverflowField",
    107: "M_UnknownParameter",
    108: "M_UnknownField",
    109: "M_UnsupportedMessage",
    110: "M_UnsupportedVersion",
    111: "M_UnsupportedParameter",
    200: "P_ParameterError",
    201: "P_FieldError",
    202: "P_UnexpectedParameter",
    203: "P_MissingParameter",
    204: "P_DuplicateParameter",
    205: "P_OverflowParameter",
    206: "P_OverflowField",
    207: "P_UnknownParameter",
    208: "P_UnknownField",
    209: "P_UnsupportedParameter",
    300: "A_Invalid",
    301: "A_OutOfRange",
    401: "R_DeviceError",
}


class Message(NamedTuple):
    """One LLRP message (LLRP 1.0.1, 16.1.1); a tuple, since one is made for every report.

    | 3 bits reserved | 3 bits version | 10 bits type | 32 bits length with header | 32 bits id | body |
    """

    type: int
    message_id: int
    body: bytes = b""
    version: int = VERSION

    def encode(self) -> bytes:
        """The message as it goes over the wire."""
        return self.header + self.body

    @property
    def header(self) -> bytes:
        """Its first ten bytes."""
        return _HEADER.pack(self.version << 10 | self.type, HEADER_BYTES + len(self.body), self.message_id)

    @classmethod
    def decode(cls, data: bytes) -> Message:
        """Exactly one message. Raises: RemoteProtocolError: it is not one, or not only one."""
        splitter = MessageSplitter()
        messages = splitter.messages(data)
        if len(messages) != 1 or splitter.pending_bytes:
            raise RemoteProtocolError("expected exactly one LLRP message", data)
        return messages[0]

    @property
    def name(self) -> str:
        """The standard's name, or the number of a type that this driver does not know."""
        return MessageType(self.type).name if self.is_known else f"message type {self.type}"

    @property
    def is_known(self) -> bool:
        """Whether this driver knows the type."""
        return self.type in _KNOWN_TYPES


class MessageSplitter:
    """Cuts a byte stream into messages; unknown types too, by their length."""

    def __init__(self, frame_bytes_max: int = FRAME_BYTES_MAX) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._pieces: list[bytes] = []
        self._wanted_bytes = HEADER_BYTES
        self.pending_bytes = 0
        self.damage: RemoteProtocolError | None = None

    def messages(self, data: bytes) -> list[Message]:
        """The messages that are complete with these bytes of the stream; the rest waits for more.

        Raises: RemoteProtocolError: a header that no LLRP reader sends; there is no way to find the next message after it. Messages before it in the
        same piece are returned first, and the error is left in `damage`.
        """
        self._pieces.append(data)
        self.pending_bytes += len(data)
        if self.pending_bytes < self._wanted_bytes:  # joining only what is worth it keeps a long message in tiny pieces cheap
            return []
        stream = data if len(self._pieces) == 1 else b"".join(self._pieces)
        found, start = self._cut(stream)
        if self.damage is not None and not found:
            raise self.damage
        self._pieces = [stream[start:]] if start < len(stream) else []
        self.pending_bytes = len(stream) - start
        return found

    def give_back(self) -> bytes:
        """The bytes of the unfinished message, which are to be given again with what follows."""
        stream = b"".join(self._pieces)
        self._pieces, self.pending_bytes, self._wanted_bytes = [], 0, HEADER_BYTES
        return stream

    def _cut(self, stream: bytes) -> tuple[list[Message], int]:
        """All whole messages, and where the unfinished one begins."""
        found: list[Message] = []
        start = 0
        while len(stream) - start >= HEADER_BYTES:
            kind, length, message_id = _HEADER.unpack_from(stream, start)
            version = kind >> 10
            if version not in VERSIONS_READ or not HEADER_BYTES <= length <= self._frame_bytes_max:
                self.damage = RemoteProtocolError("not the header of an LLRP message; is this port an LLRP reader?", stream[start : start + HEADER_BYTES])
                break
            if len(stream) - start < length:
                self._wanted_bytes = length
                return found, start
            found.append(Message(kind & 0x3FF, message_id, stream[start + HEADER_BYTES : start + length], version))
            start += length
        self._wanted_bytes = HEADER_BYTES
        return found, start


@dataclass(frozen=True)
class Parameter:
    """A TLV parameter inside a body: its type and where its value lies (LLRP 1.0.1, 16.2.1.2: 6 bits reserved, 10 bits type, 16 bits length with header)."""

    type: int
    body: bytes
    start: int
    end: int

    def value(self, layout: struct.Struct) -> tuple[int, ...]:
        """Its leading fields. Raises: RemoteProtocolError: it is too short for them."""
        if self.end - self.start < layout.size:
            raise RemoteProtocolError(f"LLRP parameter {self.type} is too short", self.body[self.start : self.end])
        fields: tuple[int, ...] = layout.unpack_from(self.body, self.start)
        return fields

    def children(self, skip_bytes: int = 0) -> list[Parameter]:
        """The parameters within it, after `skip_bytes` of fields. Raises: RemoteProtocolError: they do not fit."""
        return list(parameters(self.body, self.start + skip_bytes, self.end))

    def text(self, at: int) -> tuple[str, int]:
        """A UTF-8 string with its 16-bit byte count, `at` bytes into the value, and where it ends. Raises: RemoteProtocolError: it does not fit."""
        start = self.start + at + 2
        count = Parameter(self.type, self.body, self.start + at, self.end).value(_U16)[0]
        if start + count > self.end:
            raise RemoteProtocolError(f"text in LLRP parameter {self.type} is cut off", self.body[self.start : self.end])
        return self.body[start : start + count].decode("utf-8", errors="replace"), at + 2 + count


def parameters(body: bytes, start: int = 0, end: int | None = None) -> Iterator[Parameter]:
    """The TLV parameters one after another. Raises: RemoteProtocolError: a length that is zero, too short or too long, or a TV parameter where none may be."""
    end = len(body) if end is None else end
    while start < end:
        if end - start < _TLV_HEADER.size:
            raise RemoteProtocolError("LLRP parameter is cut off", body[start:end])
        kind, length = _TLV_HEADER.unpack_from(body, start)
        if kind > 0x3FF or length < _TLV_HEADER.size or start + length > end:
            raise RemoteProtocolError("LLRP parameter has an impossible header", body[start:end])
        yield Parameter(kind, body, start + _TLV_HEADER.size, start + length)
        start += length


def first(found: Sequence[Parameter], kind: ParameterType) -> Parameter | None:
    """The first parameter of a type, if there is one."""
    return next((parameter for parameter in found if parameter.type == kind), None)


@dataclass(frozen=True)
class Status:
    """LLRPStatus (16.2.8.1): | 16 bits code | text |, then perhaps where the error is."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether the reader did what it was asked for."""
        return self.code == 0

    def __str__(self) -> str:
        return f"{STATUS.get(self.code, 'unknown status')} ({self.code})" + (f": {self.text}" if self.text else "")


def decode_status(message: Message) -> Status:
    """The status of a response. Raises: RemoteProtocolError: it has none, or a damaged one."""
    parameter = first(list(parameters(message.body)), ParameterType.LLRP_STATUS)
    if parameter is None:
        raise RemoteProtocolError(f"{message.name} has no LLRPStatus", message.body)
    return Status(parameter.value(_U16)[0], parameter.text(2)[0])
