# SPDX-License-Identifier: Apache-2.0
"""`dockline device list|try|send|record|replay`: one driver without any gateway, for those who connect hardware."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import difflib
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import msgspec

from contracts.readings import AnyReading, LinkChanged, ReadingFailed
from drivers import registry
from drivers.base.config import parse_config
from drivers.base.driver import StreamDriver
from drivers.base.errors import ConfigError, DriverError, LocalProtocolError, shown
from drivers.base.session import Argument
from drivers.base.spec import CommandSpec, Driver, DriverSpec
from drivers.base.tape import Entry
from gateway.recordings import RecordingError, Replay, difference, head_of, line_of, read_recording

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_CONNECT_TIMEOUT_S = 10.0
_RESULT_TIMEOUT_S = 150.0
"""A stop for a driver that forgets a command; by itself each says when time is up, a scale that waits for rest after at most two minutes."""
_COMPLAINTS_S = 1.5
"""How long controllers of lights are listened to after a command: they acknowledge nothing, and complain when a tag did not take it."""
_RETRY_S = 0.5
_COMPLAINS_LATER = "shows_quantities"
_NOT_CONNECTED, _WRONG_USE, _INTERRUPTED = 1, 2, 130


class UsageError(Exception):
    """Wrong words on the command line; the text says what and what would be right."""


def parse_duration_s(text: str) -> float:
    """Seconds of `5`, `5s`, `500ms`, `2m`. Raises: UsageError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageError(f"duration {text!r} is not understood; write for example 5s, 500ms or 2m")
    if not float(match[1]):
        raise UsageError(f"duration {text!r} is no time at all; leave --for out to go on until interrupted")
    return float(match[1]) * _UNIT_S[match[2]]


def parse_fields(words: Sequence[str]) -> dict[str, str]:
    """`key=value` words. Raises: UsageError: a word without `=`, a key twice."""
    fields: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"{word!r} is not key=value")
        if key in fields:
            raise UsageError(f"{key} is given twice")
        fields[key] = value
    return fields


def parse_arguments(spec: CommandSpec, words: Sequence[str]) -> dict[str, Argument]:
    """Arguments of a device's command, by name or in the order of its SPEC. Raises: UsageError."""
    positional = [word for word in words if "=" not in word]
    if len(positional) > len(spec.arguments):
        raise UsageError(f"command {spec.name} takes {len(spec.arguments)} arguments ({_arguments_of(spec) or 'none'}), got {len(positional)}")
    given: dict[str, Argument] = {argument.name: word for argument, word in zip(spec.arguments, positional, strict=False)}
    for key, value in parse_fields([word for word in words if "=" in word]).items():
        if key in given:
            raise UsageError(f"{key} is given twice")
        given[key] = value
    return given


def _arguments_of(spec: CommandSpec) -> str:
    return ", ".join(f"{argument.name} ({argument.unit})" for argument in spec.arguments)


def _driver(name: str, words: Sequence[str]) -> tuple[DriverSpec, Driver]:
    spec = registry.load(name)
    kinds = {key["key"]: key["kind"] for key in configuration_of(spec)}
    fields = {key: _of_kind(key, kinds.get(key, ""), value) for key, value in parse_fields(words).items()}
    known = [key["key"] for key in configuration_of(spec)]
    if unknown := [key for key in fields if key not in known]:
        near = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"it takes: {', '.join(known)}"
        raise UsageError(f"{name} has an unknown field `{unknown[0]}`; {hint}")
    config = parse_config(spec.config, {"driver": name, **fields}, strict=False)
    return spec, spec.factory(name, config)


def _of_kind(key: str, kind: str, text: str) -> Any:
    """A value of the command line: lists by commas or as JSON, tables as JSON. Raises: UsageError."""
    if kind == "array" and text.startswith("{"):
        text = f"[{text}]"  # tables
    if kind == "array" and not text.startswith("["):
        return text.split(",") if text else []
    if kind not in ("array", "object"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f'{key} is a table; write it as JSON, like {key}=\'{{"a": "b"}}\'') from error


def configuration_of(spec: DriverSpec) -> list[dict[str, Any]]:
    """The keys of a driver's configuration: name, kind, unit, description, default (absent when required)."""
    schema = msgspec.json.schema(spec.config)
    definition = schema["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    keys = []
    for name, field in definition["properties"].items():
        if name == "driver":
            continue
        kind = field.get("type") or ("one of " + ", ".join(map(str, field["enum"])) if "enum" in field else "value")
        key = {"key": name, "kind": kind, "unit": field.get("unit", ""), "description": field.get("description", "")}
        keys.append(key | ({"default": field["default"]} if "default" in field else {}))
    return keys


def _described(name: str) -> dict[str, Any]:
    spec = registry.load(name)
    commands = [
        {
            "command": command.name,
            "description": command.description,
            "arguments": [
                {"name": argument.name, "kind": argument.kind.__name__, "unit": argument.unit, "description": argument.description}
                for argument in command.arguments
            ],
        }
        for command in spec.commands
    ]
    return {"driver": name, "capabilities": sorted(spec.capabilities), "source": spec.source, "configuration": configuration_of(spec), "commands": commands}


def list_drivers(*, as_json: bool) -> int:
    """Print all drivers with their keys, units and commands."""
    drivers = [_described(name) for name in registry.names()]
    if as_json:
        print(json.dumps(drivers, indent=2))
        return 0
    for driver in drivers:
        print(f"{driver['driver']}: {', '.join(driver['capabilities'])}\n  source: {driver['source']}")
        for key in driver["configuration"]:
            default = f", default {key['default']!r}" if "default" in key else ", required"
            print(f"  {key['key']:20} {key['kind']} [{key['unit']}{default}] {key['description']}")
        for command in driver["commands"]:
            arguments = " ".join(f"{argument['name']}=<{argument['unit']}>" for argument in command["arguments"])
            print(f"  -- {command['command']} {arguments}".rstrip() + f"  {command['description']}")
        print()
    return 0


class _Printer:
    """Prints readings as they come, as JSON lines or for people; `at` is wall time."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.was_connected = False
        self.trouble = ""
        self._said = ""

    def __call__(self, reading: AnyReading) -> None:
        if isinstance(reading, LinkChanged) and reading.state == "connected":
            self.was_connected = True
            self._said = ""
        elif isinstance(reading, LinkChanged | ReadingFailed):
            self.trouble = reading.reason
        fields: dict[str, Any] = msgspec.to_builtins(reading)
        at = datetime.now(UTC) - timedelta(seconds=max(0.0, time.monotonic() - fields.pop("atS")))
        kind = fields.pop("type")
        fields.pop("device")
        line = {"type": kind, "at": at.isoformat(timespec="milliseconds"), **_snake_keys(fields)}
        print(json.dumps(line) if self._as_json else f"{line['at']}  {kind:14} " + "  ".join(f"{k}={v}" for k, v in list(line.items())[2:]), flush=True)

    def lost(self, error: DriverError) -> None:
        """The link was lost or could not be made; the same reason again is not said again until the link was there."""
        if str(error) != self._said:
            self._said = str(error)
            self._print_lost(error)

    def _print_lost(self, error: DriverError) -> None:
        self(LinkChanged(device=error.device_id, at_s=time.monotonic(), state="lost", reason=str(error)))


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z]+)", lambda match: "_" + match[1].lower(), key)


def _snake_keys(fields: dict[str, Any]) -> dict[str, Any]:
    return {_snake(key): _snake_keys(value) if isinstance(value, dict) else value for key, value in fields.items()}


async def _try(driver: Driver, printer: _Printer, for_s: float | None) -> None:
    """Converse until the time is over; a lost link is tried again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(for_s):
            while True:
                try:
                    await driver.run(printer)
                except ConfigError:
                    raise
                except DriverError as error:
                    printer.lost(error)
                await asyncio.sleep(_RETRY_S)


async def _send(driver: Driver, command: str, arguments: Mapping[str, Argument], *, connect_s: float, listen_s: float) -> Mapping[str, Argument | None]:
    """Connect, carry out one command, listen for complaints a while, disconnect. Raises: DriverError."""
    connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    complained: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    trouble = "check address, cable and power"

    def on_reading(reading: AnyReading) -> None:
        nonlocal trouble
        if isinstance(reading, LinkChanged) and reading.state == "connected" and not connected.done():
            connected.set_result(None)
        elif isinstance(reading, ReadingFailed):
            trouble = reading.reason
            if not complained.done():
                complained.set_result(reading.reason)

    running = asyncio.create_task(driver.run(on_reading), name="device")
    try:
        await asyncio.wait([running, connected], timeout=connect_s, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        if not connected.done():
            raise DriverError(f"not connected within {connect_s:g} s; {trouble}", device_id=driver.device_id, operation=command)
        async with asyncio.timeout(_RESULT_TIMEOUT_S):
            result = await driver.execute(command, arguments)
        await asyncio.wait([complained], timeout=listen_s)
        if listen_s and complained.done():
            raise DriverError(f"not done: {complained.result()}", device_id=driver.device_id, operation=command)
    except TimeoutError as error:
        raise DriverError(f"no result within {_RESULT_TIMEOUT_S:g} s", device_id=driver.device_id, operation=command) from error
    else:
        return result
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dockline device", description="Connect one device without a gateway.")
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="name the drivers, their configuration keys and units, and their commands")
    listing.add_argument("--json", action="store_true", help="as JSON")
    trying = actions.add_parser("try", help="connect and print readings and changes of the link")
    trying.add_argument("driver")
    trying.add_argument("fields", nargs="*", metavar="key=value", help="configuration, see `dockline device list`")
    trying.add_argument("--for", dest="for_s", metavar="TIME", help="end after 5s, 500ms, 2m; without it: until interrupted")
    trying.add_argument("--json", action="store_true", help="one JSON object per line: type, at, fields with their units")
    recording = actions.add_parser("record", help="as try, and write every byte both ways to a file")
    recording.add_argument("driver")
    recording.add_argument("fields", nargs="*", metavar="key=value")
    recording.add_argument("--for", dest="for_s", metavar="TIME", help="end after 5s, 500ms, 2m; without it: until interrupted")
    recording.add_argument("--json", action="store_true", help="one JSON object per line")
    recording.add_argument("--out", type=Path, required=True, metavar="FILE", help="the recording")
    replaying = actions.add_parser("replay", help="play a recording through the driver of today: its readings, and what differs from then")
    replaying.add_argument("file", type=Path, metavar="FILE", help="made by `dockline device record` or `dockline gateway tap`")
    replaying.add_argument("--json", action="store_true", help="one JSON object per line")
    sending = actions.add_parser("send", help="carry out one command: dockline device send DRIVER key=value ... -- COMMAND [arguments]")
    sending.add_argument("driver")
    sending.add_argument("fields", nargs="*", metavar="key=value")
    sending.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def _record(driver: Driver, name: str, file: TextIO) -> None:
    """Write what the driver's tape hears, as it comes. Raises: UsageError."""
    if not isinstance(driver, StreamDriver):
        raise UsageError(f"{name} has no bytes to record")
    file.write("".join(f"{line}\n" for line in head_of(driver.device_id, name, driver.config)))
    start_s = time.monotonic()

    def write(entry: Entry) -> None:
        file.write("".join(f"{line}\n" for line in line_of(entry, start_s)))

    driver.tape.listeners.add(write)


def _run_record(arguments: argparse.Namespace) -> int:
    _, driver = _driver(arguments.driver, arguments.fields)
    with arguments.out.open("w", encoding="utf-8") as file:
        _record(driver, arguments.driver, file)
        return _try_until_over(driver, arguments)


def _run_replay(path: Path, *, as_json: bool) -> int:
    """Returns the exit status: 1 when the driver of today makes other readings of the bytes than were made then."""
    try:
        recording = read_recording(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        raise UsageError(f"{path}: {error}") from error
    try:
        replay = Replay(recording)
    except RecordingError as error:
        raise UsageError(f"{path}: {error}") from error
    readings = []
    for reading in replay.run():
        readings.append(reading)
        _print_replayed(reading, as_json=as_json)
    for note in replay.notes:
        print(f"dockline device: {note}", file=sys.stderr)
    lines = difference(recording.then, readings)
    print(f"dockline device: {len(readings)} readings now, {len(recording.then)} then, {len(lines)} differences", file=sys.stderr)
    print("".join(f"  {line}\n" for line in lines), end="", file=sys.stderr)
    return int(bool(lines))


def _print_replayed(reading: AnyReading, *, as_json: bool) -> None:
    fields = _snake_keys(msgspec.to_builtins(reading))
    at_s, kind = fields.pop("at_s"), fields.pop("type")
    fields.pop("device")
    print(json.dumps({"type": kind, "at_s": at_s, **fields}) if as_json else f"{at_s:12.6f}  {kind:14} " + "  ".join(f"{k}={v}" for k, v in fields.items()))


def _run_try(arguments: argparse.Namespace) -> int:
    _, driver = _driver(arguments.driver, arguments.fields)
    return _try_until_over(driver, arguments)


def _try_until_over(driver: Driver, arguments: argparse.Namespace) -> int:
    printer = _Printer(as_json=arguments.json)
    for_s = parse_duration_s(arguments.for_s) if arguments.for_s else None
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_try(driver, printer, for_s))
    _print_rejected(driver)
    if not printer.was_connected:
        where = getattr(getattr(driver, "config", None), "endpoint", "the device")
        why = printer.trouble.removeprefix(f"{driver.device_id}: ") or f"no answer from {where} in that time; check address, cable and power"
        print(f"dockline device: {arguments.driver} was never connected; {why}", file=sys.stderr)
        return _NOT_CONNECTED
    return 0


def _print_rejected(driver: Driver) -> None:
    """What came and was thrown away: often the only hint that a suffix, a speed or a protocol is set wrongly."""
    if isinstance(driver, StreamDriver):
        for reason, count in driver.rejected_frames.items():
            data = driver.last_rejected[reason]
            print(f"dockline device: {driver.device_id}: thrown away as {reason}: {count}; the last was {shown(data)} {data[:64]!r}", file=sys.stderr)


def _run_send(arguments: argparse.Namespace, words: Sequence[str]) -> int:
    if not words:
        raise UsageError("say what to send after --, for example: dockline device send scale_sics host=... port=... -- zero")
    if options := [word for word in words if word.startswith("--")]:
        raise UsageError(f"{options[0]} stands before the --, what is after it goes to the device")
    spec, driver = _driver(arguments.driver, arguments.fields)
    command = spec.command(words[0])
    given = command.parse(parse_arguments(command, words[1:]))
    connect_s = _CONNECT_TIMEOUT_S + getattr(getattr(driver, "config", None), "connect_timeout_s", 0.0)
    listen_s = _COMPLAINTS_S if _COMPLAINS_LATER in spec.capabilities else 0.0
    result = asyncio.run(_send(driver, command.name, given, connect_s=connect_s, listen_s=listen_s))
    if arguments.json:
        print(json.dumps(dict(result)))
    else:
        print("\n".join(f"{key} = {value}" for key, value in result.items()) or "done")
    return 0


def main(argv: list[str]) -> int:
    """Returns the exit status: 1 the device did not connect or refused, 2 wrong usage or configuration, 130 interrupted while sending."""
    split = argv.index("--") if "--" in argv else len(argv)
    parser = _parser()
    arguments, more = parser.parse_known_args(argv[:split])
    if any(word.startswith("-") or not hasattr(arguments, "fields") for word in more):
        parser.error(f"not understood: {' '.join(more)}")
    if more:
        arguments.fields += more  # key=value after an option
    try:
        if arguments.action == "list":
            return list_drivers(as_json=arguments.json)
        if arguments.action == "replay":
            return _run_replay(arguments.file, as_json=arguments.json)
        if arguments.action == "record":
            return _run_record(arguments)
        return _run_try(arguments) if arguments.action == "try" else _run_send(arguments, argv[split + 1 :])
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (UsageError, ConfigError, LocalProtocolError) as error:
        print(f"dockline device: {error}", file=sys.stderr)
        return _WRONG_USE
    except DriverError as error:
        print(f"dockline device: {error}", file=sys.stderr)
        return _NOT_CONNECTED
