# SPDX-License-Identifier: Apache-2.0
"""The conversation with one Modbus unit, without any input or output.

The drain rule: RTU replies carry no number. A reply that comes after its time-out would be taken for the reply to the next request, and every later
one would be shifted by one, with good checksums. So after a time-out or a reply that cannot be trusted nothing is sent, and what comes is thrown away,
until the latest moment at which that reply may still come has passed and the line has been silent. Gateways between TCP and RTU shift replies
likewise and put the new number on them; so the rule holds for TCP too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.frames import EXCEPTIONS, WRITE_COIL, Reply, Request
from drivers.sensor_modbus.framing import Framing, Refused, RtuFraming, TcpFraming
from drivers.sensor_modbus.maps import Array, Block, ModbusMap, ValueRefused

DRAIN_SILENCE_S = 0.05  # measured: 50 ms of silence end every burst of late replies at 9600 baud
_GRID_ROUNDING = 1e-6  # of an interval: whoever is woken exactly at 0.3 s is not a whole interval early
_FIRST_ROUNDING = 0.5  # the reading after the first comes half an interval later at the earliest, so that slow devices can be done with the first
DRAIN_MAX_S = 10.0  # a line that is not silent for so long is broken
_REASONS = {
    "crc": "the reply has a wrong checksum; check baud rate, parity, termination of the line, and that no two devices have this address",
    "garbled": "what came is no reply; check baud rate, parity, and whether the adapter sends back what it sends (`echoes`)",
    "mismatch": "what came does not fit the request; check `unit_id` and the map",
}


class State(Enum):
    """Where the conversation stands: nothing asked, a request outstanding, or throwing away what may come too late."""

    IDLE = "idle"
    WAITING = "waiting"
    DRAINING = "draining"


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
class _Part:
    """What one request asks for."""

    request: Request
    block: Block | Array


@dataclass
class _Round:
    """One reading of all blocks and arrays, polled or (with a token) commanded."""

    parts: deque[_Part]
    token: int | None = None
    result: dict[str, Argument | None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Switching:
    request: Request
    token: int
    output: int


class SensorModbusSession:
    """One connection to one unit. `RtuFraming` or `TcpFraming` is chosen by the configuration."""

    def __init__(self, config: SensorModbusConfig, register_map: ModbusMap) -> None:
        self._config = config
        self._map = register_map
        blocks: tuple[Block | Array, ...] = (*register_map.blocks, *register_map.arrays)
        self._parts = tuple(_Part(Request(config.unit_id, block.function, block.address, block.size_words), block) for block in blocks)
        self._framing: Framing = TcpFraming() if config.framing == "tcp" else RtuFraming(config.baud_rate, echoes=config.echoes)
        self._worst_reply_s = max(config.worst_reply_s or register_map.worst_reply_s, config.reply_timeout_s)
        self._state = State.IDLE
        self._rounds: deque[_Round] = deque()
        self._switches: deque[_Switching] = deque()
        self._asking: tuple[Request, _Round | _Switching] | None = None
        self._asked_at_s = 0.0
        self._last_byte_s = float("-inf")
        self._drain_began_s = 0.0
        self._poll_due_s: float | None = None
        self._poll_tick: int | None = None
        self._late = bytearray()
        self._silent_polls = 0
        self.polls_missed = 0
        """Readings that fell out because the one before was not done, or because nobody let time pass."""
        self._ready = False
        self._broken: RemoteProtocolError | None = None
        self._token = 0
        self._outgoing = b""
        self._events: list[SessionEvent] = []

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Raises: RemoteProtocolError: the Modbus TCP stream is beyond repair."""
        self._last_byte_s = now_s
        try:
            self._receive(data, now_s)
        except RemoteProtocolError as error:
            if not self._events:
                raise
            self._broken = error  # the reply that came before the damage is told first
            return self._reported()
        self._ask_next(now_s)
        return self._reported()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the unit was silent too often. RemoteProtocolError: the line never falls silent."""
        if self._broken is not None:
            raise self._broken
        if self._silent_polls >= self._config.silent_polls_max:
            raise ReplyTimeout(f"valid reply from unit {self._config.unit_id} in {self._silent_polls} readings", self._config.reply_timeout_s)
        if self._state is State.WAITING and now_s >= self._asked_at_s + self._config.reply_timeout_s:
            self._fail_exchange(ReplyTimeout(f"reply from unit {self._config.unit_id}", self._config.reply_timeout_s), now_s)
        if self._state is State.DRAINING:
            self._drain(now_s)
        self._poll(now_s)
        self._ask_next(now_s)
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data, self._outgoing = self._outgoing, b""
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._broken is not None or self._events or self._poll_due_s is None or self._silent_polls >= self._config.silent_polls_max:
            return float("-inf")
        if self._state is State.WAITING:
            return min(self._poll_due_s, self._asked_at_s + self._config.reply_timeout_s)
        if self._state is State.DRAINING:
            return min(self._poll_due_s, self._drained_at_s())
        if self._rounds or self._switches:
            return min(self._poll_due_s, self._quiet_at_s())
        return self._poll_due_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: read, switch_output."""
        self._token += 1
        if name == "read":
            self._rounds.append(_Round(deque(self._parts), self._token))
        elif name == "switch_output":
            self._switches.append(self._switching(int(arguments["output"]), on=bool(arguments["on"])))
        else:
            raise LocalProtocolError(f"a Modbus sensor has no command {name!r}; it takes read, switch_output")
        return self._token

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

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
        if now_s < self._poll_due_s:
            return
        if any(each.token is None for each in self._rounds):
            self.polls_missed += 1
        else:
            self._rounds.append(_Round(deque(self._parts)))
        is_first = self._poll_tick is None
        tick = math.floor(now_s / self._config.interval_s + (_FIRST_ROUNDING if is_first else _GRID_ROUNDING))
        self.polls_missed += tick - (self._poll_tick or tick)
        self._poll_tick = tick + 1
        self._poll_due_s = self._poll_tick * self._config.interval_s

    def _begin(self, now_s: float) -> None:
        """On a serial line the reply to what was asked before this connection may still come: measured, closing and opening does not lose it."""
        self._poll_due_s = now_s
        if not self._framing.keeps_frames:
            self._asked_at_s = now_s
            self._begin_drain(now_s)

    def _quiet_at_s(self) -> float:
        return self._last_byte_s + self._framing.gap_s

    def _drained_at_s(self) -> float:
        return max(self._asked_at_s + self._worst_reply_s, self._last_byte_s + DRAIN_SILENCE_S)

    def _begin_drain(self, now_s: float) -> None:
        self._state, self._asking = State.DRAINING, None
        self._drain_began_s = now_s

    def _drain(self, now_s: float) -> None:
        if now_s >= self._drained_at_s():
            self._state = State.IDLE
            if self._late:
                self._events.append(FrameRejected("late", bytes(self._late)))
                self._late.clear()
        elif now_s > max(self._drain_began_s, self._asked_at_s + self._worst_reply_s) + DRAIN_MAX_S:
            raise RemoteProtocolError(f"the line was not silent for {DRAIN_MAX_S:g} s; is another master on it?", bytes(self._late))

    def _ask_next(self, now_s: float) -> None:
        if self._state is not State.IDLE or now_s < self._quiet_at_s():
            return
        if self._switches:
            switching = self._switches.popleft()
            self._ask(switching.request, switching, now_s)
        elif self._rounds:
            self._ask(self._rounds[0].parts[0].request, self._rounds[0], now_s)

    def _ask(self, request: Request, purpose: _Round | _Switching, now_s: float) -> None:
        self._outgoing += self._framing.ask(request)
        self._asking = (request, purpose)
        self._asked_at_s = now_s
        self._state = State.WAITING

    # -- replies --------------------------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes, now_s: float) -> None:
        """Mostly data is the whole reply; anything else is taken byte by byte, and comes to the same."""
        whole = self._framing.take_whole(data) if self._state is State.WAITING else None
        if whole is not None:
            self._judge(whole, now_s)
            return
        for byte in data:
            self._take(byte, now_s)

    def _take(self, byte: int, now_s: float) -> None:
        outcome = self._framing.take(byte) if self._state is State.WAITING or self._framing.keeps_frames else None
        if self._state is State.WAITING:
            self._judge(outcome, now_s)
            return
        if self._state is State.IDLE:
            self._begin_drain(now_s)  # nobody was asked: replies may be out of step
        if len(self._late) < 256:
            self._late.append(byte)

    def _judge(self, outcome: Reply | Refused | None, now_s: float) -> None:
        if isinstance(outcome, Refused):
            self._events.append(FrameRejected(outcome.reason, outcome.data))
            if outcome.hopeless:
                self._fail_exchange(RemoteProtocolError(f"unit {self._config.unit_id}: {_REASONS[outcome.reason]}", outcome.data), now_s)
        elif outcome is not None:
            self._accept(outcome)

    def _accept(self, reply: Reply) -> None:
        assert self._asking is not None
        _, purpose = self._asking
        self._state, self._asking, self._silent_polls = State.IDLE, None, 0
        if not self._ready:
            self._ready = True
            self._events.append(SessionReady(f"{self._map.title}, unit {self._config.unit_id}"))
        if reply.exception_code is not None:
            code = reply.exception_code
            fault = DeviceFault(f"{code:02X}", EXCEPTIONS.get(code, "unknown Modbus exception"))
            self._give_up(purpose, fault)
        elif isinstance(purpose, _Switching):
            self._events.append(CommandDone(purpose.token, {"output": purpose.output, "on": reply.bits[0]}))
        else:
            self._accept_block(purpose, reply.registers)

    def _accept_block(self, reading: _Round, registers: Sequence[int]) -> None:
        block = reading.parts.popleft().block
        if isinstance(block, Array):
            self._accept_array(reading, block, registers)
        else:
            self._accept_values(reading, block, registers)
        if not reading.parts:
            self._rounds.popleft()
            if reading.token is not None:
                self._events.append(CommandDone(reading.token, reading.result))

    def _accept_values(self, reading: _Round, block: Block, registers: Sequence[int]) -> None:
        for value in block.values:
            try:
                number = value.decode(registers)
            except ValueRefused as refusal:
                reading.result[value.quantity] = None
                self._events.append(ValueFailed(value.quantity, str(refusal)))
            else:
                reading.result[value.quantity] = number
                self._events.append(ValueRead(value.quantity, number))

    def _accept_array(self, reading: _Round, array: Array, registers: Sequence[int]) -> None:
        values = array.decode(registers)
        self._events.append(ArrayRead(array.quantity, array.address, values))
        if reading.token is not None:
            reading.result[array.quantity] = " ".join("-" if value is None else f"{value:g}" for value in values)

    def _fail_exchange(self, error: DriverError, now_s: float) -> None:
        assert self._asking is not None
        _, purpose = self._asking
        self._begin_drain(now_s)
        self._silent_polls += 1
        self._give_up(purpose, error)

    def _give_up(self, purpose: _Round | _Switching, error: DriverError) -> None:
        """End a command or a reading; what it did not read any more has failed."""
        if isinstance(purpose, _Round):
            self._rounds.remove(purpose)
            self._events += [ValueFailed(quantity, str(error)) for part in purpose.parts for quantity in part.block.quantities]
        if purpose.token is not None:
            self._events.append(CommandFailed(purpose.token, error))
