# SPDX-License-Identifier: Apache-2.0
"""A bench scale with MT-SICS levels 0 to 3, as its reference manual (Mettler Toledo 11780711, cited as RM) describes it.

It differs from simple emulators where real scales do: SI is answered with `S S` or `S D`, S, T and Z wait until the load rests (and give up with
`I` after the stability time), T gives the tare it took, Z clears the tare, and a stream goes on while other commands are answered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from firmware_sims.engine.units import MG_PER_UNIT
from firmware_sims.scale_sics.lines import LineScaleTwin
from firmware_sims.scale_sics.radwag import RadwagScaleTwin
from firmware_sims.scales.body import Refusal, ScaleBody, scale_type

__all__ = ["LookAlikeScaleTwin", "RadwagScaleTwin", "SicsScaleTwin"]

_STREAM_INTERVAL_S = 0.1
"""Update rate of SIR as delivered: about 10 a second; UPD changes it."""
_RATES_HZ = (1, 20)
"""What UPD takes, in updates a second. Guessed; RM only says that the scale takes the nearest it can do."""
_CANCEL_WAITING = ("S", "SI", "SIR", "SR", "SNR", "@")
"""Commands that end a waiting S, Z or T, and what repeats (RM: SR and SNR are overwritten by S, SI, SIR, @)."""
_LEVELS = {0: "I0 I1 I2 I3 I4 I5 S SI SIR Z ZI @", 1: "SR T TA TAC TI", 2: "SNR UPD", 3: "PW"}
"""Which command is of which level (RM, overview of commands; as far as this scale has them)."""
_WITH_PARAMETERS = ("TA", "SR", "SNR", "UPD", "PW")
_CHANGE_SHARE, _CHANGE_DIVISIONS_MIN = Decimal("0.125"), 30
"""SR without a preset: a change of 12.5 % of the last stable weight, at least 30 divisions (RM, SR)."""
_LETTERS: dict[Refusal, str] = {"moving": "I", "over": "+", "under": "-"}


class SicsScaleTwin(LineScaleTwin):
    """The scale. Zero, tare and piece weight live in it and outlive connections."""

    def __init__(
        self,
        *,
        capacity_g: float = 60_000.0,
        division_g: float = 1.0,
        unit: str = "kg",
        serial: str = "B021002593",
        stability_timeout_s: float = 10.0,
        seed: int = 0,
        load: str = "",
    ) -> None:
        kind = dataclasses.replace(scale_type(capacity_g, division_g, unit), zero_range=0.02)
        super().__init__(ScaleBody(kind, seed=seed), stability_timeout_s=stability_timeout_s, interval_s=_STREAM_INTERVAL_S)
        self.piece_weight = Decimal(0)
        self.error = ""
        """What is broken, as weigh modules tell it instead of a weight (`1b`); empty: nothing."""
        self._serial = serial
        self._on_change: str = ""
        self._change: Decimal | None = None
        self._last_told: Decimal | None = None
        self._told_moving = False
        self._answers: dict[str, Callable[[list[str], float], bytes]] = {
            "@": lambda parameters, now_s: self._reset(),
            "I0": lambda parameters, now_s: self._list_commands(),
            "I1": lambda parameters, now_s: _line("I1", "A", '"0123" "2.30" "2.22" "2.33" "2.20"'),
            "I2": lambda parameters, now_s: _line("I2", "A", f'"Dockline bench {self._shown(self.body.capacity).strip()}"'),
            "I3": lambda parameters, now_s: _line("I3", "A", '"1.00 18.6.1.10.1361"'),
            "I4": lambda parameters, now_s: self._identity(),
            "I5": lambda parameters, now_s: _line("I5", "A", '"11111111A"'),
            "S": lambda parameters, now_s: self._wait("S", now_s),
            "SI": lambda parameters, now_s: self._weight(),
            "SIR": self._stream,
            "SR": lambda parameters, now_s: self._repeat_on_change("SR", parameters, now_s),
            "SNR": lambda parameters, now_s: self._repeat_on_change("SNR", parameters, now_s),
            "Z": lambda parameters, now_s: self._wait("Z", now_s),
            "ZI": lambda parameters, now_s: self._zero_at_once(),
            "T": lambda parameters, now_s: self._wait("T", now_s),
            "TI": lambda parameters, now_s: self._tare_at_once(),
            "TA": lambda parameters, now_s: self._preset_tare(parameters) if parameters else _line("TA", "A", self._shown(self.body.tare)),
            "TAC": lambda parameters, now_s: self._clear_tare(),
            "UPD": lambda parameters, now_s: self._update_rate(parameters),
            "PW": lambda parameters, now_s: self._piece_weight(parameters),
        }
        if load:
            self.set_load(load, now_s=0.0)
            self.body.advance(5.0)

    # Conditions

    def set_error(self, text: str, *, now_s: float) -> bytes:
        """A defect that is told instead of a weight: `1b`; `none` ends it."""
        said = self.advance_to(now_s)
        if not text.strip().isalnum():
            raise ValueError(f"expected an error number like 1b, or none; got {text!r}")
        self.error = "" if text.strip() == "none" else text.strip()
        return said

    def rebooted(self, now_s: float) -> bytes:
        """See `ScaleTwin.rebooted`: it says its serial number."""
        return self._reset()

    # Weights

    @property
    def rests(self) -> bool:
        """See `LineScaleTwin.rests`."""
        return super().rests or bool(self.error)

    def _shown(self, value: Decimal) -> str:
        return f"{value:>10} {self.body.unit}"

    def _weight(self) -> bytes:
        if self.error:
            return _line("S", "S", "Error", self.error)
        if self.body.limit or not self.body.is_zeroed:
            return _line("S", "-" if self.body.limit == "under" else "+")
        return _line("S", "S" if self.body.is_stable else "D", self._shown(self.body.net))

    # Repeating

    def _stream(self, parameters: list[str], now_s: float) -> bytes:
        self.next_line_at_s = now_s + self.interval_s
        return self._weight()

    def repeated(self, now_s: float) -> bytes:
        """See `LineScaleTwin.repeated`."""
        return self._weight()

    def _repeat_on_change(self, command: str, parameters: list[str], now_s: float) -> bytes:
        change = self._amount(parameters) if parameters else None
        if parameters and (change is None or change < self.body.division):
            return _line("S", "L")
        self._on_change, self._change, self._last_told, self._told_moving = command, change, None, False
        return self._wait("S", now_s)

    @property
    def watches(self) -> bool:
        """See `LineScaleTwin.watches`."""
        return bool(self._on_change) and self.waiting is None

    def watched(self, now_s: float) -> bytes:
        """After a change of weight: SR tells a moving weight once and then the next stable one, SNR only the stable one."""
        if not self.watches or self._last_told is None or (self._told_moving and not self.rests):
            return b""
        if not self._told_moving and abs(self.body.net - self._last_told) < self._least_change():
            return b""
        if not self.rests:
            self._told_moving = True
            return self._weight() if self._on_change == "SR" else b""
        self._last_told, self._told_moving = self.body.net, False
        return self._weight()

    def _least_change(self) -> Decimal:
        if self._change is not None:
            return self._change
        assert self._last_told is not None
        return max(abs(self._last_told) * _CHANGE_SHARE, _CHANGE_DIVISIONS_MIN * self.body.division)

    def hush(self) -> None:
        """See `LineScaleTwin.hush`."""
        super().hush()
        self._on_change = ""

    # Conversation

    def obey(self, line: bytes, now_s: float) -> bytes:
        """See `LineScaleTwin.obey`."""
        try:
            name, *parameters = line.decode("ascii").split(" ")
        except UnicodeDecodeError:
            return b"ET\r\n"
        answer = self._answers.get(name)
        if answer is None or (parameters and name not in _WITH_PARAMETERS):
            return b"ES\r\n"
        if name in _CANCEL_WAITING:
            self.hush()
        return answer(parameters, now_s)

    def _list_commands(self) -> bytes:
        levels = [(level, name) for level, names in _LEVELS.items() for name in sorted(names.split())]
        return b"".join(_line("I0", "A" if entry == levels[-1] else "B", f'{entry[0]} "{entry[1]}"') for entry in levels)

    def _identity(self) -> bytes:
        return _line("I4", "A", f'"{self._serial}"')

    def _reset(self) -> bytes:
        """As after switching on, but without setting zero."""
        self.body.clear_tare()
        self.hush()
        self.interval_s = _STREAM_INTERVAL_S
        return self._identity()

    def _wait(self, command: str, now_s: float) -> bytes:
        return _line(command, "I") if self.waiting is not None else self.wait(command, now_s)

    def finish(self, command: str, now_s: float) -> bytes:
        """See `LineScaleTwin.finish`."""
        if not self.rests:
            self._on_change = ""
            return _line(command, "I")
        if command == "S":
            self._last_told = self.body.net
            return self._weight()
        return self._zero() if command == "Z" else self._tare()

    def _zero(self) -> bytes:
        refusal = self.body.zero()
        return _line("Z", _LETTERS[refusal] if refusal else "A")

    def _zero_at_once(self) -> bytes:
        refusal = self.body.zero(at_once=True)
        return _line("ZI", _LETTERS[refusal] if refusal else self._rest_letter())

    def _tare(self) -> bytes:
        refusal = self.body.take_tare()
        return _line("T", _LETTERS[refusal]) if refusal else _line("T", "S", self._shown(self.body.tare))

    def _tare_at_once(self) -> bytes:
        refusal = self.body.take_tare(at_once=True)
        return _line("TI", _LETTERS[refusal]) if refusal else _line("TI", self._rest_letter(), self._shown(self.body.tare))

    def _rest_letter(self) -> str:
        return "S" if self.body.is_stable else "D"

    def _clear_tare(self) -> bytes:
        self.body.clear_tare()
        return _line("TAC", "A")

    def _preset_tare(self, parameters: list[str]) -> bytes:
        tare = self._amount(parameters)
        if tare is None or self.body.preset_tare(tare):
            return _line("TA", "L")
        return _line("TA", "A", self._shown(self.body.tare))

    def _update_rate(self, parameters: list[str]) -> bytes:
        if not parameters:
            return _line("UPD", "A", f"{1 / self.interval_s:.1f}")
        rate_hz = _number(parameters[0]) if len(parameters) == 1 else None
        if rate_hz is None or rate_hz <= 0:
            return _line("UPD", "L")
        self.interval_s = 1 / float(min(max(rate_hz, Decimal(_RATES_HZ[0])), Decimal(_RATES_HZ[1])))
        return _line("UPD", "A")

    def _piece_weight(self, parameters: list[str]) -> bytes:
        if not parameters:
            return _line("PW", "A", self._shown(self.piece_weight))
        weight = self._amount(parameters)
        if weight is None or weight <= 0:
            return _line("PW", "L")
        self.piece_weight = weight
        return _line("PW", "A")

    def _amount(self, parameters: list[str]) -> Decimal | None:
        """Value and unit as parameters, in the unit shown, from 0 to the capacity; None: not that."""
        if len(parameters) != 2 or parameters[1] != self.body.unit or parameters[1] not in MG_PER_UNIT:
            return None
        value = _number(parameters[0])
        return value if value is not None and 0 <= value <= self.body.capacity else None


class LookAlikeScaleTwin(SicsScaleTwin):
    """A scale that only resembles MT-SICS, as several makers sell: SI is answered with `SI S`, S never waits, TA is unknown, and any command ends a stream.

    Its bytes are those of the package mt-sics-emulator 0.1.1 (profile ohaus-defender5000), whose I0 tells the scale's plate and lists no commands.
    """

    def __init__(self, *, serial: str = "B123456789") -> None:
        super().__init__(capacity_g=150_000.0, division_g=50.0, unit="kg", serial=serial)
        for unknown in ("TA", "PW", "UPD", "SR", "I5"):
            del self._answers[unknown]
        self._answers["I1"] = lambda parameters, now_s: _line("I1", "A", '"Defender 5000"')
        self._answers["I2"] = lambda parameters, now_s: _line("I2", "A", f'"{self._serial}"')
        self._answers["I3"] = lambda parameters, now_s: _line("I3", "A", '"1.00"')
        self._answers["SI"] = lambda parameters, now_s: b"SI" + self._weight().removeprefix(b"S")
        self._answers["S"] = lambda parameters, now_s: self._weight()

    def obey(self, line: bytes, now_s: float) -> bytes:
        """See `LineScaleTwin.obey`."""
        self.next_line_at_s = None
        return super().obey(line, now_s)

    def _list_commands(self) -> bytes:
        return _line("I0", "A", f'"Defender 5000" "{self._serial}" "1.00" "150.0 kg" "0.05 kg"')


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _line(*fields: str) -> bytes:
    return " ".join(fields).encode("ascii") + b"\r\n"
