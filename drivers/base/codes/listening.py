# SPDX-License-Identifier: Apache-2.0
"""Listens to a scanner that only speaks: cuts its text into codes and reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drivers.base.codes.lines import CodeLines
from drivers.base.codes.reading import CodeReader
from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument, FrameRejected, SessionEvent, SessionReady


class ListeningSession:
    """See `drivers.base.session.Session`. A scanner says nothing when nothing is scanned, so a silent line counts as alive."""

    def __init__(self, lines: CodeLines, reader: CodeReader) -> None:
        self._lines = lines
        self._reader = reader
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
        return events + self._silence(now_s)

    def bytes_to_send(self) -> bytes:
        """Nothing: it is only listened to."""
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._lines.next_deadline_s()

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Raises: LocalProtocolError: always."""
        raise LocalProtocolError(f"this scanner is only listened to and takes no commands, so not {name!r} either")

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _silence(self, now_s: float) -> list[SessionEvent]:
        return self._read(self._lines.advance_to(now_s), now_s)

    def _read(self, found: Iterable[bytes | FrameRejected], now_s: float) -> list[SessionEvent]:
        events: list[SessionEvent] = []
        for frame in found:
            events += self._reader.read(frame, now_s) if isinstance(frame, bytes) else (frame,)
        return events
