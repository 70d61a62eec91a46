# SPDX-License-Identifier: Apache-2.0
"""A CAS weighing indicator as its manuals describe it: CI-400 p. 103-106, CI-600D p. 74, NT-200 p. 48.

It sends its format by itself, ten times a second, or on the command `<id> RW` (command mode 1, NT-500) or `<id> KW` (mode 2, NT-570). Keys are pressed
by `MZ`, `MT` or `KZ`, `KT`; what was done is sent back, what could not be done is answered `!`, what is no command `?`.
"""

from __future__ import annotations

from decimal import Decimal

from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_STREAM_S = 0.1
_LINE_BYTES_MAX = 32
_DATA_WIDTH = 8
_LAMP_MARK, _LAMP_STABLE, _LAMP_GROSS, _LAMP_TARE, _LAMP_ZERO = 0x80, 0x40, 0x04, 0x02, 0x01
_HOLD = 0x10


class CasIndicatorTwin(ScaleTwin):
    """The indicator. `size` 22 (CAS), 18 ("AND") or 10 (the weight alone); `mode` `stream` or `command`; `raw_id`: the number itself instead of 30 hex + it.

    `relays`: the 22-byte format with a byte of relay states in the place of the blank.
    """

    def __init__(
        self,
        *,
        capacity: float = 60.0,
        division: float = 0.01,
        unit: str = "kg",
        size: int = 22,
        mode: str = "stream",
        device_number: int = 1,
        raw_id: bool = False,
        relays: int = -1,
    ) -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(str(capacity)), division=Decimal(str(division)), unit=unit)))
        self.holds = False
        self._size = size
        self._streams = mode == "stream"
        self._number = device_number
        self._id = device_number if raw_id else 0x30 + device_number
        self._blank = relays if relays >= 0 else 0x20
        self._line = bytearray()
        self._next_at_s: float | None = None

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        if self._streams:
            self._next_at_s = now_s + _STREAM_S
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._line.clear()
        self._next_at_s = None

    def set_hold(self, text: str, *, now_s: float) -> bytes:
        """The hold key: `on` or `off`."""
        if text not in ("on", "off"):
            raise ValueError(f"expected on or off, got {text!r}")
        self.holds = text == "on"
        return b""

    def on_hold(self, *, on: bool, now_s: float) -> bytes:
        """The hold key."""
        self.holds = on
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._next_at_s

    def tell(self, now_s: float) -> bytes:
        """See `ScaleTwin.tell`."""
        if self._next_at_s is None or now_s < self._next_at_s:
            return b""
        self._next_at_s = max(round(self._next_at_s + _STREAM_S, 6), now_s)
        return self._frame()

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`."""
        said = b""
        for byte in data:
            if byte == 0x0A:
                said += self._obey(bytes(self._line).rstrip(b"\r"))
                self._line.clear()
            elif len(self._line) < _LINE_BYTES_MAX:
                self._line.append(byte)
        return said

    def _obey(self, line: bytes) -> bytes:
        number, letters = line[:2], line[2:]
        if number != b"%02d" % self._number:
            return b""  # another indicator on the line is meant
        if letters in (b"RW", b"KW"):
            return self._frame()
        if letters in (b"MZ", b"KZ"):
            refused = self.body.zero()
        elif letters in (b"MT", b"KT"):
            refused = self.body.take_tare()
        else:
            return b"?\r\n"
        return b"!\r\n" if refused else line + b"\r\n"

    def _frame(self) -> bytes:
        body = self.body
        plus = "+" if self._size == 18 else ""  # CAS' own formats have none: 13.5 kg is 000013.5 (CI-600D p. 74)
        sign = "-" if body.net < 0 or body.limit == "under" else plus
        digits = f"{abs(body.net)}".rjust(_DATA_WIDTH - len(sign), "0")
        data = (sign + ("" if body.limit else digits)).ljust(_DATA_WIDTH).encode("ascii")
        if self._size == 10:
            return data + b"\r\n"
        header = "OL" if body.limit else "ST" if body.is_stable else "US"
        head = f"{header},{'NT' if body.is_net else 'GS'},".encode("ascii")
        unit = body.unit.rjust(2).encode("ascii")
        if self._size == 18:
            return head + data + unit + b"\r\n"
        return head + bytes((self._id, self._lamp())) + b"," + data + bytes((self._blank,)) + unit + b"\r\n"

    def _lamp(self) -> int:
        body = self.body
        lamp = _LAMP_MARK | (_LAMP_TARE if body.is_net else _LAMP_GROSS)
        lamp |= _LAMP_STABLE if body.is_stable else 0
        lamp |= _LAMP_ZERO if body.is_centre_of_zero else 0
        return lamp | (_HOLD if self.holds else 0)
