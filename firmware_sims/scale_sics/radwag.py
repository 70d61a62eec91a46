# SPDX-License-Identifier: Apache-2.0
"""A bench scale of Radwag, whose commands look like MT-SICS and mean something else (Radwag communication protocol, manual of APP balances, p. 203).

`A` means begun and not done, the mass frame has its columns and marks of its own, the tare is asked for with OT, a stream is C1 ... C0, and the serial
number is that of NB.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from firmware_sims.scale_sics.lines import LineScaleTwin
from firmware_sims.scales.body import Refusal, ScaleBody, scale_type

_STREAM_INTERVAL_S = 0.1
_COMMANDS = ("Z", "T", "OT", "UT", "S", "SI", "C1", "C0", "NB", "PC")
_LETTERS: dict[Refusal, str] = {"moving": "E", "over": "^", "under": "v"}


class RadwagScaleTwin(LineScaleTwin):
    """The scale, in its basic unit."""

    def __init__(
        self,
        *,
        capacity_g: float = 60_000.0,
        division_g: float = 1.0,
        unit: str = "kg",
        serial: str = "353417",
        stability_timeout_s: float = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__(ScaleBody(scale_type(capacity_g, division_g, unit), seed=seed), stability_timeout_s=stability_timeout_s, interval_s=_STREAM_INTERVAL_S)
        self._serial = serial

    def repeated(self, now_s: float) -> bytes:
        """See `LineScaleTwin.repeated`."""
        return self._mass("SI")

    def obey(self, line: bytes, now_s: float) -> bytes:
        """See `LineScaleTwin.obey`."""
        name, *parameters = line.decode("ascii", "replace").split(" ")
        if name not in _COMMANDS or bool(parameters) != (name == "UT"):
            return b"ES\r\n"
        if name in ("S", "Z", "T"):
            return _line(f"{name} I") if self.waiting is not None else _line(f"{name} A") + self.wait(name, now_s)
        if name == "SI":
            return self._mass("SI")
        if name == "C1":
            self.next_line_at_s = now_s + self.interval_s
            return _line("C1 A")
        if name == "C0":
            self.next_line_at_s = None
            return _line("C0 A")
        return self._tell(name, parameters)

    def _tell(self, name: str, parameters: list[str]) -> bytes:
        if name == "NB":
            return _line(f'NB A "{self._serial}"')
        if name == "PC":
            return _line(f'PC A "{",".join(_COMMANDS)}"')
        if name == "OT":
            return _line(f"OT {abs(self.body.tare):>9} {self.body.unit:<3} ")  # manual: OT, blank, nine of tare, blank, three of unit, blank
        return self._set_tare(parameters)

    def finish(self, command: str, now_s: float) -> bytes:
        """See `LineScaleTwin.finish`."""
        if command == "S":
            return self._mass("S") if self.rests else _line("S E")
        refusal = self.body.zero() if command == "Z" else self.body.take_tare()
        return _line(f"{command} {_LETTERS[refusal] if refusal else 'D'}")

    def _mass(self, command: str) -> bytes:
        """Three of command, mark of stability, blank, sign, nine of mass, blank, three of unit (p. 203)."""
        body = self.body
        mark = {"over": "^", "under": "v", "": " " if body.is_stable else "?"}[body.limit]
        return _line(f"{command:<3}{mark} {'-' if body.net < 0 else ' '}{abs(body.net):>9} {body.unit:<3}")

    def _set_tare(self, parameters: list[str]) -> bytes:
        try:
            tare = Decimal(parameters[0])
        except InvalidOperation:
            return b"ES\r\n"
        if not tare.is_finite() or self.body.preset_tare(tare):
            return _line("UT I")
        return _line("UT OK")


def _line(text: str) -> bytes:
    return text.encode("ascii") + b"\r\n"
