# SPDX-License-Identifier: Apache-2.0
"""Reports of HID scales. Source: USB Implementers' Forum, HID Point of Sale Usage Tables 1.02 (cited as POS), section 5, Scale Usage Page 8D hex."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError

UNITS = ("", "mg", "g", "kg", "ct", "tael", "gr", "dwt", "t", "ton", "ozt", "oz", "lb")
"""By number (POS 5.5, usages 51 to 5C hex): milligram, gram, kilogram, carat, tael, grain, pennyweight, metric ton, avoir ton, troy ounce, ounce, pound."""
FAULT, ZERO, MOVING, STABLE, UNDER, OVER, CALIBRATE, REZERO = range(1, 9)
"""Status by number (POS 5.4, usages 71 to 78 hex)."""
_STATES: dict[int, WeightState] = {ZERO: "zero", MOVING: "dynamic", STABLE: "stable", UNDER: "underload", OVER: "overload"}
_EXPONENT_MIN, _EXPONENT_MAX = -9, 4
"""No scale shows more than nine digits before the point; what says so is no report of a weight."""


@dataclass(frozen=True)
class WeightReport:
    """The data report (POS 5.3).

    | [report number] | status | unit | exponent, signed | weight, low byte | weight, high byte |

    The weight has no sign: below zero it is told by the status alone. value = weight * 10^exponent.
    """

    status: int
    unit_number: int
    exponent: int
    weight: int

    @property
    def value(self) -> Decimal:
        """The weight without its sign, with the decimals that the exponent says."""
        return Decimal(self.weight).scaleb(self.exponent)

    @property
    def unit(self) -> str:
        """The unit's usual sign."""
        return UNITS[self.unit_number]

    @property
    def state(self) -> WeightState:
        """What the scale says of the load."""
        return _STATES.get(self.status, "error")

    def encode(self, report_id: int = 3) -> bytes:
        """The report as the kernel hands it over; with its number unless that is 0."""
        head = bytes((report_id,)) if report_id else b""
        return head + bytes((self.status, self.unit_number, self.exponent & 0xFF)) + self.weight.to_bytes(2, "little")

    @classmethod
    def decode(cls, report: bytes, report_id: int = 3) -> WeightReport:
        """Raises: RemoteProtocolError: another length or number, or a status, unit or exponent that there is not."""
        if len(report) != size(report_id) or not is_report(report, 0, report_id):
            text = f"expected a report of {size(report_id)} bytes with number {report_id}, a status from 1 to 8, a unit from 1 to 12 and a power of ten"
            raise RemoteProtocolError(text, report)
        data = report[1:] if report_id else report
        return cls(data[0], data[1], _signed(data[2]), int.from_bytes(data[3:], "little"))


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def is_report(data: bytes | bytearray, start: int, report_id: int) -> bool:
    """Whether a report that makes sense may begin there; it is known to be long enough."""
    if report_id:
        if data[start] != report_id:
            return False
        start += 1
    return FAULT <= data[start] <= REZERO and 1 <= data[start + 1] < len(UNITS) and _EXPONENT_MIN <= _signed(data[start + 2]) <= _EXPONENT_MAX


def size(report_id: int) -> int:
    """Bytes of a report."""
    return 6 if report_id else 5
