# SPDX-License-Identifier: Apache-2.0
"""Schemes of a fixed length with a company prefix: header, filter (3), partition (3), prefix, reference, tail. Source: TDS 14.3, 14.4 and 14.6.

The partition says how many of the bits and digits are the company prefix's; 7 is reserved. Masks and shifts are computed once, here.
"""

from __future__ import annotations

from typing import NamedTuple

from contracts.epc.characters import require_number, require_text, seven_bit_text, seven_bit_value
from contracts.epc.digits import IdentifierError
from contracts.epc.kinds import Parts

PREFIX_BITS = (40, 37, 34, 30, 27, 24, 20)
"""Bits of the company prefix by partition; its digits are 12 - partition."""


class Number:
    """An integer without leading zeros (TDS 14.3.1)."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def read(self, value: int) -> Parts:
        """The part that these bits are. Every tail has it and `write`; both raise IdentifierError."""
        return (str(value),)

    def write(self, parts: Parts) -> int:
        """The bits of the part."""
        return require_number(parts[0], self.bits, "serial")


class Zeros(Number):
    """Padding that says nothing and must be zero (TDS 14.6.2)."""

    def read(self, value: int) -> Parts:
        """Nothing."""
        if value:
            raise IdentifierError(f"the last {self.bits} bits are {value:0{self.bits // 4}X}; they must be zero")
        return ()

    def write(self, parts: Parts) -> int:
        """Zeros."""
        return 0


class Text(Number):
    """Characters of 7 bits, then zeros (TDS 14.3.2)."""

    def read(self, value: int) -> Parts:
        """The characters."""
        return (seven_bit_text(value, self.bits, self.bits // 7, "serial"),)

    def write(self, parts: Parts) -> int:
        """The characters' bits."""
        return seven_bit_value(require_text(parts[0], self.bits // 7, "serial"), self.bits)


class Digits(Number):
    """Digits behind a 1, which keeps their leading zeros (TDS 14.3.6)."""

    def read(self, value: int) -> Parts:
        """The digits after the 1."""
        text = str(value)
        if len(text) < 2 or text[0] != "1":
            raise IdentifierError(f"the serial's bits are the number {text}, which does not begin with the 1 that keeps leading zeros")
        return (text[1:],)

    def write(self, parts: Parts) -> int:
        """The number of a 1 and the digits."""
        return require_number("1" + parts[0], self.bits, "serial after a 1")


class Pieces(Number):
    """Piece and total of 7 bits each, then a serial (TDS 14.3.10)."""

    def __init__(self, serial: Number) -> None:
        super().__init__(14 + serial.bits)
        self._serial = serial

    def read(self, value: int) -> Parts:
        """Piece, total and serial."""
        piece, total = value >> self._serial.bits + 7, value >> self._serial.bits & 0x7F
        if piece > 99 or total > 99:
            raise IdentifierError(f"piece {piece} of {total} has more than two digits")
        return (f"{piece:02}", f"{total:02}", *self._serial.read(value & ((1 << self._serial.bits) - 1)))

    def write(self, parts: Parts) -> int:
        """Their bits."""
        return (int(parts[0]) << 7 | int(parts[1])) << self._serial.bits | self._serial.write(parts[2:])


class Row(NamedTuple):
    """Where a partition's fields lie. Limits are 1 more than the greatest value, templates write a value as digits."""

    prefix_shift: int
    prefix_mask: int
    prefix_limit: int
    prefix_template: str
    reference_shift: int
    reference_mask: int
    reference_limit: int
    reference_template: str


class Partitioned:
    """A scheme. `keyed_bits` are those of prefix and reference together, `digits` the reference's at partition 0 (None: a number without leading zeros)."""

    filter_bits = 3

    def __init__(self, name: str, header: int, keyed_bits: int, digits: int | None, tail: Number) -> None:
        self.name = name
        self.kind = name.partition("-")[0]
        self.header = header
        self.bits = 14 + keyed_bits + tail.bits
        self.filter_shift = self.bits - 11
        self.tail = tail
        self.tail_mask = (1 << tail.bits) - 1
        self._partition_shift = self.bits - 14
        self.rows = tuple(_row(partition, keyed_bits, digits, tail.bits) for partition in range(7))

    def read(self, bits: int) -> Parts:
        """The parts of a tag's bits. Raises: IdentifierError: partition 7, too many digits, or what the tail does not allow."""
        partition = bits >> self._partition_shift & 7
        if partition == 7:
            raise IdentifierError("partition 7 is reserved; 0 to 6 are allowed")
        prefix_shift, prefix_mask, prefix_limit, prefix_template, shift, mask, limit, template = self.rows[partition]
        prefix = bits >> prefix_shift & prefix_mask
        reference = bits >> shift & mask
        if prefix >= prefix_limit or reference >= limit:
            raise IdentifierError(
                f"company prefix {prefix} and reference {reference} are too great: under partition {partition} they are below {prefix_limit} and {limit}"
            )
        return (prefix_template % prefix, template % reference, *self.tail.read(bits & self.tail_mask))

    def write(self, parts: Parts, filter_value: int) -> int:
        """The bits of checked parts. Raises: IdentifierError: they do not fit."""
        partition = 12 - len(parts[0])
        row = self.rows[partition]
        reference = self._reference(parts[1], row)
        bits = (self.header << 6 | filter_value << 3 | partition) << self._partition_shift
        return bits | int(parts[0]) << row.prefix_shift | reference << row.reference_shift | self.tail.write(parts[2:])

    def _reference(self, text: str, row: Row) -> int:
        if row.reference_template != "%d":
            return int(text or 0)
        return require_number(text, row.reference_mask.bit_length(), "reference")


class TextPartitioned(Partitioned):
    """GIAI-202: the reference is text, and nothing follows it (TDS 14.3.5)."""

    def __init__(self, name: str, header: int, keyed_bits: int, longest: int) -> None:
        super().__init__(name, header, keyed_bits, None, Zeros(0))
        self._longest = longest

    def read(self, bits: int) -> Parts:
        """Company prefix and reference. Raises: IdentifierError: as above, or no such characters."""
        prefix, _ = super().read(bits)
        row = self.rows[12 - len(prefix)]
        size = row.reference_mask.bit_length()
        return (prefix, seven_bit_text(bits & row.reference_mask, size, self._longest - len(prefix), "reference"))

    def _reference(self, text: str, row: Row) -> int:
        return seven_bit_value(text, row.reference_mask.bit_length())


def _row(partition: int, keyed_bits: int, digits: int | None, tail_bits: int) -> Row:
    prefix_digits, prefix_bits = 12 - partition, PREFIX_BITS[partition]
    bits = keyed_bits - prefix_bits
    limit, template = 1 << bits, "%d"
    if digits is not None:
        length = digits + partition
        limit, template = 10**length, f"%0{length}d" if length else "%.0s"
    return Row(tail_bits + bits, (1 << prefix_bits) - 1, 10**prefix_digits, f"%0{prefix_digits}d", tail_bits, (1 << bits) - 1, limit, template)


SCHEMES: tuple[Partitioned, ...] = (
    Partitioned("gdti-96", 0x2C, 41, 0, Number(41)),
    Partitioned("gsrn-96", 0x2D, 58, 5, Zeros(24)),
    Partitioned("gsrnp-96", 0x2E, 58, 5, Zeros(24)),
    Partitioned("sgtin-96", 0x30, 44, 1, Number(38)),
    Partitioned("sscc-96", 0x31, 58, 5, Zeros(24)),
    Partitioned("sgln-96", 0x32, 41, 0, Number(41)),
    Partitioned("grai-96", 0x33, 44, 0, Number(38)),
    Partitioned("giai-96", 0x34, 82, None, Zeros(0)),
    Partitioned("sgtin-198", 0x36, 44, 1, Text(140)),
    Partitioned("grai-170", 0x37, 44, 0, Text(112)),
    TextPartitioned("giai-202", 0x38, 188, 30),
    Partitioned("sgln-195", 0x39, 41, 0, Text(140)),
    Partitioned("gdti-113", 0x3A, 41, 0, Digits(58)),
    Partitioned("cpi-96", 0x3C, 51, None, Number(31)),
    Partitioned("gdti-174", 0x3E, 41, 0, Text(119)),
    Partitioned("sgcn-96", 0x3F, 41, 0, Digits(41)),
    Partitioned("itip-110", 0x40, 44, 1, Pieces(Number(38))),
    Partitioned("itip-212", 0x41, 44, 1, Pieces(Text(140))),
)
