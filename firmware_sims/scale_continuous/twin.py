# SPDX-License-Identifier: Apache-2.0
"""A floor scale's indicator that sends Toledo's continuous output (IND445 user manual p. 50; Cardinal 225 manual p. 118; Wildcat manual p. 6-5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from firmware_sims.engine.units import is_on
from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_ALWAYS = 0x20
_UNIT_CODES = {"kg": 0, "lb": 0, "g": 1, "t": 2, "oz": 3}
_CUSTOM = 7
_STEP_BITS = {1: 0x08, 2: 0x10, 5: 0x18}
_FIELD = 6
_LAYOUTS = ("long", "short", "cardinal")


class ToledoContinuousTwin(ScaleTwin):
    """The indicator. `layout` `long` with tare, `short` without, `cardinal` with > between; `rate_hz` frames a second.

    `parity`: the line is looked at with eight bits, of which the last makes the number of ones even. `zeros_sent`: the digits that are always 0 of a
    scale with steps of 10 and more stand in the frame.
    """

    def __init__(
        self,
        *,
        capacity: float = 1500.0,
        division: float = 0.5,
        unit: str = "kg",
        layout: Literal["long", "short", "cardinal"] = "long",
        checksum: bool = True,
        rate_hz: float = 10.0,
        parity: bool = False,
        zeros_sent: bool = True,
        seed: int = 0,
    ) -> None:
        kind = ScaleType(capacity=Decimal(str(capacity)), division=_short(Decimal(str(division))), unit=unit)
        super().__init__(ScaleBody(kind, seed=seed))
        if layout not in _LAYOUTS:
            raise ValueError(f"layout is one of {', '.join(_LAYOUTS)}, got {layout!r}")
        self.is_expanded = False
        self._layout, self._checksum, self._parity, self._zeros_sent = layout, checksum, parity, zeros_sent
        self._interval_s = 1 / rate_hz
        self._next_s: float | None = None
        self._prints = False

    def set_expanded(self, text: str, *, now_s: float) -> bytes:
        """Ten times the resolution: `on` or `off`."""
        said = self.advance_to(now_s)
        self.is_expanded = is_on(text)
        return said

    def on_print(self, *, now_s: float) -> bytes:
        """Somebody presses the print key."""
        said = self.advance_to(now_s)
        self._prints = True
        return said

    # Time

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`: a client hears it from somewhere on."""
        said = self.advance_to(now_s)
        self._next_s = now_s + self._interval_s if self._next_s is None else self._next_s
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._next_s

    def tell(self, now_s: float) -> bytes:
        """See `ScaleTwin.tell`."""
        if self._next_s is None:
            self._next_s = now_s + self._interval_s
        if now_s < self._next_s - 1e-9:
            return b""
        self._next_s = round(self._next_s + self._interval_s, 6)
        if self._next_s <= now_s:
            self._next_s = now_s + self._interval_s
        return self.frame()

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`: single letters, whatever stands behind them."""
        for byte in data:
            if byte & 0x7F == 0x43:
                self.body.clear_tare()
            elif byte & 0x7F == 0x50:
                self._prints = True
            elif byte & 0x7F == 0x54 and self.body.gross_divisions > 0:
                self.body.take_tare()
            elif byte & 0x7F == 0x5A and not self.body.is_net:
                self.body.zero()
        return b""

    # What it sends

    def frame(self) -> bytes:
        """STX, three status words, weight and tare without point, CR, and the checksum."""
        step, places = self._step()
        text = f"{self._weight(places)}{self._tare(places)}\r"
        frame = bytes([0x02, self._word_a(step, places), self._word_b(), self._word_c()]) + text.encode("ascii")
        if self._checksum:
            frame += bytes([-sum(frame) & 0x7F])
        return bytes(byte | (byte.bit_count() % 2) << 7 for byte in frame) if self._parity else frame

    def _step(self) -> tuple[int, int]:
        """Leading digit of the division, and how many digits stand behind the point; negative: zeros that are always there."""
        _, digits, exponent = self.body.division.normalize().as_tuple()
        return digits[0], min(5, -int(exponent))

    def _word_a(self, step: int, places: int) -> int:
        return _ALWAYS | _STEP_BITS[step] | (places + 2)

    def _word_b(self) -> int:
        body = self.body
        shown = body.net < 0 or body.limit == "under"
        bits = body.is_net | shown << 1 | bool(body.limit) << 2 | (not body.is_stable) << 3 | (body.unit == "kg") << 4 | (not body.is_zeroed) << 6
        return _ALWAYS | bits

    def _word_c(self) -> int:
        prints, self._prints = self._prints, False
        keyed_in = self.body.tare_kind == "preset"
        return _ALWAYS | _UNIT_CODES.get(self.body.unit, _CUSTOM) | prints << 3 | self.is_expanded << 4 | keyed_in << 6

    def _weight(self, places: int) -> str:
        if self.body.limit:
            return " " * _FIELD
        value = abs(self.body.fine) * 10 if self.is_expanded else abs(self.body.net)
        return self._field(value, places)

    def _tare(self, places: int) -> str:
        if self._layout == "short":
            return ""
        return (">" if self._layout == "cardinal" else "") + self._field(self.body.tare, places)

    def _field(self, value: Decimal, places: int) -> str:
        """Right-aligned, blanks before; what does not fit loses its first digits, as displays do."""
        scaled = value if places < 0 and self._zeros_sent else value.scaleb(places)
        return f"{int(scaled):>{_FIELD}}"[-_FIELD:]


def _short(division: Decimal) -> Decimal:
    """Without digits behind those that count: 0.50 is 0.5, and 10 stays 10."""
    short = division.normalize()
    return short if short.as_tuple().exponent <= 0 else short.quantize(Decimal(1))  # type: ignore[operator]
