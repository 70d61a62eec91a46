# SPDX-License-Identifier: Apache-2.0
"""The conversation with an Acme scale: bytes in, events out, time as an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from scale_acme.config import ScaleAcmeConfig
from scale_acme.frames import ERRORS, LINE_BYTES_MAX, ErrorFrame, WeightFrame, decode


@dataclass(frozen=True)
class Weighed(SessionEvent):
    """The scale told its weight."""

    frame: WeightFrame
    text: str


@dataclass(frozen=True)
class Refused(SessionEvent):
    """The scale told an error instead."""

    code: str
    meaning: str


class ScaleAcmeSession:
    """See `drivers.base.session.Session`. One question at a time; a weight is asked for again after `interval_s`."""

    def __init__(self, config: ScaleAcmeConfig) -> None:
        self._config = config
        self._line = bytearray()
        self._to_send = bytearray()
        self._answer_due_s: float | None = None
        self._ask_at_s: float | None = None
        self._is_ready = False
        self._zero_token: int | None = None
        self._zero_is_asked = False
        self._tokens = 0

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        events: list[SessionEvent] = []
        for byte in data:
            if byte == 0x0A:
                line = bytes(self._line).removesuffix(b"\r")
                self._line.clear()
                events += self._take(line, now_s)
            elif len(self._line) < LINE_BYTES_MAX:
                self._line.append(byte)
        return events

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the scale does not answer."""
        if self._answer_due_s is not None and now_s >= self._answer_due_s:
            raise ReplyTimeout("answer of the scale", self._config.reply_timeout_s)
        if self._answer_due_s is None and (self._ask_at_s is None or now_s >= self._ask_at_s):
            self._ask(now_s)
        return []

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        said = bytes(self._to_send)
        self._to_send.clear()
        return said

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._ask_at_s if self._answer_due_s is None else self._answer_due_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`; there is `zero`. Raises: LocalProtocolError: the one before is not answered yet."""
        if self._zero_token is not None:
            raise LocalProtocolError("zero is being set already")
        self._tokens += 1
        self._zero_token, self._ask_at_s = self._tokens, now_s
        return self._tokens

    def farewell(self) -> bytes:
        """Nothing: the scale does not mind."""
        return b""

    def _ask(self, now_s: float) -> None:
        self._zero_is_asked = self._zero_token is not None
        self._to_send += b"Z\r\n" if self._zero_is_asked else b"W\r\n"
        self._answer_due_s = now_s + self._config.reply_timeout_s

    def _take(self, line: bytes, now_s: float) -> list[SessionEvent]:
        try:
            frame = decode(line)
        except RemoteProtocolError:
            return [FrameRejected("malformed", line)]
        if self._answer_due_s is None:
            return [FrameRejected("unasked", line)]
        self._answer_due_s, self._ask_at_s = None, now_s + self._config.interval_s
        events: list[SessionEvent] = [] if self._is_ready else [SessionReady("Acme PS")]
        self._is_ready = True
        if self._zero_is_asked and self._zero_token is not None:
            token, self._zero_token, self._ask_at_s = self._zero_token, None, now_s
            if isinstance(frame, ErrorFrame):
                return [*events, CommandFailed(token, DeviceFault(frame.code, ERRORS.get(frame.code, "unknown error")))]
            return [*events, CommandDone(token, {})]
        if isinstance(frame, WeightFrame):
            events.append(Weighed(frame, line.decode()))
        elif isinstance(frame, ErrorFrame):
            events.append(Refused(frame.code, ERRORS.get(frame.code, "unknown error")))
        return events
