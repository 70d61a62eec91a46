# SPDX-License-Identifier: Apache-2.0
"""The conversation about a one-wire bus, without any input or output: list, let measure, read each probe, doubt, read again."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.sensor_onewire.config import ROM, SensorOnewireConfig
from drivers.sensor_onewire.frames import ANSWERS, LINE_BYTES_MAX, Line, decode
from drivers.sensor_onewire.judging import Fault, fault_of, judge

RETRIES = 2
CONVERSION_S = {9: 0.094, 10: 0.188, 11: 0.375, 12: 0.75, 0: 0.75}  # DS18B20 data sheet: conversion time by precision
FORBIDDEN = ("EACCES", "EPERM", "EROFS")
BULK_LOOK_S = 0.1
BULK_WAIT_MAX_S = 3.0


@dataclass(frozen=True)
class ProbeRead(SessionEvent):
    """A probe told a temperature that can be believed."""

    quantity: str
    value: float


@dataclass(frozen=True)
class ProbeFailed(SessionEvent):
    """A probe told none, three times over where that could help. `code` as in `judging.Fault`."""

    quantity: str
    code: str
    reason: str


@dataclass(frozen=True)
class UnnamedProbes(SessionEvent):
    """Probes on the bus that the configuration does not name, though it names others; empty: there are none any more."""

    roms: tuple[str, ...]


@dataclass
class Told:
    """What was told last of probes without a name; it outlives a connection, so that one that was named or pulled off meanwhile is told too."""

    unnamed: tuple[str, ...] = ()


@dataclass
class _Round:
    """Reading all probes once. `waiting`: probes that are still to be read, with the tries that were in vain."""

    began_s: float
    tokens: list[int] = field(default_factory=list)
    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    result: dict[str, Argument | None] = field(default_factory=dict)
    triggered_s: float | None = None


class SensorOnewireSession:
    """One conversation about one bus."""

    def __init__(self, config: SensorOnewireConfig, told: Told) -> None:
        self._config = config
        self._told = told
        self._probes: tuple[str, ...] = ()
        self._bulk = False
        self._ready = False
        self._round: _Round | None = None
        self._round_due_s = 0.0
        self._look_at_s: float | None = None
        self._asking: tuple[Line, int | None] | None = None
        self._settings: deque[tuple[Line, int | None]] = deque()
        self._set_up: set[str] = set()
        self._reply_due_s = 0.0
        self._last_good_c: dict[str, float] = {}
        self._had_several = False
        self._read_tokens: list[int] = []
        self._token = 0
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._events: list[SessionEvent] = []
        self._now_s = 0.0

    def receive_bytes(self, data: bytes, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.receive_bytes`. Raises: RemoteProtocolError: the bus is gone, or no line ever ends."""
        self._now_s = now_s
        self._incoming += data
        while (end := self._incoming.find(b"\n") + 1) > 0:
            line = bytes(self._incoming[:end])
            del self._incoming[:end]
            self._take(line)
        if len(self._incoming) > LINE_BYTES_MAX:
            raise RemoteProtocolError(
                f"no line of a one-wire bus is longer than {LINE_BYTES_MAX} bytes; is something else at this address?", bytes(self._incoming[:64])
            )
        return self._reported()

    def advance_to(self, now_s: float) -> Sequence[SessionEvent]:
        """See `Session.advance_to`. Raises: ReplyTimeout: whoever has the bus did not answer."""
        self._now_s = now_s
        if self._asking is not None:
            if now_s >= self._reply_due_s:
                raise ReplyTimeout(f"answer to `{self._asking[0].word}`", self._config.reply_timeout_s)
        elif self._round is None and (now_s >= self._round_due_s or self._read_tokens):
            self._begin_round()
        elif self._look_at_s is not None and now_s >= self._look_at_s:
            self._look_at_s = None
            self._ask(Line("pending"))
        elif self._round is None or self._look_at_s is not None:
            self._next_setting()
        return self._reported()

    def bytes_to_send(self) -> bytes:
        """See `Session.bytes_to_send`."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline_s(self) -> float | None:
        """See `Session.next_deadline_s`."""
        if self._asking is not None:
            return self._reply_due_s
        return self._look_at_s if self._look_at_s is not None else self._round_due_s

    def start_command(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """See `Session.start_command`. Commands: read, set_precision."""
        self._token += 1
        if name == "read":
            self._read_tokens.append(self._token)
        elif name == "set_precision":
            probe, bits = str(arguments["probe"]), int(arguments["bits"])
            if probe not in self._probes:
                raise LocalProtocolError(f"there is no probe {probe!r} on the bus; there are: {', '.join(self._probes) or 'none'}")
            if not 9 <= bits <= 12:
                raise LocalProtocolError(f"a precision is 9 to 12 bits, not {bits}")
            self._settings.append((Line("precision", probe, str(bits)), self._token))
        else:
            raise LocalProtocolError(f"a one-wire bus has no command {name!r}; it takes read, set_precision")
        return self._token

    def farewell(self) -> bytes:
        """Nothing."""
        return b""

    def _reported(self) -> Sequence[SessionEvent]:
        events, self._events = self._events, []
        return events

    # -- asking ---------------------------------------------------------------------------------------------------------------------------

    def _ask(self, line: Line, token: int | None = None) -> None:
        self._outgoing += line.encode()
        self._asking, self._reply_due_s = (line, token), self._now_s + self._config.reply_timeout_s

    def _begin_round(self) -> None:
        self._round = _Round(self._now_s, self._read_tokens)
        self._read_tokens = []
        self._round_due_s = self._now_s + self._config.interval_s
        self._ask(Line("list"))

    def _next_setting(self) -> bool:
        if self._settings:
            self._ask(*self._settings.popleft())
            return True
        return False

    def _next_step(self) -> None:
        """What is to be asked when an answer has come."""
        if self._asking is not None or self._next_setting() or self._look_at_s is not None:
            return
        if self._round is not None:
            if self._round.waiting:
                self._ask(Line("read", self._round.waiting[0][0]))
                return
            self._end_round(self._round)
        if self._read_tokens:
            self._begin_round()

    def _end_round(self, ended: _Round) -> None:
        self._events += [CommandDone(token, ended.result) for token in ended.tokens]
        self._round = None

    # -- hearing --------------------------------------------------------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        try:
            line = decode(data)
        except RemoteProtocolError:
            self._events.append(FrameRejected("no_line", data))
            return
        if self._asking is None or line.word not in ANSWERS or not self._fits(line):
            self._events.append(FrameRejected("unasked", data))
            return
        asked, token = self._asking
        self._asking = None
        if line.word == "error":
            self._failed(asked, token, line.text)
        else:
            self._answered(asked, token, line)
        self._next_step()

    def _fits(self, line: Line) -> bool:
        assert self._asking is not None
        asked = self._asking[0]
        answers = {"list": "bus", "read": "slave", "trigger": "triggered"}
        if line.word not in (answers.get(asked.word, asked.word), "error"):
            return False
        return asked.word not in ("read", "precision") or line.subject == asked.subject

    def _answered(self, asked: Line, token: int | None, line: Line) -> None:
        match asked.word:
            case "list":
                self._learn(line)
            case "read":
                self._judge(asked.subject, line.text)
            case "trigger":
                self._look_at_s = self._now_s + CONVERSION_S[self._config.precision_bits]
                assert self._round is not None
                self._round.triggered_s = self._now_s
            case "pending":
                self._look_again(line.text)
            case "precision" if token is not None:
                self._events.append(CommandDone(token, {"probe": line.subject, "bits": int(asked.text)}))

    def _failed(self, asked: Line, token: int | None, code: str) -> None:
        fault = fault_of(code)
        if asked.word == "list":
            raise RemoteProtocolError(f"the bus is gone ({code}); check its adapter, and that its kernel module is loaded")
        if asked.word == "read":
            self._doubt(asked.subject, fault)
        elif token is not None:
            why = "only root may write the probe's `resolution`" if code in FORBIDDEN else "some copies of the chip have but one"
            self._events.append(CommandFailed(token, DeviceFault(code, f"the kernel could not set the precision; {why}")))
        elif asked.word == "trigger":
            self._bulk = False
        else:
            self._events.append(FrameRejected("precision_refused", asked.encode()))

    def _learn(self, line: Line) -> None:
        kind, *roms = line.text.split() or ["single"]
        assert self._round is not None
        known = {rom for rom in roms if ROM.fullmatch(rom)}
        self._probes, self._bulk = tuple(sorted(known)), kind == "bulk"
        if not self._ready:
            self._ready = True
            self._events.append(SessionReady(f"one-wire bus {line.subject} with {len(self._probes)} probes: {', '.join(self._probes) or 'none'}"))
        self._set_up &= known
        if self._config.precision_bits:
            new = [rom for rom in self._probes if rom not in self._set_up]
            self._set_up.update(new)
            self._settings.extend((Line("precision", rom, str(self._config.precision_bits)), None) for rom in new)
        self._had_several = self._had_several or len(self._probes) > 1
        self._tell_unnamed()
        self._round.waiting.extend((rom, 0) for rom in self._probes)
        self._tell_missing(self._round)
        if self._bulk and self._config.together and len(self._probes) > 1:
            self._settings.append((Line("trigger"), None))

    def _tell_unnamed(self) -> None:
        unnamed = tuple(rom for rom in self._probes if rom not in self._config.probes) if self._config.probes else ()
        if unnamed != self._told.unnamed:
            self._told.unnamed = unnamed
            self._events.append(UnnamedProbes(unnamed))

    def _tell_missing(self, now: _Round) -> None:
        missing = fault_of("ENOENT")
        for rom, quantity in self._config.probes.items():
            if rom not in self._probes:
                self._fail(now, quantity, missing)
        if not self._config.probes and (self._had_several or not self._probes):
            several = "the bus has, or had, several probes; name each of them in `probes`"
            self._fail(now, "temperature_c", Fault("SEVERAL", several, may_pass=False) if self._had_several else missing)

    def _look_again(self, text: str) -> None:
        """Read when all have measured, or when that takes too long; a file that tells something else is looked at again."""
        assert self._round is not None
        began_s = self._round.triggered_s
        if text.strip() not in ("0", "1") and began_s is not None and self._now_s - began_s < BULK_WAIT_MAX_S:
            self._look_at_s = self._now_s + BULK_LOOK_S

    def _judge(self, rom: str, text: str) -> None:
        found = judge(rom[:2], text, self._last_good_c.get(rom), self._config.low_c, self._config.high_c)
        if isinstance(found, Fault):
            self._doubt(rom, found)
            return
        assert self._round is not None
        self._round.waiting.popleft()
        self._last_good_c[rom] = found
        quantity = self._quantity(rom)
        self._round.result[quantity] = found
        self._events.append(ProbeRead(quantity, found))

    def _doubt(self, rom: str, fault: Fault) -> None:
        """Measure again, up to two times, after the other probes; then give up for this round."""
        assert self._round is not None
        _, tries = self._round.waiting.popleft()
        if fault.may_pass and tries < RETRIES:
            self._round.waiting.append((rom, tries + 1))
        else:
            self._fail(self._round, self._quantity(rom), fault)

    def _fail(self, now: _Round, quantity: str, fault: Fault) -> None:
        now.result[quantity] = None
        self._events.append(ProbeFailed(quantity, fault.code, fault.meaning))

    def _quantity(self, rom: str) -> str:
        if name := self._config.probes.get(rom):
            return name
        if not self._config.probes and not self._had_several:
            return "temperature_c"  # never of the one that is left when others are pulled off
        return f"temperature_{rom.replace('-', '_')}_c"
