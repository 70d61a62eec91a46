# SPDX-License-Identifier: Apache-2.0
"""The conversation about digital inputs and outputs, without any input or output: set the lines up, hear edges, switch, and read all levels now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.gpio_lines.config import GpioLinesConfig
from drivers.gpio_lines.frames import LINE_BYTES_MAX, Line, decode, line, number

EDGE_AGE_S_MAX = 10.0  # chosen: an edge that seems older was timed by another clock
_NS = 1_000_000_000
_ANSWERS = {"hello": "chip", "start": "started", "get": "levels"}
_MEANINGS = {
    "EBUSY": "another program uses it; stop that one (gpioinfo tells its name)",
    "ENOENT": "there is no such line; gpioinfo lists them",
    "EINVAL": "the chip cannot do that; see pull, drive and debounce_ms",
    "EPERM": "it may not be used",
    "EACCES": "no permission; add the user to the group gpio",
}


@dataclass(frozen=True)
class InputSeen(SessionEvent):
    """An input has this level, since the monotonic second `at_s`; None: since now."""

    input: int
    level: bool
    at_s: float | None = None


class State(Enum):
    """How far the set-up is."""

    SETTING_UP = "setting up"
    RUNNING = "running"


@dataclass
class _Request:
    line: Line
    token: int | None = None
    result: dict[str, Argument | None] = field(default_factory=dict)


class GpioLinesSession:
    """One conversation. `outputs` is what they shall be; it is shared with the driver and outlives connections."""

    def __init__(self, config: GpioLinesConfig, outputs: dict[int, bool]) -> None:
        self._config = config
        self._outputs = outputs
        self._inputs = {entry.input for entry in config.inputs}
        self._state = State.SETTING_UP
        self._queue: deque[_Request] = deque()
        self._asking: _Request | None = None
        self._began = False
        self._clock_is_ours = False
        self._about = ""
        self._levels: dict[int, bool] = {}
        self._edges: dict[int, int] = {}
        self._reply_due_s = self._resync_due_s = 0.0
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._token = 0
        self._now_s = 0.0

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Raises: RemoteProtocolError: a line cannot be had, or this is something else."""
        self._now_s = now_s
        self._incoming += data
        while (end := self._incoming.find(b"\n") + 1) > 0:
            text = bytes(self._incoming[:end])
            del self._incoming[:end]
            self._take(text)
        if len(self._incoming) > LINE_BYTES_MAX:
            raise RemoteProtocolError(f"no line has more than {LINE_BYTES_MAX} bytes; is something else at this address?", bytes(self._incoming[:64]))
        return self._reported()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: nobody answers."""
        self._now_s = now_s
        if not self._began:
            self._began = True
            self._set_up()
        if self._asking is not None and now_s >= self._reply_due_s:
            raise ReplyTimeout(f"answer to `{self._asking.line.verb}`", self._config.reply_timeout_s)
        if self._state is State.RUNNING and now_s >= self._resync_due_s:
            self._resync()
        self._ask_next()
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._reply_due_s if self._asking is not None else self._resync_due_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: switch_output, read."""
        self._now_s = now_s
        self._token += 1
        if name == "switch_output":
            output, on = int(arguments["output"]), bool(arguments["on"])
            known = [entry.output for entry in self._config.outputs]
            if output not in known:
                raise LocalProtocolError(f"there is no output {output}; there are: {', '.join(map(str, known)) or 'none'}")
            self._outputs[output] = on
            self._queue.append(_Request(line("set", output, on), self._token, {"output": output, "on": on}))
        elif name == "read":
            self._queue.append(_Request(line("get"), self._token))
        else:
            raise LocalProtocolError(f"digital lines have no command {name!r}; they take switch_output, read")
        return self._token

    def farewell(self) -> bytes:
        """Outputs to what is safe."""
        safe = [entry for entry in self._config.outputs if entry.safe != "keep"]
        return b"".join(line("set", entry.output, entry.safe == "on").encode() for entry in safe) if self._state is State.RUNNING else b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

    # -- asking ---------------------------------------------------------------------------------------------------------------------------

    def _set_up(self) -> None:
        inputs = [line("input", entry.input, entry.line, "low" if entry.active_low else "high", entry.pull, entry.debounce_ms) for entry in self._config.inputs]
        outputs = [
            line("output", entry.output, entry.line, "low" if entry.active_low else "high", entry.drive, self._outputs.get(entry.output, entry.at_start))
            for entry in self._config.outputs
        ]
        self._queue.extend(_Request(each) for each in (line("hello"), *inputs, *outputs, line("start"), line("get")))

    def _resync(self) -> None:
        self._resync_due_s = self._now_s + self._config.resync_s
        self._queue.append(_Request(line("get")))

    def _ask_next(self) -> None:
        if self._asking is None and self._queue:
            self._asking = self._queue.popleft()
            self._outgoing += self._asking.line.encode()
            self._reply_due_s = self._now_s + self._config.reply_timeout_s

    # -- hearing --------------------------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        try:
            heard = decode(data)
        except RemoteProtocolError:
            self._events.append(FrameRejected("no_line", data))
            return
        match heard.words:
            case ("edge", told, ("0" | "1") as level, time_ns, edge):
                self._hear_edge(number(told), level == "1", number(time_ns), number(edge))
            case ("level", told, ("0" | "1") as level) if self._asking is not None and self._asking.line.verb == "get":
                self._hear_level(number(told), level=level == "1", at_s=None)
            case ("error", _, code, *rest) if self._asking is not None:
                self._refused(self._asking, code, " ".join(rest))
            case _ if self._is_answer(heard):
                self._answered(heard)
            case _:
                self._events.append(FrameRejected("unasked", data))

    def _is_answer(self, heard: Line) -> bool:
        if self._asking is None:
            return False
        asked = self._asking.line
        if asked.verb in _ANSWERS:
            return heard.verb == _ANSWERS[asked.verb]
        return heard.verb == asked.verb and heard.words[1:2] == asked.words[1:2]

    def _over(self) -> None:
        self._asking = None
        self._ask_next()

    def _answered(self, heard: Line) -> None:
        asked = self._asking
        assert asked is not None
        if asked.line.verb == "hello":
            name, lines, clock = (*heard.words[1:4], "?", "?", "?")[:3]
            self._clock_is_ours = clock == "monotonic"
            self._about = f"{name} with {lines} lines"
        elif asked.line.verb == "start":
            self._state, self._resync_due_s = State.RUNNING, self._now_s + self._config.resync_s
            self._events.append(SessionReady(f"{self._about}; {len(self._config.inputs)} inputs, {len(self._config.outputs)} outputs in use"))
        result = asked.result
        if asked.line.verb == "get":
            result = {**{f"input_{each}": level for each, level in sorted(self._levels.items())}, **self._told_outputs()}
        if asked.token is not None:
            self._events.append(CommandDone(asked.token, result))
        self._over()

    def _told_outputs(self) -> dict[str, Argument | None]:
        return {f"output_{entry.output}": self._outputs.get(entry.output, entry.at_start) for entry in self._config.outputs}

    def _refused(self, asked: _Request, code: str, text: str) -> None:
        meaning = f"{' '.join(asked.line.words[:3])}: {text or _MEANINGS.get(code, 'the chip cannot do that')}"
        if text and code in _MEANINGS:
            meaning += f"; {_MEANINGS[code]}"
        if self._state is State.SETTING_UP:
            raise RemoteProtocolError(f"{meaning} (code {code})")
        if asked.token is not None:
            self._events.append(CommandFailed(asked.token, DeviceFault(code, meaning)))
        else:
            self._events.append(FrameRejected("refused", asked.line.encode()))
        self._over()

    def _hear_edge(self, told: int, level: bool, time_ns: int, edge: int) -> None:
        before = self._edges.get(told)
        self._edges[told] = edge
        if before is not None and edge != before + 1 and self._state is State.RUNNING:
            self._events.append(FrameRejected("edges_lost", line("edge", told, before, edge).encode()))
            self._queue.append(_Request(line("get")))
            self._ask_next()
        self._hear_level(told, level=level, at_s=self._at_s(time_ns))

    def _at_s(self, time_ns: int) -> float | None:
        """The monotonic second of an edge; None: that of its arrival is the best that is known."""
        at_s = time_ns / _NS
        return at_s if self._clock_is_ours and 0.0 <= self._now_s - at_s <= EDGE_AGE_S_MAX else None

    def _hear_level(self, told: int, *, level: bool, at_s: float | None) -> None:
        if told not in self._inputs:
            self._events.append(FrameRejected("unknown_input", line("level", told, level).encode()))
        elif self._levels.get(told) is not level:
            self._levels[told] = level
            self._events.append(InputSeen(told, level, at_s))
