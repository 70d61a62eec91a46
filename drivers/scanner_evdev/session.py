# SPDX-License-Identifier: Apache-2.0
"""Listens to a keyboard scanner: records of keys become text, text becomes codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drivers.base.codes.lines import CodeLines
from drivers.base.codes.reading import CodeReader
from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_evdev.config import ScannerEvdevConfig
from drivers.scanner_evdev.frames import EV_SYN, RECORD_BYTES, SYN_DROPPED, InputEvent
from drivers.scanner_evdev.keys import Typing


class EvdevScannerSession:
    """See `drivers.base.session.Session`. Reasons of rejection beside those of codes: malformed, overrun, unknown_key."""

    def __init__(self, config: ScannerEvdevConfig) -> None:
        self._record_bytes = RECORD_BYTES[config.record_format]
        self._typing = Typing(config.layout, caps_lock=config.caps_lock, gs_key=config.gs_key)
        self._suffix, self._gap_s = config.suffix, config.gap_s
        self._lines = CodeLines(config.suffix, config.gap_s)
        self._reader = CodeReader(config)
        self._buffer = bytearray()
        self._in_step = True
        self._is_overrun = False
        self._ready = False

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        events = self._silence(now_s)
        self._buffer += data
        at, size = 0, self._record_bytes
        while len(self._buffer) - at >= size:
            event = InputEvent.at(self._buffer, at, size)
            if event is None:
                if self._in_step:
                    events.append(FrameRejected("malformed", bytes(self._buffer[at : at + size])))
                self._in_step = False
                at += 1
            else:
                self._in_step = True
                at += size
                events += self._on_event(event, now_s)
        del self._buffer[:at]
        return events

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        events: list[SessionEvent] = []
        if not self._ready:
            self._ready = True
            events.append(SessionReady())
        return events + self._silence(now_s)

    def bytes_to_send(self) -> bytes:
        """Nothing: keys are only listened to."""
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._lines.next_deadline_s()

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Raises: LocalProtocolError: always; a keyboard takes no commands."""
        raise LocalProtocolError(f"a keyboard scanner takes no commands, so not {name!r} either")

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _on_event(self, event: InputEvent, now_s: float) -> list[SessionEvent]:
        if event.type == EV_SYN:
            return self._on_mark(event)
        if self._is_overrun:
            return []
        text = self._typing.take(event)
        events: list[SessionEvent] = []
        if self._typing.unknown:
            events.append(FrameRejected("unknown_key", event.encode(self._record_bytes)))
        return events + self._read(self._lines.receive(text.encode(), now_s), now_s) if text else events

    def _on_mark(self, event: InputEvent) -> list[SessionEvent]:
        """SYN_DROPPED: the kernel's buffer ran over; until the next mark its events are worth nothing (event-codes.rst), and neither is the code begun."""
        if event.code != SYN_DROPPED:
            self._is_overrun = False
            return []
        self._is_overrun = True
        self._typing.let_go()
        self._lines = CodeLines(self._suffix, self._gap_s)
        return [FrameRejected("overrun", event.encode(self._record_bytes))]

    def _silence(self, now_s: float) -> list[SessionEvent]:
        return self._read(self._lines.advance_to(now_s), now_s)

    def _read(self, found: Iterable[bytes | FrameRejected], now_s: float) -> list[SessionEvent]:
        events: list[SessionEvent] = []
        for frame in found:
            events += self._reader.read(frame, now_s) if isinstance(frame, bytes) else (frame,)
        return events
