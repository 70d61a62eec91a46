# SPDX-License-Identifier: Apache-2.0
"""Cuts what a scanner says into codes, by a suffix or by silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from drivers.base.codes.frames import FRAME_BYTES_MAX
from drivers.base.codes.reading import rejected
from drivers.base.config import described
from drivers.base.session import FrameRejected

Suffix = Annotated[
    Literal["line", "cr", "lf", "crlf", "tab", "etx", "none"],
    described("What the scanner sends after each code; `line` takes CR, LF or both, `etx` is for STX code ETX, `none` ends a code by silence", "choice"),
]
Gap = Annotated[float, described("Silence that ends a code when suffix is none", "s", ge=0.005, le=2)]

_ENDS = {
    "line": re.compile(rb"[\r\n]+"),
    "cr": re.compile(rb"\r"),
    "lf": re.compile(rb"\n"),
    "crlf": re.compile(rb"\r\n"),
    "tab": re.compile(rb"\t"),
    "etx": re.compile(rb"\x03[\r\n]*"),
    "none": re.compile(rb"(?!)"),
}
_TORN_AFTER_S = 1.0
"""A code without its suffix after so long a silence was cut off (or the suffix is not the configured one). A full frame takes 4.3 s at 9600 baud, unbroken."""
_STX, _ETX = b"\x02", b"\x03"


class CodeLines:
    """The bytes of one line. Yields codes without STX, ETX and suffix, and what was thrown away: reasons too_long, torn."""

    def __init__(self, suffix: str, gap_s: float) -> None:
        self._suffix = suffix
        self._end = _ENDS[suffix]
        self._silence_s = gap_s if suffix == "none" else _TORN_AFTER_S
        self._buffer = bytearray()
        self._is_dropping = False
        self._last_byte_s = 0.0

    def receive(self, data: bytes, now_s: float) -> Iterator[bytes | FrameRejected]:
        """Take bytes, cut anyhow."""
        yield from self.advance_to(now_s)
        self._last_byte_s = now_s
        self._buffer += data
        while end := self._end.search(self._buffer):
            frame = self._unwrapped(bytes(self._buffer[: end.start()]))
            del self._buffer[: end.end()]
            yield from self._ended(frame)
        yield from self._check_length()

    def advance_to(self, now_s: float) -> Iterator[bytes | FrameRejected]:
        """Let time pass: silence ends a code, or shows that it was torn."""
        if not (self._buffer or self._is_dropping) or now_s - self._last_byte_s < self._silence_s:
            return
        frame = self._unwrapped(bytes(self._buffer))
        self._buffer.clear()
        if self._suffix == "none" or self._is_dropping:
            yield from self._ended(frame)
        elif frame:
            yield rejected("torn", frame)

    def next_deadline_s(self) -> float | None:
        """When `advance_to` is due; None: nothing waits for its end."""
        return self._last_byte_s + self._silence_s if self._buffer or self._is_dropping else None

    def _ended(self, frame: bytes) -> Iterator[bytes | FrameRejected]:
        if self._is_dropping:
            self._is_dropping = False
        elif len(frame) > FRAME_BYTES_MAX:
            yield rejected("too_long", frame)
        elif frame:
            yield frame

    def _check_length(self) -> Iterator[FrameRejected]:
        open_end = 1 if self._suffix == "crlf" and self._buffer.endswith(b"\r") else 0
        if self._is_dropping:
            del self._buffer[: len(self._buffer) - open_end]
        elif len(self._buffer) - open_end > FRAME_BYTES_MAX:
            yield rejected("too_long", bytes(self._buffer))
            self._is_dropping = True
            del self._buffer[: len(self._buffer) - open_end]

    def _unwrapped(self, frame: bytes) -> bytes:
        """Without the STX and ETX that fixed scanners put around a code, and without the line end that may come after an ETX."""
        if self._suffix == "etx":
            frame = frame.lstrip(b"\r\n")
        return frame.removeprefix(_STX).removesuffix(_ETX)
