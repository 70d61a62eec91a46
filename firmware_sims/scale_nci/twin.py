# SPDX-License-Identifier: Apache-2.0
"""A bench scale with NCI's general protocol, as Avery Weigh-Tronix describes it (SCP-01, document 8408-14788-01; 7821 manual p. 25).

Each command is one letter and CR. Makers differ in how many status bytes they send, whether the letter S stands before them, how they write units, what
they say to an unknown command, and whether a weight that must not be used is sent at all: these are the twin's options.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_LINE_BYTES_MAX = 32
_ALWAYS = 0x30
_UNITS = ("lb", "kg", "oz", "g")
_COUNTS_PER_DIVISION = 37
"""How many counts of the converter a division has. Guessed: a 6000-division scale on a 20-bit converter has about a hundred."""


class NciScaleTwin(ScaleTwin):
    """The scale. `status_bytes` 2 to 4; `unknown` `standard` (LF ? CR ETX), `short` (LF ? CR) or `swapped` (CR ? LF, as Avery Weigh-Tronix' ZM400 says it).

    `status_only`: no weight while it moves, is negative or over (most do so); False: the weight all the same, as the Aviator sends it.
    `knows`: letters of the commands that it has; W, S and Z are those of the standard that all must have.
    """

    def __init__(
        self,
        *,
        capacity: float = 15.0,
        division: float = 0.005,
        unit: str = "kg",
        status_bytes: int = 2,
        letter_s: bool = False,
        upper: bool = True,
        unknown: str = "standard",
        status_only: bool = True,
        knows: str = "WHMSZTU",
    ) -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(str(capacity)), division=Decimal(str(division)), unit=unit)))
        self.faults = 0
        """Bits 2 (ROM) and 3 (calibration) of status byte 2; `set_fault` sets the last."""
        self._status_bytes = status_bytes
        self._letter = b"S" if letter_s else b""
        self._upper = upper
        self._unknown = {"standard": b"\n?\r\x03", "short": b"\n?\r", "swapped": b"\r?\n"}[unknown]
        self._status_only = status_only
        self._knows = knows.encode("ascii")
        self._line = bytearray()

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._line.clear()

    def set_fault(self, text: str, *, now_s: float) -> bytes:
        """A faulty calibration: `calibration`, or `none`."""
        if text not in ("calibration", "none"):
            raise ValueError(f"expected calibration or none, got {text!r}")
        self.faults = 0x08 if text == "calibration" else 0
        return b""

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`."""
        said = b""
        for byte in data:
            if byte == 0x0D:
                said += self._obey(bytes(self._line))
                self._line.clear()
            elif byte != 0x0A and len(self._line) < _LINE_BYTES_MAX:
                self._line.append(byte & 0x7F)
        return said

    def _obey(self, command: bytes) -> bytes:
        if not command:
            return b""
        commands: dict[bytes, Callable[[], bytes]] = {
            b"W": self._weight,
            b"H": lambda: self._number(self.body.fine),
            b"M": lambda: self._text(str(self.body.gross_divisions * _COUNTS_PER_DIVISION)),
            b"S": self._status,
            b"Z": self._zero,
            b"T": self._tare,
            b"U": self._next_unit,
        }
        action = commands.get(command) if command in self._knows else None
        return self._unknown if action is None else action()

    def _zero(self) -> bytes:
        self.body.zero()
        return self._status()

    def _tare(self) -> bytes:
        self.body.take_tare()
        return self._status()

    def _next_unit(self) -> bytes:
        place = _UNITS.index(self.body.unit) if self.body.unit in _UNITS else -1
        self.body.show_in(_UNITS[(place + 1) % len(_UNITS)])
        return self._text(self._unit())

    def _weight(self) -> bytes:
        return self._number(self.body.net)

    def _number(self, value: Decimal) -> bytes:
        hidden = self.body.limit or self.body.net < 0 or not self.body.is_stable
        if self._status_only and (hidden or self.faults):
            return self._status()
        return self._text(f"{value}{self._unit()}")

    def _unit(self) -> str:
        return self.body.unit.upper() if self._upper else self.body.unit

    def _text(self, shown: str) -> bytes:
        return b"\n" + shown.encode("ascii") + b"\r" + self._status()

    def _status(self) -> bytes:
        body = self.body
        under = body.limit == "under" or (self._status_only and body.net < 0)
        first = (not body.is_stable) | (body.is_centre_of_zero << 1)
        second = under | ((body.limit == "over") << 1) | self.faults
        third = (body.is_net << 2) | ((not body.is_zeroed) << 3)
        fourth = (body.is_centre_of_zero << 1) | ((body.unit in ("kg", "g")) << 2)
        values = [first, second, third, fourth][: self._status_bytes]
        more = [0, *([0x40] * (self._status_bytes - 2)), 0][: self._status_bytes]
        return b"\n" + self._letter + bytes(_ALWAYS | value | bit for value, bit in zip(values, more, strict=True)) + b"\r\x03"
