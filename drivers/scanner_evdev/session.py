# SPDX-License-Identifier: Apache-2.0
"""Listens to a keyboard scanner: records of keys become text, text becomes codes."""

from __future__ import annotations

from collections.abc import Sequence

from drivers.base.codes.lines import CodeLines
from drivers.base.codes.listening import ListeningSession
from drivers.base.codes.reading import CodeReader
from drivers.base.session import FrameRejected, SessionEvent
from drivers.scanner_evdev.config import ScannerEvdevConfig
from drivers.scanner_evdev.frames import EV_SYN, RECORD_BYTES, SYN_DROPPED, InputEvent
from drivers.scanner_evdev.keys import Typing


class EvdevScannerSession(ListeningSession):
    """See `drivers.base.session.Session`. Reasons of rejection beside those of codes: malformed, overrun, unknown_key."""

    def __init__(self, config: ScannerEvdevConfig) -> None:
        super().__init__(CodeLines(config.suffix, config.gap_s), CodeReader(config))
        self._record_bytes = RECORD_BYTES[config.record_format]
        self._typing = Typing(config.layout, caps_lock=config.caps_lock, gs_key=config.gs_key)
        self._suffix, self._gap_s = config.suffix, config.gap_s
        self._buffer = bytearray()
        self._in_step = True
        self._is_overrun = False

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
