# SPDX-License-Identifier: Apache-2.0
"""A row of bits, read from the left and written to the right."""

from __future__ import annotations

from contracts.epc.digits import IdentifierError


class BitReader:
    """Takes numbers off the left end of `length` bits."""

    __slots__ = ("_bits", "left")

    def __init__(self, bits: int, length: int) -> None:
        self._bits = bits
        self.left = length
        """Bits not yet read."""

    def read(self, bits: int) -> int:
        """The next so many bits as a number. Raises: IdentifierError: there are fewer."""
        if bits > self.left:
            raise IdentifierError(f"the EPC ends {bits - self.left} bits before the value that it announces")
        self.left -= bits
        return self._bits >> self.left & ((1 << bits) - 1)

    def rest(self) -> int:
        """What has not been read, as a number of `left` bits; nothing is taken."""
        return self._bits & ((1 << self.left) - 1)

    def back_to(self, left: int) -> None:
        """Unread everything after the point where so many bits were left."""
        self.left = left


class BitWriter:
    """Puts numbers at the right end."""

    __slots__ = ("length", "value")

    def __init__(self) -> None:
        self.value = 0
        self.length = 0

    def write(self, value: int, bits: int) -> None:
        """Append a number below 2^bits."""
        self.value = self.value << bits | value
        self.length += bits

    def hex(self) -> str:
        """Upper-case, zeros after the end to the next 16-bit word, as the tag's memory holds it (TDS 15.1.1)."""
        padding = -self.length % 16
        return f"{self.value << padding:0{(self.length + padding) // 4}X}"
