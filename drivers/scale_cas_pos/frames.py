# SPDX-License-Identifier: Apache-2.0
"""The data block of CAS counter scales. Sources: CAS PD-II manual p. 23 (type 6), SW-II manual p. 15, Ohaus Aviator 7000 service manual p. 36."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import xor

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import number, unit_name

SOH, STX, ETX, EOT, ENQ, ACK, DC1, NAK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x11, 0x15
BLOCK_BYTES = 15
_BCC_AT, _WEIGHT_AT, _UNIT_AT = 12, 4, 10
_FULL = "F"


def checks(block: bytes) -> tuple[int, ...]:
    """What the check character may be: XOR of STA to UN2; some firmware takes SOH, others SOH and STX into it (the Aviator's text allows both)."""
    data = reduce(xor, block[2:_BCC_AT])
    return (data, data ^ SOH, data ^ SOH ^ STX)


@dataclass(frozen=True)
class WeightBlock:
    """Weight, as answer to DC1.

    | SOH STX <S|U> <sign> <weight, 6> <unit, 2> <BCC> ETX EOT     `S ` `01.250` `kg`

    sign: blank, `-`, or F for too much, with F in all places of the weight. `cover` is what BCC has more than STA to UN2: nothing, or SOH, or SOH and
    STX. BCC may be any value, ETX too: the block is taken by length.
    """

    status: str
    sign: str
    weight: str
    unit: str
    cover: int = 0

    @property
    def value(self) -> Decimal | None:
        """The number; None: the places are not digits."""
        return number(self.sign.strip() + self.weight.strip())

    @property
    def state(self) -> WeightState:
        """What the scale says of the load."""
        if self.sign == _FULL or _FULL in self.weight:
            return "overload"
        if self.value is None:
            return "error"
        return "stable" if self.status == "S" else "dynamic"

    def encode(self) -> bytes:
        """The block in the maker's columns."""
        head = bytes((SOH, STX)) + f"{self.status}{self.sign:<1}{self.weight:>6}{self.unit:<2}".encode("ascii")
        return head + bytes((checks(head)[0] ^ self.cover, ETX, EOT))

    @classmethod
    def decode(cls, block: bytes) -> WeightBlock:
        """Raises: RemoteProtocolError: not the shape, or the check character is wrong."""
        if len(block) != BLOCK_BYTES or block[:2] != bytes((SOH, STX)) or block[-2:] != bytes((ETX, EOT)):
            raise RemoteProtocolError(f"expected a block of {BLOCK_BYTES} bytes from SOH to EOT", block)
        if block[_BCC_AT] not in checks(block):
            raise RemoteProtocolError(f"expected the check character {checks(block)[0]:02x}", block)
        data = block[2:_BCC_AT]
        if not data.isascii() or chr(data[0]) not in "SU" or chr(data[1]) not in " +-F":
            raise RemoteProtocolError("expected S or U, a sign and a weight", block)
        text = data.decode("ascii")
        return cls(text[0], text[1], text[2:8], unit_name(text[8:]), block[_BCC_AT] ^ checks(block)[0])
