# SPDX-License-Identifier: Apache-2.0
"""What a label printer says. Source: Zebra, Programming Guide for ZPL II, ZBI 2, Set-Get-Do (P1099958), commands ~HS, ~HI, ~HQ, SGD getvar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError

STX, ETX = b"\x02", b"\x03"
_LINE_END = b"\r\n"
_FIRST_FIELDS, _SECOND_FIELDS, _THIRD_FIELDS = 12, 11, 2
_COUNT_MAX = 99_999_999
_HQES = re.compile(r"(ERRORS|WARNINGS)\s*:\s*(\d)\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{8})")


def _block(text: str) -> bytes:
    return STX + text.encode("ascii") + ETX + _LINE_END


def _fields(payload: bytes, least: int, what: str) -> list[str]:
    try:
        fields = [field.strip() for field in payload.decode("ascii").split(",")]
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"{what} with bytes that are no ASCII", payload) from error
    if len(fields) < least:
        raise RemoteProtocolError(f"{what} has {len(fields)} fields, expected {least}", payload)
    return fields


def _number(text: str, payload: bytes) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _COUNT_MAX:
        raise RemoteProtocolError(f"expected a number, got {text!r}", payload)
    return int(text)


@dataclass(frozen=True)
class Status1:
    """String 1 of ~HS.

    | STX | aaa,b,c,dddd,eee,f,g,h,iii,j,k,l | ETX CR LF

    aaa interface, b paper out, c paused, dddd label length in dots, eee formats in the receive buffer, f buffer full, g communications diagnostic mode,
    h partial format, iii unused (000), j corrupt RAM, k under temperature, l over temperature.
    """

    paper_out: bool = False
    paused: bool = False
    label_length_dots: int = 0
    formats: int = 0
    buffer_full: bool = False
    diagnostic: bool = False
    partial_format: bool = False
    corrupt_ram: bool = False
    under_temperature: bool = False
    over_temperature: bool = False
    interface: int = 30

    def encode(self) -> bytes:
        """The bytes on the line."""
        flags = f"{self.buffer_full:d},{self.diagnostic:d},{self.partial_format:d},000,{self.corrupt_ram:d}"
        state = f"{self.paper_out:d},{self.paused:d},{self.label_length_dots:04},{self.formats:03}"
        return _block(f"{self.interface:03},{state},{flags},{self.under_temperature:d},{self.over_temperature:d}")

    @classmethod
    def decode(cls, payload: bytes) -> Status1:
        """What stands between STX and ETX. Raises: RemoteProtocolError."""
        numbers = [_number(text, payload) for text in _fields(payload, _FIRST_FIELDS, "string 1 of ~HS")]
        interface, paper, paused, length, formats, full, diagnostic, partial, _, ram, under, over = numbers[:_FIRST_FIELDS]
        busy, hot = (bool(full), bool(diagnostic), bool(partial), bool(ram)), (bool(under), bool(over))
        return cls(bool(paper), bool(paused), length, formats, *busy, *hot, interface=interface)


@dataclass(frozen=True)
class Status2:
    """String 2 of ~HS.

    | STX | mmm,n,o,p,q,r,s,t,uuuuuuuu,v,www | ETX CR LF

    mmm functions, n unused, o head up, p ribbon out, q thermal transfer, r print mode (0 rewind, 1 peel off, 2 tear off, 3 cutter, 4 applicator, ...),
    s print width mode, t label waiting, uuuuuuuu labels remaining in the batch, v format while printing (1), www graphics in memory.
    """

    head_open: bool = False
    ribbon_out: bool = False
    thermal_transfer: bool = False
    print_mode: str = "2"
    label_waiting: bool = False
    remaining: int = 0
    graphics: int = 0

    def encode(self) -> bytes:
        """The bytes on the line."""
        head = f"000,0,{self.head_open:d},{self.ribbon_out:d},{self.thermal_transfer:d},{self.print_mode},0"
        return _block(f"{head},{self.label_waiting:d},{self.remaining:08},1,{self.graphics:03}")

    @classmethod
    def decode(cls, payload: bytes) -> Status2:
        """What stands between STX and ETX. Raises: RemoteProtocolError."""
        fields = _fields(payload, _SECOND_FIELDS, "string 2 of ~HS")
        head, ribbon, transfer = (bool(_number(text, payload)) for text in fields[2:5])
        waiting, remaining, graphics = (_number(fields[place], payload) for place in (7, 8, 10))
        return cls(head, ribbon, transfer, fields[5], bool(waiting), remaining, graphics)


@dataclass(frozen=True)
class Status3:
    """String 3 of ~HS.

    | STX | xxxx,y | ETX CR LF

    xxxx password, y static RAM installed.
    """

    password: str = "1234"  # noqa: S105  # as every printer has it, to lock its front panel
    static_ram: bool = False

    def encode(self) -> bytes:
        """The bytes on the line."""
        return _block(f"{self.password},{self.static_ram:d}")

    @classmethod
    def decode(cls, payload: bytes) -> Status3:
        """What stands between STX and ETX. Raises: RemoteProtocolError."""
        password, ram = _fields(payload, _THIRD_FIELDS, "string 3 of ~HS")[:_THIRD_FIELDS]
        return cls(password, ram == "1")


@dataclass(frozen=True)
class Identity:
    """Answer to ~HI.

    | STX | model,version,dots per mm,memory,options | ETX CR LF
    """

    model: str
    version: str = ""
    dots_per_mm: str = ""

    def encode(self) -> bytes:
        """The bytes on the line."""
        return _block(f"{self.model},{self.version},{self.dots_per_mm}")

    @classmethod
    def decode(cls, payload: bytes) -> Identity:
        """What stands between STX and ETX. Raises: RemoteProtocolError."""
        model, version, dots = (*_fields(payload, 1, "answer to ~HI"), "", "")[:3]
        return cls(model, version, dots)

    @property
    def text(self) -> str:
        """For people."""
        return " ".join(part for part in (self.model, self.version) if part)


@dataclass(frozen=True)
class Faults:
    """Answer to ~HQES: bits of errors and of warnings, the group of nibbles 16 to 9 before that of 8 to 1.

    | STX CR LF | PRINTER STATUS | ERRORS: 1 00000000 00000005 | WARNINGS: 0 00000000 00000000 | CR LF ETX CR LF
    """

    errors: int = 0
    warnings: int = 0

    def encode(self) -> bytes:
        """The bytes on the line."""
        rows = [
            f"   {name:<15}{bits > 0:d} {bits >> 32:08X} {bits & 0xFFFFFFFF:08X}" for name, bits in (("ERRORS:", self.errors), ("WARNINGS:", self.warnings))
        ]
        return STX + "\r\n".join(["", "  PRINTER STATUS", *rows, ""]).encode() + ETX + _LINE_END

    @classmethod
    def decode(cls, payload: bytes) -> Faults:
        """What stands between STX and ETX. Raises: RemoteProtocolError."""
        found = {name: int(high + low, 16) if flag != "0" else 0 for name, flag, high, low in _HQES.findall(payload.decode("latin-1"))}
        if "ERRORS" not in found:
            raise RemoteProtocolError("answer to ~HQES without ERRORS", payload)
        return cls(found["ERRORS"], found.get("WARNINGS", 0))


@dataclass(frozen=True)
class Setting:
    """Answer to SGD getvar: the value in double quotes; `?` for what the printer does not know."""

    value: str

    def encode(self) -> bytes:
        """The bytes on the line."""
        return f'"{self.value}"'.encode("latin-1")

    @classmethod
    def decode(cls, quoted: bytes) -> Setting:
        """Raises: RemoteProtocolError: no quotes."""
        text = quoted.strip(b"\r\n ")
        if len(text) < len(b'""') or text[:1] != b'"' or text[-1:] != b'"':
            raise RemoteProtocolError("answer to getvar without quotes", quoted)
        return cls(text[1:-1].decode("latin-1"))


AnyAnswer = Status1 | Status2 | Status3 | Identity | Faults | Setting


def decode_block(payload: bytes, *, of_identity: bool = False) -> AnyAnswer:
    """What stands between STX and ETX, told apart by its shape, and `of_identity` where ~HI was asked. Raises: RemoteProtocolError."""
    if b"ERRORS" in payload:
        return Faults.decode(payload)
    commas = payload.count(b",")
    if payload[:3].strip().isdigit():
        if commas >= _FIRST_FIELDS - 1:
            return Status1.decode(payload)
        if commas == _SECOND_FIELDS - 1:
            return Status2.decode(payload)
    if commas == _THIRD_FIELDS - 1 and not of_identity:
        return Status3.decode(payload)
    return Identity.decode(payload)


_MARK = re.compile(rb"\^(XA|XZ|PQ\s*(\d{1,8})|DF|FD|FV|GB|GC|GD|GE|GF|GS|XG|IM|IL|XF|FN)", re.IGNORECASE)
"""What tells how many labels come of a job. Each byte is looked at once: a job may come from anywhere."""


def labels_in(zpl: bytes) -> int:
    """How many labels a job makes: each format with something on it, as often as its ^PQ says; stored formats (^DF) and settings print nothing."""
    count = 0
    inside = draws = stores = False
    quantity = 1
    for found in _MARK.finditer(zpl):
        name = found[1][:2].upper()
        if name == b"XA" and not inside:
            inside, draws, stores, quantity = True, False, False, 1
        elif name == b"XZ":
            count += quantity if inside and draws and not stores else 0
            inside = False
        elif name == b"PQ":
            quantity = int(found[2])
        elif name == b"DF":
            stores = True
        elif name != b"XA":
            draws = True
    return count
