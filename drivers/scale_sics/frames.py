# SPDX-License-Identifier: Apache-2.0
"""Lines of MT-SICS. Source: Mettler Toledo, Reference Manual MT-SICS 11780711 (cited as RM); Radwag communication protocol, manual of APP balances, p. 203."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import number, unit_name

WEIGHT_COMMANDS = frozenset({"S", "SI", "SIR", "SR", "SNR", "SU", "SUI"})
"""Commands whose replies carry the weight on the platform. A real balance answers SI and SIR with `S`; look-alikes repeat the command.
SU and SUI are Radwag's in the unit shown."""
TARE_COMMANDS = frozenset({"T", "TI", "TA", "OT"})
GLOBAL_ERRORS = {
    "ES": "the scale does not know the command (syntax error)",
    "ET": "the scale received garbled characters (transmission error); check baud rate, parity and cable",
    "EL": "the scale cannot carry out the command (logical error)",
}
"""Alone on the line (RM, general error messages)."""
STATUS_MEANINGS = {
    "I": "not possible now: the scale is busy, or the load did not rest in time",
    "E": "the load did not rest in time",
    "D": "the load is moving",
    "L": "the scale does not take this value",
    "+": "above the upper limit of the range",
    "^": "above the upper limit of the range",
    "-": "below the lower limit of the range",
    "v": "below the lower limit of the range",
}
"""Why a command was refused (RM, status letters); `E`, `^` and `v` are Radwag's."""

_STATUSES = frozenset("SDABIL+-?^vE")
_LETTERS = str.maketrans({letter: letter.upper() for letter in "sdabile"})
"""Look-alikes answer in lower case; `v` is lower with Radwag, where it means something else."""
_TONNE = "T"
"""With MT-SICS taels are `tl`, so this is no tael."""
_UNIT = re.compile(r'[^"\s]{1,8}')
_COMMAND = re.compile(r"[A-Z@][A-Z0-9]{0,4}")
_QUOTED = re.compile(r'"(.*)"')


@dataclass(frozen=True)
class Command:
    """What we send: `<name>[ <parameter>]... CR LF`."""

    name: str
    parameters: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The line with its end."""
        return " ".join((self.name, *self.parameters)).encode("ascii") + b"\r\n"


@dataclass(frozen=True)
class Reply:
    """What a scale sends, one line.

    | <command> <status> <value, 10 wide, right aligned> <unit> CR LF   `S S     100.00 g`, `T S       1.50 kg`
    | <command> <status> [<text>] CR LF                                  `S +`, `Z A`, `I4 A "B021002593"`, `S S Error 1b`
    | <error> CR LF                                                      `ES`

    Fields are split at spaces, never by column: vendors differ. `value` keeps the decimals as sent. `detail` is what else stood there
    (quoted text without its quotes). `status` is empty for an error, and for a Radwag mass frame with a blank (stable) mark.
    """

    command: str
    status: str
    value: Decimal | None = None
    unit: str = ""
    detail: str = ""

    @property
    def code(self) -> str:
        """How the maker's document writes this outcome: `S +`, `Z I`, `ES`."""
        return f"{self.command} {self.status}".strip()

    def encode(self) -> bytes:
        """The line with its end, in the maker's columns."""
        if self.value is not None:
            return f"{self.command} {self.status} {self.value:>10} {self.unit}\r\n".encode("ascii")
        text = f'"{self.detail}"' if self.command.startswith("I") and self.detail else self.detail
        return " ".join(part for part in (self.command, self.status, text) if part).encode("ascii") + b"\r\n"

    @classmethod
    def decode(cls, line: bytes) -> Reply:
        """Read a line without its end. Raises: RemoteProtocolError: not ASCII, or not the shape of any reply."""
        if not line.isascii():
            raise RemoteProtocolError("a scale's line is plain ASCII", line)
        command, *fields = line.decode("ascii").split() or [""]
        command = command.upper()
        if fields == ["OK"]:
            return cls(command, "A")  # Radwag's answer to a setting (UT)
        if fields and len(fields[0]) == 1:
            fields[0] = fields[0].translate(_LETTERS)
        if command in GLOBAL_ERRORS and not fields:
            return cls(command, "")
        if not fields or not _COMMAND.fullmatch(command) or command in GLOBAL_ERRORS:
            raise RemoteProtocolError("expected a command, a status letter and perhaps a weight", line)
        status = fields.pop(0) if fields[0] in _STATUSES and not _is_sign_of(fields) else ""
        if status and not fields:
            return cls(command, status)
        if weight := _weight(fields):
            return cls(command, status, *weight)
        if not status:
            raise RemoteProtocolError("expected a status letter or a weight after the command", line)
        detail = line.decode("ascii").split(None, 2)[2].strip()
        quoted = _QUOTED.fullmatch(detail)
        return cls(command, status, detail=quoted[1] if quoted else detail)


def _is_sign_of(fields: list[str]) -> bool:
    """Whether the first field is the free-standing sign of a Radwag mass (`S      -      8.5 g`) and not the mark of an underload."""
    return fields[0] in ("-", "+") and len(fields) > 1


def _weight(fields: list[str]) -> tuple[Decimal, str] | None:
    """Value and unit of `[sign] number unit`; None if it is anything else (a truncated line has no unit)."""
    sign, rest = (fields[0], fields[1:]) if fields[0] in ("-", "+") else ("", fields)
    if len(rest) != 2 or (value := number(sign + rest[0])) is None or not _UNIT.fullmatch(rest[1]):
        return None
    return value, "t" if rest[1] == _TONNE else unit_name(rest[1])
