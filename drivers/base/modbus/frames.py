# SPDX-License-Identifier: Apache-2.0
"""Modbus requests and replies. The PDUs and checksums are pymodbus's; what may pass as a reply to a request is decided here, strictly.

Source: Modbus Application Protocol V1.1b3 (section numbers below), Modbus over Serial Line V1.02, Modbus Messaging on TCP/IP V1.0b.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsRequest,
    WriteMultipleCoilsResponse,
    WriteSingleCoilRequest,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

READ_BITS, READ_REGISTERS = (1, 2), (3, 4)
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16
WRITES = (WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS)
PDU_BYTES_MAX = 253  # 4.1
COIL_ON, COIL_OFF = b"\xff\x00", b"\x00\x00"  # 6.5
_EXCEPTION_BIT = 0x80
_RTU_EXTRA_BYTES = 3  # unit and CRC
MBAP_BYTES = 7  # Messaging on TCP/IP 3.1.3

EXCEPTIONS = {  # 7
    1: "illegal function: the device does not know it; check the map",
    2: "illegal data address: the device has no such register; check the map",
    3: "illegal data value: check count and value in the map",
    4: "device failure while serving the request",
    5: "acknowledge: the device needs longer",
    6: "device busy",
    8: "memory parity error in the device",
    10: "gateway path unavailable: check the gateway's configuration",
    11: "gateway target does not respond: check unit address, cable and power",
}
BUSY = (5, 6)
"""The device is there and takes the same question soon."""
NOBODY_THERE = (10, 11)
"""A gateway answers for a device that does not; that is silence."""

_READS: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}
_REPLIES: dict[int, type[ModbusPDU]] = {
    1: ReadCoilsResponse,
    2: ReadDiscreteInputsResponse,
    3: ReadHoldingRegistersResponse,
    4: ReadInputRegistersResponse,
}
_DECODER = DecodePDU(is_server=False)


@dataclass(frozen=True)
class Request:
    """A request: functions 1-4 read `count` bits or registers from `address`, 5 switches the coil at `address` to `on`, 6, 15 and 16 write `values` there."""

    unit_id: int
    function: int
    address: int
    count: int = 1
    on: bool = False
    values: tuple[int, ...] = ()

    def pdu(self) -> bytes:
        """Function code and data. Raises: LocalProtocolError: a function that this driver does not send."""
        return bytes([self.function]) + self._message().encode()

    def _message(self) -> ModbusPDU:
        if kind := _READS.get(self.function):
            return kind(address=self.address, count=self.count)
        if self.function == WRITE_COIL:
            return WriteSingleCoilRequest(address=self.address, bits=[self.on])
        if self.function == WRITE_REGISTER:
            return WriteSingleRegisterRequest(address=self.address, registers=list(self.values))
        if self.function == WRITE_COILS:
            return WriteMultipleCoilsRequest(address=self.address, bits=[bool(value) for value in self.values])
        if self.function == WRITE_REGISTERS:
            return WriteMultipleRegistersRequest(address=self.address, registers=list(self.values))
        raise LocalProtocolError(f"Modbus function {self.function} is none of 1, 2, 3, 4, 5, 6, 15, 16")

    def reply_head(self) -> bytes:
        """How the PDU of the only acceptable good reply begins: function and byte count, or all of it for a write (6.5, 6.6, 6.11, 6.12)."""
        if self.function in (WRITE_COIL, WRITE_REGISTER):
            return self.pdu()
        if self.function in (WRITE_COILS, WRITE_REGISTERS):
            return bytes([self.function]) + self.address.to_bytes(2, "big") + len(self.values).to_bytes(2, "big")
        return bytes([self.function, (self.count + 7) // 8 if self.function in READ_BITS else 2 * self.count])

    def reply_bytes(self) -> int:
        """Length of the good reply's PDU."""
        head = self.reply_head()
        return len(head) if self.function in WRITES else len(head) + head[1]

    def exception_head(self) -> bytes:
        """How the PDU of an exception reply to this request begins (7)."""
        return bytes([self.function | _EXCEPTION_BIT])


EXCEPTION_PDU_BYTES = 2


@dataclass(frozen=True)
class Reply:
    """A reply: registers of functions 3, 4 and 6, bits of 1, 2 and 5 (padded to whole bytes), how many were written (15, 16), or the code of an exception."""

    unit_id: int
    function: int
    registers: tuple[int, ...] = ()
    bits: tuple[bool, ...] = ()
    address: int = 0
    exception_code: int | None = None
    count: int = 0

    def pdu(self) -> bytes:
        """Function code and data, as the device sends them."""
        if self.exception_code is not None:
            return bytes([self.function | _EXCEPTION_BIT, self.exception_code])
        return bytes([self.function]) + self._message().encode()

    def _message(self) -> ModbusPDU:
        if self.function == WRITE_COIL:
            return WriteSingleCoilResponse(address=self.address, bits=list(self.bits))
        if self.function == WRITE_REGISTER:
            return WriteSingleRegisterResponse(address=self.address, registers=list(self.registers))
        if self.function == WRITE_COILS:
            return WriteMultipleCoilsResponse(address=self.address, count=self.count)
        if self.function == WRITE_REGISTERS:
            return WriteMultipleRegistersResponse(address=self.address, count=self.count)
        return _REPLIES[self.function](registers=list(self.registers), bits=list(self.bits))


def decode_reply(unit_id: int, pdu: bytes) -> Reply:
    """A reply's PDU. Raises: RemoteProtocolError: unknown function, or its length does not fit its byte count."""
    function = pdu[0] if pdu else 0
    fits = {True: len(pdu) == EXCEPTION_PDU_BYTES, False: _length_fits(function, pdu)}[bool(function & _EXCEPTION_BIT)]
    message = _DECODER.decode(pdu) if fits else None
    if message is None:
        raise RemoteProtocolError("not a Modbus reply of functions 1 to 6, 15 and 16", pdu)
    if isinstance(message, ExceptionResponse):
        return Reply(unit_id, function & ~_EXCEPTION_BIT, exception_code=message.exception_code)
    count = int.from_bytes(pdu[3:5], "big") if function in (WRITE_COILS, WRITE_REGISTERS) else 0
    bits = () if function == WRITE_COILS else tuple(message.bits)
    return Reply(unit_id, function, tuple(message.registers), bits, message.address, count=count)


def _length_fits(function: int, pdu: bytes) -> bool:
    if function in WRITES:
        return len(pdu) == 5 and (function != WRITE_COIL or pdu[3:] in (COIL_ON, COIL_OFF))
    if function in READ_BITS or function in READ_REGISTERS:
        whole = function in READ_BITS or (len(pdu) > 1 and pdu[1] % 2 == 0)
        return len(pdu) > 2 and whole and pdu[1] == len(pdu) - 2
    return False


def encode_rtu(unit_id: int, pdu: bytes) -> bytes:
    """Serial line ADU: unit, PDU, CRC with the low byte first (Serial Line 2.5.1)."""
    return bytes(FramerRTU(_DECODER).encode(pdu, unit_id, 0))


def decode_rtu(adu: bytes) -> tuple[int, bytes]:
    """Unit and PDU of a serial line ADU. Raises: RemoteProtocolError: too short, or its CRC is wrong."""
    if len(adu) < 4 or not FramerRTU.check_CRC(adu[:-2], int.from_bytes(adu[-2:], "big")):
        raise RemoteProtocolError("Modbus RTU frame with a wrong CRC", adu)
    return adu[0], adu[1:-2]


def rtu_bytes(pdu_bytes: int) -> int:
    """Length of the serial line ADU around a PDU."""
    return pdu_bytes + _RTU_EXTRA_BYTES


def encode_tcp(transaction: int, unit_id: int, pdu: bytes) -> bytes:
    """TCP ADU: transaction, protocol 0, length, unit, PDU."""
    return transaction.to_bytes(2, "big") + b"\x00\x00" + (len(pdu) + 1).to_bytes(2, "big") + bytes([unit_id]) + pdu


def tcp_bytes(head: bytes) -> int | None:
    """Length of the TCP ADU that begins with these bytes; None: too few to tell.

    Raises: RemoteProtocolError: no MBAP header; the next one cannot be found in the stream.
    """
    if len(head) < 6:
        return None
    protocol, length = int.from_bytes(head[2:4], "big"), int.from_bytes(head[4:6], "big")
    if protocol != 0 or not 3 <= length <= PDU_BYTES_MAX + 1:
        raise RemoteProtocolError('no Modbus TCP header; is this a serial server (framing = "rtu")? reconnecting', head)
    return 6 + length


def decode_tcp(adu: bytes) -> tuple[int, int, bytes]:
    """Transaction, unit and PDU of one whole TCP ADU. Raises: RemoteProtocolError: it is not one."""
    if tcp_bytes(adu) != len(adu):
        raise RemoteProtocolError("not exactly one Modbus TCP frame", adu)
    return int.from_bytes(adu[:2], "big"), adu[6], adu[MBAP_BYTES:]
