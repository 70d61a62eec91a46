# SPDX-License-Identifier: Apache-2.0
"""The conversation with one Modbus unit, without any input or output. What may come too late is the business of `Exchange`, turns on a line the arbiter's."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from drivers.base.errors import DeviceBusy, DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.line import Priority
from drivers.base.modbus.exchange import REASONS, Broken, Exchange, Late, Outcome, TimedOut
from drivers.base.modbus.frames import BUSY, EXCEPTIONS, NOBODY_THERE, WRITE_COIL, Reply, Request
from drivers.base.modbus.framing import Framing, Refused, RtuFraming, TcpFraming
from drivers.base.modbus.session import ModbusSession
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.contacts import Contacts
from drivers.sensor_modbus.maps import Array, Block, ModbusMap, SerialNumber, ValueRefused
from drivers.sensor_modbus.memory import Memory

_GRID_ROUNDING = 1e-6  # of an interval: whoever is woken exactly at 0.3 s is not a whole interval early
_FIRST_ROUNDING = 0.5  # the reading after the first comes half an interval later at the earliest, so that slow devices can be done with the first
_SLACK_S = 0.05  # chosen: latency timers of USB adapters (16 ms), a serial server and the way to it
_GATEWAY_S = 1.0  # chosen: a gateway asks the units behind it one after the other, and waits for a dead one before that


@dataclass(frozen=True)
class ValueRead(SessionEvent):
    """A measured value in the unit that `quantity` ends in."""

    quantity: str
    value: float


@dataclass(frozen=True)
class ArrayRead(SessionEvent):
    """Values of one answer, in the unit that `quantity` ends in; `first` is the register of the first."""

    quantity: str
    first: int
    values: list[int | float | None]


@dataclass(frozen=True)
class ValueFailed(SessionEvent):
    """No usable value; `reason` is for people."""

    quantity: str
    reason: str


@dataclass(frozen=True)
class InputRead(SessionEvent):
    """A digital input has a new level, or its first; `number` as printed on the device."""

    number: int
    level: bool


@dataclass(frozen=True)
class _Part:
    """What one request asks for."""

    request: Request
    block: Block | Array | SerialNumber


@dataclass
class _Round:
    """One reading of blocks and arrays, polled or (with a token) commanded, or of the inputs or the serial number alone."""

    parts: deque[_Part]
    token: int | None = None
    result: dict[str, Argument | None] = field(default_factory=dict)
    what: Literal["values", "inputs", "serial"] = "values"


@dataclass(frozen=True)
class _Switching:
    request: Request
    token: int
    output: int


class SensorModbusSession(ModbusSession):
    """One connection to one unit. `RtuFraming` or `TcpFraming` is chosen by the configuration.

    `memory` outlives the connection: it is the driver's.
    """

    def __init__(self, config: SensorModbusConfig, register_map: ModbusMap, memory: Memory | None = None) -> None:
        self._config = config
        self._map = register_map
        self._memory = memory if memory is not None else Memory()
        blocks: tuple[Block | Array, ...] = (*register_map.blocks, *register_map.arrays)
        self._parts = tuple(self._part(block) for block in blocks if isinstance(block, Array) or not block.inputs)
        self._input_parts = tuple(self._part(block) for block in register_map.blocks if block.inputs)
        self._contacts = Contacts(each for block in register_map.blocks for each in block.inputs)
        framing: Framing = TcpFraming() if config.framing == "tcp" else RtuFraming(config.baud_rate, echoes=config.echoes)
        worst_s = config.worst_reply_s or register_map.worst_reply_s + max(framing.wire_s(part.request) for part in self._parts + self._input_parts)
        patience_s = max(worst_s, _GATEWAY_S) if config.framing == "tcp" else worst_s + _SLACK_S
        super().__init__(Exchange(framing, config.reply_timeout_s or patience_s, worst_s))
        self._rounds: deque[_Round] = deque()
        self._switches: deque[_Switching] = deque()
        self._asking: _Round | _Switching | None = None
        self._poll_due_s: float | None = None
        self._poll_tick: int | None = None
        self._serial_due_s = float("inf")
        self._inputs_due_s = float("-inf") if self._input_parts else float("inf")
        self._silent_polls = 0
        self._refusal: DeviceFault | None = None
        self.polls_missed = 0
        """Readings that fell out because the one before was not done, or because nobody let time pass."""
        self.serial = ""
        self._ready = False
        self._token = 0

    # -- the line -------------------------------------------------------------------------------------------------------------------------

    @property
    def wants_line(self) -> Priority | None:
        """See `SharesLine.wants_line`."""
        if self.holds_line or self._broken is not None:
            return None
        if self._switches:
            return Priority.WRITE
        if not self._rounds:
            return None
        return Priority.BUTTON if self._rounds[0].what == "inputs" else Priority.SENSOR

    def grant(self, now_s: float) -> None:
        """See `SharesLine.grant`."""
        if self._switches:
            switching = self._switches.popleft()
            self._ask(switching.request, switching, now_s)
        elif self._rounds:
            self._ask(self._rounds[0].parts[0].request, self._rounds[0], now_s)

    # -- the session ----------------------------------------------------------------------------------------------------------------------

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the unit was silent too often. RemoteProtocolError: the line never falls silent."""
        if self._broken is not None:
            raise self._broken
        if self._is_given_up():
            self._memory.silent(now_s, self._config.interval_s, shared=bool(self._others))
            expected = f"valid reply from unit {self._config.unit_id} in {self._silent_polls} readings"
            raise self._refusal or ReplyTimeout(expected, self._exchange.reply_timeout_s)
        for outcome in self._exchange.advance_to(now_s):
            self._judge(outcome, now_s)
        if self._broken is not None:
            raise self._broken
        self._poll(now_s)
        self._go_on(now_s)
        return self._reported()

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._broken is not None or self._events or self._poll_due_s is None or self._is_given_up():
            return float("-inf")
        due_s = min(self._poll_due_s, self._inputs_due_s)
        if (exchange_s := self._exchange.next_deadline_s()) is not None:
            return min(due_s, exchange_s)
        return min(due_s, self._exchange.quiet_at_s) if (self._rounds or self._switches) and self._others is None else due_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: read, switch_output."""
        self._token += 1
        if name == "read":
            self._rounds.append(_Round(deque(self._parts + self._input_parts), self._token))
        elif name == "switch_output":
            self._switches.append(self._switching(int(arguments["output"]), on=bool(arguments["on"])))
        else:
            raise LocalProtocolError(f"a Modbus sensor has no command {name!r}; it takes read, switch_output")
        return self._token

    def _part(self, block: Block | Array | SerialNumber) -> _Part:
        return _Part(Request(self._config.unit_id, block.function, block.address, block.size_words), block)

    def _is_given_up(self) -> bool:
        """A unit that was silent before gets one try; it has the line only now and then."""
        return self._silent_polls >= (1 if self._memory.tries and not self._ready and self._others else self._config.silent_polls_max)

    def _switching(self, number: int, *, on: bool) -> _Switching:
        for output in self._map.outputs:
            if output.number == number:
                return _Switching(Request(self._config.unit_id, WRITE_COIL, output.address, on=on), self._token, number)
        numbers = ", ".join(str(output.number) for output in self._map.outputs)
        raise LocalProtocolError(f"{self._map.title} has no output {number}; it has: {numbers or 'none'}")

    # -- time -----------------------------------------------------------------------------------------------------------------------------

    def _poll(self, now_s: float) -> None:
        """One reading at once, then on a grid of the clock, so that nothing drifts and devices of the same interval are polled together.

        A reading that is still going on makes the next one fall out.
        """
        if self._poll_due_s is None:
            self._begin(now_s)
        assert self._poll_due_s is not None
        if self._map.serial is not None and now_s >= self._serial_due_s:
            self._serial_due_s = float("inf")
            self._rounds.appendleft(_Round(deque([self._part(self._map.serial)]), what="serial"))
        if now_s >= self._inputs_due_s:
            self._poll_inputs(now_s)
        if now_s < self._poll_due_s:
            return
        if not self._parts:
            self._poll_due_s = float("inf")
            return
        if any(each.token is None and each.what == "values" for each in self._rounds):
            self.polls_missed += 1
        else:
            self._rounds.append(_Round(deque(self._parts)))
        is_first = self._poll_tick is None
        tick = math.floor(now_s / self._config.interval_s + (_FIRST_ROUNDING if is_first else _GRID_ROUNDING))
        self.polls_missed += tick - (self._poll_tick or tick)
        self._poll_tick = tick + 1
        self._poll_due_s = self._poll_tick * self._config.interval_s

    def _poll_inputs(self, now_s: float) -> None:
        if not any(each.what == "inputs" for each in self._rounds):
            first = 1 if self._rounds and self._rounds[0].what == "serial" else 0  # nothing counts before it is known who talks
            self._rounds.insert(first, _Round(deque(self._input_parts), what="inputs"))
        self._inputs_due_s = max(self._inputs_due_s + self._config.inputs_interval_s, now_s)

    def _begin(self, now_s: float) -> None:
        self._poll_due_s = max(now_s, self._memory.next_try_s) if self._others else now_s
        if self._input_parts:
            self._inputs_due_s = self._poll_due_s
        if self._map.serial is not None:
            self._serial_due_s = self._poll_due_s
        if self._others is None:
            self._exchange.begin(now_s)

    def _go_on(self, now_s: float) -> None:
        if self._others is None and (self._switches or self._rounds) and self._exchange.may_ask(now_s):
            self.grant(now_s)

    def _ask(self, request: Request, purpose: _Round | _Switching, now_s: float) -> None:
        self._outgoing += self._exchange.ask(request, now_s)
        self._asking = purpose

    # -- replies --------------------------------------------------------------------------------------------------------------------------

    def _judge(self, outcome: Outcome, now_s: float) -> None:
        match outcome:
            case Reply():
                self._accept(outcome, now_s)
            case Refused(reason=reason, data=data, hopeless=hopeless):
                self._events.append(FrameRejected(reason, data))
                if hopeless:
                    self._fail_exchange(RemoteProtocolError(f"unit {self._config.unit_id}: {REASONS[reason]}", data))
            case TimedOut():
                self._fail_exchange(ReplyTimeout(f"reply from unit {self._config.unit_id}", self._exchange.reply_timeout_s))
            case Late(data=data):
                self._events.append(FrameRejected("late", data))
            case Broken(error=error):
                self._broken = error  # the reply that came before the damage is told first

    def _accept(self, reply: Reply, now_s: float) -> None:
        purpose = self._asking
        assert purpose is not None
        if reply.exception_code is not None and self._is_as_good_as_silent(purpose, reply.exception_code):
            self._fail_exchange(_fault(reply.exception_code))
            return
        self._asking = None
        self._silent_polls = 0
        self._memory.answered()
        is_serial = isinstance(purpose, _Round) and purpose.what == "serial"
        if is_serial and reply.exception_code is None:
            self._accept_serial(reply.registers)
        if not self._ready:
            self._ready = True
            self._events.append(SessionReady(f"{self._map.title}, unit {self._config.unit_id}"))
        if is_serial:
            self._rounds.popleft()  # a device of the family that tells no number is one all the same
        elif reply.exception_code is not None:
            self._give_up(purpose, _fault(reply.exception_code))
        elif isinstance(purpose, _Switching):
            self._events.append(CommandDone(purpose.token, {"output": purpose.output, "on": reply.bits[0]}))
        else:
            self._accept_block(purpose, reply, now_s)

    def _is_as_good_as_silent(self, purpose: _Round | _Switching, code: int) -> bool:
        """Nobody is behind the gateway, or a board does not tell its contacts: what was known of them holds no longer, and only a lost link says so."""
        return code in NOBODY_THERE or (isinstance(purpose, _Round) and purpose.what == "inputs" and code not in BUSY)

    def _accept_serial(self, registers: Sequence[int]) -> None:
        assert self._map.serial is not None
        self.serial = self._map.serial.decode(registers)

    def _accept_block(self, reading: _Round, reply: Reply, now_s: float) -> None:
        block = reading.parts.popleft().block
        if isinstance(block, Array):
            self._accept_array(reading, block, reply.registers)
        elif isinstance(block, Block):
            self._accept_values(reading, block, reply.registers, now_s)
            self._accept_inputs(reading, block, reply.bits, now_s)
        if not reading.parts:
            self._rounds.remove(reading)
            if reading.token is not None:
                self._events.append(CommandDone(reading.token, reading.result))

    def _accept_values(self, reading: _Round, block: Block, registers: Sequence[int], now_s: float) -> None:
        for value in block.values:
            try:
                block.check(registers)
                number = value.decode(registers)
                self._memory.check_moves(value, registers, self._config.stuck_s, now_s)
            except ValueRefused as refusal:
                reading.result[value.quantity] = None
                self._events.append(ValueFailed(value.quantity, str(refusal)))
            else:
                reading.result[value.quantity] = number
                self._events.append(ValueRead(value.quantity, number))

    def _accept_inputs(self, reading: _Round, block: Block, bits: Sequence[bool], now_s: float) -> None:
        for each in block.inputs:
            level = bits[each.offset] != each.inverted
            reading.result[f"input_{each.number}"] = level
            if self._contacts.read(each.number, level, now_s):
                self._events.append(InputRead(each.number, level))

    def _accept_array(self, reading: _Round, array: Array, registers: Sequence[int]) -> None:
        values = array.decode(registers)
        self._events.append(ArrayRead(array.quantity, array.address, values))
        if reading.token is not None:
            reading.result[array.quantity] = " ".join("-" if value is None else f"{value:g}" for value in values)

    def _fail_exchange(self, error: DriverError) -> None:
        purpose, self._asking = self._asking, None
        assert purpose is not None
        self._silent_polls += 1
        self._refusal = error if isinstance(error, DeviceFault) else None
        self._give_up(purpose, error)

    def _give_up(self, purpose: _Round | _Switching, error: DriverError) -> None:
        """End a command or a reading; what it did not read any more has failed."""
        if isinstance(purpose, _Round):
            self._rounds.remove(purpose)
            self._events += [ValueFailed(quantity, str(error)) for part in purpose.parts for quantity in part.block.quantities]
        if purpose.token is not None:
            self._events.append(CommandFailed(purpose.token, error))


def _fault(code: int) -> DeviceFault:
    kind = DeviceBusy if code in (*BUSY, *NOBODY_THERE) else DeviceFault
    return kind(f"{code:02X}", EXCEPTIONS.get(code, "unknown Modbus exception"))
