# SPDX-License-Identifier: Apache-2.0
"""The conversation with the tags of a line, without any input or output.

What shall be lit is kept as a wish per tag; whenever a tag may have missed something (silent, restarted, reconnected) its whole wish is stated again.
Lit tags are asked as often as the line can, the others slowly, in the order in which they are due; a write has its turn after each of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from drivers.base.errors import DeviceFault, LocalProtocolError, ReplyTimeout
from drivers.base.lights import ButtonsStuck, TagAnswered, TagFault, TagsTested
from drivers.base.line import Priority
from drivers.base.modbus.exchange import DRAIN_SILENCE_S, REASONS, Broken, Exchange, Late, Outcome, State, TimedOut
from drivers.base.modbus.frames import BUSY, EXCEPTIONS, NOBODY_THERE, Reply, Request
from drivers.base.modbus.framing import Framing, Refused, RtuFraming, TcpFraming
from drivers.base.modbus.session import ModbusSession
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.maps import COLOURS, Button, LightMap
from drivers.light_modbus.states import Agenda, Memory, Poll, Tag, Unit
from drivers.light_modbus.tags import LitTag, Seen, Tags

LOOKED_AT_AGAIN = 0.9  # of the time in which a second press is none: then the latch is looked at once more, so that it does not answer the next light
SCAN_MARGIN = 0.95  # of the interval: on a busy line a tag waits for its turn, and is asked within the interval all the same
SETTLES_S = 0.3  # chosen: so long after it was told to, a tag may still show what it showed before
UNITS_FOR_A_LOSS = 4  # chosen: when so many units in a row do not answer, it is the line
LAMP_TEST_DIGIT = "8"
_SILENT = "pick tag does not answer; check its cable, its power and its address"


@dataclass(frozen=True)
class _Job:
    """One exchange. `node` 0: of the tags of `poll`."""

    request: Request
    priority: Priority
    node: int = 0
    poll: Poll | None = None
    kind: Literal["poll", "write", "check"] = "poll"


class LightModbusSession(ModbusSession):
    """One connection to the tags of a line. `memory` is the driver's: it outlives the connection."""

    def __init__(self, config: LightModbusConfig, light_map: LightMap, memory: Memory) -> None:
        self._config = config
        self._map = light_map
        self._memory = memory
        self._lit = memory.lit
        self._plan = Tags(light_map)
        framing: Framing = TcpFraming() if config.framing == "tcp" else RtuFraming(config.baud_rate, echoes=config.echoes)
        worst_s = config.worst_reply_s or light_map.worst_reply_s + max(map(framing.wire_s, self._plan.requests(1)))
        super().__init__(Exchange(framing, config.reply_timeout_s or worst_s, worst_s))
        self._tags = {node: Tag() for node in range(1, config.nodes + 1)}
        self._units: dict[int, Unit] = {}
        self._nodes_of_unit: dict[int, list[int]] = {}
        for node in self._tags:
            for unit in sorted(self._plan.units(node)):
                self._units.setdefault(unit, Unit())
                self._nodes_of_unit.setdefault(unit, []).append(node)
        polls: dict[Request, Poll] = {}
        for node in self._tags:
            polls.setdefault(self._plan.poll(node), Poll(self._plan.poll(node), [])).nodes.append(node)
        self._latches = sum({1 << button.bit for button in light_map.keys.buttons if button.kind == "latch"})
        self._dark_interval_s = light_map.keys.dark_interval_s or SCAN_MARGIN * config.scan_interval_s
        self._agenda = Agenda(polls.values())
        self._poll_of = {node: poll for poll in self._agenda.polls for node in poll.nodes}
        self._checks_of = {node: checks for node in self._tags if (checks := self._plan.checks(node))}
        self._dirty: dict[int, None] = {}
        self._unasked = {poll for poll in self._agenda.polls if not all(node in memory.active for node in poll.nodes)}
        self._begun = self._heard = self._ready = self._wrote_last = False
        self._testing = False
        self._test_ends_s: float | None = None
        self._waiting: dict[int, list[int]] = {}
        self._stuck: tuple[int, ...] = ()
        self._silent_in_a_row = 0
        self._job: _Job | None = None
        self._asking: _Job | None = None
        self._token = 0
        self._now_s = 0.0

    # -- the line -------------------------------------------------------------------------------------------------------------------------

    @property
    def wants_line(self) -> Priority | None:
        """See `SharesLine.wants_line`. A dark tag whose turn it is does not keep the lit ones that wait behind it from going before others."""
        if self.holds_line or self._broken is not None or self._job is None:
            return None
        return Priority.BUTTON if self._lit_due_s() <= self._now_s else self._job.priority

    def grant(self, now_s: float) -> None:
        """See `SharesLine.grant`."""
        job = self._job = self._next_job(now_s)
        if job is None:
            return
        self._job = None
        self._wrote_last = job.kind == "write"
        self._outgoing += self._exchange.ask(job.request, now_s)
        self._asking = job

    # -- the session ----------------------------------------------------------------------------------------------------------------------

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: no tag answers any more. RemoteProtocolError: the line never falls silent."""
        if self._broken is not None:
            raise self._broken
        if not self._begun:
            self._begin(now_s)
        for outcome in self._exchange.advance_to(now_s):
            self._judge(outcome, now_s)
        if self._broken is not None:
            raise self._broken
        if self._is_lost():
            raise ReplyTimeout(f"valid reply of any tag in {self._silent_in_a_row} requests", self._exchange.reply_timeout_s)
        self._watch_test(now_s)
        self._go_on(now_s)
        return self._reported()

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._broken is not None or not self._begun or self._is_lost() or self._events:
            return float("-inf")
        if (exchange_s := self._exchange.next_deadline_s()) is not None:
            return exchange_s
        if self._job is not None:
            if self._others is None:
                return self._exchange.quiet_at_s
            later_s, lit_due_s = self._now_s + 1.0, self._lit_due_s()
            return min(later_s, lit_due_s) if lit_due_s > self._now_s else later_s
        test_s = [] if self._test_ends_s is None else [self._test_ends_s]
        return min([*test_s, self._agenda.first().due_s, *self._write_dues_s(), *(due_s for _, _, due_s in self._checks())])

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: show, clear, buzz, test."""
        if name not in ("show", "clear", "buzz", "test"):
            raise LocalProtocolError(f"Modbus pick tags have no command {name!r}; they take show, clear, buzz, test")
        if name != "test":
            node = self._checked_node(arguments)
            self._obey(name, node, arguments, now_s)
        self._token += 1
        if name == "test":
            self._begin_test()
        if name != "test" and node in self._dirty and not self._is_faulty(node):
            self._waiting.setdefault(node, []).append(self._token)  # done when the tag has it
        else:
            self._events.append(CommandDone(self._token, {} if name == "test" else {"node": node}))
        return self._token

    def _is_faulty(self, node: int) -> bool:
        """Whether it was reported; what it shall show is kept for its return."""
        return any(self._units[unit].faulty for unit in self._plan.units(node))

    def _obey(self, name: str, node: int, arguments: Mapping[str, Argument], now_s: float) -> None:
        tag = self._tags[node]
        if name == "buzz":
            if self._map.buzzer is None:
                raise LocalProtocolError(f"{self._map.title} has no buzzer; its map would name one")
            tag.buzzing = bool(arguments["on"])
            self._restate(node)
        elif name == "show":
            wish = self._wish(arguments)
            if self._lit.get(node) != wish or node in self._memory.counted or not tag.stated:
                self._lit[node] = wish
                self._memory.counted.pop(node, None)
                self._restate(node)
            self._events += [TagFault(node, "silent", _SILENT)] if self._is_faulty(node) else []
        else:
            was_lit = self._lit.pop(node, None) is not None
            self._memory.told.discard(node)
            self._memory.counted.pop(node, None)
            if was_lit or tag.buzzing or not (tag.stated or self._tells_itself()):
                tag.buzzing = False
                self._restate(node)
            elif not tag.stated:
                self._hasten(node, now_s)  # it says whether it is lit

    def _checked_node(self, arguments: Mapping[str, Argument]) -> int:
        node = int(arguments["node"])
        if node not in self._tags:
            raise LocalProtocolError(f"node {node} is not within 1 to {self._config.nodes}; see `nodes` in the device's configuration")
        return node

    def _wish(self, arguments: Mapping[str, Argument]) -> LitTag:
        quantity, colour = int(arguments["quantity"]), str(arguments.get("colour", "green"))
        last = self._map.display.quantity_max if self._map.display is not None else 999_999
        if not 0 <= quantity <= last:
            raise LocalProtocolError(f"quantity {quantity} does not fit this pick tag; it shows 0 to {last}")
        if colour not in COLOURS:
            raise LocalProtocolError(f"colour {colour!r} is none of {', '.join(COLOURS)}")
        lamp = self._map.lamp
        if lamp is not None and lamp.encode(colour) is None:
            raise LocalProtocolError(f"{self._map.title} has no {colour}; it has {', '.join(lamp.colours)}")
        return LitTag(quantity, colour)

    def _tells_itself(self) -> bool:
        """Whether the keys' block says whether the tag is lit."""
        return bool((self._map.lamp and self._map.lamp.shown_at >= 0) or (self._map.display and self._map.display.shown_at >= 0))

    # -- time -----------------------------------------------------------------------------------------------------------------------------

    def _begin(self, now_s: float) -> None:
        self._begun = True
        step_s = self._config.scan_interval_s / len(self._agenda.polls)
        for n, poll in enumerate(self._agenda.polls):
            is_urgent = poll in self._unasked or self._is_followed(poll)
            self._agenda.set(poll, now_s if is_urgent else now_s + n * step_s)
        for node in (*self._lit, *(() if self._tells_itself() else self._tags)):
            if node in self._tags:
                self._restate(node)
        if self._others is None:
            self._exchange.begin(now_s)

    def _become_ready(self) -> None:
        """Every tag was asked once, now or on an earlier connection: what is pressed from now on counts."""
        if self._heard and not self._ready and not self._unasked:
            self._ready = True
            there = sum(node in self._memory.active for node in self._tags)
            self._events.append(SessionReady(f"{self._map.title}: {there} of {self._config.nodes} answered"))

    def _go_on(self, now_s: float) -> None:
        self._now_s = now_s
        self._become_ready()
        self._job = self._next_job(now_s) if self._exchange.state is State.IDLE else None
        if self._others is None and self._job is not None and self._exchange.may_ask(now_s):
            self.grant(now_s)

    def _next_job(self, now_s: float) -> _Job | None:
        """Writes and lit tags take turns; the others are asked when there is nothing to write. Of what is due, that which was due first."""
        write = self._write_job(now_s)
        if write is not None and not self._wrote_last:
            return write
        due = self._due_job(now_s)
        return due if due is not None and due.priority is Priority.BUTTON else write or due

    def _due_job(self, now_s: float) -> _Job | None:
        first = self._agenda.first()
        check = min((check for check in self._checks() if check[2] <= now_s), key=lambda each: each[2], default=None)
        if check is not None and check[2] < first.due_s:
            return _Job(check[1], Priority.SCAN, node=check[0], kind="check")
        if first.due_s > now_s:
            return None
        return _Job(first.request, Priority.BUTTON if self._is_followed(first) else Priority.SCAN, poll=first)

    def _lit_due_s(self) -> float:
        """When the first of the lit tags is to be asked."""
        return min((self._poll_of[node].due_s for node in self._lit if node in self._poll_of), default=float("inf"))

    def _hasten(self, node: int, now_s: float) -> None:
        """Ask for a tag's keys soon, unless its unit is not to be asked now."""
        poll = self._poll_of[node]
        self._agenda.hasten(poll, max(now_s, self._units[poll.request.unit_id].retry_at_s))

    def _checks(self) -> Iterator[tuple[int, Request, float]]:
        """What of the lit tags is to be read back: node, request, when."""
        for node in self._lit if self._checks_of else ():
            if node in self._tags and node not in self._dirty:
                due_s = self._tags[node].checked_at_s + self._config.check_interval_s
                for request in self._checks_of[node]:
                    yield node, request, max(due_s, self._units[request.unit_id].retry_at_s)

    def _write_job(self, now_s: float) -> _Job | None:
        tells_itself = self._tells_itself()
        for node in self._dirty:
            tag = self._tags[node]
            for request in tag.todo if tag.seen or not tells_itself else ():  # what it says first may be a press, and the number of it
                if self._units[request.unit_id].retry_at_s <= now_s:
                    return _Job(request, Priority.WRITE, node=node, kind="write")
        return None

    def _write_dues_s(self) -> Iterator[float]:
        for node in self._dirty:
            if self._tags[node].seen or not self._tells_itself():
                yield from (self._units[request.unit_id].retry_at_s for request in self._tags[node].todo)

    def _is_followed(self, poll: Poll) -> bool:
        """Whether one of its tags is lit, or has a key down."""
        return any(node in self._lit or self._tags[node].down_since_s for node in poll.nodes)

    def _is_lost(self) -> bool:
        return self._silent_in_a_row >= self._config.tries_max * min(len(self._units), UNITS_FOR_A_LOSS)

    # -- what tags shall show -----------------------------------------------------------------------------------------------------------------

    def _shall_show(self, node: int) -> LitTag | None:
        if self._testing:
            last = self._map.display.quantity_max if self._map.display is not None else 0
            return LitTag(min(int(LAMP_TEST_DIGIT * len(str(last))), last), next(iter(self._map.lamp.colours), "green") if self._map.lamp else "green")
        wish = self._lit.get(node)
        return LitTag(self._memory.counted[node], wish.colour) if wish is not None and node in self._memory.counted else wish

    def _restate(self, node: int) -> None:
        tag = self._tags[node]
        tag.stated = False
        stale = self._latches if node in self._lit and node not in self._memory.told else 0  # who pressed a dark tag did not answer its light
        tag.todo = self._plan.writes(node, self._shall_show(node), buzzing=tag.buzzing, cleared=tag.latched | stale)
        self._dirty[node] = None
        if not tag.seen:
            self._hasten(node, float("-inf"))

    def _begin_test(self) -> None:
        self._testing, self._test_ends_s = True, None
        for node in self._tags:
            self._restate(node)

    def _watch_test(self, now_s: float) -> None:
        """The time of a test counts from when all tags that answer were told to light up."""
        if not self._testing:
            return
        if self._test_ends_s is None:
            if self._write_job(now_s) is None and self._exchange.state is State.IDLE:
                self._test_ends_s = now_s + self._config.lamp_test_s
        elif now_s >= self._test_ends_s:
            self._testing, self._test_ends_s = False, None
            for node in self._tags:
                self._restate(node)
            dead = {node for unit, state in self._units.items() if state.faulty for node in self._nodes_of_unit[unit]}
            self._events.append(TagsTested(tuple(sorted(dead))))

    # -- replies --------------------------------------------------------------------------------------------------------------------------

    def _judge(self, outcome: Outcome, now_s: float) -> None:
        match outcome:
            case Reply():
                self._accept(outcome, now_s)
            case Refused(reason=reason, data=data, hopeless=hopeless):
                self._events.append(FrameRejected(reason, data))
                if hopeless:
                    self._missed(reason, REASONS[reason], now_s)
            case TimedOut():
                self._missed("silent", _SILENT, now_s)
            case Late(data=data):
                self._events.append(FrameRejected("late", data))
            case Broken(error=error):
                self._broken = error  # the reply that came before the damage is told first

    def _taken(self, now_s: float) -> _Job:
        job, self._asking = self._asking, None
        assert job is not None
        if job.poll is not None:
            pace_s = self._config.lit_interval_s if self._is_followed(job.poll) else self._dark_interval_s
            again_s = max(self._tags[node].pressed_at_s for node in job.poll.nodes) + LOOKED_AT_AGAIN * self._config.press_filter_s
            self._agenda.set(job.poll, min(now_s + pace_s, again_s if again_s > now_s else float("inf")))
        if job.kind == "check":
            self._tags[job.node].checked_at_s = now_s
        return job

    def _accept(self, reply: Reply, now_s: float) -> None:
        code = reply.exception_code
        if code in NOBODY_THERE:
            self._missed(f"{code:02X}", EXCEPTIONS[code], now_s)
            return
        if code in BUSY:
            self._is_busy(f"{code:02X}", EXCEPTIONS[code], now_s)
            return
        job = self._taken(now_s)
        self._silent_in_a_row = 0
        self._heard = True
        self._become_ready()
        unit = self._units[job.request.unit_id]
        if code is not None:
            self._give_up(job, f"{code:02X}", f"the tag refuses: {EXCEPTIONS.get(code, 'unknown Modbus exception')}", now_s)
            return
        was_away, was_faulty = unit.failures > 0, unit.faulty
        unit.answered()
        if was_faulty and was_away:
            for node in self._nodes_of_unit[job.request.unit_id]:
                self._restate(node)  # whoever was away may have forgotten what it shall show
        if job.kind == "write":
            self._written(job, now_s)
        elif job.kind == "check":
            if not self._plan.is_as_wished(job.node, self._shall_show(job.node), job.request, reply):
                self._restate(job.node)
        elif job.poll is not None:
            self._unasked.discard(job.poll)
            for node in job.poll.nodes:
                self._saw(node, self._plan.seen(node, reply), now_s)

    def _written(self, job: _Job, now_s: float) -> None:
        tag = self._tags[job.node]
        if job.request not in tag.todo:
            return  # something else was wished meanwhile
        tag.todo.remove(job.request)
        if self._clears(job.request, job.node):
            self._memory.active[job.node] = self._memory.active.get(job.node, frozenset()) - self._latch_buttons()
            tag.latched = 0
        if not tag.todo:
            self._dirty.pop(job.node, None)
            tag.stated, tag.stated_at_s, tag.checked_at_s = True, now_s, now_s
            self._events += [CommandDone(token, {"node": job.node}) for token in self._waiting.pop(job.node, ())]
            if job.node in self._lit:
                self._memory.told.add(job.node)
                self._hasten(job.node, now_s + self._config.lit_interval_s)

    def _clears(self, request: Request, node: int) -> bool:
        clear = self._map.clear
        if clear is None or request.unit_id != clear.unit(node):
            return False
        return request.address <= clear.at(node) < request.address + max(1, len(request.values))

    def _latch_buttons(self) -> frozenset[int]:
        return frozenset(n for n, button in enumerate(self._map.keys.buttons) if button.kind == "latch")

    def _missed(self, code: str, meaning: str, now_s: float) -> None:
        """No valid reply: the same again soon, and seldom when that did not help."""
        job = self._taken(now_s)
        self._silent_in_a_row += 1
        unit = self._units[job.request.unit_id]
        unit.failures += 1
        for node in self._nodes_of_unit[job.request.unit_id]:
            self._tags[node].seen = False  # before it is written to again it is asked for a press, and the number that was counted then
            if node in self._dirty and self._tells_itself():
                self._hasten(node, now_s)
        if unit.faulty or unit.failures >= self._config.tries_max:
            self._give_up(job, code, meaning, now_s)
        elif job.poll is not None:
            self._agenda.set(job.poll, now_s)

    def _is_busy(self, code: str, meaning: str, now_s: float) -> None:
        """It is there, and is asked the same a moment later."""
        assert self._asking is not None
        job, unit = self._asking, self._units[self._asking.request.unit_id]
        self._missed(code, meaning, now_s)
        self._silent_in_a_row, self._heard = 0, True
        if not unit.faulty:
            unit.retry_at_s = now_s + self._config.lit_interval_s
            self._agenda.set(self._poll_of[job.node] if job.poll is None else job.poll, unit.retry_at_s)

    def _give_up(self, job: _Job, code: str, meaning: str, now_s: float) -> None:
        unit = self._units[job.request.unit_id]
        nodes = self._nodes_of_unit[job.request.unit_id]
        if not unit.faulty:
            self._events += [TagFault(node, code, meaning) for node in nodes if node in self._lit]
        for node in nodes:
            self._events += [CommandFailed(token, DeviceFault(code, meaning)) for token in self._waiting.pop(node, ())]
        unit.failures = max(unit.failures, 1)
        unit.give_up(now_s, max(self._exchange.worst_reply_s, DRAIN_SILENCE_S), lit=any(node in self._lit for node in nodes))
        for poll in {self._poll_of[node] for node in nodes}:
            if poll.request.unit_id == job.request.unit_id:
                self._unasked.discard(poll)
                self._agenda.set(poll, max(poll.due_s, unit.retry_at_s))

    # -- what tags say --------------------------------------------------------------------------------------------------------------------------

    def _saw(self, node: int, seen: Seen, now_s: float) -> None:
        tag = self._tags[node]
        tag.seen = True
        before = self._memory.active.get(node)
        now_active = self._debounced(tag, seen.pressed, before or frozenset(), now_s)
        self._memory.active[node] = now_active if self._map.clear is not None else now_active - self._latch_buttons()
        self._watch_held(node, seen, now_s)
        for n in sorted(now_active - before) if before is not None else ():  # what was pressed before we came is put back, and not counted
            self._press(node, self._map.keys.buttons[n], seen, now_s)
        self._clear_latches(node, seen)
        if self._tells_itself() and node not in self._dirty and now_s - tag.stated_at_s >= SETTLES_S:
            self._compare(node, seen)

    def _debounced(self, tag: Tag, pressed: frozenset[int], before: frozenset[int], now_s: float) -> frozenset[int]:
        """A key is let go only when it was up for as long as it bounces."""
        for n in pressed:
            tag.up_since_s.pop(n, None)
        still = {n for n in before - pressed if now_s - tag.up_since_s.setdefault(n, now_s) < self._map.keys.buttons[n].debounce_s}
        return pressed | still

    def _clear_latches(self, node: int, seen: Seen) -> None:
        tag = self._tags[node]
        bits = 0
        for _, mask in seen.latches:
            bits |= mask
        if not bits or self._map.clear is None or (tag.latched == bits and node in self._dirty):
            return
        tag.latched = bits
        if node in self._dirty:
            self._restate(node)
        elif (request := self._plan.clearing(node, bits)) is not None:
            tag.todo = [request]
            self._dirty[node] = None

    def _compare(self, node: int, seen: Seen) -> None:
        """A tag that does not show what it shall lost its state: it restarted, or somebody else writes to it."""
        wish = self._shall_show(node)
        lamp = seen.lamp is None or seen.lamp == self._plan.lamp_of(wish)
        display = not seen.tells_quantity or (seen.quantity is None) == (wish is None)
        if lamp and display:
            self._tags[node].stated = True
        else:
            self._restate(node)

    def _press(self, node: int, button: Button, seen: Seen, now_s: float) -> None:
        tag, wish = self._tags[node], self._lit.get(node)
        if button.press in ("plus", "minus"):
            if wish is not None:
                self._count(node, wish, +1 if button.press == "plus" else -1)
            return
        if now_s - tag.pressed_at_s < self._config.press_filter_s:
            self._events.append(FrameRejected("double_press", bytes([node])))
            if wish is not None:
                self._restate(node)  # a tag that goes dark by itself did so by this press as by any other
            return
        if wish is not None and node not in self._memory.told:
            self._events.append(FrameRejected("pressed_before_lit", bytes([node])))
            return
        tag.pressed_at_s = now_s
        quantity = seen.quantity if seen.tells_quantity else self._memory.counted.get(node, wish.quantity if wish else None)
        if self._map.display is None:
            quantity = None
        self._lit.pop(node, None)
        self._memory.told.discard(node)
        self._memory.counted.pop(node, None)
        if wish is not None:
            tag.buzzing = False
            tag.latched = 0
            for _, mask in seen.latches:
                tag.latched |= mask
            self._restate(node)
        self._events.append(TagAnswered(node, "shortage" if button.press == "shortage" else "confirm", quantity))

    def _count(self, node: int, wish: LitTag, step: int) -> None:
        last = self._map.display.quantity_max if self._map.display is not None else 0
        self._memory.counted[node] = max(0, min(last, self._memory.counted.get(node, wish.quantity) + step))
        self._restate(node)

    def _watch_held(self, node: int, seen: Seen, now_s: float) -> None:
        tag = self._tags[node]
        tag.down_since_s = {n: tag.down_since_s.get(n, now_s) for n in seen.down}
        is_stuck = any(now_s - since_s > self._config.held_s for since_s in tag.down_since_s.values())
        if is_stuck == (node in self._stuck):
            return
        self._stuck = tuple(sorted({*self._stuck, node})) if is_stuck else tuple(each for each in self._stuck if each != node)
        self._events.append(ButtonsStuck(self._stuck))
        if is_stuck and node in self._lit:
            self._events.append(TagFault(node, "held", f"a key of the pick tag is held down for {self._config.held_s:g} s; check that nothing leans on it"))
