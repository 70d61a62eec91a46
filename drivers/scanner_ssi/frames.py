# SPDX-License-Identifier: Apache-2.0
"""SSI packets. Source: Zebra, Simple Serial Interface Programmer's Guide 72E-40451-04, chapters 1 to 3 (packet format, opcodes, code types)."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError

DECODER, HOST = 0x00, 0x04
RETRANSMITTED, CONTINUED = 0x01, 0x02  # status bits 0 and 1
HEADER_BYTES, CHECKSUM_BYTES, DATA_BYTES_MAX = 4, 2, 251
REQUEST_REVISION, REPLY_REVISION = 0xA3, 0xA4
AIM_OFF, AIM_ON, BEEP, LED_ON, LED_OFF = 0xC4, 0xC5, 0xE6, 0xE7, 0xE8
CMD_ACK, CMD_NAK = 0xD0, 0xD1
CAPABILITIES_REQUEST, CAPABILITIES_REPLY = 0xD3, 0xD4
START_SESSION, STOP_SESSION, SCAN_ENABLE, SCAN_DISABLE = 0xE4, 0xE5, 0xE9, 0xEA
DECODE_DATA, EVENT, PARAM_SEND, IMAGE_DATA, VIDEO_DATA, SSI_MGMT = 0xF3, 0xF6, 0xC6, 0xB1, 0xB4, 0x80
ACKNOWLEDGED = frozenset((DECODE_DATA, EVENT, PARAM_SEND, IMAGE_DATA, VIDEO_DATA, SSI_MGMT))
"""What the decoder says that the host has to answer with ACK or NAK."""
RESEND = 0x01
NAK_CAUSES = {
    RESEND: "the packet arrived damaged",
    0x02: "not possible in the scanner's present state",
    0x06: "denied: the scanner has no such command, or its settings forbid it",
    0x0A: "cancelled",
}
AIM_OF_TYPE = {
    0x01: "]A0",
    0x02: "]F0",
    0x03: "]C0",
    0x04: "]S0",
    0x05: "]S0",
    0x06: "]I0",
    0x07: "]G0",
    0x08: "]E0",
    0x09: "]E0",  # UPC-E, as eight digits as delivered
    0x0A: "]E4",
    0x0B: "]E0",
    0x0C: "]H0",
    0x0E: "]M0",
    0x0F: "]C1",
    0x10: "]E0",  # UPC-E1
    0x11: "]L0",
    0x13: "]A4",
    0x18: "]F0",
    0x19: "]C0",
    0x1A: "]L3",
    0x1B: "]d1",
    0x1C: "]Q1",
    0x21: "]C4",
    0x25: "]U0",
    0x2C: "]Q1",
    0x2D: "]z0",
    0x2E: "]zC",
    0x30: "]e0",
    0x31: "]e0",
    0x32: "]e0",
    0xB4: "]e0",
    0xB7: "]h0",
    0x48: "]E3",
    0x4B: "]E3",
    0x88: "]E3",
    0x8B: "]E3",  # UPC-A and EAN-13 with an add-on of two or five digits
    0x51: "]e0",
    0x54: "]e0",
    0x55: "]e0",
    0x56: "]e0",
    0x59: "]e0",
    0x61: "]e0",
    0x64: "]e0",
    0x65: "]e0",
    0x66: "]e0",  # composites of GS1-128, DataBar
    0xC1: "]d2",
    0xC2: "]Q3",
}
"""SSI's code types as symbology identifiers, where they say the same. A type does not tell whether a Data Matrix or QR code is a GS1 one, save C1 and C2."""
GS1_OF_TYPE = {0x1B: "]d2", 0x1C: "]Q3", 0x06: "]I1"}
"""What these are when their data shows it: GS1 elements with a check digit, or fourteen digits of a GTIN."""


@dataclass(frozen=True)
class Packet:
    """A message of either side.

    | length (without checksum) | opcode | source | status | data ... | checksum (2, two's complement of the sum of all before) |

    The checksum has its high byte first; some decoders send the low one first (`low_first`).
    """

    opcode: int
    data: bytes = b""
    status: int = 0
    source: int = HOST
    low_first: bool = False

    def encode(self) -> bytes:
        """All of its bytes."""
        body = bytes((HEADER_BYTES + len(self.data), self.opcode, self.source, self.status)) + self.data
        return body + checksum(body, low_first=self.low_first)

    @classmethod
    def decode(cls, frame: bytes) -> Packet:
        """Raises: RemoteProtocolError: too short, of another length than it says, or damaged."""
        if len(frame) < HEADER_BYTES + CHECKSUM_BYTES or len(frame) != frame[0] + CHECKSUM_BYTES:
            raise RemoteProtocolError("no SSI packet", frame)
        body, sum_ = frame[:-CHECKSUM_BYTES], frame[-CHECKSUM_BYTES:]
        low_first = sum_ != checksum(body)
        if low_first and sum_ != checksum(body, low_first=True):
            raise RemoteProtocolError(f"wrong checksum, expected {checksum(body).hex()}", frame)
        return cls(body[1], body[HEADER_BYTES:], body[3], body[2], low_first)

    @property
    def size_bytes(self) -> int:
        """Of the whole packet."""
        return HEADER_BYTES + len(self.data) + CHECKSUM_BYTES

    @property
    def is_retransmitted(self) -> bool:
        """Bit 0: it was sent before."""
        return bool(self.status & RETRANSMITTED)

    @property
    def is_continued(self) -> bool:
        """Bit 1: more packets of the same message follow."""
        return bool(self.status & CONTINUED)


def checksum(body: bytes, *, low_first: bool = False) -> bytes:
    """Two bytes, high one first unless told otherwise."""
    return (-sum(body) & 0xFFFF).to_bytes(CHECKSUM_BYTES, "little" if low_first else "big")
