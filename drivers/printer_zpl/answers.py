# SPDX-License-Identifier: Apache-2.0
"""Cuts what a printer says into answers: blocks from STX to ETX, and values in quotes; whatever stands between is thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_BLOCK_BYTES_MAX = 8192
"""More than the longest answer of the guide (^HH prints some 3,000 characters)."""
_QUOTED_BYTES_MAX = 1024
_JUNK_BYTES_MAX = 256
_FLOW_CONTROL = b"\x11\x13"
"""XON and XOFF come in between on a serial line."""


_BARE_STATUS = re.compile(rb"[0-9]{3,4}(?:,[0-9 ]*)+")
"""Some clones send the strings of ~HS as lines, without STX and ETX."""


class Piece(NamedTuple):
    """`kind`: block (without STX and ETX), quoted (with its quotes), or the reason for which `data` is thrown away."""

    kind: str
    data: bytes


_ENDS = {"": re.compile(rb'[\x02\n"]'), "block": re.compile(rb"[\x02\x03]"), "quoted": re.compile(rb'[\x02"]')}
_LIMITS = {"": _JUNK_BYTES_MAX, "block": _BLOCK_BYTES_MAX, "quoted": _QUOTED_BYTES_MAX}


class Answers:
    """Takes bytes cut anyhow; what comes out does not depend on the cuts."""

    def __init__(self) -> None:
        self._inside = ""
        self._gathered = bytearray()

    def take(self, data: bytes) -> Iterator[Piece]:
        """The pieces that end in `data`."""
        data = data.translate(None, _FLOW_CONTROL)
        at = 0
        while at < len(data):
            end = _ENDS[self._inside].search(data, at)
            stop = min(end.start() if end else len(data), at + _LIMITS[self._inside] - len(self._gathered))
            self._gathered += data[at:stop]
            at = stop
            if len(self._gathered) >= _LIMITS[self._inside]:
                yield from self._dropped("too_long")
                self._inside = ""
            elif end is not None:
                yield from self._ended(data[at : at + 1])
                at += 1

    def _ended(self, mark: bytes) -> Iterator[Piece]:
        if mark == b"\x02":
            yield from self._dropped("unexpected" if not self._inside else "cut_off")
            self._inside = "block"
        elif self._inside == "block":
            yield Piece("block", self._gathered_now())
        elif self._inside == "quoted":
            yield Piece("quoted", b'"' + self._gathered_now() + b'"')
        elif mark == b"\n" and _BARE_STATUS.fullmatch(self._gathered.strip()):
            yield Piece("block", self._gathered_now().strip())
        else:
            yield from self._dropped("unexpected")
            self._inside = "quoted" if mark == b'"' else ""

    def _gathered_now(self) -> bytes:
        gathered = bytes(self._gathered)
        self._gathered.clear()
        self._inside = ""
        return gathered

    def _dropped(self, reason: str) -> Iterator[Piece]:
        inside = self._inside
        gathered = self._gathered_now()
        self._inside = inside
        if gathered.strip():
            yield Piece(reason, gathered)
