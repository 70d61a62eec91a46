# SPDX-License-Identifier: Apache-2.0
"""Lines of an Acme scale (Acme PS Series Interface Manual, rev. 2, section 4).

W CR LF                 question: the weight
Z CR LF                 question: set zero
W +0012.50 kg S CR LF   answer: weight, unit, S stable or M moving
Z OK CR LF              answer: zero is set
E 07 CR LF              answer: error
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from drivers.base.errors import RemoteProtocolError

LINE_BYTES_MAX = 32  # section 4.1: the longest line has 18 bytes
ERRORS = {"02": "unknown command", "07": "overload: take the load off", "08": "the load moves, zero was not set"}  # section 4.4
_WEIGHT = re.compile(rb"W ([+-]\d{4}\.\d{2}) (kg|lb) ([SM])")
_ERROR = re.compile(rb"E (\d{2})")


@dataclass(frozen=True)
class WeightFrame:
    """What lies on the scale, in `unit` as sent."""

    value: Decimal
    unit: str
    is_stable: bool

    def encode(self) -> bytes:
        """The line without its end."""
        return f"W {self.value:+08.2f} {self.unit} {'S' if self.is_stable else 'M'}".encode()


@dataclass(frozen=True)
class ErrorFrame:
    """The scale refuses."""

    code: str

    def encode(self) -> bytes:
        """The line without its end."""
        return f"E {self.code}".encode()


@dataclass(frozen=True)
class ZeroFrame:
    """Zero is set."""

    def encode(self) -> bytes:
        """The line without its end."""
        return b"Z OK"


Frame = WeightFrame | ErrorFrame | ZeroFrame


def decode(line: bytes) -> Frame:
    """Raises: RemoteProtocolError: no line of this scale."""
    if match := _WEIGHT.fullmatch(line):
        return WeightFrame(Decimal(match[1].decode()), match[2].decode(), match[3] == b"S")
    if match := _ERROR.fullmatch(line):
        return ErrorFrame(match[1].decode())
    if line == b"Z OK":
        return ZeroFrame()
    raise RemoteProtocolError("expected a line of an Acme scale", line)
