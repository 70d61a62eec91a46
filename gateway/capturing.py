# SPDX-License-Identifier: Apache-2.0
"""Captures out of recordings: cut to what matters, and without what is nobody's business: tags, codes, serial numbers, addresses.

A value is replaced by another of the same length and kind, the same one everywhere, so that bytes keep their places; check digits of GS1 keys are right.
What only a driver knows of its bytes it says in its module `privacy`: `private_values(stream)` beside those of the readings, and
`resealed(before, after)`, by which checksums are right again. Whether all that went well is not hoped but tried: the driver of today must make the same
readings of the new bytes, and no old value may be left in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from contracts.epc.digits import check_digit
from contracts.readings import AnyReading, LinkChanged, Measured, ReadingFailed, Scan, TagRead
from drivers import registry
from drivers.base.errors import ConfigError
from drivers.base.spec import DriverSpec
from drivers.base.tape import Entry
from gateway.recordings import Recording, RecordingError, Replay, difference, line_of

_ADDRESS = "192.0.2.1"
"""RFC 5737: for documentation."""
_SERIAL_LINE = "/dev/ttyUSB0"
_HERE = ("/dev/", "/sys/")
"""Paths that are the same on all computers."""
_SECRETS = re.compile("username|password|bindkey|certificate|key_file|_ca_file|tls_name|^serial_number$|^record_bytes$")
_URL = re.compile(r"(\w+://)[^/]*")
_TWELVE = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})(?![0-9A-Za-z])")
"""Addresses of Bluetooth and Ethernet, and the number of a one-wire device, which stands behind its family."""
_CHECKED_KEYS = {8, 12, 13, 14, 17, 18}
_VALUE_CHARACTERS_MIN = 3
"""Shorter values stand in too many places that are not theirs."""


class Pseudonyms:
    """Another value for each value, by the order in which they came."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def hide_epc(self, epc: str) -> None:
        """The header that says the scheme stays; the rest is a running number."""
        self.of.setdefault(epc, epc[:2] + f"{len(self.of) + 1:0{len(epc) - 2}X}"[-(len(epc) - 2) :] if len(epc) > 2 else epc)

    def hide_key(self, digits: str) -> None:
        """A GS1 key: a running number with its check digit."""
        payload = f"{len(self.of) + 1:0{len(digits) - 1}}"[-(len(digits) - 1) :]
        self.of.setdefault(digits, payload + check_digit(payload))

    def hide_text(self, text: str) -> None:
        """Letters stay letters and digits digits."""
        if len(text) >= _VALUE_CHARACTERS_MIN and not _TWELVE.fullmatch(text):
            number = iter(f"{len(self.of) + 1:0{len(text)}}"[-len(text) :])
            self.of.setdefault(text, "".join(digit if each.isdigit() else "X" if each.isalpha() else each for each, digit in zip(text, number, strict=True)))

    def hide_numbers(self, words: str) -> None:
        """Twelve hexadecimal digits of addresses and one-wire devices, with colons or without: 02 (locally administered) and a number in the same order."""
        for plain in sorted({found.replace(":", "").lower() for found in _TWELVE.findall(words)}):
            self.of.setdefault(plain, f"02{len(self.of) + 1:010x}")

    def in_bytes(self, data: bytes) -> bytes:
        """The values in it replaced, as they stand there: as text, as hex in either case, as the bytes that hex means."""
        for old, new in _longest_first(self.of):
            for before, after in _forms(old, new):
                data = data.replace(before, after)
        return data

    def in_text(self, text: str) -> str:
        """The values in it replaced."""
        return self.in_bytes(text.encode()).decode()

    def left_in(self, data: bytes) -> list[str]:
        """Values that still stand there."""
        return [old for old, new in self.of.items() if old != new for before, _ in _forms(old, new) if before in data]


def _longest_first(values: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(values.items(), key=lambda pair: -len(pair[0]))


def _forms(old: str, new: str) -> Iterator[tuple[bytes, bytes]]:
    yield old.encode(), new.encode()
    if _TWELVE.fullmatch(old):
        for write in (str.upper, _with_colons, lambda plain: _with_colons(plain).upper()):
            yield write(old).encode(), write(new).encode()
        for order in (1, -1):  # Bluetooth sends addresses with their last byte first
            yield bytes.fromhex(old)[::order], bytes.fromhex(new)[::order]
    elif re.fullmatch(r"(?:[0-9A-F]{2}){4,}", old) and re.fullmatch(r"(?:[0-9A-F]{2})+", new):
        yield bytes.fromhex(old), bytes.fromhex(new)
        yield old.lower().encode(), new.lower().encode()


def _with_colons(plain: str) -> str:
    return ":".join(plain[at : at + 2] for at in range(0, len(plain), 2))


def private_values(recording: Recording) -> Pseudonyms:
    """What the readings of then, the configuration, the device and its driver tell of tags, codes, serial numbers and addresses."""
    hidden = Pseudonyms()
    for reading in recording.then:
        _hide(hidden, reading)
    replay = Replay(recording)
    for _ in replay.run():
        pass
    configured = str(recording.config.get("serial_number", ""))
    of_driver = getattr(registry.part(recording.driver, "privacy"), "private_values", None)
    told = [configured, *sorted(replay.serials), *(of_driver(b"".join(_said(recording, "<<"))) if of_driver else ())]
    quantities = (each.quantity.replace("_", " ") for each in recording.then if isinstance(each, Measured | ReadingFailed))
    hidden.hide_numbers(" ".join((*told, *quantities, *_words(recording.config))))
    for text in told:
        hidden.hide_text(text)
    return hidden


def _said(recording: Recording, mark: str) -> list[bytes]:
    return [content for _, kind, content in recording.steps if kind == mark and isinstance(content, bytes)]


def _words(value: Any) -> Iterator[str]:
    """All texts of a configuration."""
    if isinstance(value, Mapping):
        yield from (word for pair in value.items() for each in pair for word in _words(each))
    elif isinstance(value, list | tuple):
        yield from (word for each in value for word in _words(each))
    elif isinstance(value, str):
        yield value


def _hide(hidden: Pseudonyms, reading: AnyReading) -> None:
    if isinstance(reading, TagRead):
        hidden.hide_epc(reading.epc)
    elif isinstance(reading, LinkChanged):
        hidden.hide_text(reading.serial)
    elif isinstance(reading, Scan):
        found = reading.identifiers
        for key in filter(None, (found.sscc, found.gtin)):
            # A label may carry the GTIN without the zeros that fill it up; only the key as it stands there can be replaced there.
            hidden.hide_key(key if key in reading.text else key.lstrip("0"))
        for text in filter(None, (found.serial, found.lot)):
            hidden.hide_text(text)
        if not any((found.sscc, found.gtin, found.serial, found.lot)):
            (hidden.hide_key if _is_key(reading.text) else hidden.hide_text)(reading.text)


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in _CHECKED_KEYS and check_digit(text[:-1]) == text[-1]


def public_config(spec: DriverSpec, config: Mapping[str, Any], hidden: Pseudonyms) -> dict[str, Any]:
    """The configuration without addresses, paths, credentials and serial numbers."""
    schema = msgspec.json.schema(spec.config)
    fields = schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"]
    places = {key for key in config if fields.get(key, {}).get("unit") in ("name", "path")}
    kept = {key: _public(value, hidden) for key, value in config.items() if not _SECRETS.search(key) and not (key in places and _is_elsewhere(value))}
    return kept | ({"host": _ADDRESS} if config.get("host") else {}) | ({"path": _SERIAL_LINE} if config.get("path") else {})


def _is_elsewhere(value: Any) -> bool:
    """Whether it is a path that only this computer has."""
    return isinstance(value, str) and value.startswith(("/", "~/", "./", "../")) and not value.startswith(_HERE)


def _public(value: Any, hidden: Pseudonyms) -> Any:
    if isinstance(value, Mapping):
        return {hidden.in_text(key): _public(each, hidden) for key, each in value.items() if not _SECRETS.search(key)}
    if isinstance(value, list | tuple):
        return [_public(each, hidden) for each in value]
    return _URL.sub(rf"\g<1>{_ADDRESS}", hidden.in_text(value)) if isinstance(value, str) else value


def cut(recording: Recording, from_s: float, to_s: float | None) -> Recording:
    """From the first moment to the last, in seconds of the recording; how the conversation began stays, since nothing is understood without it."""
    began_s = max((at_s for at_s, kind, _ in recording.steps if kind == "open" and at_s <= from_s), default=0.0)
    steps: list[tuple[float, str, bytes | str]] = []
    for step in recording.steps:
        at_s = step[0]
        if to_s is not None and at_s > to_s:
            break
        if at_s >= from_s or began_s <= at_s <= began_s + _SET_UP_S:
            steps.append(step)
        elif steps and steps[-1][1] != "gap":
            steps.append((at_s, "gap", b""))
    kept = [(reading, at_s) for reading, at_s in zip(recording.then, recording.then_at_s, strict=True) if from_s <= at_s and (to_s is None or at_s <= to_s)]
    return replace(recording, steps=steps, then=[each[0] for each in kept], then_at_s=[each[1] for each in kept])


_SET_UP_S = 2.0
"""Chosen: how long after connecting a device is being set up; a reader takes half a second."""


def redacted(recording: Recording) -> Recording:
    """A recording that may be shown. Raises: RecordingError: it cannot be made without changing what it says; the text says why."""
    hidden = private_values(recording)
    steps = list(_hidden_steps(recording, hidden))
    then = [_hidden_reading(reading, hidden) for reading in recording.then]
    made = replace(recording, device="device-1", config=public_config(registry.load(recording.driver), recording.config, hidden), steps=steps, then=then)
    try:
        _prove(made, hidden)
    except ConfigError as error:
        raise RecordingError(f"without what is private in it the configuration is none any more ({error}); use --keep-values") from error
    return made


def _hidden_steps(recording: Recording, hidden: Pseudonyms) -> Iterator[tuple[float, str, bytes | str]]:
    """A value may come in two pieces, so each direction is one stream; values keep their lengths, so it can be cut where it was."""
    resealed = getattr(registry.part(recording.driver, "privacy"), "resealed", lambda before, after: after)
    before = {mark: b"".join(_said(recording, mark)) for mark in ("<<", ">>")}
    streams = {mark: iter(resealed(whole, hidden.in_bytes(whole))) for mark, whole in before.items()}
    for at_s, kind, content in recording.steps:
        if kind in streams:
            yield at_s, kind, bytes(next(streams[kind]) for _ in range(len(content)))
        else:
            yield at_s, kind, hidden.in_text(content) if isinstance(content, str) else content


def _hidden_reading(reading: AnyReading, hidden: Pseudonyms) -> AnyReading:
    said: AnyReading = msgspec.json.decode(hidden.in_bytes(msgspec.json.encode(reading)), type=AnyReading)
    return msgspec.structs.replace(said, device="device-1")


def _prove(made: Recording, hidden: Pseudonyms) -> None:
    """Raises: RecordingError."""
    for mark in ("<<", ">>"):
        if left := hidden.left_in(b"".join(_said(made, mark))):
            raise RecordingError(f"{len(left)} values could not be replaced; look whether they may be shown, and use --keep-values")
    now = [reading for reading in Replay(made).run() if not isinstance(reading, LinkChanged)]
    then = [reading for reading in made.then if not isinstance(reading, LinkChanged)]
    if lines := difference(then, now):
        raise RecordingError(
            f"with other values in its bytes the driver makes {len(lines)} other readings of it (a checksum, or values that are not sent as text); "
            "look whether they may be shown, and use --keep-values"
        )


def lines_of(recording: Recording, note: str) -> Iterator[str]:
    """As a file that `dockline replay` reads; a `#: config` line makes it a capture of the conformance suite as well."""
    yield "# Dockline recording 1"
    yield from (f"# {line}" for line in note.splitlines())
    yield f"# device {msgspec.json.encode({'id': recording.device, **recording.config, 'driver': recording.driver}).decode()}"
    plain = {key: value for key, value in recording.config.items() if isinstance(value, str | int | float | bool) and key != "driver"}
    yield "#: config " + " ".join(f"{key}={'on' if value is True else 'off' if value is False else value}" for key, value in plain.items())
    yield from _told(recording)


def _told(recording: Recording) -> Iterator[str]:
    """Steps and readings in the order of time."""
    readings = list(zip(recording.then_at_s, recording.then, strict=True))
    last_s = None
    for at_s, kind, content in recording.steps:
        while readings and readings[0][0] < at_s:
            yield _reading_line(readings.pop(0)[1])
        if at_s != last_s:
            yield f"@{at_s:.6f}"
            last_s = at_s
        if isinstance(content, bytes) and kind in ("<<", ">>"):
            yield f"{kind} {content.hex(' ')}"
        else:
            yield f"!! {content!s}" if kind == "!!" else line_of(Entry(recording.clock_s + at_s, "open" if kind == "open" else "gap", b""), 0.0)[-1]
    yield from (_reading_line(reading) for _, reading in readings)


def _reading_line(reading: AnyReading) -> str:
    return f"# reading {msgspec.json.encode(reading).decode()}"
