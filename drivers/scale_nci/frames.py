# SPDX-License-Identifier: Apache-2.0
"""Answers of NCI scales. Source: Avery Weigh-Tronix, NCI standard SCP-01 (document 8408-14788-01); what differs by maker is cited at its line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import number, unit_name, without_parity

_STATUS = re.compile(r"S?([0-?p-\x7f][0-?p-\x7f]{1,3})")
"""Two to four bytes with bits 4 and 5 set (SCP-01); some makers put the letter S before them (B-TEK T419S service manual, p. 66)."""
_POUNDS = re.compile(r"\s*([+-]?)\s*([0-9]+)\s*lbs?\s+([0-9]+\.?[0-9]*)\s*oz\s*", re.IGNORECASE)
_WEIGHT = re.compile(r"(\s*[+-]?\s*[0-9.]+)\s*([a-zA-Z/%]{0,5})\s*")
_ENDS = re.compile(r"[\r\n]+")
OUNCES_PER_POUND = 16

_MOTION, _AT_ZERO, _RAM, _EEPROM = 0x01, 0x02, 0x04, 0x08  # status byte 1
_UNDER, _OVER, _ROM, _CALIBRATION = 0x01, 0x02, 0x04, 0x08  # status byte 2
_NET, _NOT_ZEROED = 0x04, 0x08  # status byte 3
_MORE = 0x40
_FILLINGS: dict[str, WeightState] = {"^": "overload", "_": "underload"}
"""What fills the display instead of digits (Adam MDW manual 8.5.3)."""
_UNDERSCORE_FOR_BLANK = str.maketrans("_", " ")
"""As Salter Brecknell's manual writes grams: `_1250g_` (3700LP, p. 11)."""


@dataclass(frozen=True)
class Status:
    """The status bytes h1 h2 [h3 [h4]], as characters. h1: motion, at zero, RAM, EEPROM. h2: under, over, ROM, calibration. h3: range, net, not zeroed."""

    text: str

    def _byte(self, index: int) -> int:
        return ord(self.text[index]) if index < len(self.text) else 0

    @property
    def is_moving(self) -> bool:
        """Bit 0 of byte 1."""
        return bool(self._byte(0) & _MOTION)

    @property
    def is_at_zero(self) -> bool:
        """Bit 1 of byte 1."""
        return bool(self._byte(0) & _AT_ZERO)

    @property
    def is_net(self) -> bool | None:
        """Bit 2 of byte 3; None: no such byte."""
        return bool(self._byte(2) & _NET) if len(self.text) > 2 else None

    @property
    def limit(self) -> WeightState | None:
        """Over or under capacity."""
        if self._byte(1) & _OVER:
            return "overload"
        return "underload" if self._byte(1) & _UNDER else None

    @property
    def faults(self) -> tuple[str, ...]:
        """What is broken, in words."""
        found = ((0, _RAM, "RAM error"), (0, _EEPROM, "EEPROM error"), (1, _ROM, "ROM error"), (1, _CALIBRATION, "faulty calibration"))
        faults = tuple(word for index, bit, word in found if self._byte(index) & bit)
        return (*faults, "not zeroed when switched on") if self._byte(2) & _NOT_ZEROED else faults


@dataclass(frozen=True)
class Reply:
    """An answer, between LF and ETX.

    | LF <weight> <unit> CR LF [S] <h1> <h2> [<h3> [<h4>]] CR ETX    `1.250KG`, `1lb 4.5oz`, also what else the display shows
    | LF [S] <h1> <h2> [<h3> [<h4>]] CR ETX                         status only: asked for, or nothing may be shown
    | LF ? CR ETX, LF ? CR, CR ? LF                                 unknown command; the last by AWT ZM400, B-TEK T419S, Aviator

    `shown` is the line with the weight as it came, `value` its number if it is one; `lb oz` is told in oz, 16 to the pound.
    """

    status: Status | None = None
    shown: str = ""
    value: Decimal | None = None
    unit: str = ""

    @property
    def is_unknown_command(self) -> bool:
        """Whether the scale did not know what it was asked."""
        return self.status is None

    @property
    def state(self) -> WeightState:
        """What the scale says of the load. A display without a number is told by its filling."""
        status = self.status or Status("")
        if status.faults:
            return "error"
        filling = self.shown.strip()[:1] if self.value is None else ""
        if limit := status.limit or _FILLINGS.get(filling):
            return limit
        if status.is_moving:
            return "dynamic"
        if self.value is None:
            return "error"
        return "zero" if status.is_at_zero and self.value == 0 else "stable"

    def encode(self) -> bytes:
        """As the standard writes it."""
        if self.status is None:
            return b"\n?\r\x03"
        shown = f"\n{self.shown}\r" if self.shown else ""
        return f"{shown}\n{self.status.text}\r\x03".encode("ascii")

    @classmethod
    def decode(cls, frame: bytes) -> Reply:
        """Raises: RemoteProtocolError: not the shape of any answer."""
        lines = [line for line in _ENDS.split(without_parity(frame).decode("ascii").rstrip("\x03")) if line]
        if lines == ["?"]:
            return cls()
        if not 1 <= len(lines) <= 2 or not (found := _STATUS.fullmatch(lines[-1].strip())) or not _is_whole(found[1]):
            raise RemoteProtocolError("expected a weight and two to four status bytes", frame)
        if len(lines) == 1:
            return cls(Status(found[1]))
        return cls(Status(found[1]), lines[0], *_weight(lines[0]))


def _is_whole(status: str) -> bool:
    """Bit 6 of a byte says that another follows; bytes beyond that are taken as well."""
    return all(len(status) > index + 1 for index in range(1, len(status)) if ord(status[index]) & _MORE)


def _weight(shown: str) -> tuple[Decimal | None, str]:
    if found := _POUNDS.fullmatch(shown):
        pounds, rest = number(found[2]), number(found[3])
        if pounds is None or rest is None:
            return None, ""
        ounces = pounds * OUNCES_PER_POUND + rest
        return (-ounces if found[1] == "-" else ounces), "oz"
    if (found := _WEIGHT.fullmatch(shown.translate(_UNDERSCORE_FOR_BLANK))) and (value := number(found[1])) is not None:
        return value, unit_name(found[2])
    return None, ""
