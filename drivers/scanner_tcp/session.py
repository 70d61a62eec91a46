# SPDX-License-Identifier: Apache-2.0
"""The conversation with a fixed scanner: codes come at any time, commands are asked one by one, silence is broken by asking who is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drivers.base.codes.lines import CodeLines
from drivers.base.codes.reading import CodeReader, bytes_of, rejected
from drivers.base.errors import DeviceFault, LocalProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.scanner_tcp.config import ScannerTcpConfig
from drivers.scanner_tcp.makes import Answer, Asking, make_of
from drivers.scanner_tcp.telnet import TelnetFilter

_WAITING_MAX = 16


@dataclass
class _Question:
    """A command waiting or asked. `token` is None for our own."""

    name: str
    asking: Asking
    token: int | None = None
    deadline_s: float = 0.0


class TcpScannerSession:
    """See `drivers.base.session.Session`. Reasons of rejection beside those of codes: heartbeat, unexpected, damaged."""

    def __init__(self, config: ScannerTcpConfig) -> None:
        self._config = config
        self._make = make_of(config)
        no_read = self._make.no_read if config.no_read == "maker" else config.no_read
        self._reader = CodeReader(config, no_read=no_read)
        self._lines = CodeLines(config.suffix, config.gap_s)
        self._telnet = TelnetFilter() if config.make == "cognex_dmcc" else None
        self._heartbeats = {bytes_of(text, config.encoding) for text in config.heartbeat.split("|") if text}
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._queue: deque[_Question] = deque()
        self._current: _Question | None = None
        self._numbers = self._tokens = 0
        self._heard_s = 0.0
        self._about: list[str] = []
        self._ready = self._can_be_asked = self._is_triggered = False
        self._began = False
        self.serial = ""

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        self._heard_s = now_s
        if self._telnet is not None:
            data = self._telnet.take(data)
        self._take(self._lines.receive(data, now_s), now_s)
        self._ask_next(now_s)
        return self._taken()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: it said who it is before and does so no more, or its heartbeat stopped."""
        if not self._began:
            self._began, self._heard_s = True, now_s
            self._identify()
        self._take(self._lines.advance_to(now_s), now_s)
        if self._current is not None and now_s >= self._current.deadline_s:
            self._not_answered(self._current, now_s)
        if self._heartbeats and now_s >= self._heard_s + self._config.heartbeat_timeout_s:
            raise ReplyTimeout("heartbeat", self._config.heartbeat_timeout_s)
        if self._current is None and not self._queue and self._keepalive_due_s() <= now_s:
            self._identify()
        self._ask_next(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        due_s = [self._current.deadline_s if self._current is not None else self._keepalive_due_s()]
        if (torn_s := self._lines.next_deadline_s()) is not None:
            due_s.append(torn_s)
        if self._heartbeats:
            due_s.append(self._heard_s + self._config.heartbeat_timeout_s)
        first_s = min(due_s)
        return None if first_s == float("inf") else first_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`."""
        if len(self._queue) >= _WAITING_MAX:
            raise LocalProtocolError(f"{len(self._queue)} commands already wait for the scanner; try again when they are answered", operation=name)
        asking = self._make.asking(name, self._numbers + 1)
        self._numbers += 1
        self._tokens += 1
        self._queue.append(_Question(name, asking, self._tokens))
        return self._tokens

    def farewell(self) -> bytes:
        """The end of a reading that was begun: nobody would hear its code."""
        return self._make.asking("stop", self._numbers + 1).sends if self._is_triggered and self._can_stop() else b""

    def _can_stop(self) -> bool:
        return self._config.make != "datalogic" or bool(self._config.stop_text)

    def _taken(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    def _keepalive_due_s(self) -> float:
        return self._heard_s + self._config.keepalive_s if self._can_be_asked and self._config.keepalive_s else float("inf")

    # Questions

    def _identify(self) -> None:
        questions = self._make.identification(self._numbers + 1)
        self._numbers += len(questions)
        self._about = []
        self._queue.extend(_Question("identify", asking) for asking in questions)
        if not questions:
            self._is_ready()

    def _is_ready(self) -> None:
        if not self._ready:
            self._ready = True
            self._events.append(SessionReady(" ".join(self._about)))

    def _ask_next(self, now_s: float) -> None:
        if self._current is not None or not self._queue:
            return
        question = self._current = self._queue.popleft()
        question.deadline_s = now_s + (self._config.silent_s if question.asking.is_silent else self._config.reply_timeout_s)
        self._outgoing += question.asking.sends
        if question.name in ("trigger", "stop"):
            self._is_triggered = question.name == "trigger"

    def _close(self) -> None:
        self._current = None
        if not any(question.name == "identify" for question in self._queue):
            self._is_ready()

    def _done(self, question: _Question, value: str) -> None:
        if question.token is not None:
            self._events.append(CommandDone(question.token, {"answer": value}))
        self._close()

    def _not_answered(self, question: _Question, now_s: float) -> None:
        waited = ReplyTimeout(f"answer to {question.name}", self._config.reply_timeout_s)
        if question.asking.is_silent:
            self._done(question, "")
        elif question.token is not None:
            self._events.append(CommandFailed(question.token, waited))
            self._close()
        elif self._can_be_asked:
            raise waited
        else:
            self._queue = deque(other for other in self._queue if other.name != "identify")
            if not self._ready and self._make.fall_back():
                self._current = None
                self._identify()
            else:  # a port that only says codes: it is listened to
                self._close()

    # What comes

    def _take(self, found: Iterable[bytes | FrameRejected], now_s: float) -> None:
        for frame in found:
            if isinstance(frame, FrameRejected):
                self._events.append(frame)
            else:
                self._on_frame(frame, now_s)

    def _on_frame(self, frame: bytes, now_s: float) -> None:
        if frame in self._heartbeats:
            self._events.append(rejected("heartbeat", frame))
            return
        match self._make.read(frame):
            case None:
                self._events.append(rejected("damaged", frame))
            case bytes() as code:
                self._is_triggered = False
                self._is_ready()
                if (question := self._current) is not None and question.name == "trigger" and question.asking.is_silent:
                    self._done(question, "")
                self._events += self._reader.read(code, now_s)
            case Answer() as answer:
                self._on_answer(answer, frame, now_s)
        self._ask_next(now_s)

    def _on_answer(self, answer: Answer, frame: bytes, now_s: float) -> None:
        question = self._current
        if question is None or answer.about not in ("", question.asking.about):
            self._events.append(rejected("unexpected", frame))  # late: the answer to a question that was given up
            return
        if question.name == "identify":
            self._can_be_asked = True
            self._on_identity(question, answer)
            self._close()
        elif answer.code:
            self._is_triggered = False
            if question.token is not None:
                self._events.append(CommandFailed(question.token, DeviceFault(answer.code, answer.meaning, operation=question.name)))
            self._close()
        else:
            self._done(question, answer.value)

    def _on_identity(self, question: _Question, answer: Answer) -> None:
        if answer.code or not answer.value:
            return
        if self._config.make == "cognex_dmcc" and self._about:
            self.serial = answer.value
        self._about.append(answer.value)
