# SPDX-License-Identifier: Apache-2.0
"""Captures as transcripts: what went over the wire, when, and what the driver and the twin are expected to make of it.

A capture `<driver>/<name>.hex` is read line by line:

    # comment
    @1.5                    time in seconds; both sides are advanced to it
    << 53 20 53 0d 0a       device -> host, as hex or as a quoted Python bytes literal body: << "S S 1.00 g\\r\\n"
    >> "SI\\r\\n"           host -> device
    !! show node=5 quantity=12   a command given to the driver's session
    ** press node=5         a stimulus given to the twin

Lines at its beginning may say how both sides are set up, when not as in the sample:

    #: config map=comet_tx5xx framing=rtu       the driver's configuration
    #: twin ModbusRelayTwin framing=rtu         another twin of the same module, and its arguments

Beside it lie `<name>.json` (expected session events, in order) and `<name>.md` (who recorded it, when, which page of which manual).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from drivers.base.session import Argument, Session, SessionEvent
from gateway.conformance.sample import AnyTwin


@dataclass(frozen=True)
class Step:
    """One line of a transcript."""

    kind: Literal["time", "from_device", "to_device", "command", "stimulus"]
    at_s: float
    data: bytes = b""
    name: str = ""
    arguments: tuple[tuple[str, Argument], ...] = ()


@dataclass(frozen=True)
class Settings:
    """How a capture wants driver and twin to be set up; empty: as in the sample."""

    config: dict[str, Argument] = field(default_factory=dict)
    twin: str = ""
    twin_arguments: dict[str, Argument] = field(default_factory=dict)


_KINDS: dict[str, Literal["from_device", "to_device", "command", "stimulus"]] = {"<<": "from_device", ">>": "to_device", "!!": "command", "**": "stimulus"}


def _bytes(text: str) -> bytes:
    return ast.literal_eval("b" + text) if text.startswith('"') else bytes.fromhex(text)


def _value(text: str) -> Argument:
    for pattern, kind in ((r"-?(?:0|[1-9]\d*)", int), (r"-?\d+\.\d+", float)):
        if re.fullmatch(pattern, text):
            return kind(text)
    return {"on": True, "off": False}.get(text, text)


def _pairs(words: Iterable[str]) -> dict[str, Argument]:
    return {key: _value(value) for key, _, value in (word.partition("=") for word in words)}


def read_settings(path: Path) -> Settings:
    """What the `#:` lines of a capture say. Raises: ValueError: such a line is neither config nor twin."""
    config: dict[str, Argument] = {}
    twin, twin_arguments = "", {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match line.strip().split():
            case ["#:", "config", *pairs]:
                config = _pairs(pairs)
            case ["#:", "twin", twin, *pairs]:
                twin_arguments = _pairs(pairs)
            case ["#:", *_]:
                raise ValueError(f"{path.name}: after '#:' comes config or twin, got {line!r}")
    return Settings(config, twin, twin_arguments)


def read_transcript(path: Path) -> list[Step]:
    """Raises: ValueError: names the file and line that cannot be read."""
    steps: list[Step] = []
    now_s = 0.0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        mark, _, rest = text.partition(" ")
        if mark.startswith("@"):
            now_s = float(mark[1:])
            steps.append(Step("time", now_s))
        elif mark in ("<<", ">>"):
            steps.append(Step(_KINDS[mark], now_s, data=_bytes(rest.strip())))
        elif mark in ("!!", "**"):
            name, *pairs = rest.split()
            steps.append(Step(_KINDS[mark], now_s, name=name, arguments=tuple(_pairs(pairs).items())))
        else:
            raise ValueError(f"{path.name}:{number}: a line begins with #, @seconds, <<, >>, !! or **, got {mark!r}")
    return steps


def event_as_json(event: SessionEvent) -> dict[str, Any]:
    """An event for comparison with a golden file: its type and its fields, bytes as hex, the rest as text or number."""

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.hex()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, dict):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return str(value)

    return {"type": type(event).__name__, **{f.name: plain(getattr(event, f.name)) for f in fields(event)}}


def play_to_session(session: Session, steps: Iterable[Step], cuts: Sequence[int] = ()) -> list[SessionEvent]:
    """Run a transcript against a driver's session, device bytes cut at every multiple given in `cuts`; returns the events.

    Raises: AssertionError: the session sent other bytes than the transcript says; prints the transcript up to there.
    """
    events: list[SessionEvent] = [*session.advance_to(0.0)]
    sent = bytearray(session.bytes_to_send())
    matched: list[str] = []
    for step in steps:
        arguments = dict(step.arguments)
        if step.kind == "time":
            events += session.advance_to(step.at_s)
        elif step.kind == "command":
            session.start_command(step.name, arguments, step.at_s)
            events += session.advance_to(step.at_s)
        elif step.kind == "from_device":
            for piece in _pieces(step.data, cuts):
                events += session.receive_bytes(piece, step.at_s)
                sent += session.bytes_to_send()
        sent += session.bytes_to_send()
        if step.kind == "to_device":
            head = bytes(sent[: len(step.data)])
            assert head == step.data, "\n".join([*matched, f">> expected {step.data!r}", f">> but sent {bytes(sent)!r}", "matched until here"])
            del sent[: len(step.data)]
        matched.append(f"{step.kind} {step.data!r} {step.name} {arguments or ''}")
    assert not sent, "\n".join([*matched, f">> sent beyond the transcript: {bytes(sent)!r}"])
    return events


def play_to_twin(twin: AnyTwin, steps: Iterable[Step]) -> None:
    """Run a transcript against a twin. Raises: AssertionError: it said other bytes than the transcript's device did."""
    said = bytearray(twin.connected(0.0))
    matched: list[str] = []
    for step in steps:
        if step.kind == "time":
            said += twin.advance_to(step.at_s)
        elif step.kind == "to_device":
            said += twin.receive_bytes(step.data, step.at_s)
        elif step.kind == "stimulus":
            said += twin.stimulate(step.name, dict(step.arguments), step.at_s)
        elif step.kind == "from_device":
            head = bytes(said[: len(step.data)])
            assert head == step.data, "\n".join([*matched, f"<< expected {step.data!r}", f"<< but said {bytes(said)!r}", "matched until here"])
            del said[: len(step.data)]
        matched.append(f"{step.kind} {step.data!r} {step.name}")
    assert not said, "\n".join([*matched, f"<< said beyond the transcript: {bytes(said)!r}"])


def _pieces(data: bytes, cuts: Sequence[int]) -> Iterable[bytes]:
    bounds = sorted({cut % len(data) for cut in cuts} - {0}) if data else []
    for start, end in zip([0, *bounds], [*bounds, len(data)], strict=True):
        if piece := data[start:end]:
            yield piece
