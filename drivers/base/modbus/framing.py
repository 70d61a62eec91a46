# SPDX-License-Identifier: Apache-2.0
"""Which bytes on the line are the reply to the one outstanding request. Bytes are taken one by one, so that no cut of the stream matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from drivers.base.errors import RemoteProtocolError
from drivers.base.modbus.frames import (
    EXCEPTION_PDU_BYTES,
    Reply,
    Request,
    decode_reply,
    decode_rtu,
    decode_tcp,
    encode_rtu,
    encode_tcp,
    rtu_bytes,
    tcp_bytes,
)

BITS_PER_CHARACTER = 11  # Serial Line V1.02, 2.5.1; lines without parity and second stop bit have 10
NOISE_BYTES_MAX = 4  # an RS-485 turnaround glitch was seen as 3 bytes; a frame of another unit has at least 5


@dataclass(frozen=True)
class Refused:
    """Bytes that are not the reply. `hopeless`: the reply will not come any more, or cannot be trusted when it does."""

    reason: str
    data: bytes
    hopeless: bool = True


class Framing(Protocol):
    """Modbus TCP or RTU as seen by the one who asks."""

    gap_s: float
    """Silence that the line needs before the next request."""
    keeps_frames: bool
    """Whether bytes are whole frames even when nobody waits for them, so that they have to be taken all the same."""

    def ask(self, request: Request) -> bytes:
        """The request's bytes; what comes now is measured against it."""
        ...

    def wire_s(self, request: Request) -> float:
        """How long a request and its good reply are on the line, as far as that is known."""
        ...

    def take(self, byte: int) -> Reply | Refused | None:
        """One byte further. Raises: RemoteProtocolError: the stream is beyond repair."""
        ...

    def take_whole(self, data: bytes) -> Reply | Refused | None:
        """All of the data, if it is exactly one frame and nothing came before it; None: it is not, and nothing was taken.

        Raises: RemoteProtocolError: the stream is beyond repair.
        """
        ...


THE_DEVICE_ITSELF = (0, 255)
"""Unit numbers by which a server is asked that is no gateway (Messaging on TCP/IP V1.0b, 4.4, "Unit identifier"); some answer with a number of their own."""


def fits(request: Request, unit_id: int, pdu: bytes) -> bool:
    """Whether a PDU may be the reply: same unit, function and byte count, or an exception to that function."""
    if unit_id != request.unit_id and request.unit_id not in THE_DEVICE_ITSELF:
        return False
    good = pdu.startswith(request.reply_head()) and len(pdu) == request.reply_bytes()
    return good or (pdu.startswith(request.exception_head()) and len(pdu) == EXCEPTION_PDU_BYTES)


class RtuFraming:
    """A serial line: no transaction numbers, no lengths; a reply is known by unit, function, byte count and CRC."""

    keeps_frames = False

    def __init__(self, baud_rate: int, *, echoes: bool = False) -> None:
        self._character_s = BITS_PER_CHARACTER / baud_rate
        self.gap_s = max(3.5 * self._character_s, 0.00175)  # Serial Line V1.02, 2.5.1.1: 3.5 characters, 1.75 ms above 19200 baud
        self._echoes = echoes
        self._echo = bytearray()
        self._heads: tuple[tuple[bytes, int], ...] = ()
        self._candidate = bytearray()
        self._noise = bytearray()

    def ask(self, request: Request) -> bytes:
        """See `Framing.ask`."""
        unit = bytes([request.unit_id])
        self._heads = (unit + request.reply_head(), rtu_bytes(request.reply_bytes())), (unit + request.exception_head(), rtu_bytes(EXCEPTION_PDU_BYTES))
        self._candidate.clear()
        self._noise.clear()
        adu = encode_rtu(request.unit_id, request.pdu())
        self._echo[:] = adu if self._echoes else b""
        return adu

    def wire_s(self, request: Request) -> float:
        """See `Framing.wire_s`."""
        return (rtu_bytes(len(request.pdu())) + rtu_bytes(request.reply_bytes())) * self._character_s

    def take(self, byte: int) -> Reply | Refused | None:
        """See `Framing.take`. A few bytes of noise before the reply are skipped; a wrong CRC ends the exchange."""
        if self._echo:
            return None if self._echo.pop(0) == byte else Refused("garbled", bytes([byte]))
        self._candidate.append(byte)
        while self._candidate and self._length() is None:
            self._noise.append(self._candidate.pop(0))
        if len(self._noise) > NOISE_BYTES_MAX:
            return Refused("garbled", bytes(self._noise + self._candidate))
        if len(self._candidate) != self._length():
            return None
        try:
            unit_id, pdu = decode_rtu(bytes(self._candidate))
            return decode_reply(unit_id, pdu)
        except RemoteProtocolError:
            return Refused("crc", bytes(self._candidate))

    def take_whole(self, data: bytes) -> Reply | Refused | None:
        """See `Framing.take_whole`. A serial line hands bytes over as they come; there is nothing to gain."""
        return None

    def _length(self) -> int | None:
        """Length of the frame that the candidate begins; None: it begins none."""
        for head, length in self._heads:
            if head[: len(self._candidate)] == self._candidate[: len(head)]:
                return length
        return None


class TcpFraming:
    """Modbus TCP: a reply carries the transaction number of its request; any other number is a late reply.

    Some gateways answer every request with the number 0. That is taken as long as no reply has ever carried the number of its request; such a link is
    no safer than a serial line, and what makes that one safe (one request at a time, silence after every time-out) holds here as well.
    """

    keeps_frames = True
    gap_s = 0.0

    def __init__(self) -> None:
        self._transaction = 0
        self._numbers_replies = False
        self._request: Request | None = None
        self._buffer = bytearray()

    def ask(self, request: Request) -> bytes:
        """See `Framing.ask`."""
        self._transaction = self._transaction % 0xFFFF + 1
        self._request = request
        return encode_tcp(self._transaction, request.unit_id, request.pdu())

    def wire_s(self, request: Request) -> float:
        """See `Framing.wire_s`. What is behind a gateway is not known."""
        return 0.0

    def take(self, byte: int) -> Reply | Refused | None:
        """See `Framing.take`. Raises: RemoteProtocolError: no MBAP header where one has to be."""
        self._buffer.append(byte)
        if tcp_bytes(bytes(self._buffer[:6])) != len(self._buffer):
            return None
        adu = bytes(self._buffer)
        self._buffer.clear()
        return self._judge(adu)

    def take_whole(self, data: bytes) -> Reply | Refused | None:
        """See `Framing.take_whole`."""
        if self._buffer or tcp_bytes(data) != len(data):
            return None
        return self._judge(data)

    def _judge(self, adu: bytes) -> Reply | Refused:
        transaction, unit_id, pdu = decode_tcp(adu)
        if self._request is None or not self._is_current(transaction):
            return Refused("stale_transaction", adu, hopeless=False)
        if not fits(self._request, unit_id, pdu):
            return Refused("mismatch", adu)
        try:
            return decode_reply(unit_id, pdu)
        except RemoteProtocolError:
            return Refused("mismatch", adu)

    def _is_current(self, transaction: int) -> bool:
        self._numbers_replies |= transaction == self._transaction
        return transaction == self._transaction or (transaction == 0 and not self._numbers_replies)
