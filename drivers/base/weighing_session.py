# SPDX-License-Identifier: Apache-2.0
"""The conversation with a scale that answers one question at a time, or talks by itself: one question out, no late answer taken for another's."""

from __future__ import annotations

import abc
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout, shown
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.base.weighing import RESTING, Weighed, weight_result

QUIET_S = 0.1
"""Silence that ends what came garbled or late. Chosen: as long as 12 bytes take at 1200 baud. After no answer at all it lasts `reply_timeout_s`, so that
an answer is never taken for the next one's unless it takes twice as long as the scale may."""
_FIRST_QUIET_S = 0.03
"""The same on a new connection, on which something of the last one may still arrive. Chosen: 28 bytes at 9600 baud."""
_QUIET_TRIES_S = 5.0
"""A scale that talks on for so long without being asked is set to continuous output."""
_WAITING_MAX = 16
_SHOWN_BYTES = 64
_ENDS = b"\r\n\x03"
"""The last of them may come after the rest of a frame was understood; alone they are nothing."""
WAIT_S_MAX = 120.0


class Timing(Protocol):
    """What a configuration says of time, in seconds; see `ScaleConfig`."""

    @property
    def interval_s(self) -> float: ...  # noqa: D102

    @property
    def reply_timeout_s(self) -> float: ...  # noqa: D102

    @property
    def stale_after_s(self) -> float: ...  # noqa: D102

    @property
    def silence_timeout_s(self) -> float: ...  # noqa: D102

    @property
    def stability_timeout_s(self) -> float: ...  # noqa: D102


ConfigT = TypeVar("ConfigT", bound=Timing)
Result = Mapping[str, Argument | None]


@dataclass
class Question:
    """Something to be asked. `token` names the command that it belongs to; `name` says what for (`poll`, `zero`)."""

    name: str
    sends: bytes
    token: int | None = None
    asked_at_s: float = 0.0
    has_answer: bool = True
    """False: the device does it and says nothing, or something that nobody knows."""


@dataclass
class Wish:
    """A command that waits for a weight it likes. `meets` looks at each fresh one: a result ends it well, a DriverError badly, None waits on."""

    token: int
    name: str
    since_s: float
    deadline_s: float
    meets: Callable[[Weighed], Result | DriverError | None]


class WeighingSession(abc.ABC, Generic[ConfigT]):
    """See `drivers.base.session.Session`. A subclass cuts frames out of `buffer`, says what they mean, and what to ask; `asks` False: it only listens."""

    asks = True

    def __init__(self, config: ConfigT) -> None:
        self.config = config
        self.buffer = bytearray()
        self.serial = ""
        self.about = ""
        self.current: Question | None = None
        self._events: list[SessionEvent] = []
        self._outgoing = bytearray()
        self._queue: deque[Question] = deque()
        self._wishes: list[Wish] = []
        self._tokens = 0
        self._ready = self._begun = self._is_stale = False
        self._begun_s = self._heard_s = self._weighed_s = self._next_poll_s = 0.0
        self._said_something = False
        self._quiet_until_s: float | None = None
        self._quiet_since_s = 0.0
        self._late = bytearray()
        self._skipped = bytearray()
        self._not_understood = b""

    # What a subclass says

    @abc.abstractmethod
    def cut(self) -> bytes | None:
        """Take the next whole frame out of `buffer`; None: there is none yet. What belongs to no frame goes to `skip` or `reject`."""

    @abc.abstractmethod
    def on_frame(self, frame: bytes, now_s: float) -> None:
        """What a frame means. Raises: RemoteProtocolError: it is none; it is rejected and the conversation goes on."""

    @abc.abstractmethod
    def poll(self) -> bytes:
        """The question for the weight."""

    def question_of(self, name: str, arguments: Mapping[str, Argument]) -> bytes:
        """What to send for a command. Raises: LocalProtocolError: no such command."""
        raise LocalProtocolError(f"this scale has no command {name!r}", operation=name)

    def greeting(self) -> Sequence[Question]:
        """What is asked once at the beginning."""
        return ()

    def cleaned(self, data: bytes) -> bytes:
        """What came, for example without parity bits."""
        return data

    def sent(self, question: Question, now_s: float) -> None:
        """A question that has no answer went out."""

    def not_answered(self, question: Question, now_s: float) -> None:
        """A question of the subclass's own (no token) had no answer."""

    # What the driver's shell calls

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        if self._quiet_until_s is not None:
            self._hear_late(data, now_s)
            return self._taken()
        self.buffer += self.cleaned(data)
        self._said_something = True
        while (frame := self.cut()) is not None:
            self._end_skipping()
            try:
                self.on_frame(frame, now_s)
            except RemoteProtocolError:
                self.reject("malformed", frame)
            else:
                self._heard(now_s)
        self._ask_next(now_s)
        return self._taken()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`."""
        if not self._begun:
            self._begin(now_s)
        if self._quiet_until_s is not None and now_s >= self._quiet_until_s:
            self._end_quiet()
        if self.current is not None and now_s >= self.current.asked_at_s + self.config.reply_timeout_s:
            self._miss(self.current, now_s)
        for wish in [wish for wish in self._wishes if now_s >= wish.deadline_s]:
            self._wishes.remove(wish)
            self._events.append(CommandFailed(wish.token, self._why_no_wish(wish)))
        self._look_at_silence(now_s)
        self._ask_next(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        due_s = [wish.deadline_s for wish in self._wishes]
        if self._ready and not self._is_stale:
            due_s.append(self._weighed_s + self.config.stale_after_s)
        if self.config.silence_timeout_s:
            due_s.append(self._heard_s + self.config.silence_timeout_s)
        if self._quiet_until_s is not None:
            due_s.append(self._quiet_until_s)
        elif self.current is not None:
            due_s.append(self.current.asked_at_s + self.config.reply_timeout_s)
        elif self.asks:
            due_s.append(self._next_poll_s)
        return min(due_s, default=None)

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`; what is done shows at the next `advance_to`."""
        if len(self._queue) + len(self._wishes) >= _WAITING_MAX:
            raise LocalProtocolError(f"{_WAITING_MAX} commands already wait for the scale; try again when they are done", operation=name)
        token = self._tokens + 1
        if name == "weigh":
            self.wish(token, name, self._gives_weight, now_s, wait_of(arguments) or self.config.stability_timeout_s)
        else:
            self.command(Question(name, self.question_of(name, arguments), token), now_s)
        self._tokens = token
        return token

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    # What a subclass uses

    def command(self, question: Question, now_s: float) -> None:
        """Ask when it is its turn. Overridden where a command must wait for the load to rest; see `when_resting`."""
        self._queue.append(question)
        self._next_poll_s = now_s

    def when_resting(self, question: Question, now_s: float) -> None:
        """Ask as soon as a fresh weight says that nothing moves, and no later than `stability_timeout_s`."""

        def rests(event: Weighed) -> None:
            if event.state not in ("dynamic", "stale"):
                self._wishes = [wish for wish in self._wishes if wish.token != question.token]
                self._queue.append(question)

        self.wish(question.token or 0, question.name, rests, now_s, self.config.stability_timeout_s)

    def wish(self, token: int, name: str, meets: Callable[[Weighed], Result | DriverError | None], now_s: float, wait_s: float) -> None:
        """Have the fresh weights from now on looked at by `meets`."""
        self._wishes.append(Wish(token, name, now_s, now_s + wait_s, meets))
        self._next_poll_s = now_s

    def weighed(self, event: Weighed, now_s: float) -> None:
        """Report a weight."""
        self._events.append(event)
        self._weighed_s, self._is_stale = now_s, False
        asked_at_s = self.current.asked_at_s if self.current is not None else now_s
        for wish in [wish for wish in self._wishes if asked_at_s >= wish.since_s]:
            outcome = wish.meets(event)
            if outcome is None:
                continue
            self._wishes.remove(wish)
            self._events.append(CommandFailed(wish.token, outcome) if isinstance(outcome, DriverError) else CommandDone(wish.token, outcome))

    def tell(self, event: SessionEvent) -> None:
        """Report something else."""
        self._events.append(event)

    def answered(self) -> Question | None:
        """The question that is out has its answer; the next one may be asked."""
        question, self.current = self.current, None
        return question

    def done(self, question: Question, result: Result) -> None:
        """A command was carried out."""
        if question.token is not None:
            self._events.append(CommandDone(question.token, result))

    def failed(self, question: Question, error: DriverError) -> None:
        """A command was refused."""
        if question.token is not None:
            self._events.append(CommandFailed(question.token, error))

    def ask_first(self, question: Question) -> None:
        """Ask this next, before what waits."""
        self._queue.appendleft(question)

    def reject(self, reason: str, data: bytes) -> None:
        """Report bytes that were thrown away."""
        self._not_understood = bytes(data) or self._not_understood
        self._events.append(FrameRejected(reason, bytes(data[:_SHOWN_BYTES])))

    def take(self, length: int) -> bytes:
        """Take so many bytes at the beginning of `buffer` as a frame."""
        frame = bytes(self.buffer[:length])
        del self.buffer[:length]
        return frame

    def skip(self, count: int) -> None:
        """Throw away so many bytes at the beginning of `buffer`; told in one piece when a frame begins, or for every 64 bytes."""
        self._skipped += self.buffer[:count]
        del self.buffer[:count]
        while len(self._skipped) >= _SHOWN_BYTES:
            self.reject("out_of_step", bytes(self._skipped[:_SHOWN_BYTES]))
            del self._skipped[:_SHOWN_BYTES]

    def cut_at(self, end: re.Pattern[bytes], bytes_max: int) -> bytes | None:
        """The next frame up to and with its `end`, which matches at one place only; what grows longer than `bytes_max` is thrown away."""
        while True:
            found = end.search(self.buffer)
            if found is not None and found.end() <= bytes_max:
                return self.take(found.end())
            if len(self.buffer) < bytes_max:
                return None
            self.reject("too_long", bytes(self.buffer[:bytes_max]))
            del self.buffer[:bytes_max]

    # How it goes

    def _taken(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    def _begin(self, now_s: float) -> None:
        self._begun = True
        self._begun_s = self._heard_s = self._weighed_s = self._next_poll_s = now_s
        self._queue.extend(self.greeting())
        if self.asks:
            self._start_quiet(now_s, _FIRST_QUIET_S)
        if not self.config.silence_timeout_s:
            self._get_ready()

    def _get_ready(self) -> None:
        if not self._ready:
            self._ready = True
            self._events.insert(0, SessionReady(self.about))

    def _heard(self, now_s: float) -> None:
        self._heard_s = now_s
        if not any(question.token is None for question in self._queue):  # what is asked once at the beginning comes first
            self._get_ready()

    def _ask_next(self, now_s: float) -> None:
        if self._quiet_until_s is not None or self.current is not None or not (self._queue or self.asks):
            return
        if self._queue:
            self.current = self._queue.popleft()
        elif now_s >= self._next_poll_s:
            self.current = Question("poll", self.poll())
            self._next_poll_s = now_s + self.config.interval_s
        else:
            return
        self._give_up_torn()
        self._said_something = False
        self.current.asked_at_s = now_s
        self._outgoing += self.current.sends
        if not self.current.has_answer:
            question, self.current = self.current, None
            if self.asks:
                self._start_quiet(now_s)
            self.sent(question, now_s)

    def _miss(self, question: Question, now_s: float) -> None:
        """No answer: what may still come of it must not pass for the answer to the next question."""
        self.current = None
        waited = ReplyTimeout(f"answer to {question.name}{self._hint()}", self.config.reply_timeout_s)
        self.failed(question, waited)
        if question.token is None and question.name != "poll":
            self.not_answered(question, now_s)
        self._give_up_torn()
        if self.asks:
            self._start_quiet(now_s, QUIET_S if self._said_something else max(QUIET_S, self.config.reply_timeout_s))

    def _give_up_torn(self) -> None:
        """What lies there when a question goes out belongs to no answer to it; of a scale that talks by itself it may be the first half."""
        if not self.asks:
            return
        if self.buffer.strip(_ENDS):
            self.reject("torn", bytes(self.buffer))
        self.buffer.clear()

    def _start_quiet(self, now_s: float, quiet_s: float = QUIET_S) -> None:
        self._quiet_since_s, self._quiet_until_s = now_s, now_s + quiet_s

    def _hear_late(self, data: bytes, now_s: float) -> None:
        self._late += data[: _SHOWN_BYTES - len(self._late)]
        self._quiet_until_s = now_s + QUIET_S
        if now_s - self._quiet_since_s > _QUIET_TRIES_S:
            raise RemoteProtocolError("the scale talks without being asked; set it to answer on command, or the driver to listen", bytes(self._late))

    def _end_quiet(self) -> None:
        self._quiet_until_s = None
        if self._late.strip(_ENDS):
            self.reject("late", bytes(self._late))
        self._late.clear()

    def _end_skipping(self) -> None:
        if self._skipped.strip(_ENDS):
            self.reject("out_of_step", bytes(self._skipped))
        self._skipped.clear()

    def _look_at_silence(self, now_s: float) -> None:
        """Raises: ReplyTimeout: nothing that makes sense for too long."""
        if self._ready and not self._is_stale and now_s >= self._weighed_s + self.config.stale_after_s:
            self._is_stale = True
            self._events.append(Weighed("stale"))
        if self.config.silence_timeout_s and now_s >= self._heard_s + self.config.silence_timeout_s:
            raise ReplyTimeout(f"weight{self._hint()}", self.config.silence_timeout_s)

    def _hint(self) -> str:
        garbled = self._not_understood or bytes(self.buffer) or bytes(self._skipped)
        return f" but {shown(garbled)}, which is nothing of this protocol (check baud rate, parity and the scale's output format)," if garbled else ""

    def _gives_weight(self, event: Weighed) -> Result | DriverError | None:
        if event.state in RESTING and event.value is not None:
            return weight_result(event.value, event.unit, event.text)
        if event.state in ("overload", "underload", "error"):
            return DeviceFault(event.code or event.state, f"the scale reports {event.state}")
        return None

    def _why_no_wish(self, wish: Wish) -> DriverError:
        waited_s = wish.deadline_s - wish.since_s
        return DeviceFault(wish.name, f"the load did not rest, or the scale did not do it, within {waited_s:g} s")


def shows_nothing(name: str, event: Weighed) -> Result | DriverError | None:
    """For `wish`: zero and tare both end with a display of zero."""
    if event.state in RESTING and event.value is not None and not event.value:
        return {}
    return DeviceFault(event.code, f"the scale did not {name}: {event.state}") if event.state in ("overload", "error") else None


def wait_of(arguments: Mapping[str, Argument]) -> float:
    """How long to wait for rest; 0 when not said. Raises: LocalProtocolError: not above 0 or longer than two minutes."""
    if "wait_s" not in arguments:
        return 0.0
    wait_s = float(arguments["wait_s"])
    if not 0 < wait_s <= WAIT_S_MAX:
        raise LocalProtocolError(f"wait_s is above 0 and at most {WAIT_S_MAX:g} seconds, got {wait_s:g}", operation="weigh")
    return wait_s
