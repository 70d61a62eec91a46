# SPDX-License-Identifier: Apache-2.0
"""The conversation with an MT-SICS scale: one question at a time, weights by stream, by poll or on change, and no stale line taken for an answer."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence

from contracts.readings import WeightState
from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout, shown
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.base.weighing import Weighed, weight_result
from drivers.scale_sics.answers import count_result, refusal, result
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.frames import GLOBAL_ERRORS, TARE_COMMANDS, WEIGHT_COMMANDS, Command, Reply
from drivers.scale_sics.identity import Identity
from drivers.scale_sics.questions import RULES, Ask, Question, question, question_of
from drivers.scale_sics.tare import Tare

LINE_BYTES_MAX = 256
"""Longer than any reply of the manual (`I0` lines and display texts stay under 80)."""
_WAITING_MAX = 16
_LINE_END = re.compile(rb"[\r\n]+")
_STATES: dict[str, WeightState] = {"S": "stable", "D": "dynamic", "?": "dynamic", "+": "overload", "^": "overload", "-": "underload", "v": "underload"}
_GREETING = (Ask.HUSH, Ask.MARK, Ask.LIST, Ask.LEVELS, Ask.MODEL, Ask.SOFTWARE, Ask.SOFTWARE_ID, Ask.RATE)
_ABOUT = (Ask.LEVELS, Ask.MODEL, Ask.SOFTWARE, Ask.SOFTWARE_ID)
_REPEATING = (Ask.STREAM, Ask.CHANGES)
_MAY_BE_MISSING = (Ask.ZERO_NOW, Ask.TARE_NOW, Ask.PRESET, Ask.CLEAR_TARE, Ask.PIECE_WEIGHT, Ask.SET_PIECE_WEIGHT)


class SicsSession:
    """See `drivers.base.session.Session`.

    Start: SI and I4, behind which nothing old is left; I0 to I5 as far as the scale has them; then weights for ever, and TA now and then.
    """

    def __init__(self, config: ScaleSicsConfig) -> None:
        self._config = config
        self._streams = config.mode != "poll"
        self._repeats = Ask.CHANGES if config.mode == "on_change" else Ask.STREAM
        self._line = bytearray()
        self._line_is_too_long = False
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._queue: deque[Question] = deque()
        self._queue_up(*_GREETING)
        self._current: Question | None = None
        self._tokens = 0
        self._ready = False
        self._streaming = False
        self._stream_is_sure = False
        self._identity = Identity()
        self._tells_about = True
        self._tare = Tare()
        self._piece: Reply | None = None
        self._not_understood = b""
        self._lines_of_stream = 0
        self._tells_tare = config.tare_check_s > 0
        self._next_tare_check_s = self._next_poll_s = self._stream_deadline_s = 0.0
        self._stale_at_s: float | None = None

    @property
    def serial(self) -> str:
        """See `TellsSerial`."""
        return self._identity.serial

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
            # a look-alike that takes SIR for SI answers once: ask weight by weight
            self._streams = self._lines_of_stream > 0 or self._repeats is Ask.CHANGES
        if self._stale_at_s is not None and now_s >= self._stale_at_s:
            self._stale_at_s = None
            self._events.append(Weighed("stale"))
        self._ask_next(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        due_s = [] if self._stale_at_s is None else [self._stale_at_s]
        if self._current is not None:
            due_s.append(self._current.ask_again_at_s or self._current.deadline_s)
            return min(due_s)
        due_s.append(self._stream_deadline_s if self._streams else self._next_poll_s)
        if self._tells_tare:
            due_s.append(self._next_tare_check_s)
        return min(due_s)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`; what is done shows at the next `advance_to`."""
        asked = question_of(self._config.dialect, name, arguments, self._tokens + 1)
        if sum(waiting.token is not None for waiting in self._queue) >= _WAITING_MAX:
            raise LocalProtocolError(f"{_WAITING_MAX} commands already wait for the scale; try again when they are done", operation=name)
        if asked.counts:
            self._must_have(question(self._config.dialect, Ask.PIECE_WEIGHT), name)
        if asked.ask in _MAY_BE_MISSING:
            self._must_have(asked, name)
        self._tokens += 1
        if asked.ask is Ask.RESET:
            self._drop_everything_for_reset()
        elif asked.ask is Ask.WEIGH and self._streams:
            self._queue_up(Ask.HUSH, Ask.MARK)
        if asked.counts:
            self._queue_up(Ask.PIECE_WEIGHT)
        self._queue.append(asked)
        return self._tokens

    def farewell(self) -> bytes:
        """What ends a stream, so that the next one to connect is not talked over."""
        return Command(RULES[self._config.dialect][Ask.HUSH].sends).encode() if self._streaming else b""

    def _must_have(self, asked: Question, name: str) -> None:
        """Raises: LocalProtocolError: the scale has listed its commands, and this is none of them."""
        if not self._identity.may_know(asked.rule.sends):
            raise LocalProtocolError(f"this scale does not list {asked.rule.sends} among its commands, which {name} needs", operation=name)

    def _queue_up(self, *asks: Ask) -> None:
        rules = RULES[self._config.dialect]
        self._queue += [question(self._config.dialect, ask) for ask in asks if ask in rules]

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
        while self._queue and not self._is_worth_asking(self._queue[0]):
            self._queue.popleft()
        if not self._ready and not any(waiting.token is None for waiting in self._queue):
            self._ready = True
            self._use_what_is_listed()
            self._events.append(SessionReady(self._identity.about))
            self._stale_at_s = now_s + self._config.stale_after_s if self._config.stale_after_s else None
        asked = self._queue.popleft() if self._queue else self._routine(now_s)
        if asked is None:
            return
        if asked.ask is Ask.RATE:
            asked.parameters = (f"{self._config.rate_hz:g}",)
        wait_s = self._config.reply_timeout_s
        if asked.rule.waits_for_rest:
            wait_s = asked.wait_s or self._config.stability_timeout_s
        asked.wait_s, asked.asked_at_s, asked.deadline_s = wait_s, now_s, now_s + wait_s
        self._current, self._not_understood = asked, b""
        self._outgoing += Command(asked.rule.sends, asked.parameters).encode()

    def _use_what_is_listed(self) -> None:
        """Change for stream and stream for poll where the scale lists its commands and has no SR or SIR."""
        rules = RULES[self._config.dialect]
        if self._repeats is Ask.CHANGES and not self._identity.may_know(rules[Ask.CHANGES].sends):
            self._repeats = Ask.STREAM
        self._streams = self._streams and self._identity.may_know(rules[self._repeats].sends)
        self._tells_tare = self._tells_tare and self._identity.may_know(rules[Ask.TARE_HELD].sends)

    def _is_worth_asking(self, asked: Question) -> bool:
        """Of the greeting only what the scale says it has; nothing more about itself when it did not answer such a question."""
        if asked.ask is Ask.RATE:
            return self._config.rate_hz > 0 and self._identity.may_know(asked.rule.sends)
        if asked.ask is Ask.LIST or asked.ask in _ABOUT:
            return self._tells_about and self._identity.may_know(asked.rule.sends)
        return True

    def _routine(self, now_s: float) -> Question | None:
        dialect = self._config.dialect
        if self._tells_tare and now_s >= self._next_tare_check_s:
            return question(dialect, Ask.TARE_HELD)
        if self._streams and self._stream_is_sure:
            return None
        if self._streams:
            return question(dialect, self._repeats, None, *(self._config.change.split() if self._repeats is Ask.CHANGES else ()))
        return question(dialect, Ask.POLL) if now_s >= self._next_poll_s else None

    def _close_question(self, now_s: float) -> None:
        """The question is settled; a stream is asked for again, since look-alikes end it at any command (others go on meanwhile)."""
        asked, self._current = self._current, None
        assert asked is not None
        self._stream_is_sure = self._stream_is_sure and self._repeats is Ask.CHANGES and not asked.rule.ends_stream
        self._streaming = self._streaming and asked.ask not in (Ask.HUSH, Ask.RESET)
        if asked.ask is Ask.POLL:
            self._next_poll_s = asked.asked_at_s + self._config.interval_s
        elif asked.ask is Ask.TARE_HELD:
            self._next_tare_check_s = now_s + self._config.tare_check_s
        elif asked.ask in (Ask.ZERO, Ask.ZERO_NOW, Ask.TARE, Ask.TARE_NOW, Ask.PRESET, Ask.CLEAR_TARE, Ask.RESET):
            self._next_tare_check_s = now_s

    def _fail(self, asked: Question, error: DriverError, now_s: float) -> None:
        if asked.token is not None:
            self._events.append(CommandFailed(asked.token, error))
        self._close_question(now_s)

    def _done(self, asked: Question, outcome: Mapping[str, Argument | None] | DriverError, now_s: float) -> None:
        if isinstance(outcome, DriverError):
            self._fail(asked, outcome, now_s)
            return
        if asked.token is not None:
            self._events.append(CommandDone(asked.token, outcome))
        self._close_question(now_s)

    def _not_answered(self, asked: Question, now_s: float) -> None:
        garbled = self._not_understood or bytes(self._line)
        hint = f" but {shown(garbled)}, which is no line of MT-SICS (check baud rate, parity and the scale's protocol)," if garbled else ""
        waited = ReplyTimeout(f"answer to {asked.rule.sends}{hint}", asked.wait_s)
        # some scales are silent to what they do not know; a dead link shows at the next question
        if asked.ask is Ask.TARE_HELD:
            self._tells_tare = False
            self._close_question(now_s)
        elif asked.ask in (Ask.MARK, Ask.LIST, Ask.RATE, *_ABOUT):
            self._tells_about = False
            self._close_question(now_s)
        elif asked.ask in (Ask.IDENTIFY, Ask.PIECE_WEIGHT, Ask.SET_PIECE_WEIGHT):
            self._fail(asked, waited, now_s)
        elif asked.rule.waits_for_rest:
            self._fail(asked, waited, now_s)
            behind = list(self._queue)
            self._queue.clear()
            self._queue_up(Ask.HUSH, Ask.MARK)
            self._queue += behind
        else:
            raise waited

    def _drop_everything_for_reset(self) -> None:
        """A reset overtakes: what waits is cancelled by it, on the scale and here."""
        cancelled = [asked for asked in (self._current, *self._queue) if asked is not None and asked.token is not None]
        self._events += [CommandFailed(asked.token or 0, DeviceFault("@", "cancelled by a reset of the scale")) for asked in cancelled]
        self._current = None
        self._queue.clear()
        if not self._ready:
            self._queue_up(*_GREETING)

    # Weights

    def _on_weight(self, reply: Reply, line: bytes, now_s: float) -> None:
        asked = self._current
        if reply.status == "A":
            return  # Radwag: understood and in progress; the mass follows
        if asked is not None and asked.rule.weights_are_stale:
            self._reject("stale", line)
        elif asked is not None and asked.ask is Ask.HUSH:
            self._close_question(now_s)
        elif asked is not None and asked.ask is Ask.WEIGH:
            self._on_weigh_answer(asked, reply, line, now_s)
        elif asked is not None and asked.ask in (Ask.POLL, *_REPEATING):
            self._on_weight_asked(asked, reply, line, now_s)
        elif self._streaming:
            self._on_weight_repeated(reply, line, now_s)
        else:
            self._reject("unexpected", line)

    def _on_weight_asked(self, asked: Question, reply: Reply, line: bytes, now_s: float) -> None:
        """Raises: RemoteProtocolError: the scale does not take the least change that is configured."""
        if asked.ask is Ask.CHANGES and reply.status == "L":
            raise RemoteProtocolError(f"the scale does not take change = {self._config.change!r}; give it in the unit that the scale shows", line)
        self._weighed(self._state_of(reply), reply, line, now_s)
        self._close_question(now_s)
        self._lines_of_stream = 0
        self._keep_streaming(now_s)
        if reply.status == "I":
            self._stream_is_sure = False

    def _on_weight_repeated(self, reply: Reply, line: bytes, now_s: float) -> None:
        state = self._state_of(reply)
        self._weighed(state, reply, line, now_s)
        self._lines_of_stream += 1
        self._keep_streaming(now_s)
        if self._repeats is Ask.CHANGES and state == "stable":
            self._stream_is_sure = False  # SR tells it once; asked anew it tells it again, and two equal ones are what stations want

    def _keep_streaming(self, now_s: float) -> None:
        self._streaming = self._stream_is_sure = self._streams
        self._stream_deadline_s = now_s + (self._config.refresh_s if self._repeats is Ask.CHANGES else self._config.reply_timeout_s)

    def _state_of(self, reply: Reply) -> WeightState:
        if reply.value is None:
            return _STATES[reply.status] if reply.status in ("+", "-", "^", "v") and not reply.detail else "error"
        if reply.status:
            return _STATES.get(reply.status, "error")
        return "stable" if self._config.dialect == "radwag" else "error"

    def _weighed(self, state: WeightState, reply: Reply, line: bytes, now_s: float) -> None:
        text = line.decode("ascii").strip()
        self._stale_at_s = now_s + self._config.stale_after_s if self._config.stale_after_s else None
        if state not in ("stable", "dynamic"):
            self._events.append(Weighed(state, None, "", text, self._tare.is_held, code=reply.code))
            return
        tare, kind = self._tare.in_unit(reply.unit)
        self._events.append(Weighed(state, reply.value, reply.unit, text, self._tare.is_held, tare, None, kind))

    def _on_weigh_answer(self, asked: Question, reply: Reply, line: bytes, now_s: float) -> None:
        state, text = self._state_of(reply), line.decode("ascii").strip()
        self._weighed(state, reply, line, now_s)
        if state == "stable" and reply.value is not None:
            self._done(asked, count_result(reply, text, self._piece) if asked.counts else weight_result(reply.value, reply.unit, text), now_s)
        elif state == "dynamic":
            asked.ask_again_at_s = min(now_s + self._config.interval_s, asked.deadline_s)  # a look-alike that does not wait for rest itself
        else:
            self._fail(asked, refusal(reply), now_s)

    # Answers

    def _on_error(self, reply: Reply, line: bytes, now_s: float) -> None:
        asked = self._current
        if asked is None:
            self._reject("unexpected", line)
            return
        if asked.ask is Ask.POLL:
            self._weighed("error", reply, line, now_s)
        elif asked.ask is Ask.CHANGES:
            self._repeats = Ask.STREAM
        elif asked.ask is Ask.STREAM:
            self._streams = False  # no SIR in this scale: ask weight by weight
        elif asked.ask is Ask.TARE_HELD:
            self._tells_tare = False
        elif asked.ask is Ask.LIST:
            self._tells_about = False
        elif asked.ask is Ask.PIECE_WEIGHT:
            self._piece = None
        self._fail(asked, DeviceFault(reply.command, GLOBAL_ERRORS[reply.command]), now_s)

    def _on_answer(self, asked: Question, reply: Reply, now_s: float) -> None:
        if reply.status == "A" and asked.rule.begins:
            return
        if asked.ask is Ask.LIST:
            self._identity.take_list(reply)
            if reply.status == "B":
                asked.deadline_s = now_s + self._config.reply_timeout_s
                return
        self._learn(asked, reply)
        if self._is_success(asked, reply):
            self._done(asked, result(asked.ask, reply), now_s)
            if asked.ask is Ask.STREAM:
                self._keep_streaming(now_s)  # Radwag: the stream begins behind its own answer
        else:
            if asked.ask is Ask.TARE_HELD:
                self._tells_tare = reply.status != "L"
            self._fail(asked, refusal(reply), now_s)

    def _learn(self, asked: Question, reply: Reply) -> None:
        """What an answer says beside whether the command was done."""
        if asked.ask is Ask.RATE and reply.status != "A":
            self._identity.remark = f"the scale does not take {self._config.rate_hz:g} weights a second ({reply.code})"
        elif asked.ask is Ask.PIECE_WEIGHT:
            self._piece = reply if reply.status == "A" else None
        elif asked.ask in (Ask.MARK, Ask.IDENTIFY, Ask.RESET, *_ABOUT):
            self._identity.take(asked.ask, reply)
        if asked.ask is Ask.RESET:
            self._tare.forget()
        self._tare.take(asked.ask, reply, succeeded=self._is_success(asked, reply))

    def _is_success(self, asked: Question, reply: Reply) -> bool:
        if asked.ask in (Ask.TARE, Ask.TARE_NOW):
            return reply.status in ("S", "D")
        if asked.ask is Ask.ZERO_NOW:
            return reply.status in ("S", "D", "A")
        if asked.ask is Ask.ZERO:
            return reply.status == ("D" if asked.rule.begins else "A")
        return reply.status == "A" or (reply.command == "OT" and reply.value is not None)

    def _on_unasked(self, reply: Reply, line: bytes, now_s: float) -> None:
        """Late answers, and the `I4 A` that a scale says when it was switched on."""
        if reply.command == "I4" and reply.status == "A":
            self._identity.serial, self._streaming, self._stream_is_sure = reply.detail, False, False
            self._tare.forget()
            self._next_tare_check_s = now_s
        elif reply.command in TARE_COMMANDS and reply.value is not None:
            self._tare.take(Ask.TARE_HELD, reply, succeeded=True)
        self._reject("unexpected", line)
