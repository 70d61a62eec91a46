# SPDX-License-Identifier: Apache-2.0
"""A bench scale with MT-SICS level 0 and 1, as its reference manual (Mettler Toledo 11780711) describes it.

It differs from simple emulators where real scales do: SI is answered with `S S` or `S D`, S, T and Z wait until the load rests (and give up with
`I` after the stability time), T gives the tare it took, Z clears the tare, and a stream goes on while other commands are answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from firmware_sims.engine.twin import Twin

_STREAM_INTERVAL_S = 0.1
"""Update rate of SIR: about 10 a second."""
_SETTLING_TAU_S = 0.08
"""Time constant with which the pan comes to rest: a 10 kg load rests to 1 g after 0.08 * ln(10000 / 0.5) = 0.8 s. Guessed from bench scales."""
_REST_S = 0.2
"""How long the display must stand still before the scale calls it stable."""
_ZERO_RANGE = 0.02
"""Zero may be set within 2 % of the capacity (OIML R76: at most 4 %)."""
_INITIAL_ZERO_RANGE = 0.2
"""Switched on with at most 20 % of the capacity on it, a scale takes that as zero (OIML R76)."""
_UNDERLOAD_DIVISIONS = 20
_LINE_BYTES_MAX = 128
_GRAMS = {"g": 1.0, "kg": 1000.0}
_CANCEL_WAITING = ("S", "SI", "SIR", "@")
"""Commands that end a waiting S, Z or T, and a stream."""


@dataclass
class _Waiting:
    """A command that waits for the load to rest."""

    command: str
    until_s: float


class SicsScaleTwin(Twin):
    """The scale. `weight_g` is what lies on it; zero and tare live in the scale and outlive connections."""

    def __init__(
        self,
        *,
        capacity_g: float = 60_000.0,
        division_g: float = 1.0,
        unit: str = "kg",
        serial: str = "B021002593",
        stability_timeout_s: float = 10.0,
    ) -> None:
        self.weight_g = 0.0
        self.tare_g = 0.0
        self._capacity_g = capacity_g
        self._division_g = division_g
        self._unit = unit
        self._decimals = max(0, -math.floor(math.log10(division_g / _GRAMS[unit])))
        self._serial = serial
        self._stability_timeout_s = stability_timeout_s
        self._zero_g = 0.0
        self._moved_from_g = 0.0
        self._moved_at_s = -math.inf
        self._rests_at_s = -math.inf
        self._line = bytearray()
        self._waiting: _Waiting | None = None
        self._next_line_at_s: float | None = None

    # What happens to it

    def on_place(self, *, weight_g: float, now_s: float) -> bytes:
        """A load is put on (it replaces what lay there)."""
        return self._load(weight_g, now_s)

    def on_remove(self, *, now_s: float) -> bytes:
        """The load is taken off."""
        return self._load(0.0, now_s)

    def on_move(self, *, now_s: float, duration_s: float = 0.5) -> bytes:
        """Somebody touches the load: it moves for so long, then comes to rest at the same weight."""
        said = self._load(self.weight_g, now_s)
        self._moved_from_g = self.weight_g + 20 * self._division_g
        self._moved_at_s = now_s + duration_s
        self._rests_at_s = self._moved_at_s + self._settling_s(self._moved_from_g)
        return said

    def on_reboot(self, *, now_s: float) -> bytes:
        """The scale is switched off and on: zero where the load is, no tare, and it says its serial number."""
        on_pan_g = self._on_pan_g(now_s)
        self._zero_g = on_pan_g if abs(on_pan_g) <= _INITIAL_ZERO_RANGE * self._capacity_g else 0.0
        return self._reset() + self._identity()

    # Weighing

    def _load(self, weight_g: float, now_s: float) -> bytes:
        said = self.advance_to(now_s)
        self._moved_from_g, self._moved_at_s, self.weight_g = self._on_pan_g(now_s), now_s, float(weight_g)
        self._rests_at_s = now_s + self._settling_s(self._moved_from_g)
        return said

    def _settling_s(self, from_g: float) -> float:
        """Until the pan is within half a division of the load, and then stands still for a moment."""
        way = abs(from_g - self.weight_g) / (self._division_g / 2)
        return _SETTLING_TAU_S * math.log(way) + _REST_S if way > 1 else _REST_S

    def _on_pan_g(self, now_s: float) -> float:
        if now_s < self._moved_at_s:
            return self._moved_from_g
        return self.weight_g + (self._moved_from_g - self.weight_g) * math.exp(-(now_s - self._moved_at_s) / _SETTLING_TAU_S)

    def _gross_g(self, now_s: float) -> float:
        return round((self._on_pan_g(now_s) - self._zero_g) / self._division_g) * self._division_g

    def _rests(self, now_s: float) -> bool:
        return now_s >= self._rests_at_s

    def _out_of_range(self, now_s: float) -> str:
        gross_g = self._gross_g(now_s)
        if gross_g > self._capacity_g + 9 * self._division_g:  # OIML R76: no indication above Max + 9 e
            return "+"
        return "-" if gross_g < -_UNDERLOAD_DIVISIONS * self._division_g else ""

    def _shown(self, weight_g: float) -> str:
        return f"{weight_g / _GRAMS[self._unit] + 0.0:>10.{self._decimals}f} {self._unit}"

    def _weight(self, now_s: float) -> bytes:
        if limit := self._out_of_range(now_s):
            return _line("S", limit)
        return _line("S", "S" if self._rests(now_s) else "D", self._shown(self._gross_g(now_s) - self.tare_g))

    # Time

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        said = b""
        if self._waiting is not None and (self._rests(now_s) or self._out_of_range(now_s) or now_s >= self._waiting.until_s):
            said += self._end_waiting(self._waiting.command, now_s)
        if self._next_line_at_s is not None and now_s >= self._next_line_at_s:
            said += self._weight(now_s)
            self._next_line_at_s = round(self._next_line_at_s + _STREAM_INTERVAL_S, 6)
            if self._next_line_at_s <= now_s:
                self._next_line_at_s = now_s + _STREAM_INTERVAL_S
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        due_s = [] if self._next_line_at_s is None else [self._next_line_at_s]
        if self._waiting is not None:
            due_s.append(min(self._rests_at_s, self._waiting.until_s))
        return min(due_s, default=None)

    def disconnected(self, now_s: float) -> None:
        """Nobody listens: a stream and what waited end (as behind a serial server that clears the line)."""
        self._waiting = self._next_line_at_s = None
        self._line.clear()

    # Conversation

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        said = self.advance_to(now_s)
        for byte in data:
            if byte != 0x0A:
                self._line.append(byte)
                del self._line[_LINE_BYTES_MAX:]
                continue
            line = bytes(self._line)
            self._line.clear()
            said += self._obey(line.removesuffix(b"\r"), now_s)
        return said

    def _obey(self, line: bytes, now_s: float) -> bytes:
        try:
            name, *parameters = line.decode("ascii").split(" ")
        except UnicodeDecodeError:
            return b"ET\r\n"
        command = self._commands().get(name)
        if command is None or (parameters and name != "TA"):
            return b"ES\r\n"
        if name in _CANCEL_WAITING:
            self._waiting = self._next_line_at_s = None
        return self._preset_tare(parameters) if parameters else command(now_s)

    def _commands(self) -> dict[str, Callable[[float], bytes]]:
        return {
            "I0": self._list_commands,
            "I1": lambda now_s: _line("I1", "A", '"01" "2.30" "2.20" "" ""'),
            "I2": lambda now_s: _line("I2", "A", f'"Dockline bench {self._shown(self._capacity_g).strip()}"'),
            "I3": lambda now_s: _line("I3", "A", '"1.00"'),
            "I4": lambda now_s: self._identity(),
            "S": lambda now_s: self._wait("S", now_s),
            "SI": self._weight,
            "SIR": self._stream,
            "Z": lambda now_s: self._wait("Z", now_s),
            "ZI": self._zero_at_once,
            "T": lambda now_s: self._wait("T", now_s),
            "TI": self._tare_at_once,
            "TA": lambda now_s: _line("TA", "A", self._shown(self.tare_g)),
            "TAC": self._clear_tare,
            "@": lambda now_s: self._reset() + self._identity(),
        }

    def _list_commands(self, now_s: float) -> bytes:
        names = sorted(self._commands())
        return b"".join(_line("I0", "A" if name == names[-1] else "B", f'{int(name[0] == "T")} "{name}"') for name in names)

    def _identity(self) -> bytes:
        return _line("I4", "A", f'"{self._serial}"')

    def _reset(self) -> bytes:
        """As after switching on, but without setting zero; what is on the line already stays on it."""
        self.tare_g = 0.0
        self._waiting = self._next_line_at_s = None
        return b""

    def _stream(self, now_s: float) -> bytes:
        self._next_line_at_s = now_s + _STREAM_INTERVAL_S
        return self._weight(now_s)

    def _wait(self, command: str, now_s: float) -> bytes:
        if self._waiting is not None:
            return _line(command, "I")
        self._waiting = _Waiting(command, now_s + self._stability_timeout_s)
        return self._end_waiting(command, now_s) if self._rests(now_s) or self._out_of_range(now_s) else b""

    def _end_waiting(self, command: str, now_s: float) -> bytes:
        self._waiting = None
        if command == "S" and self._out_of_range(now_s):
            return self._weight(now_s)
        if not self._rests(now_s) and not self._out_of_range(now_s):
            return _line(command, "I")
        return {"S": self._weight, "Z": self._zero, "T": self._tare}[command](now_s)

    def _zero(self, now_s: float) -> bytes:
        if abs(self._on_pan_g(now_s)) > _ZERO_RANGE * self._capacity_g:
            return _line("Z", "+" if self._on_pan_g(now_s) > 0 else "-")
        self._zero_g, self.tare_g = self._on_pan_g(now_s), 0.0
        return _line("Z", "A")

    def _zero_at_once(self, now_s: float) -> bytes:
        answer = self._zero(now_s)
        return answer.replace(b"Z A", b"ZI S" if self._rests(now_s) else b"ZI D").replace(b"Z ", b"ZI ")

    def _tare(self, now_s: float) -> bytes:
        limit = self._out_of_range(now_s) or ("-" if self._gross_g(now_s) < 0 else "")
        if limit:
            return _line("T", limit)
        self.tare_g = self._gross_g(now_s)
        return _line("T", "S", self._shown(self.tare_g))

    def _tare_at_once(self, now_s: float) -> bytes:
        answer = self._tare(now_s)
        return answer.replace(b"T S", b"TI S" if self._rests(now_s) else b"TI D").replace(b"T ", b"TI ")

    def _clear_tare(self, now_s: float) -> bytes:
        self.tare_g = 0.0
        return _line("TAC", "A")

    def _preset_tare(self, parameters: list[str]) -> bytes:
        try:
            value, unit = parameters
            weight_g = float(value) * _GRAMS[unit]
        except (ValueError, KeyError):
            return _line("TA", "L")
        if not 0 <= weight_g <= self._capacity_g or unit != self._unit:
            return _line("TA", "L")
        self.tare_g = round(weight_g / self._division_g) * self._division_g
        return _line("TA", "A", self._shown(self.tare_g))


class LookAlikeScaleTwin(SicsScaleTwin):
    """A scale that only resembles MT-SICS, as several makers sell: SI is answered with `SI S`, S never waits, TA is unknown, and any command ends a stream.

    Its bytes are those of the package mt-sics-emulator 0.1.1 (profile ohaus-defender5000).
    """

    def __init__(self, *, serial: str = "B123456789") -> None:
        super().__init__(capacity_g=150_000.0, division_g=50.0, unit="kg", serial=serial)

    def _obey(self, line: bytes, now_s: float) -> bytes:
        self._next_line_at_s = None
        if line.startswith(b"TA"):
            return b"ES\r\n"
        if line == b"SI":
            return b"SI" + self._weight(now_s).removeprefix(b"S")
        return self._weight(now_s) if line == b"S" else super()._obey(line, now_s)


def _line(*fields: str) -> bytes:
    return " ".join(fields).encode("ascii") + b"\r\n"
