# SPDX-License-Identifier: Apache-2.0
"""The conversation with a signal tower, without any input or output: one request at a time, and what shall be shown is compared with what is shown.

What shall be shown is kept as a wish that outlives connections; a tower that was switched off and on gets it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.tower_patlite.config import TowerPatliteConfig
from drivers.tower_patlite.frames import ACK, BUZZER, COLOURS, LAMPS, NAK, PATTERN_MAX, STATUS_BYTES, UNCHANGED, Command, Identifier, Status, command
from drivers.tower_patlite.frames import decode_status as status_of

REFUSED = "15"
_STEADY, _FLASHING = 1, 2


@dataclass
class Wish:
    """What the tower shall show: patterns by output, or the last command D or T instead of them (`whole`). Empty: whatever it shows is right."""

    patterns: dict[int, int] = field(default_factory=dict)
    whole: Command | None = None


@dataclass(frozen=True)
class InputSeen(SessionEvent):
    """A signal wire of the tower (1-8) has this level."""

    input: int
    level: bool


@dataclass(frozen=True)
class TowerFault(SessionEvent):
    """The tower does not do what it shall; `output` 0: none in particular. `code`: 15 (it refused), G (it shows something else)."""

    output: int
    code: str
    meaning: str


class State(Enum):
    """Whether an answer is awaited."""

    IDLE = "idle"
    WAITING = "waiting"


@dataclass(frozen=True)
class _Request:
    command: Command
    token: int | None = None
    result: tuple[tuple[str, Argument], ...] = ()


class TowerPatliteSession:
    """One TCP connection to a tower. `wish` is shared with the driver: it outlives the connection."""

    def __init__(self, config: TowerPatliteConfig, wish: Wish) -> None:
        self._config = config
        self._wish = wish
        self._state = State.IDLE
        self._queue: deque[_Request] = deque()
        self._asking: _Request | None = None
        self._reply_due_s = 0.0
        self._status_due_s = 0.0
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._ready = False
        self._token = 0
        self._inputs: tuple[bool, ...] = ()
        self._differences: dict[int, int] = {}
        self._now_s = 0.0

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Raises: RemoteProtocolError: it is no tower, or another model."""
        self._now_s = now_s
        if self._asks_status and not self._incoming and len(data) == STATUS_BYTES["la6"] != STATUS_BYTES[self._config.model]:
            raise RemoteProtocolError(f"the tower tells {len(data)} bytes as its status, which {self._config.model} does not; give `model` la6", data)
        for byte in data:
            self._take(byte)
        return self._reported()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: the tower did not answer. RemoteProtocolError: it is another model."""
        self._now_s = now_s
        if self._state is State.WAITING and now_s >= self._reply_due_s:
            assert self._asking is not None
            self._check_model()
            raise ReplyTimeout(f"answer to PNS command {chr(self._asking.command.identifier)}", self._config.reply_timeout_s)
        if now_s >= self._status_due_s:
            self._status_due_s = now_s + self._config.watchdog_s
            self._ask(Identifier.STATUS)
        self._send_next()
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        return self._reply_due_s if self._state is State.WAITING else self._status_due_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: switch_output, set_output, colours, smart, mute, clear, read."""
        self._now_s = now_s
        starting = {
            "switch_output": self._switch,
            "set_output": self._set,
            "colours": self._colour,
            "smart": self._smart,
            "mute": self._mute,
            "clear": self._clear,
            "read": self._read,
        }.get(name)
        if starting is None:
            raise LocalProtocolError(f"a Patlite tower has no command {name!r}; it takes switch_output, set_output, colours, smart, mute, clear, read")
        self._token += 1
        starting(arguments)
        return self._token

    def farewell(self) -> bytes:
        """Nothing: what is lit stays lit."""
        return b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

    # -- commands -------------------------------------------------------------------------------------------------------------------------

    def _switch(self, arguments: Mapping[str, Argument]) -> None:
        output, on = self._output(arguments), bool(arguments["on"])
        pattern = 0
        if on:
            flashes = output in self._config.flashing
            pattern = self._config.buzzer_pattern if output == BUZZER else (_FLASHING if flashes else _STEADY)
        self._want(output, pattern, (("output", output), ("on", on)))

    def _set(self, arguments: Mapping[str, Argument]) -> None:
        output, pattern = self._output(arguments), int(arguments["pattern"])
        most = PATTERN_MAX[self._config.model][output == BUZZER]
        if not 0 <= pattern <= most:
            raise LocalProtocolError(f"pattern {pattern} of output {output} is not within 0 to {most} (model {self._config.model})")
        self._want(output, pattern, (("output", output), ("pattern", pattern)))

    def _want(self, output: int, pattern: int, result: tuple[tuple[str, Argument], ...]) -> None:
        if self._wish.whole is not None:
            self._wish.whole, self._wish.patterns = None, {}
        self._wish.patterns[output] = pattern
        self._differences.pop(output, None)
        self._queue.append(_Request(self._run(), self._token, result))

    def _run(self) -> Command:
        """Command S with the whole wish, or D where the buzzer shall sound as only that can say (LA6: patterns 4 to 11)."""
        patterns = [self._wish.patterns.get(output, UNCHANGED) for output in range(1, LAMPS + 2)]
        if self._config.model == "la6" and PATTERN_MAX["la6"][1] < patterns[-1] != UNCHANGED:
            return self._detail_of(patterns)
        return command(self._config.model, Identifier.RUN, patterns)

    def _dark(self) -> Command:
        """Everything out: command C, or six zeros where the manual (NHL 3.6) tells of command S only."""
        if self._config.model == "nh":
            return command("nh", Identifier.RUN, [0] * (LAMPS + 1))
        return command(self._config.model, Identifier.CLEAR)

    def _detail_of(self, patterns: list[int]) -> Command:
        colours = [colour if 0 < pattern != UNCHANGED else 0 for colour, pattern in zip(_TIERS, patterns, strict=False)]
        return command("la6", Identifier.DETAIL, [*colours, int(_FLASHING in patterns[:LAMPS]), patterns[-1]])

    def _colour(self, arguments: Mapping[str, Argument]) -> None:
        names = [word.strip() for word in str(arguments["colours"]).split(",")]
        if len(names) != LAMPS or not set(names) <= set(COLOURS):
            raise LocalProtocolError(f"`colours` names five tiers from the top, each one of {', '.join(COLOURS)}; got {arguments['colours']!r}")
        buzzer = int(arguments.get("buzzer", 0))
        if not 0 <= buzzer <= 11:
            raise LocalProtocolError(f"buzzer pattern {buzzer} is not within 0 to 11")
        data = [*(COLOURS[name] for name in names), int(bool(arguments.get("flashing", False))), buzzer]
        self._want_whole(command(self._config.model, Identifier.DETAIL, data))

    def _smart(self, arguments: Mapping[str, Argument]) -> None:
        group = int(arguments["group"])
        if not 1 <= group <= 31:
            raise LocalProtocolError(f"group {group} is not within 1 to 31")
        self._want_whole(command(self._config.model, Identifier.SMART, [group]))

    def _want_whole(self, whole: Command) -> None:
        self._wish.whole, self._wish.patterns = whole, {}
        self._differences.clear()
        self._queue.append(_Request(whole, self._token))

    def _mute(self, arguments: Mapping[str, Argument]) -> None:
        self._ask(Identifier.MUTE, [int(bool(arguments["on"]))], self._token)

    def _clear(self, arguments: Mapping[str, Argument]) -> None:
        self._wish.patterns, self._wish.whole = dict.fromkeys(range(1, LAMPS + 2), 0), None
        self._queue.append(_Request(self._dark(), self._token))

    def _read(self, arguments: Mapping[str, Argument]) -> None:
        self._ask(Identifier.STATUS, token=self._token)

    def _output(self, arguments: Mapping[str, Argument]) -> int:
        output = int(arguments["output"])
        if not 1 <= output <= BUZZER:
            raise LocalProtocolError(f"output {output} is not within 1 to {BUZZER}: lamps 1 to {LAMPS} from the top, {BUZZER} the buzzer")
        return output

    # -- asking and hearing ---------------------------------------------------------------------------------------------------------------

    def _ask(self, identifier: Identifier, data: Sequence[int] = (), token: int | None = None) -> None:
        self._queue.append(_Request(command(self._config.model, identifier, data), token))

    def _send_next(self) -> None:
        if self._state is State.IDLE and self._queue:
            self._asking = self._queue.popleft()
            self._outgoing += self._asking.command.encode()
            self._state, self._reply_due_s = State.WAITING, self._now_s + self._config.reply_timeout_s
            self._incoming.clear()

    def _take(self, byte: int) -> None:
        if self._asking is None:
            self._events.append(FrameRejected("unasked", bytes([byte])))
            return
        self._incoming.append(byte)
        if not self._asks_status or self._incoming[0] == NAK:
            self._answered(self._asking, byte)
        elif len(self._incoming) == STATUS_BYTES[self._config.model]:
            self._accept_status(self._asking, status_of(bytes(self._incoming)))

    @property
    def _asks_status(self) -> bool:
        return self._asking is not None and self._asking.command.identifier == Identifier.STATUS

    def _check_model(self) -> None:
        """Raises: RemoteProtocolError: the tower told its status and said no more, but that of another model."""
        if self._asks_status and len(self._incoming) == STATUS_BYTES["lr5"] != STATUS_BYTES[self._config.model]:
            raise RemoteProtocolError("the tower tells six bytes as its status, which la6 does not; give `model` lr5", bytes(self._incoming))

    def _answered(self, request: _Request, byte: int) -> None:
        if byte not in (ACK, NAK):
            raise RemoteProtocolError("answer to a PNS command is neither ACK nor NAK; is this the PNS port, and the right `model`?", bytes([byte]))
        self._over()
        if byte == ACK:
            self._done(request, dict(request.result))
        else:
            self._refused(request)

    def _refused(self, request: _Request) -> None:
        letter = chr(request.command.identifier)
        meaning = f"the tower refused PNS command {letter}; check `model`, and in its set-up that PNS commands and this function are on"
        if request.command.identifier == Identifier.STATUS and not self._ready:
            raise RemoteProtocolError(meaning, bytes([NAK]))
        if request.token is not None:
            self._events.append(CommandFailed(request.token, DeviceFault(REFUSED, meaning)))
        else:
            self._events.append(TowerFault(0, REFUSED, meaning))

    def _over(self) -> None:
        self._state, self._asking = State.IDLE, None
        self._send_next()

    def _done(self, request: _Request, result: Mapping[str, Argument | None]) -> None:
        if request.token is not None:
            self._events.append(CommandDone(request.token, result))

    def _accept_status(self, request: _Request, status: Status) -> None:
        if not self._ready:
            self._become_ready(status)
        self._see_inputs(status)
        if not self._queue:  # a wish that is still to be said is not compared
            self._compare(status)
        self._over()
        self._done(request, _told(status))

    def _become_ready(self, status: Status) -> None:
        self._ready = True
        shown = f"smart mode group {status.group}" if status.is_smart else f"lamps {status.patterns[:LAMPS]}, buzzer {status.patterns[LAMPS]}"
        self._events.append(SessionReady(f"Patlite {self._config.model.upper()}, shows {shown}"))
        if self._config.clear_on_connect:
            self._queue.append(_Request(self._dark()))
        if self._wish.whole is not None:
            self._queue.append(_Request(self._wish.whole))
        elif self._wish.patterns:
            self._queue.append(_Request(self._run()))

    def _see_inputs(self, status: Status) -> None:
        before = self._inputs or (False,) * len(status.inputs)
        self._events += [InputSeen(number, level) for number, (was, level) in enumerate(zip(before, status.inputs, strict=True), 1) if was != level]
        self._inputs = status.inputs

    def _compare(self, status: Status) -> None:
        """Say the wish again where the tower shows something else; report an output once when that did not help often enough."""
        wrong = self._wrong(status)
        for output in [output for output in self._differences if output not in wrong]:
            del self._differences[output]
        for output in wrong:
            self._differences[output] = tries = self._differences.get(output, 0) + 1
            if tries == self._config.restate_max + 1:
                what = "lamp" if output <= LAMPS else "buzzer"
                self._events.append(TowerFault(output, "G", f"{what} {output} does not show what it was told; does something else control the tower?"))
        if any(tries <= self._config.restate_max for tries in self._differences.values()):  # one that is given up is not said for its own sake
            self._queue.append(_Request(self._wish.whole or self._run()))

    def _wrong(self, status: Status) -> list[int]:
        whole = self._wish.whole
        if whole is not None and whole.identifier == Identifier.SMART:
            return [] if status.group == whole.data[0] else [1]
        wanted = _patterns_of(whole or self._run())
        if status.is_smart:
            return sorted(wanted)
        return [output for output, pattern in sorted(wanted.items()) if pattern != status.patterns[output - 1]]


_TIERS = (COLOURS["red"], COLOURS["yellow"], COLOURS["green"], COLOURS["blue"], COLOURS["white"])  # colours of delivery, from the top (LA6-POE 1.2)


def _patterns_of(wish: Command) -> dict[int, int]:
    """What command S or D makes of lamps and buzzer, as G tells it; outputs that it leaves alone are not named."""
    if wish.identifier == Identifier.RUN:
        return {output: pattern for output, pattern in enumerate(wish.data, 1) if pattern != UNCHANGED}
    *colours, flashing, buzzer = wish.data
    lamps = {tier: (_FLASHING if flashing else _STEADY) if colour else 0 for tier, colour in enumerate(colours, 1)}
    return {**lamps, BUZZER: buzzer}


def _told(status: Status) -> dict[str, Argument | None]:
    lamps: dict[str, Argument | None] = {f"lamp_{number}": pattern for number, pattern in enumerate(status.patterns[:LAMPS], 1)}
    if status.patterns:
        lamps["buzzer"] = status.patterns[LAMPS]
    if status.is_smart:
        lamps["group"] = status.group
    return lamps
