# SPDX-License-Identifier: Apache-2.0
"""Listens to a scanner: cuts its bytes into codes, drops what is too long or torn, and takes the same code twice in a moment for one scan."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_serial.codes import Code, understand
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.elements import Elements
from drivers.scanner_serial.frames import FRAME_BYTES_MAX, CodeFrame

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
_SHOWN_BYTES = 64
_STX, _ETX = b"\x02", b"\x03"


@dataclass(frozen=True)
class Scanned(SessionEvent):
    """A code was read. `elements` by GS1 application identifier; empty for opaque text and whenever `error` says what is wrong with a GS1 code."""

    text: str
    symbology: str | None
    elements: Elements
    error: str | None = None


class ScannerSession:
    """See `drivers.base.session.Session`. A scanner says nothing when nothing is scanned, so a silent line counts as alive."""

    def __init__(self, config: ScannerSerialConfig) -> None:
        self._config = config
        self._end = _ENDS[config.suffix]
        self._silence_s = config.gap_s if config.suffix == "none" else _TORN_AFTER_S
        self._buffer = bytearray()
        self._is_dropping = False
        self._last_byte_s = 0.0
        self._seen_at_s: dict[bytes, float] = {}
        self._events: list[SessionEvent] = []
        self._ready = False

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._end_after_silence(now_s)
        self._last_byte_s = now_s
        self._buffer += data
        while end := self._end.search(self._buffer):
            frame = self._unwrapped(bytes(self._buffer[: end.start()]))
            del self._buffer[: end.end()]
            self._on_frame(frame, now_s)
        self._check_length()
        return self._taken()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        if not self._ready:
            self._ready = True
            self._events.append(SessionReady())
        self._end_after_silence(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """Nothing: a scanner is only listened to."""
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._last_byte_s + self._silence_s if self._buffer or self._is_dropping else None

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Raises: LocalProtocolError: always; a scanner takes no commands."""
        raise LocalProtocolError(f"a scanner takes no commands, so not {name!r} either")

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _taken(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    def _check_length(self) -> None:
        open_end = 1 if self._config.suffix == "crlf" and self._buffer.endswith(b"\r") else 0
        if self._is_dropping:
            del self._buffer[: len(self._buffer) - open_end]
        elif len(self._buffer) - open_end > FRAME_BYTES_MAX:
            self._reject("too_long", bytes(self._buffer))
            self._is_dropping = True
            del self._buffer[: len(self._buffer) - open_end]

    def _end_after_silence(self, now_s: float) -> None:
        if not (self._buffer or self._is_dropping) or now_s - self._last_byte_s < self._silence_s:
            return
        frame = self._unwrapped(bytes(self._buffer))
        self._buffer.clear()
        if self._config.suffix == "none" or self._is_dropping:
            self._on_frame(frame, now_s)
        elif frame:
            self._reject("torn", frame)

    def _unwrapped(self, frame: bytes) -> bytes:
        """Without the STX and ETX that fixed scanners put around a code, and without the line end that may come after an ETX."""
        if self._config.suffix == "etx":
            frame = frame.lstrip(b"\r\n")
        return frame.removeprefix(_STX).removesuffix(_ETX)

    def _on_frame(self, frame: bytes, now_s: float) -> None:
        if self._is_dropping:
            self._is_dropping = False
        elif len(frame) > FRAME_BYTES_MAX:
            self._reject("too_long", frame)
        elif not frame or (self._config.no_read and frame == self._config.no_read.encode()):
            if frame:
                self._reject("no_read", frame)
        elif self._is_duplicate(frame, now_s):
            self._reject("duplicate", frame)
        else:
            self._on_code(CodeFrame.decode(frame, takes_aim=self._config.aim_identifier != "off"))

    def _is_duplicate(self, frame: bytes, now_s: float) -> bool:
        """Each repetition prolongs the window: a scanner that stares at one label reads it once."""
        window_s = self._config.duplicate_window_s
        self._seen_at_s = {seen: at_s for seen, at_s in self._seen_at_s.items() if now_s - at_s < window_s}
        is_duplicate = frame in self._seen_at_s
        if window_s:
            self._seen_at_s[frame] = now_s
        return is_duplicate

    def _on_code(self, frame: CodeFrame) -> None:
        code: Code = understand(frame.symbology, frame.text(self._config.encoding), self._config)
        self._events.append(Scanned(code.text, frame.symbology or None, code.elements, code.error))

    def _reject(self, reason: str, data: bytes) -> None:
        self._events.append(FrameRejected(reason, data[:_SHOWN_BYTES]))
