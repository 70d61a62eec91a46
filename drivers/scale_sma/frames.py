# SPDX-License-Identifier: Apache-2.0
"""Messages of SMA scales. Source: Scale Manufacturers Association, SCP-0499, first edition, April 24, 1999, with Mod 1, section 5."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import number, unit_name

STATUS_MEANINGS = {
    "Z": "centre of zero",
    "O": "over capacity",
    "U": "under capacity",
    "E": "zero was not set",
    "I": "zero could not be set when the scale was switched on",
    "T": "tare was not taken",
    "e": "the weight is not being displayed",
    " ": "",
}
"""Character s (5.1); e by Cardinal (190 manual p. 124)."""
NOT_KNOWN, GARBLED = "?", "!"
REFUSALS = {
    NOT_KNOWN: "the scale does not know the command",
    GARBLED: "the scale received garbled characters; check baud rate, parity and cable",
}
"""5.2 and 5.3."""
_ERRORS = ("E", "I", "T", "e")
_WEIGHT = re.compile(r"([ZOUEITe ])(.)([GTNgn])([M ])(.)(.{10})(.{0,3})", re.DOTALL)
_ABOUT = re.compile(r"([A-Z0-9]{2,3}) ?:(.{0,40})")
_DIAGNOSTICS = re.compile(r"([R ])([E ])([C ])(.)")
UNDERSCORE_FOR_SPACE = str.maketrans("_", " ")


@dataclass(frozen=True)
class Command:
    """What we send: LF <letter>[<weight>] CR."""

    letter: str
    parameter: str = ""

    def encode(self) -> bytes:
        """The command with its ends."""
        return f"\n{self.letter}{self.parameter}\r".encode("ascii")


@dataclass(frozen=True)
class WeightMessage:
    """A weight (5.1).

    | LF <s> <r> <n> <m> <f> <weight, 10> <unit, 3> CR     ` 1G       5.025lb `

    s: status; r: range; n: G gross, T tare, N net, g and n the same with high resolution; m: M in motion; f: free. Dashes for the weight: s says why.
    """

    status: str
    range: str
    kind: str
    is_moving: bool
    value: Decimal | None
    unit: str = ""

    @property
    def is_net(self) -> bool:
        """Whether the weight is less a tare."""
        return self.kind in ("N", "n")

    @property
    def state(self) -> WeightState:
        """What the scale says of the load."""
        if self.status in ("O", "U"):
            return "overload" if self.status == "O" else "underload"
        if self.status in _ERRORS or self.value is None:
            return "error"
        if self.is_moving:
            return "dynamic"
        return "zero" if self.status == "Z" and not self.value else "stable"

    def encode(self) -> bytes:
        """The message in the standard's columns."""
        weight = "----------" if self.value is None else f"{self.value:>10}"
        return f"\n{self.status}{self.range}{self.kind}{'M' if self.is_moving else ' '} {weight}{self.unit:<3}\r".encode("ascii")

    @classmethod
    def decode(cls, line: str) -> WeightMessage | None:
        """Read a line without its ends; None: it is no weight."""
        found = _WEIGHT.fullmatch(line)
        if found is None:
            return None
        status, scale_range, kind, motion, _, weight, unit = found.groups()
        value = number(weight)
        if value is None and weight.strip(" -"):
            return None
        return cls(status, scale_range, kind, motion == "M", value, unit_name(unit))


@dataclass(frozen=True)
class AboutMessage:
    """A line about the scale (5.5, 5.6): LF <name, 3> : <text> CR; the last is END."""

    name: str
    text: str


@dataclass(frozen=True)
class DiagnosticsMessage:
    """Answer to D (5.4): LF <R> <E> <C> <m> CR, blanks for what is well; `free` is the maker's."""

    ram_ok: bool
    eeprom_ok: bool
    calibration_ok: bool
    free: str = " "


@dataclass(frozen=True)
class Refusal:
    """LF ? CR or LF ! CR."""

    code: str


Message = WeightMessage | AboutMessage | DiagnosticsMessage | Refusal


def decode(frame: bytes) -> Message:
    """Read a message from its LF (or without) to its CR. Underscores stand for blanks with some makers.

    Raises: RemoteProtocolError: none of the standard's messages.
    """
    if not frame.isascii():
        raise RemoteProtocolError("a message of SMA is plain ASCII", frame)
    line = frame.decode("ascii").strip("\r\n")
    if line.strip() in REFUSALS:
        return Refusal(line.strip())
    if found := _ABOUT.fullmatch(line.translate(UNDERSCORE_FOR_SPACE)):
        return AboutMessage(found[1], found[2].strip())
    spaced = line.translate(UNDERSCORE_FOR_SPACE)
    if found := _DIAGNOSTICS.fullmatch(spaced):
        return DiagnosticsMessage(found[1] == " ", found[2] == " ", found[3] == " ", found[4])
    if weight := WeightMessage.decode(spaced):
        return weight
    raise RemoteProtocolError("expected a weight, a line about the scale, or a refusal", frame)
