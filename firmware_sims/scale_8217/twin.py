# SPDX-License-Identifier: Apache-2.0
"""A counter scale with the protocol 8213/8217, as Transcell (PC-150, B.1.4), Rice Lake (BenchPro, p. 26), Brecknell (67U, p. 71) and PSC describe it.

Tare is PSC's (Magellan 8500 service manual, p. 39): T and CR takes it, T with five digits and CR sets it, C clears it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from firmware_sims.engine.units import is_on
from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_TARE_DIGITS = 5
_ALWAYS = 0x60
_TESTS_PASSED, _TEST_FAILED = 0x40, 0x41
"""All tests passed is `@` (PSC, table of the confidence test); which bit is which test differs, bit 0 is taken for one."""
_EMUPOS_NET, _EMUPOS_BAD_COMMAND = 0x20, 0x40


class Toledo8217Twin(ScaleTwin):
    """The scale. `habit` `manual`, or `emupos`: that simulator's meaning of status bits 5 and 6, its silence to F, and that it knows W, E and F only.

    `parity`: the line is looked at with eight bits, of which the last makes the number of ones even. `with_unit`: Brecknell's habit of sending the unit.
    """

    def __init__(
        self,
        *,
        capacity: float = 15.0,
        division: float = 0.005,
        unit: str = "kg",
        habit: Literal["manual", "emupos"] = "manual",
        parity: bool = False,
        with_unit: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(str(capacity)), division=Decimal(str(division)), unit=unit), seed=seed))
        if habit not in ("manual", "emupos"):
            raise ValueError(f"habit is manual or emupos, got {habit!r}")
        self.is_broken = False
        self._emupos = habit == "emupos"
        self._parity = parity
        self._with_unit = with_unit
        self._echoes = False
        self._tare_digits: bytearray | None = None

    def set_broken(self, text: str, *, now_s: float) -> bytes:
        """Whether its own test fails: `on` or `off`."""
        said = self.advance_to(now_s)
        self.is_broken = is_on(text)
        return said

    def rebooted(self, now_s: float) -> bytes:
        """See `ScaleTwin.rebooted`."""
        self._echoes, self._tare_digits = False, None
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._tare_digits = None

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`."""
        said = b"".join(self._obey(bytes([byte & 0x7F])) for byte in data)
        return bytes(byte | (byte.bit_count() % 2) << 7 for byte in said) if self._parity else said

    def _obey(self, letter: bytes) -> bytes:
        if self._echoes and letter != b"F":
            return letter
        if self._tare_digits is not None:
            return self._hear_tare(letter)
        if self._emupos and letter not in b"WEF\r\n":
            return self._status(bad_command=True)
        if letter == b"T":
            self._tare_digits = bytearray()
            return b""
        answers = {b"W": self._weight, b"H": self._fine, b"Z": self._zero, b"C": self._clear_tare, b"E": self._start_echo, b"F": self._end_echo}
        if letter in answers:
            return answers[letter]()
        if letter == b"A":
            return b"\x02?\r"
        if letter == b"B":
            return bytes([0x02, _TEST_FAILED if self.is_broken else _TESTS_PASSED, 0x0D])
        return b"" if letter in b"\r\n" else self._status(bad_command=True)

    # Answers

    def _status(self, *, bad_command: bool = False) -> bytes:
        """STX ? status CR: motion, over capacity, under zero, outside the initial zero range, centre of zero."""
        body = self.body
        under = body.limit == "under" or body.net < 0
        bits = (not body.is_stable) | (body.limit == "over") << 1 | under << 2 | (not body.is_zeroed) << 3 | body.is_centre_of_zero << 4
        if self._emupos:
            bits |= (_EMUPOS_NET if body.is_net else 0) | (_EMUPOS_BAD_COMMAND if bad_command else 0)
        else:
            bits |= _ALWAYS
        return bytes([0x02, 0x3F, bits, 0x0D])

    def _may_be_shown(self) -> bool:
        return self.body.is_stable and not self.body.limit and self.body.net >= 0 and self.body.is_zeroed

    def _weight(self) -> bytes:
        return self._shown(self.body.net, 6) if self._may_be_shown() else self._status()

    def _fine(self) -> bytes:
        return self._shown(max(self.body.fine, Decimal(0)), 7) if self._may_be_shown() else self._status()

    def _shown(self, value: Decimal, width: int) -> bytes:
        """Leading zeros are sent; the field has as many digits whatever the weight (PSC, notes 1 to 3)."""
        net, unit = "N" if self.body.is_net else "", self.body.unit.upper() if self._with_unit else ""
        return f"\x02{value:0{width}}{net}{unit}\r".encode("ascii")

    # Keys

    def _zero(self) -> bytes:
        if not self.body.is_net:  # only in gross mode (PSC, Z)
            self.body.zero()
        return self._status()

    def _hear_tare(self, letter: bytes) -> bytes:
        digits = self._tare_digits
        assert digits is not None
        if letter.isdigit() and len(digits) < _TARE_DIGITS:
            digits += letter
            return b""
        self._tare_digits = None
        if not digits and letter.isalpha():
            self._take_tare()  # T alone, as programs for tills send it: nobody waits for its status
            return self._status() + self._obey(letter)
        if letter != b"\r" or len(digits) not in (0, _TARE_DIGITS):
            return self._status(bad_command=True)
        if digits:
            places = int(self.body.division.as_tuple().exponent)
            self.body.preset_tare(Decimal(digits.decode("ascii")).scaleb(places))
        else:
            self._take_tare()
        return self._status()

    def _take_tare(self) -> None:
        if self.body.gross_divisions:
            self.body.take_tare()

    def _clear_tare(self) -> bytes:
        if self.body.is_stable:
            self.body.clear_tare()
        return self._status()

    def _start_echo(self) -> bytes:
        self._echoes = True
        return b"\x02E\r"

    def _end_echo(self) -> bytes:
        self._echoes = False
        return b"" if self._emupos else b"\x02F\r"
