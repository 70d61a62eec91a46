# SPDX-License-Identifier: Apache-2.0
"""The conversation with a label printer: one question at a time, one job at a time, and an outcome for each job that says no more than is known."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from contracts.readings import PrintState
from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, FrameRejected, SessionEvent, SessionReady
from drivers.printer_zpl import conditions
from drivers.printer_zpl.answers import Answers
from drivers.printer_zpl.config import PrinterZplConfig
from drivers.printer_zpl.frames import AnyAnswer, Faults, Identity, Setting, Status1, Status2, Status3, decode_block
from drivers.printer_zpl.jobs import JOBS_WAITING_MAX, SENDINGS_MAX, Job, Memory, Outcome, job_of

_UNKNOWN = "?"
"""SGD: the printer does not know the setting."""
_HOLDS = frozenset({"buffer_full", "incomplete_label"})
"""With these nothing more is sent: it would be lost, or become part of another label."""
_LOOK_AT_IT = "look at the printer before it is printed again"
_MISSED_MAX = 2
"""Chosen: what was answered before may be missed once; what never was is not asked again."""
_COUNTS_LATE = 4
"""Chosen: so many times settle_s the counter may stay behind the labels."""
_CONTROLS = {"pause": b"~PP", "resume": b"~PS", "cancel": b"~JA"}


class Ask(Enum):
    """A question, as it is sent."""

    IDENTITY = b"~HI"
    SERIAL = b'! U1 getvar "device.unique_id"\r\n'
    STATUS = b"~HS"
    FAULTS = b"~HQES"
    COUNT = b'! U1 getvar "odometer.total_label_count"\r\n'


_OPTIONAL = (Ask.IDENTITY, Ask.SERIAL, Ask.FAULTS, Ask.COUNT)


@dataclass(frozen=True)
class ConditionTold(SessionEvent):
    """Something began or ended that a person must or may see to. `code` as in the maker's document: the field of ~HS, or the bit of ~HQES."""

    condition: str
    active: bool
    reason: str = ""
    code: str = ""


@dataclass(frozen=True)
class JobTold(SessionEvent):
    """What became of a job, or why it waits."""

    job: str
    state: PrintState
    labels: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class LabelsTold(SessionEvent):
    """The printer's counter while there is nothing to print: when it changed, and before each job is sent."""

    count: int


class PrinterZplSession:
    """See `drivers.base.session.Session`. `memory` is shared with the driver: it outlives the connection."""

    def __init__(self, config: PrinterZplConfig, memory: Memory) -> None:
        self._config = config
        self._memory = memory
        self._answers = Answers()
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._tokens = 0
        self._status_tokens: list[int] = []
        asks = config.status == "ask"
        first = (Ask.IDENTITY, Ask.SERIAL, Ask.STATUS) if config.counter == "auto" else (Ask.IDENTITY, Ask.STATUS)
        self._queue: deque[Ask] = deque(first if asks else ())
        self._asked: Ask | None = None
        self._deadline_s = 0.0
        self._next_poll_s = 0.0
        self._can: dict[Ask, bool] = {Ask.FAULTS: asks, Ask.SERIAL: asks, Ask.COUNT: asks and config.counter == "auto"}
        self._ready = False
        self._about = ""
        self.serial = ""
        self._first: Status1 | None = None
        self._second: Status2 | None = None
        self._faults = Faults()
        self._count_is_fresh = False
        self._missed: dict[Ask, int] = {}
        self._may_come_late: set[Ask] = set()
        """Questions whose last answer did not come in time: the next answer may be that one, so that it is not believed and asked once more."""
        if memory.current is not None:
            memory.current.resumed = memory.current.resumed or memory.current.sent
            memory.current.clear_since_s = None

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`."""
        for kind, piece in self._answers.take(data):
            if kind == "block" or kind == "quoted":
                self._on_piece(piece, now_s, quoted=kind == "quoted")
            else:
                self._events.append(FrameRejected(kind, piece))
        return self._taken()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the printer answers neither ~HS nor ~HQES."""
        if not self._ready and self._config.status == "none":
            self._become_ready()
        if self._asked is not None and now_s >= self._deadline_s:
            self._not_answered(self._asked, now_s)
        self._go_on(now_s)
        return self._taken()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._asked is not None:
            return self._deadline_s
        if self._config.status == "none":
            job = self._memory.current
            return job.clear_since_s + self._config.settle_s if job is not None and job.clear_since_s is not None else None
        return self._next_poll_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`; what is done shows at the next `advance_to`."""
        if name == "print":
            self._take_job(job_of(arguments))
        elif name == "status":
            if self._config.status == "none":
                raise LocalProtocolError("this printer is configured not to be asked (status = none)", operation=name)
            self._tokens += 1
            self._status_tokens.append(self._tokens)
            self._next_poll_s = now_s
            return self._tokens
        elif name in _CONTROLS:
            self._outgoing += _CONTROLS[name]
            self._next_poll_s = now_s
            if name == "cancel":
                self._cancel()
        else:
            raise LocalProtocolError(f"a label printer has no command {name!r}")
        self._tokens += 1
        self._events.append(CommandDone(self._tokens, {}))
        return self._tokens

    def farewell(self) -> bytes:
        """Nothing: what the printer has, it prints."""
        return b""

    def _taken(self) -> list[SessionEvent]:
        events, self._events = self._events, []
        return events

    # Jobs

    def _take_job(self, job: Job) -> None:
        """Raises: LocalProtocolError: too many jobs wait."""
        known = self._memory.finished.get(job.id)
        if known is not None:
            self._events.append(JobTold(job.id, known.state, known.labels, known.reason))
        elif not self._memory.knows(job.id):
            if len(self._memory.waiting) >= JOBS_WAITING_MAX:
                raise LocalProtocolError(f"{JOBS_WAITING_MAX} jobs already wait for the printer; try again when some are printed", operation="print")
            self._memory.waiting.append(job)

    def _cancel(self) -> None:
        for job in list(self._memory.waiting):
            self._finish(job, Outcome("failed", 0, "cancelled before it was sent"))
        self._memory.waiting.clear()
        if self._memory.current is not None:
            self._memory.current.cancelled = True

    def _finish(self, job: Job, outcome: Outcome) -> None:
        self._memory.finish(job, outcome)
        self._events.append(JobTold(job.id, outcome.state, outcome.labels, outcome.reason))

    def _work(self, now_s: float) -> None:
        """Begin the next job when the printer has room for it."""
        memory = self._memory
        if memory.current is None and memory.waiting and not _HOLDS & memory.active.keys():
            memory.current = memory.waiting.popleft()
            self._count_is_fresh = False
        job = memory.current
        if job is None:
            return
        if job.resumed and job.count_before is None:
            self._finish(job, Outcome("unknown", None, f"the link was lost after it was sent, and nothing tells what was printed; {_LOOK_AT_IT}"))
            self._work(now_s)
        elif not job.sent:
            self._send(job, now_s)

    def _send(self, job: Job, now_s: float) -> None:
        if self._can[Ask.COUNT] and not self._count_is_fresh:
            self._queue.append(Ask.COUNT)
            return
        job.count_before = self._memory.counted if self._can[Ask.COUNT] else None
        job.sent, job.resumed, job.clear_since_s = True, False, None
        job.sendings += 1
        self._outgoing += job.data
        if self._config.status == "none":
            job.clear_since_s = now_s
        self._next_poll_s = now_s + self._config.job_poll_interval_s

    def _taken_by_silent_printer(self, now_s: float) -> None:
        job = self._memory.current
        if job is not None and job.clear_since_s is not None and now_s >= job.clear_since_s + self._config.settle_s:
            self._finish(job, Outcome("taken", None, "the printer was sent it and says nothing of itself"))
            self._work(now_s)

    def _watch(self, job: Job, now_s: float) -> None:
        """A look at the printer while a job is in it: does it wait, is it done?"""
        assert self._first is not None
        assert self._second is not None
        if job.resumed and self._first.partial_format and not self._first.formats and not self._second.remaining:
            self._finish(job, Outcome("unknown", None, f"the link was lost while it was sent, and the printer waits for the rest; {_LOOK_AT_IT}"))
            return
        stopped = conditions.why_stopped(self._memory.active)
        waits = "label_waiting" in self._memory.active
        if self._first.formats or self._second.remaining or self._first.partial_format or (stopped and not waits):
            job.clear_since_s = None
            self._tell_waiting(job, stopped)
            return
        if job.clear_since_s is None:
            job.clear_since_s = now_s
        if now_s >= job.clear_since_s + self._config.settle_s:
            if self._can[Ask.COUNT]:
                self._queue.append(Ask.COUNT)  # judged when it is answered
            else:
                self._judge(job, now_s)

    def _tell_waiting(self, job: Job, stopped: str) -> None:
        """Once for each reason in turn; empty: nothing stops the printer."""
        if stopped and stopped != job.told_waiting:
            self._events.append(JobTold(job.id, "waiting", None, stopped))
        job.told_waiting = stopped

    def _judge(self, job: Job, now_s: float) -> None:
        """The printer has had nothing left to do for `settle_s`."""
        assert job.clear_since_s is not None
        if not self._can[Ask.COUNT] or job.count_before is None or self._memory.counted is None:
            self._finish(job, self._outcome_uncounted(job))
            return
        made = self._memory.counted - job.count_before
        if job.labels > made >= 0 and not job.cancelled and now_s < job.clear_since_s + _COUNTS_LATE * self._config.settle_s:
            return  # looked at again: the counter may come behind the labels, also those that came out while the link was lost
        if job.resumed and made == 0 and job.labels and not job.cancelled and job.sendings < SENDINGS_MAX:
            job.sent = job.resumed = False  # it has nothing of it and printed nothing: sending it (again) doubles nothing
        else:
            self._finish(job, _outcome_counted(job, made))

    def _outcome_uncounted(self, job: Job) -> Outcome:
        if job.cancelled:
            return Outcome("failed", None, f"cancelled; {_LOOK_AT_IT}")
        if job.resumed:
            return Outcome("unknown", None, f"the link was lost after it was sent, and its counter tells nothing; {_LOOK_AT_IT}")
        return Outcome("printed", None, "it has nothing left to print; it does not count its labels")

    # Questions

    def _go_on(self, now_s: float) -> None:
        if self._config.status == "none":
            self._taken_by_silent_printer(now_s)
            self._work(now_s)
            return
        if self._asked is None and self._ready and not self._queue:
            self._work(now_s)
        if self._asked is not None:
            return
        if not self._queue and now_s >= self._next_poll_s:
            self._queue.append(Ask.STATUS)
        if self._queue:
            self._ask(self._queue.popleft(), now_s)

    def _ask(self, ask: Ask, now_s: float) -> None:
        self._asked = ask
        busy = self._memory.current is not None and self._memory.current.sent and self._ready
        self._deadline_s = now_s + (self._config.busy_timeout_s if busy else self._config.reply_timeout_s)
        self._outgoing += ask.value
        if ask is Ask.STATUS:
            self._first = self._second = None

    def _answered(self, now_s: float) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self._missed[asked] = 0
        if asked in self._may_come_late:
            self._may_come_late.remove(asked)
            self._queue.appendleft(asked)
        elif asked is Ask.STATUS and self._can[Ask.FAULTS]:
            self._queue.appendleft(Ask.FAULTS)
        elif asked in (Ask.STATUS, Ask.FAULTS):
            self._looked(now_s)
        self._go_on(now_s)

    def _not_answered(self, ask: Ask, now_s: float) -> None:
        self._asked = None
        if ask is not Ask.STATUS or self._second is None:
            self._may_come_late.add(ask)
        if ask in _OPTIONAL and (ask is not Ask.FAULTS or self._second is not None):
            self._missed[ask] = self._missed.get(ask, _MISSED_MAX - 1) + 1
            self._can[ask] = self._missed[ask] < _MISSED_MAX
            self._can[Ask.COUNT] = self._can[Ask.COUNT] and ask is not Ask.SERIAL  # who knows no SGD has no counter either
            if ask is Ask.FAULTS:
                self._looked(now_s)
            return
        if ask is Ask.STATUS and self._second is not None:
            self._answered_status(now_s)  # some leave string 3 away
        elif ask is Ask.STATUS and self._can[Ask.FAULTS]:
            self._queue.appendleft(Ask.FAULTS)  # by the guide ~HS is not answered without paper, without ribbon, with an open head
        else:
            raise ReplyTimeout('answer to ~HS; where the printer never answers, set status = "none". An answer', self._config.reply_timeout_s)

    def _answered_status(self, now_s: float) -> None:
        self._asked = Ask.STATUS
        self._answered(now_s)

    def _looked(self, now_s: float) -> None:
        """A look at the printer is complete."""
        memory = self._memory
        told = conditions.of_faults(self._faults)
        if self._first is not None and self._second is not None:
            told |= conditions.of_status(self._first, self._second, job_comes=memory.current is not None and memory.current.sent)
        if not self._ready:
            self._become_ready()
        self._tell_conditions(told)
        if memory.current is not None and memory.current.sent:
            if self._second is not None:
                self._watch(memory.current, now_s)
            else:
                self._tell_waiting(memory.current, conditions.why_stopped(memory.active))
        elif memory.current is None and self._can[Ask.COUNT]:
            self._queue.append(Ask.COUNT)
        busy = memory.current is not None
        self._next_poll_s = now_s + (self._config.job_poll_interval_s if busy else self._config.poll_interval_s)
        self._tell_status()

    def _tell_conditions(self, told: Mapping[str, str]) -> None:
        active = self._memory.active
        for condition in [each for each in active if each not in told]:
            del active[condition]
            self._events.append(ConditionTold(condition, active=False))
        for condition, code in told.items():
            if condition not in active:
                self._events.append(ConditionTold(condition, active=True, reason=conditions.WHAT_TO_DO[condition], code=code))
            active[condition] = code

    def _tell_status(self) -> None:
        first, second = self._first, self._second
        result: dict[str, Argument | None] = {
            "conditions": ", ".join(self._memory.active),
            "formats": first.formats if first else None,
            "labels_remaining": second.remaining if second else None,
            "label_length_dots": first.label_length_dots if first else None,
            "labels_counted": self._memory.counted,
        }
        self._events += [CommandDone(token, result) for token in self._status_tokens]
        self._status_tokens.clear()

    def _become_ready(self) -> None:
        self._ready = True
        self._events.append(SessionReady(self._about))

    # Answers

    def _on_piece(self, piece: bytes, now_s: float, *, quoted: bool) -> None:
        try:
            answer = Setting.decode(piece) if quoted else decode_block(piece, of_identity=self._asked is Ask.IDENTITY)
        except RemoteProtocolError:
            self._events.append(FrameRejected("malformed", piece))
            return
        if not self._on_answer(answer, now_s):
            self._events.append(FrameRejected("unexpected", piece))

    def _on_answer(self, answer: AnyAnswer, now_s: float) -> bool:
        """Whether it answers what was asked."""
        match self._asked, answer:
            case Ask.IDENTITY, Identity():
                self._about = answer.text
                self._answered(now_s)
            case (Ask.SERIAL | Ask.COUNT) as asked, Setting():
                if asked not in self._may_come_late:
                    self._on_setting(asked, answer.value, now_s)
                self._answered(now_s)
            case Ask.STATUS, Status1() if self._first is None:
                self._first = answer
            case Ask.STATUS, Status2() if self._first is not None and self._second is None:
                self._second = answer
            case Ask.STATUS, Status3() if self._second is not None:
                self._answered(now_s)
            case Ask.FAULTS, Faults():
                self._faults = answer
                self._answered(now_s)
            case _:
                return False
        return True

    def _on_setting(self, asked: Ask, value: str, now_s: float) -> None:
        text = value.strip()
        if asked is Ask.SERIAL:
            self.serial = "" if text == _UNKNOWN else text
            return
        self._count_is_fresh = True
        if not (text.isascii() and text.isdigit()) or len(text) > 15:  # digits that a counter has at most; chosen
            self._can[Ask.COUNT] = False
            return  # the next look judges without it
        memory = self._memory
        memory.counted = int(text)
        is_next = memory.current is not None and not memory.current.sent
        if is_next or (memory.current is None and memory.counted != memory.told):
            memory.told = memory.counted
            self._events.append(LabelsTold(memory.counted))
        if memory.current is not None and memory.current.clear_since_s is not None:
            self._judge(memory.current, now_s)


def _outcome_counted(job: Job, made: int) -> Outcome:
    """What the counter says of a job of which the printer has nothing left. `made`: labels of anybody since it was sent; below 0: it is another counter."""
    if made < 0:
        return Outcome("unknown", None, f"its counter is lower than before: another printer, or one that was set up anew; {_LOOK_AT_IT}")
    if made < job.labels:
        why = "cancelled" if job.cancelled else f"its counter says that it printed {made} of {job.labels} labels and it has nothing left; {_LOOK_AT_IT}"
        return Outcome("failed", made, why)
    if made == job.labels and (job.labels or not job.resumed):
        return Outcome("printed", made)
    others = f"its counter says {made} labels where this job has {job.labels}: somebody else prints on it too"
    if job.resumed or job.cancelled:
        return Outcome("unknown", None, f"it was cut off, and {others if made else 'its counter tells nothing of a job without labels'}; {_LOOK_AT_IT}")
    return Outcome("printed", None, f"it has nothing left to print; {others}")
