# SPDX-License-Identifier: Apache-2.0
"""Frames of Toledo's continuous output.

Sources: Mettler Toledo, IND445 user manual p. 50; Rockwell 57C428 appendix D; Cardinal 225 manual p. 118; Fairbanks FB3000 manual p. 55;
Mettler Toledo Wildcat manual p. 6-5 (status words).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError

STX, CR = 0x02, 0x0D
_FIELD = re.compile(rb" *[0-9]*")
_DIGITS = 6
_HEAD_BYTES = 4
ALWAYS = 0x20
"""This bit of a status word is 1, with most makers."""
# status word A
_PLACES, _STEP = 0x07, 0x18
_PLACES_NONE = 2
# status word B
_NET, _NEGATIVE, _OUT_OF_RANGE, _MOTION, _KG, _NOT_ZEROED = 0x01, 0x02, 0x04, 0x08, 0x10, 0x40
# status word C
_UNIT, _EXPANDED, _HAND_TARE = 0x07, 0x10, 0x40
_UNITS = {1: "g", 2: "t", 3: "oz", 4: "ozt", 5: "dwt", 6: "ton", 7: "custom"}
"""Of status word C; 0: kg or lb, as word B says. `ton` is the short one of 2000 lb, which is not `t`; `custom` is whatever was set up."""
_STEPS = {0x08: 1, 0x10: 2, 0x18: 5}


@dataclass(frozen=True)
class Shape:
    """What a frame looks like on the wire: with which bytes between weight and tare, with a tare, with a checksum."""

    name: str
    has_checksum: bool

    @property
    def cr_at(self) -> int:
        """Where CR stands, counted from STX."""
        return {"short": 10, "long": 16, "cardinal": 17}[self.name]

    @property
    def length(self) -> int:
        """Of the whole frame."""
        return self.cr_at + 1 + self.has_checksum

    def fits(self, data: bytes | bytearray, start: int) -> bool:
        """Whether such a frame stands there, whole. What it says is not looked at, but blanks and digits must stand where they belong."""
        end = start + self.cr_at
        if len(data) < start + self.length or data[start] != STX or data[end] != CR:
            return False
        weight = start + _HEAD_BYTES
        if not _FIELD.fullmatch(data, weight, weight + _DIGITS):
            return False
        if self.name != "short" and not _FIELD.fullmatch(data, end - _DIGITS, end):
            return False
        if self.name == "cardinal" and data[weight + _DIGITS] != 0x3E:
            return False
        return not self.has_checksum or checksum(data[start : end + 1]) == data[end + 1]


def checksum(frame: bytes | bytearray) -> int:
    """Two's complement of the sum of the lower seven bits of all bytes from STX to CR (IND445 p. 50; 57C428 appendix D)."""
    return -sum(byte & 0x7F for byte in frame) & 0x7F


@dataclass(frozen=True)
class WeightFrame:
    """One frame.

    | STX | A | B | C | weight, 6 | [>] [tare, 6] | CR | [checksum] |

    A: bits 0-2 decimals, 3-4 step (1, 2, 5). B: 0 net, 1 negative, 2 out of range, 3 motion, 4 kg (else lb), 6 not zeroed since switched on.
    C: bits 0-2 unit, 3 print wanted, 4 ten times finer, 6 tare keyed in. The bits that are always 1 are never looked at: makers disagree about them.
    Weight and tare are digits without point and sign, filled with blanks; beyond the limits the weight may be all blanks.
    """

    a: int
    b: int
    c: int
    weight: str
    tare: str | None = None
    separator: str = ""

    @property
    def is_net(self) -> bool:
        """Whether the weight is less the tare."""
        return bool(self.b & _NET)

    @property
    def is_tare_keyed_in(self) -> bool:
        """Whether the tare was not weighed."""
        return bool(self.c & _HAND_TARE)

    @property
    def is_expanded(self) -> bool:
        """Whether the weight has one digit more than the display usually shows."""
        return bool(self.c & _EXPANDED)

    @property
    def unit(self) -> str:
        """The unit of weight and tare."""
        return _UNITS.get(self.c & _UNIT) or ("kg" if self.b & _KG else "lb")

    @property
    def state(self) -> WeightState:
        """Out of range means over or under: the sign tells which."""
        if self.b & _OUT_OF_RANGE:
            return "underload" if self.b & _NEGATIVE else "overload"
        if self.b & _NOT_ZEROED or not self.weight.strip():
            return "error"
        return "dynamic" if self.b & _MOTION else "stable"

    @property
    def code(self) -> str:
        """Why there is no weight: the three status words in hex."""
        return f"{self.a:02x} {self.b:02x} {self.c:02x}"

    @property
    def fixed_zeros(self) -> int:
        """How many of the last digits are always 0 (`xxxx00`, `xxxxx0`)."""
        return max(0, _PLACES_NONE - (self.a & _PLACES))

    def value(self, *, zeros_are_sent: bool) -> Decimal | None:
        """The weight with its sign; None: none is shown, or digits that should be fixed zeros are not."""
        digits = self.weight.strip()
        if not digits or (zeros_are_sent and digits[-self.fixed_zeros :].strip("0") and self.fixed_zeros):
            return None
        value = self._scaled(digits, zeros_are_sent)
        value = value.scaleb(-1) if self.is_expanded else value
        return -value if self.b & _NEGATIVE else value

    def tare_value(self, *, zeros_are_sent: bool) -> Decimal | None:
        """The tare; None: not sent, or in a resolution that no document tells."""
        if self.tare is None or not self.tare.strip() or self.is_expanded:
            return None
        return self._scaled(self.tare.strip(), zeros_are_sent)

    @property
    def division(self) -> Decimal | None:
        """The step of the indication, whether or not fixed zeros are sent; None: not told."""
        step = _STEPS.get(self.a & _STEP)
        return None if step is None else self._scaled(str(step), zeros_are_sent=False)

    def _scaled(self, digits: str, zeros_are_sent: bool) -> Decimal:
        places = (self.a & _PLACES) - _PLACES_NONE
        if places < 0:
            return Decimal(int(digits)) if zeros_are_sent else Decimal(int(digits) * 10**-places)
        return Decimal(int(digits)).scaleb(-places)

    def encode(self, *, with_checksum: bool) -> bytes:
        """As the manuals write it."""
        frame = bytes([STX, self.a, self.b, self.c]) + f"{self.weight}{self.separator}{self.tare or ''}\r".encode("ascii")
        return frame + bytes([checksum(frame)]) if with_checksum else frame

    @classmethod
    def decode(cls, frame: bytes, shape: Shape) -> WeightFrame:
        """Raises: RemoteProtocolError: it has not that shape."""
        if len(frame) != shape.length or not shape.fits(frame, 0):
            raise RemoteProtocolError(f"expected a {shape.name} frame of {shape.length} bytes", frame)
        weight, rest = frame[4:10].decode("ascii"), frame[10 : shape.cr_at].decode("ascii")
        tare = rest[-_DIGITS:] if rest else None
        return cls(frame[1], frame[2], frame[3], weight, tare, rest[:-_DIGITS])
