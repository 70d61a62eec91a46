# SPDX-License-Identifier: Apache-2.0
"""What the three makers' twins share: stimuli, lines of commands, and the scanner behind them."""

from __future__ import annotations

import abc
import math
import re

from firmware_sims.engine.twin import Twin
from firmware_sims.scanner_tcp.body import FixedScannerBody

_LINE_BYTES_MAX = 1024


class FixedScannerTwin(Twin):
    """`scans` counts what was read. What is read while nobody is connected is lost, as on a real data socket."""

    def __init__(self, body: FixedScannerBody, *, sends_aim: bool) -> None:
        self.body = body
        self.scans = 0
        self._sends_aim = sends_aim
        self._line = bytearray()
        self._is_connected = False
        self._heartbeat_s, self._next_heartbeat_s = 0.0, math.inf

    def on_scan(self, *, text: str | int, symbology: str = "", now_s: float) -> bytes:
        """A label comes before the window. `symbology` is its AIM identifier (`]C1`); GS in `text` is \\x1d."""
        read = self.body.show((symbology if self._sends_aim else "") + str(text))
        return b"" if read is None else self._read(read)

    def on_remove(self, *, now_s: float) -> bytes:
        """The label is taken away."""
        self.body.take_away()
        return b""

    def set_label(self, text: str, *, now_s: float) -> bytes:
        """What is before the window (`label=]d20109506000134352`); `none`: nothing. Raises nothing: every text is a label."""
        return self.on_remove(now_s=now_s) if text == "none" else self.on_scan(text=text, now_s=now_s)

    def _read(self, text: str) -> bytes:
        self.scans += 1
        return self._code(text) if self._is_connected else b""

    @abc.abstractmethod
    def _code(self, text: str) -> bytes:
        """A code as it goes over the line."""

    @abc.abstractmethod
    def _nothing(self) -> bytes:
        """What it says when a reading ends in vain."""

    def _begin(self, now_s: float) -> bytes:
        read = self.body.begin(now_s)
        return b"" if read is None else self._read(read)

    def _stop(self) -> bytes:
        return self._nothing() if self.body.stop() else b""

    def _lines(self, data: bytes, ends: re.Pattern[bytes]) -> list[bytes]:
        """Whole lines of what a client says; one that never ends is forgotten."""
        self._line += data
        *lines, rest = ends.split(bytes(self._line))
        self._line = bytearray(rest[-_LINE_BYTES_MAX:])
        return lines

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._is_connected = True
        self._line.clear()
        if self._heartbeat_s:
            self._next_heartbeat_s = now_s + self._heartbeat_s
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._is_connected = False
        self._next_heartbeat_s = math.inf

    def advance_to(self, now_s: float) -> bytes:
        """See `Twin.advance_to`."""
        said = self._nothing() if self.body.gives_up(now_s) else b""
        while now_s >= self._next_heartbeat_s:
            self._next_heartbeat_s += self._heartbeat_s
            said += self._heartbeat()
        return said if self._is_connected else b""

    def _heartbeat(self) -> bytes:
        return b""

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        due_s = min(self.body.gives_up_at_s, self._next_heartbeat_s)
        return None if due_s == math.inf else due_s
