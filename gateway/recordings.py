# SPDX-License-Identifier: Apache-2.0
"""Recordings of a device's bytes as text, and the way of such a recording through the driver of today.

A recording is a transcript as those under tests/captures: `@seconds`, `<< hex` from the device, `>> hex` to it, `!! command key=value`. Comments carry the
rest: `# device {...}` its configuration, `# opened, clock S` the begin of a conversation and the monotonic clock then (some sessions ask on its grid),
`# gave up` bytes that were no longer kept, `# reading {...}` what was made of the bytes then.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from contracts.readings import AnyReading, Reading
from drivers import registry
from drivers.base.config import DeviceConfig, parse_config
from drivers.base.driver import StreamDriver
from drivers.base.errors import DriverError
from drivers.base.line import SharesLine
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady, TellsSerial
from drivers.base.tape import Entry

_HEAD = "# Dockline recording 1"
_OPENED = "# opened"
_TEXT_OF = {"from_device": "<<", "to_device": ">>"}


class RecordingError(Exception):
    """A file that is no recording; the text says where and why."""


def head_of(device: str, driver: str, config: DeviceConfig) -> list[str]:
    """The first lines of a recording."""
    fields = msgspec.to_builtins(config)
    return [_HEAD, f"# device {msgspec.json.encode({'id': device, **fields, 'driver': driver}).decode()}"]


def line_of(entry: Entry, start_s: float) -> list[str]:
    """The lines of one entry; times are counted from `start_s`."""
    content = entry.content
    at = f"@{entry.at_s - start_s:.6f}"
    if entry.kind == "open":
        return [at, f"{_OPENED}, clock {entry.at_s:.6f}"]
    if entry.kind == "gap":
        return ["# gave up what came here"]
    if isinstance(content, str):
        return [at, f"!! {content}"]
    if isinstance(content, bytes):
        return [at, f"{_TEXT_OF[entry.kind]} {content.hex(' ')}"]
    return [f"# reading {msgspec.json.encode(content).decode()}"]


@dataclass
class Recording:
    """A recording as read. `steps`: (seconds, kind, bytes or command), in order; `then`: the readings made at the time, `then_at_s` where they stand.

    `clock_s`: what the monotonic clock was at second 0.
    """

    device: str
    driver: str
    config: dict[str, Any]
    steps: list[tuple[float, str, bytes | str]] = field(default_factory=list)
    then: list[AnyReading] = field(default_factory=list)
    then_at_s: list[float] = field(default_factory=list)
    clock_s: float = 0.0


def read_recording(lines: Iterable[str]) -> Recording:
    """Raises: RecordingError."""
    recording: Recording | None = None
    at_s = 0.0
    for number, line in enumerate(lines, 1):
        text = line.strip()
        try:
            if text.startswith("# device "):
                config = msgspec.json.decode(text.removeprefix("# device "), type=dict[str, Any])
                recording = Recording(config.pop("id"), config["driver"], config)
            elif recording is not None:
                at_s = _read_line(recording, text, at_s)
        except (ValueError, KeyError, msgspec.DecodeError) as error:
            raise RecordingError(f"line {number} is not understood: {error}") from error
    if recording is None:
        raise RecordingError("it is no recording of `dockline gateway tap`: the line `# device {...}` is missing")
    return recording


def _read_line(recording: Recording, text: str, at_s: float) -> float:
    mark, _, rest = text.partition(" ")
    if mark.startswith("@"):
        return float(mark[1:])
    if mark in ("<<", ">>"):
        recording.steps.append((at_s, mark, bytes.fromhex(rest)))
    elif mark == "!!":
        recording.steps.append((at_s, mark, rest))
    elif text.startswith(_OPENED):
        recording.steps.append((at_s, "open", b""))
        if clock := text.partition(" clock ")[2]:
            recording.clock_s = float(clock) - at_s
    elif text.startswith("# gave up"):
        recording.steps.append((at_s, "gap", b""))
    elif text.startswith("# reading "):
        recording.then.append(msgspec.json.decode(rest.partition(" ")[2], type=AnyReading))
        recording.then_at_s.append(at_s)
    elif text and not text.startswith("#"):
        raise ValueError(f"a line begins with @, <<, >>, !! or #, got {mark!r}")
    return at_s


class Replay:
    """Plays a recording to a driver's session without opening anything. `notes` says what could not be played; `serials` what the device calls itself.

    A session that shares its line has its turns when it had them then.
    """

    def __init__(self, recording: Recording) -> None:
        """Raises: RecordingError: the driver is not here. ConfigError: it does not take the configuration any more."""
        if recording.driver not in registry.names():
            raise RecordingError(f"there is no driver {recording.driver}")
        spec = registry.load(recording.driver)
        driver = spec.factory(recording.device, parse_config(spec.config, recording.config))
        if not isinstance(driver, StreamDriver):
            raise RecordingError(f"driver {recording.driver} has no bytes to replay")
        self._recording = recording
        self._driver: StreamDriver[Any] = driver
        self._session = driver.new_session()
        self._after_gap = False
        self._is_open = False
        self.rejected = 0
        self.notes: list[str] = []
        self.serials: set[str] = set()

    def run(self) -> Iterator[AnyReading]:
        """The readings that the driver of today makes."""
        if self._recording.steps and self._recording.steps[0][1] != "open":
            self.notes.append("the recording begins within a conversation; bytes before the next one begins are played as they are")
            yield from self._begin(self._recording.steps[0][0])
        for at_s, kind, content in self._recording.steps:
            yield from self._step(at_s, kind, content)

    def _begin(self, at_s: float) -> Iterator[AnyReading]:
        self._session = self._driver.new_session()
        self._is_open, self._after_gap = True, False
        if isinstance(self._session, SharesLine):
            self._session.shares_with(1)
        yield from self._readings(self._session.advance_to(self._clock(at_s)), at_s)
        self._session.bytes_to_send()

    def _step(self, at_s: float, kind: str, content: bytes | str) -> Iterator[AnyReading]:
        if kind == "open":
            yield from self._begin(at_s)
            return
        if kind == "gap":
            self._after_gap = True
            self.notes.append(f"at {at_s:.3f} s bytes are missing: more came than was kept")
        if not self._is_open:
            return
        try:
            yield from self._readings(self._until(self._clock(at_s)), at_s)
            if isinstance(content, bytes) and kind == "<<":
                yield from self._readings(self._session.receive_bytes(content, self._clock(at_s)), at_s)
            elif kind == ">>" and isinstance(self._session, SharesLine) and self._session.wants_line is not None:
                self._session.grant(self._clock(at_s))
            elif kind == "!!":
                self._command(str(content), at_s)
        except DriverError as error:
            self._is_open = self._after_gap
            self.notes.append(f"at {at_s:.3f} s the driver ends the conversation: {error}")
        self._session.bytes_to_send()  # what it wants to say now goes nowhere
        if isinstance(self._session, TellsSerial) and self._session.serial:
            self.serials.add(self._session.serial)

    def _clock(self, at_s: float) -> float:
        return self._recording.clock_s + at_s

    def _until(self, now_s: float) -> Sequence[SessionEvent]:
        """Let every deadline fire that was due before this moment."""
        events: list[SessionEvent] = []
        while (due_s := self._session.next_deadline_s()) is not None and due_s < now_s:
            before_s = due_s
            events += self._session.advance_to(due_s)
            self._session.bytes_to_send()
            after_s = self._session.next_deadline_s()
            if after_s is not None and after_s <= before_s:
                break
        return [*events, *self._session.advance_to(now_s)]

    def _command(self, words: str, at_s: float) -> None:
        name, *pairs = words.split(" ")
        command = self._driver.spec.command(name)
        given = {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
        self._session.start_command(name, command.parse(given), self._clock(at_s))

    def _readings(self, events: Sequence[SessionEvent], at_s: float) -> Iterator[AnyReading]:
        for event in events:
            if isinstance(event, FrameRejected):
                self.rejected += 1
            elif not isinstance(event, SessionReady | CommandDone | CommandFailed):
                yield from self._driver.readings(event, at_s)


def difference(then: Sequence[Reading], now: Sequence[Reading]) -> list[str]:
    """What the driver makes of the bytes now and did not then (`+`), and the other way round (`-`); when a reading came does not count."""
    return [line for line in difflib.ndiff([_plain(reading) for reading in then], [_plain(reading) for reading in now]) if line[0] in "+-"]


def _plain(reading: Reading) -> str:
    said: AnyReading = msgspec.json.decode(msgspec.json.encode(reading), type=AnyReading)  # as it comes out of a file: -51 dBm is -51.0 dBm
    fields = msgspec.to_builtins(said)
    fields.pop("atS")
    return msgspec.json.encode(fields).decode()
