# SPDX-License-Identifier: Apache-2.0
"""Listens to a scanner: cuts its bytes into codes, drops what is too long or torn, and takes the same code twice in a moment for one scan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drivers.base.codes.lines import CodeLines
from drivers.base.codes.reading import CodeReader, Scanned
from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_serial.config import ScannerSerialConfig

__all__ = ["Scanned", "ScannerSession"]


class ScannerSession:
    """See `drivers.base.session.Session`. A scanner says nothing when nothing is scanned, so a silent line counts as alive."""

    def __init__(self, config: ScannerSerialConfig) -> None:
        self._lines = CodeLines(config.suffix, config.gap_s)
        self._reader = CodeReader(config)
        self._ready = False

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        return self._read(self._lines.receive(data, now_s), now_s)

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        events: list[SessionEvent] = []
        if not self._ready:
            self._ready = True
            events.append(SessionReady())
        return events + self._read(self._lines.advance_to(now_s), now_s)

    def bytes_to_send(self) -> bytes:
        """Nothing: a scanner is only listened to."""
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._lines.next_deadline_s()

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Raises: LocalProtocolError: always; a scanner takes no commands."""
        raise LocalProtocolError(f"a scanner takes no commands, so not {name!r} either")

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _read(self, found: Iterable[bytes | FrameRejected], now_s: float) -> list[SessionEvent]:
        events: list[SessionEvent] = []
        for frame in found:
            events += self._reader.read(frame, now_s) if isinstance(frame, bytes) else (frame,)
        return events
