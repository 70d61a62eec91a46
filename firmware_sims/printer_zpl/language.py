# SPDX-License-Identifier: Apache-2.0
"""ZPL II as a printer reads it: formats from ^XA to ^XZ, commands with ~ wherever they come, and SGD lines between formats.

Source: Zebra, Programming Guide ZPL II (P1099958): ^XA ^XZ ^PQ ^LL ^MN ^CC ^CT, ~ commands ("control instructions are executed immediately").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_BUFFER_BYTES_MAX = 1_000_000
_CONTROL_BYTES = 3
_HQ_BYTES = 5
_SGD_BYTES_MAX = 512
_DRAWS = re.compile(r"\^(?:FD|FV|GB|GC|GD|GE|GF|GS|XG|IM|IL|XF|FN)", re.IGNORECASE)
_QUANTITY = re.compile(r"\^PQ\s*(\d+)", re.IGNORECASE)
_LENGTH = re.compile(r"\^LL\s*(\d+)", re.IGNORECASE)
_MARKS_INSIDE, _MARKS_OUTSIDE = re.compile(rb"[~^]"), re.compile(rb"[~^]|! U")
_SGD = re.compile(rb'! U1? (getvar|setvar|do) "([^"]*)"(?: "([^"]*)")?[ \r\n]')
_DOWNLOADS = (b"DG", b"DY", b"DB", b"DE", b"DS", b"DT", b"DU", b"DN")


class Instruction(NamedTuple):
    """`kind`: format, control (`~HS`), host (^HH outside of the picture) or sgd."""

    kind: str
    text: str
    size_bytes: int


class Reader:
    """Takes bytes cut anyhow."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._format = bytearray()
        self._inside = False

    @property
    def partial(self) -> bool:
        """Whether a format was begun and not ended."""
        return self._inside

    @property
    def size_bytes(self) -> int:
        """Bytes of the format that has begun."""
        return len(self._format)

    def forget(self) -> None:
        """Drop the format that was begun."""
        self._format.clear()
        self._inside = False

    def hang_up(self) -> None:
        """The line is gone, and what was cut off with it."""
        self._data.clear()
        self.forget()

    def take(self, data: bytes) -> Iterator[Instruction]:
        """What is complete now."""
        held = bytes(self._data) + data
        self._data.clear()
        at = 0
        while (step := self._step(held, at)) is not None:
            size, found = step
            at += size
            if found is not None:
                yield found
        self._data[:] = held[at:]

    def _step(self, data: bytes, at: int) -> tuple[int, Instruction | None] | None:
        """How many bytes from `at` on are done with, and what they say; None: more must come."""
        found = (_MARKS_INSIDE if self._inside else _MARKS_OUTSIDE).search(data, at)
        if found is None:
            keep = 2 if not self._inside and data.endswith((b"! ", b"!")) else 0
            return self._passed(data, at, len(data) - keep - at) if len(data) - keep > at else None
        if found.start() > at:
            return self._passed(data, at, found.start() - at)
        mark = data[at : at + 1]
        return self._sgd(data, at) if mark == b"!" else self._control(data, at) if mark == b"~" else self._caret(data, at)

    def _passed(self, data: bytes, at: int, size: int) -> tuple[int, None]:
        if self._inside:
            self._format += data[at : at + size]
            if len(self._format) > _BUFFER_BYTES_MAX:
                self.forget()
        return size, None

    def _control(self, data: bytes, at: int) -> tuple[int, Instruction | None] | None:
        if len(data) < at + _CONTROL_BYTES:
            return None
        name = data[at + 1 : at + 3].upper()
        if name in _DOWNLOADS:
            end = _MARKS_INSIDE.search(data, at + 1)
            left = len(data) - at
            return (end.start() - at, None) if end is not None else (left, None) if left > _BUFFER_BYTES_MAX else None
        if name == b"HQ":
            if len(data) < at + _HQ_BYTES:
                return None
            return _HQ_BYTES, Instruction("control", "~HQ" + data[at + 3 : at + 5].decode("latin-1").upper(), _HQ_BYTES)
        if name.isalpha():
            return _CONTROL_BYTES, Instruction("control", "~" + name.decode("latin-1"), _CONTROL_BYTES)
        return self._passed(data, at, 1)

    def _caret(self, data: bytes, at: int) -> tuple[int, Instruction | None] | None:
        if len(data) < at + _CONTROL_BYTES:
            return None
        name = data[at + 1 : at + 3].upper()
        if name == b"XA":
            self._format.clear()
            self._inside = True
            return _CONTROL_BYTES, None
        if name == b"XZ":
            text, size = self._format.decode("utf-8", "replace"), len(self._format) + 2 * _CONTROL_BYTES
            inside = self._inside
            self.forget()
            return _CONTROL_BYTES, Instruction("format", text, size) if inside else None
        if name == b"HH":
            return _CONTROL_BYTES, Instruction("host", "^HH", _CONTROL_BYTES)
        return self._passed(data, at, _CONTROL_BYTES if name[:1].isalpha() else 1)

    def _sgd(self, data: bytes, at: int) -> tuple[int, Instruction | None] | None:
        """`! U1 getvar "name"` ends with a blank or CR LF; the blank within comes before the quotes are closed."""
        line = data[at : at + _SGD_BYTES_MAX]
        found = _SGD.match(line)
        if found is None:
            return (1, None) if len(line) == _SGD_BYTES_MAX or b"\n" in line else None
        return found.end(), Instruction("sgd", f"{found[1].decode()} {found[2].decode('latin-1')}", found.end())


def labels_of(text: str) -> int:
    """How many labels a format makes."""
    if not _DRAWS.search(text) or "^DF" in text.upper():
        return 0
    said = _QUANTITY.findall(text)
    return int(said[-1][:8]) if said else 1


def length_dots_of(text: str) -> int | None:
    """The length that a format gives its label."""
    said = _LENGTH.findall(text)
    return int(said[-1][:5]) if said else None
