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
_QUERY_LETTERS = 2
_HQ_BYTES = 5
_SGD_BYTES_MAX = 512
_DRAWS = re.compile(r"\^(?:FD|FV|GB|GC|GD|GE|GF|GS|XG|IM|IL|XF|FN)", re.IGNORECASE)
_QUANTITY = re.compile(r"\^PQ\s*(\d+)", re.IGNORECASE)
_LENGTH = re.compile(r"\^LL\s*(\d+)", re.IGNORECASE)
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
        self._data += data
        while (step := self._step()) is not None:
            size, found = step
            del self._data[:size]
            if found is not None:
                yield found

    def _step(self) -> tuple[int, Instruction | None] | None:
        """How many bytes are done with and what they say; None: more must come."""
        data = self._data
        marks = [place for mark in ((b"~", b"^") if self._inside else (b"~", b"^", b"! U")) if (place := data.find(mark)) >= 0]
        if not marks:
            keep = 2 if not self._inside and data.endswith((b"! ", b"!")) else 0
            return self._passed(len(data) - keep) if len(data) > keep else None
        first = min(marks)
        if first:
            return self._passed(first)
        return self._sgd() if data[:1] == b"!" else self._control() if data[:1] == b"~" else self._caret()

    def _passed(self, size: int) -> tuple[int, None]:
        if self._inside:
            self._format += self._data[:size]
            if len(self._format) > _BUFFER_BYTES_MAX:
                self._format.clear()
                self._inside = False
        return size, None

    def _control(self) -> tuple[int, Instruction | None] | None:
        data = self._data
        if len(data) < _CONTROL_BYTES:
            return None
        name = bytes(data[1:3]).upper()
        if name in _DOWNLOADS:
            end = next((place for mark in (b"^", b"~") if (place := data.find(mark, 1)) >= 0), -1)
            return (end, None) if end >= 0 else (len(data), None) if len(data) > _BUFFER_BYTES_MAX else None
        if name == b"HQ":
            if len(data) < _HQ_BYTES:
                return None
            return _HQ_BYTES, Instruction("control", "~HQ" + data[3:5].decode("latin-1").upper(), _HQ_BYTES)
        if name.isalpha():
            return _CONTROL_BYTES, Instruction("control", "~" + name.decode("latin-1"), _CONTROL_BYTES)
        return self._passed(1)

    def _caret(self) -> tuple[int, Instruction | None] | None:
        data = self._data
        if len(data) < _CONTROL_BYTES:
            return None
        name = bytes(data[1:3]).upper()
        if name == b"XA":
            self._format.clear()
            self._inside = True
            return _CONTROL_BYTES, None
        if name == b"XZ":
            text, size = self._format.decode("utf-8", "replace"), len(self._format) + 2 * _CONTROL_BYTES
            inside, self._inside = self._inside, False
            self._format.clear()
            return _CONTROL_BYTES, Instruction("format", text, size) if inside else None
        if name == b"HH":
            return _CONTROL_BYTES, Instruction("host", "^HH", _CONTROL_BYTES)
        return self._passed(_CONTROL_BYTES if name[:1].isalpha() else 1)

    def _sgd(self) -> tuple[int, Instruction | None] | None:
        """`! U1 getvar "name"` ends with a blank or CR LF; the blank within comes before the quotes are closed."""
        data = bytes(self._data[:_SGD_BYTES_MAX])
        found = re.match(rb'! U1? (getvar|setvar|do) "([^"]*)"(?: "([^"]*)")?[ \r\n]', data)
        if found is None:
            return (1, None) if len(self._data) > _SGD_BYTES_MAX or b"\n" in data else None
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
