# SPDX-License-Identifier: Apache-2.0
"""Frames of CAS indicators. Sources: CAS CI-600D manual p. 74, NT-200 manual p. 48, CI-400 owner's manual p. 103-106 (appendices 1 to 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import number, unit_name

LONG_BYTES, SHORT_BYTES = 22, 18
HEAD = re.compile(rb"(ST|US|OL),(GS|NT),")
"""How every frame begins."""
ANSWER = re.compile(rb"([!?]|[0-9]{2}[MK][A-Z])\r\n")
"""Answer to a command: the command itself, `!` not done, `?` wrong (CI-400 p. 105)."""
REFUSALS = {"!": "the indicator could not do it", "?": "the indicator does not know the command; check `commands` and `device_number`"}
ERROR = re.compile(rb"(ERR[ -~]{1,4})\r\n")
"""What the indicator says instead of a weight when something is wrong with it (CI-6000A p. 63)."""
_LAMP_MARK, _LAMP_HOLD, _LAMP_ZERO = 0x80, 0x10, 0x01
"""Bit 7 is always set; 6 stable, 4 hold, 3 print, 2 gross, 1 tare, 0 zero (CI-600D p. 74; the CI-400 sets bit 5 too)."""
_FIRST_DATA, _FIRST_SHORT_DATA = 9, 6
_DATA_BYTES = 8


def head_length(data: bytes | bytearray) -> int | None:
    """Length of the frame that begins with a head at the beginning of `data`; None: not to be told yet. In the long one a comma follows id and lamp."""
    if len(data) < _FIRST_DATA:
        return None
    return LONG_BYTES if data[8] == 0x2C else SHORT_BYTES


@dataclass(frozen=True)
class WeightFrame:
    """A weight.

    | ST|US|OL , GS|NT , <id> <lamp> , <data, 8> <blank or relays> <unit, 2> CR LF     22 bytes
    | ST|US|OL , GS|NT , <data, 8> <unit, 2> CR LF                                     18 bytes ("AND"), `lamp` and `device` None

    id and lamp are raw bytes of any value, a comma and a line feed too: everything is taken by position.
    """

    header: str
    kind: str
    data: str
    unit: str
    device: int | None = None
    lamp: int | None = None

    @property
    def value(self) -> Decimal | None:
        """The number; None: the data is none."""
        return number(self.data)

    @property
    def is_net(self) -> bool:
        """Whether the weight is less a tare."""
        return self.kind == "NT"

    def _lamp_says(self, bit: int) -> bool:
        return self.lamp is not None and self.lamp & _LAMP_MARK != 0 and self.lamp & bit != 0

    @property
    def state(self) -> WeightState:
        """What the indicator says of the load. A held display is not what lies there now, so it counts as moving."""
        if self.header == "OL":
            return "underload" if self.data.strip().startswith("-") else "overload"
        if self.value is None:
            return "error"
        if self.header == "US" or self._lamp_says(_LAMP_HOLD):
            return "dynamic"
        return "zero" if self._lamp_says(_LAMP_ZERO) and not self.value else "stable"

    def encode(self) -> bytes:
        """The frame in the maker's columns."""
        head = f"{self.header},{self.kind},".encode("ascii")
        if self.lamp is None or self.device is None:
            return head + f"{self.data:>8}{self.unit:>2}\r\n".encode("ascii")
        return head + bytes((self.device, self.lamp)) + f",{self.data:>8} {self.unit:>2}\r\n".encode("ascii")

    @classmethod
    def decode(cls, frame: bytes) -> WeightFrame:
        """Raises: RemoteProtocolError: wrong length, no head, or no plain text where text belongs."""
        head = HEAD.match(frame)
        is_long = len(frame) == LONG_BYTES
        if head is None or len(frame) not in (LONG_BYTES, SHORT_BYTES) or not frame.endswith(b"\r\n"):
            raise RemoteProtocolError(f"expected {LONG_BYTES} or {SHORT_BYTES} bytes beginning with ST, US or OL", frame)
        start = _FIRST_DATA if is_long else _FIRST_SHORT_DATA
        data, unit = frame[start : start + _DATA_BYTES], frame[-4:-2]
        if not (data + unit).isascii() or not (data + unit).decode("ascii").isprintable():
            raise RemoteProtocolError("expected plain text as weight and unit", frame)
        device, lamp = (frame[6], frame[7]) if is_long else (None, None)
        return cls(head[1].decode(), head[2].decode(), data.decode("ascii").strip(), unit_name(unit.decode("ascii")), device, lamp)
