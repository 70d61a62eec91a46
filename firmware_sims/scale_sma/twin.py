# SPDX-License-Identifier: Apache-2.0
"""A bench scale with the protocol SMA SCP-0499 levels 1 and 2, as the standard (first edition 1999, Mod 1 2005) describes it.

Commands are LF <letter> CR. W and H answer at once, P and Q wait for rest (a later command ends the wait), Z and T are done at once or refused, R repeats
the weight until another command comes, A then B ... and I then N ... tell who it is, one line each.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_LINE_BYTES_MAX = 32
_REPEAT_S = 0.1
"""Rate of R. Guessed: ten a second, as indicators refresh."""
_UNITS = ("lb", "kg", "oz", "g")
_DASHES = "-" * 10


class SmaScaleTwin(ScaleTwin):
    """The scale. Level 1 knows W, Z, D, A, B; level 2 all (SCP-0499, table of commands)."""

    def __init__(self, *, capacity: float = 30.0, division: float = 0.005, unit: str = "lb", level: int = 2, serial: str = "SMA004711") -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(str(capacity)), division=Decimal(str(division)), unit=unit)))
        self.faults = "    "
        self._level = level
        self._abouts = (f"SMA:{level}/1.1", "MFG:DOCKLINE", "MOD:TWIN-30", "REV:1.00", f"SN_:{serial}", "END:")
        kind = self.body.kind
        decimals = max(0, -int(str(kind.division.as_tuple().exponent)))
        step = int(kind.division.scaleb(decimals))
        self._infos = (f"SMA:{level}/1.1", "TYP:S", f"CAP:{unit:<3}:{kind.capacity.normalize():f}:{step}:{decimals}", "CMD:HPQTMCURIN", "END:")
        self._scroll: list[str] = []
        self._scrolled_by = ""
        self._line = bytearray()
        self._in_command = False
        self._waits_for = ""
        self._repeat_at_s: float | None = None

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._line.clear()
        self._in_command, self._waits_for, self._repeat_at_s = False, "", None

    def set_fault(self, text: str, *, now_s: float) -> bytes:
        """What D shall find: `ram`, `eeprom`, `calibration`, or `none`."""
        letters = {"ram": "R   ", "eeprom": " E  ", "calibration": "  C ", "none": "    "}
        if text not in letters:
            raise ValueError(f"expected one of {', '.join(letters)}, got {text!r}")
        self.faults = letters[text]
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        if self._waits_for and self._body_at_s is not None:
            return self._body_at_s + max(self.body.next_tick_s, 0.001)
        return self._repeat_at_s

    def tell(self, now_s: float) -> bytes:
        """See `ScaleTwin.tell`."""
        said = b""
        if self._waits_for and (self.body.is_stable or self.body.limit):
            said, self._waits_for = self._weight(self._waits_for), ""
        if self._repeat_at_s is not None and now_s >= self._repeat_at_s:
            said += self._weight("W")
            self._repeat_at_s = max(self._repeat_at_s + _REPEAT_S, now_s)
        return said

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`; what stands outside LF ... CR is nothing."""
        said = b""
        for byte in data:
            if byte == 0x0A:
                self._line.clear()
                self._in_command = True
            elif byte == 0x0D and self._in_command:
                self._in_command = False
                said += self._obey(self._line.decode("ascii", "replace"), now_s)
            elif self._in_command and len(self._line) < _LINE_BYTES_MAX:
                self._line.append(byte)
        return said

    def _obey(self, command: str, now_s: float) -> bytes:
        self._waits_for, self._repeat_at_s = "", None
        if "�" in command:
            return _message("!")
        letter, parameter = command[:1], command[1:]
        action = self._commands().get(letter)
        if action is None or (parameter and letter != "T") or (self._level < 2 and letter not in "WZDAB"):
            return _message("?")
        return self._preset(parameter) if parameter else action(now_s)

    def _commands(self) -> dict[str, Callable[[float], bytes]]:
        return {
            "W": lambda now_s: self._weight("W"),
            "H": lambda now_s: self._weight("H"),
            "P": lambda now_s: self._wait("W"),
            "Q": lambda now_s: self._wait("H"),
            "Z": self._zero,
            "T": self._tare,
            "M": lambda now_s: self._held(),
            "C": self._clear,
            "U": self._next_unit,
            "R": self._repeat,
            "D": lambda now_s: _message(self.faults),
            "A": lambda now_s: self._scrolled("A", self._abouts),
            "B": lambda now_s: self._more("A"),
            "I": lambda now_s: self._scrolled("I", self._infos),
            "N": lambda now_s: self._more("I"),
            "\x1b": lambda now_s: b"",
        }

    def _scrolled(self, by: str, lines: tuple[str, ...]) -> bytes:
        first, *self._scroll = lines
        self._scrolled_by = by
        return _message(first)

    def _more(self, by: str) -> bytes:
        return _message(self._scroll.pop(0)) if self._scroll and self._scrolled_by == by else _message("?")

    def _wait(self, kind: str) -> bytes:
        if self.body.is_stable or self.body.limit:
            return self._weight(kind)
        self._waits_for = kind
        return b""

    def _repeat(self, now_s: float) -> bytes:
        self._repeat_at_s = now_s + _REPEAT_S
        return self._weight("W")

    def _zero(self, now_s: float) -> bytes:
        return self._refused("E") if self.body.zero() else self._weight("W")

    def _tare(self, now_s: float) -> bytes:
        return self._refused("T") if self.body.take_tare() else self._weight("W")

    def _preset(self, parameter: str) -> bytes:
        try:
            tare = Decimal(parameter.strip())
        except ArithmeticError:
            return _message("?")
        return self._refused("T") if not tare.is_finite() or self.body.preset_tare(tare) else self._weight("W")

    def _clear(self, now_s: float) -> bytes:
        self.body.clear_tare()
        return self._weight("W")

    def _next_unit(self, now_s: float) -> bytes:
        place = _UNITS.index(self.body.unit) if self.body.unit in _UNITS else -1
        self.body.show_in(_UNITS[(place + 1) % len(_UNITS)])
        return self._weight("W")

    def _held(self) -> bytes:
        return self._line_of(self._status(), "T", f"{self.body.tare:>10}")

    def _weight(self, kind: str) -> bytes:
        if not self.body.is_zeroed:
            return self._refused("I")
        letter = "N" if self.body.is_net else "G"
        value = self.body.fine if kind == "H" else self.body.net
        return self._line_of(self._status(), letter.lower() if kind == "H" else letter, f"{value:>10}")

    def _refused(self, status: str) -> bytes:
        return self._line_of(status, "N" if self.body.is_net else "G", _DASHES)

    def _line_of(self, status: str, kind: str, weight: str) -> bytes:
        return _message(f"{status}1{kind}{' ' if self.body.is_stable else 'M'} {weight}{self.body.unit:<3}")

    def _status(self) -> str:
        if self.body.limit:
            return "O" if self.body.limit == "over" else "U"
        return "Z" if self.body.is_centre_of_zero and not self.body.net else " "


def _message(text: str) -> bytes:
    return b"\n" + text.encode("ascii") + b"\r"
