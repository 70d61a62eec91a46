# SPDX-License-Identifier: Apache-2.0
"""What scales that speak in lines share: commands end with LF, answers with CR LF, and one command at a time may wait for the load to rest."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from firmware_sims.scales.body import ScaleBody
from firmware_sims.scales.twin import ScaleTwin

_LINE_BYTES_MAX = 128


@dataclass
class Waiting:
    """A command that waits for the load to rest, until when at most."""

    command: str
    until_s: float


class LineScaleTwin(ScaleTwin, abc.ABC):
    """A scale that is told and answers in lines."""

    def __init__(self, body: ScaleBody, *, stability_timeout_s: float, interval_s: float) -> None:
        super().__init__(body)
        self.interval_s = interval_s
        self.waiting: Waiting | None = None
        self.next_line_at_s: float | None = None
        self._stability_timeout_s = stability_timeout_s
        self._line = bytearray()

    @abc.abstractmethod
    def obey(self, line: bytes, now_s: float) -> bytes:
        """The answer to a line without its end."""

    @abc.abstractmethod
    def finish(self, command: str, now_s: float) -> bytes:
        """The answer of a command that waited: the load rests, or is beyond the limits, or time is up."""

    @abc.abstractmethod
    def repeated(self, now_s: float) -> bytes:
        """The next line of a stream."""

    def watched(self, now_s: float) -> bytes:
        """What is said because the weight has changed."""
        return b""

    @property
    def watches(self) -> bool:
        """Whether every indication is to be looked at, since a change of weight is to be told."""
        return False

    @property
    def rests(self) -> bool:
        """Whether a command that waited has nothing more to wait for."""
        return self.body.is_stable or bool(self.body.limit)

    def wait(self, command: str, now_s: float) -> bytes:
        """Wait for rest; answered at once when the load rests."""
        self.waiting = Waiting(command, now_s + self._stability_timeout_s)
        return self._done_waiting(now_s)

    def hush(self) -> None:
        """End a stream and what waits."""
        self.waiting = self.next_line_at_s = None

    # Time

    def tell(self, now_s: float) -> bytes:
        """See `ScaleTwin.tell`."""
        said = self._done_waiting(now_s) + self.watched(now_s)
        if self.next_line_at_s is not None and now_s >= self.next_line_at_s - 1e-9:
            said += self.repeated(now_s)
            self.next_line_at_s = round(self.next_line_at_s + self.interval_s, 6)
            if self.next_line_at_s <= now_s:
                self.next_line_at_s = now_s + self.interval_s
        return said

    def next_deadline_s(self) -> float | None:
        """See `Twin.next_deadline_s`."""
        due_s = [] if self.next_line_at_s is None else [self.next_line_at_s]
        if self.waiting is not None or self.watches:
            due_s.append(self.present_s + self.body.next_tick_s + 1e-6)
        if self.waiting is not None:
            due_s.append(self.waiting.until_s)
        return min(due_s, default=None)

    def disconnected(self, now_s: float) -> None:
        """Nobody listens: a stream and what waited end (as behind a serial server that clears the line)."""
        self.hush()
        self._line.clear()

    def _done_waiting(self, now_s: float) -> bytes:
        if self.waiting is None or not (self.rests or now_s >= self.waiting.until_s):
            return b""
        command, self.waiting = self.waiting.command, None
        return self.finish(command, now_s)

    # Conversation

    def hear(self, data: bytes, now_s: float) -> bytes:
        """See `ScaleTwin.hear`."""
        said = bytearray()
        for byte in data:
            if byte != 0x0A:
                self._line.append(byte)
                del self._line[_LINE_BYTES_MAX:]
                continue
            line = bytes(self._line)
            self._line.clear()
            said += self.obey(line.removesuffix(b"\r"), now_s)
        return bytes(said)
