# SPDX-License-Identifier: Apache-2.0
"""The conversation with an MT-SICS scale: one question at a time, weights by stream or by poll, and no stale line taken for an answer."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from contracts.readings import WeightState
from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout, shown
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.scale_sics.answers import refusal, result, weight_result
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.frames import GLOBAL_ERRORS, TARE_COMMANDS, WEIGHT_COMMANDS, Command, Reply
from drivers.scale_sics.questions import COMMANDS, Ask, Question, preset_of, wait_of

LINE_BYTES_MAX = 256
"""Longer than any reply of the manual (`I0` lines and display texts stay under 80)."""
_WAITING_MAX = 16
_LINE_END = re.compile(rb"[\r\n]+")
_STATES: dict[str, WeightState] = {"S": "stable", "D": "dynamic", "?": "dynamic", "+": "overload", "^": "overload", "-": "underload", "v": "underload"}


@dataclass(frozen=True)
class Weighed(SessionEvent):
    """What the scale says lies on it. `value` only when stable or dynamic; `text` the line as it came; `net` when the scale is known to hold a tare."""

    state: WeightState
    value: Decimal | None
    unit: str
    text: str
    net: bool = False


class SicsSession:
    """See `drivers.base.session.Session`. Start: SI, I4 (serial number), TA; then stream or poll for ever."""

    def __init__(self, config: ScaleSicsConfig) -> None:
        self._config = config
        self._streams = config.mode == "stream"
        self._line = bytearray()
        self._line_is_too_long = False
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._queue: deque[Question] = deque(Question(ask) for ask in (Ask.HUSH, Ask.MARK))
        self._current: Question | None = None
        self._tokens = 0
        self._ready = False
        self._streaming = False
        self._stream_is_sure = False
        self.serial = ""
        self._net = False
        self._not_understood = b""
        self._lines_of_stream = 0
        self._tells_tare = config.tare_check_s > 0
        self._next_tare_check_s = self._next_poll_s = self._stream_deadline_s = 0.0

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        start = 0
        for end in _LINE_END.finditer(data):
            self._grow_line(data[start : end.start()])
            self._end_line(now_s)
            start = end.end()
        self._grow_line(data[start:])
        return self._taken()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        if self._current is not None and now_s >= self._current.deadline_s:
            self._not_answered(self._current, now_s)
        elif self._current is not None and self._current.ask_again_at_s is not None and now_s >= self._current.ask_again_at_s:
            self._current.ask_again_at_s = None
            self._outgoing += Command(self._current.rule.sends).encode()
        if self._streaming and self._current is None and now_s >= self._stream_deadline_s:
            self._stream_is_sure = False  # fell silent: ask once more before giving the scale up
            self._streams = self._lines_of_stream > 0  # a look-alike that takes SIR for SI answers once: ask weight by weight
        self._ask_next(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._current is not None:
            return self._current.ask_again_at_s or self._current.deadline_s
        due_s = [self._stream_deadline_s if self._streams else self._next_poll_s]
        if self._tells_tare:
            due_s.append(self._next_tare_check_s)
        return min(due_s)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`; what is done shows at the next `advance_to`."""
        ask = COMMANDS.get(name)
        if ask is None:
            raise LocalProtocolError(f"a scale has no command {name!r}; it takes: {', '.join(COMMANDS)}")
        if len(self._queue) >= _WAITING_MAX:
            raise LocalProtocolError(f"{len(self._queue)} questions already wait for the scale; try again when they are answered", operation=name)
        question = Question(ask, self._tokens + 1, wait_s=wait_of(arguments))
        if "preset" in arguments:
            question.ask, question.parameters = Ask.PRESET, preset_of(arguments)
        self._tokens += 1
        if ask is Ask.RESET:
            self._drop_everything_for_reset()
        elif ask is Ask.WEIGH and self._streams:
            self._queue += (Question(Ask.HUSH), Question(Ask.MARK))
        self._queue.append(question)
        return self._tokens

    def farewell(self) -> bytes:
        """SI, which ends a stream, so that the next one to connect is not talked over."""
        return Command("SI").encode() if self._streaming else b""

    def _taken(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    # Lines

    def _grow_line(self, data: bytes) -> None:
        if self._line_is_too_long:
            return
        self._line += data
        if len(self._line) > LINE_BYTES_MAX:
            self._reject("too_long", bytes(self._line[:LINE_BYTES_MAX]))
            self._line.clear()
            self._line_is_too_long = True

    def _end_line(self, now_s: float) -> None:
        line = bytes(self._line)
        self._line.clear()
        if self._line_is_too_long:
            self._line_is_too_long = False
        elif line.strip():
            self._on_line(line, now_s)

    def _on_line(self, line: bytes, now_s: float) -> None:
        try:
            reply = Reply.decode(line)
        except RemoteProtocolError:
            self._not_understood = line
            self._reject("malformed", line)
            return
        if reply.command in GLOBAL_ERRORS:
            self._on_error(reply, line, now_s)
        elif reply.command in WEIGHT_COMMANDS:
            self._on_weight(reply, line, now_s)
        elif self._current is not None and reply.command in self._current.rule.answered_by:
            self._on_answer(self._current, reply, now_s)
        else:
            self._on_unasked(reply, line, now_s)
        self._ask_next(now_s)

    def _reject(self, reason: str, data: bytes) -> None:
        self._events.append(FrameRejected(reason, data))

    # Questions

    def _ask_next(self, now_s: float) -> None:
        if self._current is not None:
            return
        question = self._queue.popleft() if self._queue else self._routine(now_s)
        if question is None:
            return
        wait_s = self._config.reply_timeout_s
        if question.rule.waits_for_rest:
            wait_s = question.wait_s or self._config.stability_timeout_s
        question.wait_s, question.asked_at_s, question.deadline_s = wait_s, now_s, now_s + wait_s
        self._current, self._not_understood = question, b""
        self._outgoing += Command(question.rule.sends, question.parameters).encode()

    def _routine(self, now_s: float) -> Question | None:
        if self._tells_tare and now_s >= self._next_tare_check_s:
            return Question(Ask.TARE_HELD)
        if self._streams:
            return None if self._stream_is_sure else Question(Ask.STREAM)
        return Question(Ask.POLL) if now_s >= self._next_poll_s else None

    def _close_question(self, now_s: float) -> None:
        """The question is settled; a stream is asked for again, since look-alikes end it at any command (others go on meanwhile)."""
        question, self._current = self._current, None
        assert question is not None
        self._stream_is_sure = False
        self._streaming = self._streaming and question.ask not in (Ask.HUSH, Ask.RESET)
        if question.ask is Ask.POLL:
            self._next_poll_s = question.asked_at_s + self._config.interval_s
        elif question.ask is Ask.TARE_HELD:
            self._next_tare_check_s = now_s + self._config.tare_check_s
        elif question.ask in (Ask.ZERO, Ask.TARE, Ask.PRESET, Ask.RESET):
            self._next_tare_check_s = now_s
        if question.ask is Ask.MARK and not self._ready:
            self._ready = True
            self._events.append(SessionReady(self.serial))

    def _fail(self, question: Question, error: DriverError, now_s: float) -> None:
        if question.token is not None:
            self._events.append(CommandFailed(question.token, error))
        self._close_question(now_s)

    def _done(self, question: Question, result: Mapping[str, Argument | None], now_s: float) -> None:
        if question.token is not None:
            self._events.append(CommandDone(question.token, result))
        self._close_question(now_s)

    def _not_answered(self, question: Question, now_s: float) -> None:
        garbled = self._not_understood or bytes(self._line)
        hint = f" but {shown(garbled)}, which is no line of MT-SICS (check baud rate, parity and the scale's protocol)," if garbled else ""
        waited = ReplyTimeout(f"answer to {question.rule.sends}{hint}", question.wait_s)
        # some scales are silent to what they do not know; a dead link shows at the next question
        if question.ask is Ask.TARE_HELD:
            self._tells_tare = False
            self._close_question(now_s)
        elif question.ask is Ask.MARK:
            self._close_question(now_s)
        elif question.ask is Ask.IDENTIFY:
            self._fail(question, waited, now_s)
        elif question.rule.waits_for_rest:
            self._fail(question, waited, now_s)
            self._queue.extendleft((Question(Ask.MARK), Question(Ask.HUSH)))
        else:
            raise waited

    def _drop_everything_for_reset(self) -> None:
        """A reset overtakes: what waits is cancelled by it, on the scale and here."""
        cancelled = [question for question in (self._current, *self._queue) if question is not None and question.token is not None]
        self._events += [CommandFailed(question.token or 0, DeviceFault("@", "cancelled by a reset of the scale")) for question in cancelled]
        self._current = None
        self._queue.clear()
        if not self._ready:
            self._queue += (Question(Ask.HUSH), Question(Ask.MARK))

    # Answers

    def _on_error(self, reply: Reply, line: bytes, now_s: float) -> None:
        question = self._current
        if question is None:
            self._reject("unexpected", line)
            return
        if question.ask is Ask.POLL:
            self._weighed("error", reply, line)
        elif question.ask is Ask.STREAM:
            self._streams = False  # no SIR in this scale: ask weight by weight
        elif question.ask is Ask.TARE_HELD:
            self._tells_tare = False
        self._fail(question, DeviceFault(reply.command, GLOBAL_ERRORS[reply.command]), now_s)

    def _on_weight(self, reply: Reply, line: bytes, now_s: float) -> None:
        question = self._current
        if reply.status == "A":
            return  # Radwag: understood and in progress; the mass follows
        if question is not None and question.rule.weights_are_stale:
            self._reject("stale", line)
        elif question is not None and question.ask is Ask.HUSH:
            self._close_question(now_s)
        elif question is not None and question.ask is Ask.WEIGH:
            self._on_weigh_answer(question, reply, line, now_s)
        elif question is not None and question.ask in (Ask.POLL, Ask.STREAM):
            self._weighed(self._state_of(reply), reply, line)
            self._close_question(now_s)
            self._lines_of_stream = 0
            self._keep_streaming(now_s)
        elif self._streaming:
            self._weighed(self._state_of(reply), reply, line)
            self._lines_of_stream += 1
            self._keep_streaming(now_s)
        else:
            self._reject("unexpected", line)

    def _keep_streaming(self, now_s: float) -> None:
        self._streaming = self._stream_is_sure = self._streams
        self._stream_deadline_s = now_s + self._config.reply_timeout_s

    def _state_of(self, reply: Reply) -> WeightState:
        if reply.value is None:
            return _STATES[reply.status] if reply.status in "+-^v" and not reply.detail else "error"
        if reply.status:
            return _STATES.get(reply.status, "error")
        return "stable" if self._config.dialect == "radwag" else "error"

    def _weighed(self, state: WeightState, reply: Reply, line: bytes) -> None:
        has_value = state in ("stable", "dynamic")
        text = line.decode("ascii").strip()
        self._events.append(Weighed(state, reply.value if has_value else None, reply.unit if has_value else "", text, self._net))

    def _on_weigh_answer(self, question: Question, reply: Reply, line: bytes, now_s: float) -> None:
        state = self._state_of(reply)
        self._weighed(state, reply, line)
        if state == "stable" and reply.value is not None:
            self._done(question, weight_result(reply, line.decode("ascii").strip()), now_s)
        elif state == "dynamic":
            question.ask_again_at_s = min(now_s + self._config.interval_s, question.deadline_s)  # a look-alike that does not wait for rest itself
        else:
            self._fail(question, refusal(reply), now_s)

    def _on_answer(self, question: Question, reply: Reply, now_s: float) -> None:
        if self._is_only_begun(question, reply):
            return
        if reply.command == "I4":
            self.serial = reply.detail if reply.status == "A" else self.serial
        elif reply.command in TARE_COMMANDS:
            self._net = bool(reply.value) if reply.value is not None else self._net or reply.code == "T D"
        if self._is_success(reply):
            self._done(question, result(question.ask, reply), now_s)
        else:
            if question.ask is Ask.TARE_HELD:
                self._tells_tare = reply.status != "L"
            self._fail(question, refusal(reply), now_s)

    def _is_only_begun(self, question: Question, reply: Reply) -> bool:
        """`T A` is no answer of Mettler's and means "begun" with Radwag; `Z A` is done with the one and begun with the other."""
        return reply.status == "A" and (question.ask is Ask.TARE or (question.ask is Ask.ZERO and self._config.dialect == "radwag"))

    def _is_success(self, reply: Reply) -> bool:
        if reply.command == "T":
            return reply.status in ("S", "D")
        return reply.status == ("D" if reply.command == "Z" and self._config.dialect == "radwag" else "A")

    def _on_unasked(self, reply: Reply, line: bytes, now_s: float) -> None:
        """Late answers, and the `I4 A` that a scale says when it was switched on."""
        if reply.command == "I4" and reply.status == "A":
            self.serial, self._streaming, self._stream_is_sure, self._net = reply.detail, False, False, False
            self._next_tare_check_s = now_s
        elif reply.command in TARE_COMMANDS and reply.value is not None:
            self._net = bool(reply.value)
        self._reject("unexpected", line)
