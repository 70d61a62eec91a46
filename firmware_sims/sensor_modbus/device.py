# SPDX-License-Identifier: Apache-2.0
"""What all simulated Modbus devices share: functions 01 to 06, 0F, 10 on their tables, exceptions, and replies that take their time."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, MutableMapping

from firmware_sims.engine.twin import Twin, UnknownStimulusError
from firmware_sims.sensor_modbus.framing import FramingName, Question, ServerLine

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3  # Modbus Application Protocol V1.1b3, section 7
EXCEPTIONS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 11)  # there; 0: none
_ITSELF = (0, 255)
"""Over TCP a server that is no gateway is asked by these (Messaging on TCP/IP V1.0b, 4.4, "Unit identifier"): there is nobody to broadcast to."""


class Refusal(Exception):
    """Makes an exception reply with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ModbusTwin(Twin):
    """A Modbus unit. `coils`, `inputs`, `holding` and `input_registers` hold its tables by wire address.

    `reply_delay_s` is how long it takes over a reply; it does one request after the other, so late replies stay in order.
    """

    def __init__(self, framing: FramingName = "tcp", unit_id: int = 1, reply_delay_s: float = 0.0) -> None:
        self.unit_id = unit_id
        self.reply_delay_s = reply_delay_s
        self.requests_served = 0
        self.coils: MutableMapping[int, int] = {}
        self.inputs: MutableMapping[int, int] = {}
        self.holding: MutableMapping[int, int] = {}
        self.input_registers: MutableMapping[int, int] = {}
        self._refuses = 0
        self._line = ServerLine(framing)
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._free_at_s = float("-inf")
        self._functions: dict[int, Callable[[bytes], bytes]] = {
            0x01: lambda pdu: self._read_bits(pdu, self.coils),
            0x02: lambda pdu: self._read_bits(pdu, self.inputs),
            0x03: lambda pdu: self._read_words(pdu, self.holding),
            0x04: lambda pdu: self._read_words(pdu, self.input_registers),
            0x05: self._write_coil,
            0x06: self._write_word,
            0x0F: self._write_coils,
            0x10: self._write_words,
        }

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`. Replies under way still come: the serial line behind a server knows nothing of connections."""
        self._line.forget()
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        for question in self._line.questions(data, now_s):
            if question.unit == self.unit_id or question.unit in (_ITSELF if self._line.is_tcp else (0,)):
                self._serve(question, now_s)
        return self.advance_to(now_s)

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        said = b""
        while self._waiting and self._waiting[0][0] <= now_s:
            said += self._waiting.popleft()[1]
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._waiting[0][0] if self._waiting else None

    def on_slow(self, reply_delay_s: float, now_s: float = 0.0) -> bytes:
        """From now on replies take so long."""
        self.reply_delay_s = reply_delay_s
        return b""

    def on_refuse(self, code: int, now_s: float = 0.0) -> bytes:
        """From now on every request is answered by this exception (5 acknowledge, 6 busy, 11 a gateway whose target is silent); 0: by none."""
        if code not in EXCEPTIONS:
            raise UnknownStimulusError(f"{code} is no exception code of Modbus; there are {', '.join(map(str, EXCEPTIONS))}")
        self._refuses = code
        return b""

    def _serve(self, question: Question, now_s: float) -> None:
        pdu = self.reply_to(question.pdu)
        self._free_at_s = max(now_s, self._free_at_s) + self.reply_delay_s
        if question.unit != 0 or self._line.is_tcp:  # nobody answers a broadcast on a line
            self._waiting.append((self._free_at_s, self._line.answer(question, pdu)))

    def reply_to(self, asked: bytes) -> bytes:
        """Do what a request's PDU says; returns the reply's PDU."""
        self.requests_served += 1
        if self._refuses:
            return bytes([asked[0] | 0x80, self._refuses])
        try:
            return bytes([asked[0]]) + self._functions.get(asked[0], _unknown)(asked)
        except Refusal as refusal:
            return bytes([asked[0] | 0x80, refusal.code])
        except struct.error:
            return bytes([asked[0] | 0x80, ILLEGAL_VALUE])

    def _read_words(self, pdu: bytes, table: MutableMapping[int, int]) -> bytes:
        start, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= 125:
            raise Refusal(ILLEGAL_VALUE)
        return bytes([2 * count]) + b"".join(struct.pack(">H", _at(table, address) & 0xFFFF) for address in range(start, start + count))

    def _read_bits(self, pdu: bytes, table: MutableMapping[int, int]) -> bytes:
        start, count = struct.unpack(">HH", pdu[1:])
        if not 1 <= count <= 2000:
            raise Refusal(ILLEGAL_VALUE)
        packed = bytearray((count + 7) // 8)
        for index in range(count):
            packed[index // 8] |= bool(_at(table, start + index)) << index % 8
        return bytes([len(packed)]) + bytes(packed)

    def _write_coil(self, pdu: bytes) -> bytes:
        address, value = struct.unpack(">HH", pdu[1:])
        if value not in (0xFF00, 0x0000):
            raise Refusal(ILLEGAL_VALUE)
        self.switch(address, on=value == 0xFF00)
        return pdu[1:]

    def _write_coils(self, pdu: bytes) -> bytes:
        start, count, size = struct.unpack(">HHB", pdu[1:6])
        if size != (count + 7) // 8 or len(pdu) != 6 + size:
            raise Refusal(ILLEGAL_VALUE)
        for index in range(count):
            self.switch(start + index, on=bool(pdu[6 + index // 8] >> index % 8 & 1))
        return pdu[1:5]

    def _write_word(self, pdu: bytes) -> bytes:
        address, value = struct.unpack(">HH", pdu[1:])
        _at(self.holding, address)
        self.write_word(address, value)
        return pdu[1:]

    def _write_words(self, pdu: bytes) -> bytes:
        start, count, size = struct.unpack(">HHB", pdu[1:6])
        if not 1 <= count <= 123 or size != 2 * count or len(pdu) != 6 + size:
            raise Refusal(ILLEGAL_VALUE)
        for address in range(start, start + count):
            _at(self.holding, address)  # all of them or none
        for index, value in enumerate(struct.unpack_from(f">{count}H", pdu, 6)):
            self.write_word(start + index, value)
        return pdu[1:5]

    def switch(self, address: int, *, on: bool) -> None:
        """Switch a coil. Raises: Refusal: there is none."""
        _at(self.coils, address)
        self.coils[address] = on

    def write_word(self, address: int, value: int) -> None:
        """Write a holding register that exists."""
        self.holding[address] = value


def _unknown(pdu: bytes) -> bytes:
    raise Refusal(ILLEGAL_FUNCTION)


def _at(table: MutableMapping[int, int], address: int) -> int:
    if address not in table:
        raise Refusal(ILLEGAL_ADDRESS)
    return table[address]
