# SPDX-License-Identifier: Apache-2.0
"""Scales of several makes whose interface is a line of text, each as its manual describes it; see `formats`."""

from __future__ import annotations

from decimal import Decimal

from firmware_sims.scale_lines.formats import FORMATS, Format
from firmware_sims.scales.body import ScaleBody, ScaleType
from firmware_sims.scales.twin import ScaleTwin

_STREAM_S = 0.2
_BUFFER_BYTES_MAX = 64


class LineScaleTwin(ScaleTwin):
    """The scale. `make`: one of FORMATS; `mode` `command`, or `stream`: five lines a second without being asked."""

    def __init__(
        self, *, make: str = "kern_gs", capacity: float = 30.0, division: float = 0.005, unit: str = "kg", mode: str = "command", serial: str = "0021451387"
    ) -> None:
        super().__init__(ScaleBody(ScaleType(capacity=Decimal(str(capacity)), division=Decimal(str(division)), unit=unit)))
        if make not in FORMATS:
            raise ValueError(f"no make {make!r}; there are: {', '.join(FORMATS)}")
        self._format: Format = FORMATS[make]
        self._last_bytes = frozenset(command[-1] for command in self._format.commands)
        self._streams = mode == "stream"
        self._serial = serial
        self._buffer = bytearray()
        self._next_at_s: float | None = None

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        if self._streams:
            self._next_at_s = now_s + _STREAM_S
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._buffer.clear()
        self._next_at_s = None

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        return self._next_at_s

    def tell(self, now_s: float) -> bytes:
        """See `ScaleTwin.tell`."""
        if self._next_at_s is None or now_s < self._next_at_s:
            return b""
        self._next_at_s = max(round(self._next_at_s + _STREAM_S, 6), now_s)
        return self._line()

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`; what is no command of the make is passed over, byte by byte."""
        said = b""
        for byte in data:
            self._buffer.append(byte)
            del self._buffer[:-_BUFFER_BYTES_MAX]
            if byte not in self._last_bytes:
                continue
            for command, action in self._format.commands.items():
                if self._buffer.endswith(command):
                    self._buffer.clear()
                    said += self._obey(action)
                    break
        return said

    def _obey(self, action: str) -> bytes:
        if action == "print":
            return self._line()
        if action == "zero":
            self.body.zero()
        elif action == "tare":
            self.body.take_tare()
        elif action == "serial":
            return f"{self._serial:<20}\r\n".encode("ascii")
        else:
            return f"{action:<20}\r\n".encode("ascii")
        return b""

    def _line(self) -> bytes:
        return self._format.line(self.body).encode("ascii") + b"\r\n"
