# SPDX-License-Identifier: Apache-2.0
"""Files of reads and of eyes' edges: CSV with a header (comma, semicolon, tab; also gzip), a reader tool's export with `//` lines, `PassCaptured` as JSON.

Reads come out in order of time. Times given as date and time become seconds since the file's first read.
"""

from __future__ import annotations

import codecs
import gzip
import io
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec

from contracts.events import PassCaptured
from gateway.portal.reads import Edge, Eye, Read, Side

_GZIP = b"\x1f\x8b"
_DELIMITERS = (",", ";", "\t")
_COLUMNS = {
    "time_s": ("time_s", "time", "timestamp"),
    "epc": ("epc",),
    "antenna": ("antenna", "antenna_id"),
    "peak_rssi_dbm": ("peak_rssi_dbm", "rssi_dbm", "peak_rssi", "rssi"),
}
_EYE_COLUMNS = {"time_s": ("time_s", "time", "timestamp"), "eye": ("eye",), "level": ("level",)}
_OPTIONAL = ("peak_rssi_dbm",)
_NO_VALUE = ("", "nan", "none", "null", "na", "n/a")
_LEVELS = {"1": True, "true": True, "on": True, "covered": True, "0": False, "false": False, "off": False, "free": False}
_RSSI_DBM = (-130.0, 30.0)
_SHOWN_MAX = 5
_ISO_DIGITS = 6


_Row = TypeVar("_Row")


class FileError(ValueError):
    """A file that cannot be used; the text names file, lines and what to do."""


class BadRow(ValueError):
    """A row that cannot be used; the text says why."""


@dataclass
class Recording:
    """What a file has. `skipped` bad rows were left out; `notes` are for people; `dated`: times were dates, seconds since `origin_s` (UTC epoch) now."""

    reads: list[Read] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    sides: dict[int, Side] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dated: bool = False
    origin_s: float = 0.0


class _Layout(NamedTuple):
    delimiter: str
    places: Mapping[str, int]
    width: int
    header_line: int


def load_reads(path: str, *, skip_bad: bool = False) -> Recording:
    """The reads of a file ("-": standard input), in order of time. Raises: FileError: unreadable, no header, or bad rows (unless they are to be skipped)."""
    data = _data(path)
    if data[:1] in (b"{", b"["):
        return _captured(path, data)
    recording = Recording()
    seconds = _Seconds()
    layout, lines = _opened(path, data, _COLUMNS)
    if "peak_rssi_dbm" not in layout.places:
        recording.notes.append(f"{path}: it has no column peak_rssi_dbm, so only times and antennas count")
    recording.reads = list(_rows(path, lines, lambda row: _read(row, layout, seconds), layout, recording, skip_bad=skip_bad))
    if not recording.reads:
        raise FileError(f"{path}: there is no read in it; it needs rows of time_s, epc, antenna, peak_rssi_dbm")
    _put_in_order(path, recording)
    if seconds.dated:
        recording.dated, recording.origin_s = True, recording.reads[0].t_s
        recording.reads = [read._replace(t_s=round(read.t_s - recording.origin_s, 6)) for read in recording.reads]
    return recording


def load_edges(path: str, recording: Recording, *, skip_bad: bool = False) -> None:
    """Add the edges of a file of eyes to a recording, on the same line of time. Raises: FileError."""
    seconds = _Seconds()
    layout, lines = _opened(path, _data(path), _EYE_COLUMNS)
    edges = list(_rows(path, lines, lambda row: _edge(row, layout, seconds), layout, recording, skip_bad=skip_bad))
    if edges and seconds.dated != recording.dated:
        raise FileError(f"{path}: its times are {'dates' if seconds.dated else 'seconds'} and those of the reads are not; write both in the same way")
    moved = [edge._replace(t_s=round(edge.t_s - recording.origin_s, 6)) for edge in edges] if seconds.dated else edges
    recording.edges = sorted([*recording.edges, *moved], key=lambda edge: edge.t_s)


def _put_in_order(path: str, recording: Recording) -> None:
    times = [read.t_s for read in recording.reads]
    late = sum(before > after for before, after in pairwise(times))
    if late:
        recording.notes.append(f"{path}: {late} reads stand before earlier ones; sorted by time")
        recording.reads.sort(key=lambda read: read.t_s)


def _data(path: str) -> bytes:
    """What is in a file, unpacked, in UTF-8 without its mark. Raises: FileError."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read: {reason}; check name and rights, and that a .gz file is whole") from error
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: byte {error.start} is no UTF-8; save the file as CSV in UTF-8") from error
    return data.removeprefix(codecs.BOM_UTF8).lstrip()


def _opened(path: str, data: bytes, columns: Mapping[str, Sequence[str]]) -> tuple[_Layout, Iterator[tuple[int, str]]]:
    """The layout by the header, and the numbered lines after it."""
    lines = ((number, line.rstrip("\r\n")) for number, line in enumerate(io.TextIOWrapper(io.BytesIO(data), "utf-8"), 1) if line.strip())
    number, header, tool_header = 0, "", ""
    while (following := next(lines, None)) is not None:
        number, header = following
        if not header.startswith("//"):
            break
        tool_header, header = header, ""
    if tool_header:
        if not header:
            raise FileError(f"{path}: it has only comments")
        width = len(header.split(";"))
        return _layout(path, tool_header.removeprefix("//").replace(",", ";"), columns, number, width), chain([(number, header)], lines)
    if not header:
        raise FileError(f"{path}: it is empty; it needs a header {', '.join(columns)} and rows below")
    return _layout(path, header, columns, number, 0), lines


def _layout(path: str, header: str, columns: Mapping[str, Sequence[str]], number: int, width: int) -> _Layout:
    """Raises: FileError: a column is missing."""
    found: list[tuple[int, str, list[str]]] = []
    for delimiter in _DELIMITERS:
        names = [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
        found.append((sum(any(name in names for name in called) for called in columns.values()), delimiter, names))
    _, delimiter, names = max(found, key=lambda one: one[0])
    places = {column: names.index(name) for column, called in columns.items() for name in reversed(called) if name in names}
    missing = [column for column in columns if column not in places and column not in _OPTIONAL]
    if missing:
        raise FileError(
            f"{path}: line {number}: the header lacks {', '.join(missing)}; it has {', '.join(names)[:200]}; "
            f"the first line must name the columns {', '.join(columns)} (any order, comma, semicolon or tab)"
        )
    return _Layout(delimiter, places, width or len(names), number)


def _rows(
    path: str, lines: Iterator[tuple[int, str]], parse: Callable[[list[str]], _Row], layout: _Layout, recording: Recording, *, skip_bad: bool
) -> Iterator[_Row]:
    bad: list[str] = []
    for number, line in lines:
        row = line.split(layout.delimiter)
        try:
            _check_width(len(row), layout)
            yield parse(row)
        except BadRow as error:
            bad.append(f"{path}: line {number}: {error}")
    if bad and not skip_bad:
        more = [f"{path}: and {len(bad) - _SHOWN_MAX} more lines"] if len(bad) > _SHOWN_MAX else []
        raise FileError("\n".join([*bad[:_SHOWN_MAX], *more, "correct the file, or leave such rows out with --skip-bad"]))
    recording.skipped += bad


def _check_width(width: int, layout: _Layout) -> None:
    """Raises: BadRow."""
    if width == layout.width:
        return
    hint = "; a decimal comma needs semicolons between the columns" if layout.delimiter == "," and width > layout.width else ""
    raise BadRow(f"{width} fields where the header has {layout.width}{hint}")


class _Seconds:
    """Times as numbers or as date and time, one kind in a file."""

    def __init__(self) -> None:
        self.dated = False
        self._known = False

    def __call__(self, text: str) -> float:
        """Raises: BadRow."""
        try:
            second = float(text)
        except ValueError:
            return self._date(text)
        if not math.isfinite(second):
            raise BadRow(f"time_s {text!r} is no number")
        if self.dated:
            raise BadRow(f"time_s {text!r} is no date and time like the rows before")
        self._known = True
        return second

    def _date(self, text: str) -> float:
        if "T" not in text and " " not in text and "," in text and not self.dated:
            return self(text.replace(",", "."))
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise BadRow(f"time_s {text!r} is neither seconds nor a date and time such as 2026-01-31T12:00:00.5Z") from None
        if self._known and not self.dated:
            raise BadRow(f"time_s {text!r} is no number of seconds like the rows before")
        self._known = self.dated = True
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() + _beyond_micros(text)


def _beyond_micros(text: str) -> float:
    """What a time with 7 or more decimals has below a microsecond (datetime drops it)."""
    _, point, tail = text.partition(".")
    digits = "".join(digit for digit in tail if digit.isdigit() or digit in "+-Z").replace("Z", "+").replace("-", "+").partition("+")[0] if point else ""
    return float(f"0.{'0' * _ISO_DIGITS}{digits[_ISO_DIGITS:]}") if len(digits) > _ISO_DIGITS else 0.0


def _read(row: list[str], layout: _Layout, seconds: _Seconds) -> Read:
    places = layout.places
    t_s = seconds(_field(row, places["time_s"]))
    place = places.get("peak_rssi_dbm")
    return Read(t_s, _epc(_field(row, places["epc"])), _antenna(_field(row, places["antenna"])), None if place is None else _rssi_dbm(_field(row, place)))


def _field(row: list[str], place: int) -> str:
    return row[place].strip().strip('"').strip()


@lru_cache(65_536)
def _epc(text: str) -> str:
    """Upper-case hex; what is no hex stays as it is, since tools give tags names too."""
    if not text or any(sign.isspace() or not sign.isprintable() for sign in text):
        raise BadRow(f"epc {text!r} is {'empty' if not text else 'not one word'}; it must be the tag's memory in hex")
    upper = sys.intern(text.upper().removeprefix("0X"))
    return upper if all(sign in "0123456789ABCDEF" for sign in upper) else text


@lru_cache(65_536)
def _antenna(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        raise BadRow(f"antenna {text!r} is no number") from None
    if number != number // 1 or not 0 <= number <= 65_535:  # AntennaID is 16 bits (LLRP 1.1, 17.2.3.1)
        raise BadRow(f"antenna {text!r} is no number of an antenna")
    return int(number)


@lru_cache(65_536)
def _rssi_dbm(text: str) -> float | None:
    if text.lower() in _NO_VALUE:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise BadRow(f"peak_rssi_dbm {text!r} is no number; leave it empty when the reader did not tell it") from None
    if not _RSSI_DBM[0] <= value <= _RSSI_DBM[1]:
        raise BadRow(f"peak_rssi_dbm {text!r} is no strength in dBm ({_RSSI_DBM[0]:g} to {_RSSI_DBM[1]:g}); some tools write hundredths of a dB")
    return value


def _edge(row: list[str], layout: _Layout, seconds: _Seconds) -> Edge:
    t_s = seconds(_field(row, layout.places["time_s"]))
    eye, level = (_field(row, layout.places[name]).lower() for name in ("eye", "level"))
    if eye not in get_args(Eye):
        raise BadRow(f"eye {eye!r} is none of {', '.join(get_args(Eye))}")
    if level not in _LEVELS:
        raise BadRow(f"level {level!r} is neither 1 (covered) nor 0 (free)")
    return Edge(t_s, eye, _LEVELS[level])  # type: ignore[arg-type]  # checked above


def _captured(path: str, data: bytes) -> Recording:
    """One `PassCaptured`, several of them a line each, or a list; laid on one line of time."""
    try:
        captures = _captures(data)
    except msgspec.DecodeError as error:
        raise FileError(f"{path}: it is JSON, but no PassCaptured: {error}; give it as the gateway sent it") from error
    if not captures:
        raise FileError(f"{path}: there is no pass in it")
    recording = Recording()
    first = min(capture.started_at for capture in captures)
    for capture in sorted(captures, key=lambda one: one.started_at):
        base_s = (capture.started_at - first).total_seconds()
        try:
            _add_capture(recording, capture, base_s)
        except (BadRow, IndexError, ValueError) as error:
            raise FileError(f"{path}: the pass {capture.pass_id} is damaged: {error}; fetch it again") from error
    _put_in_order(path, recording)
    recording.edges.sort(key=lambda edge: edge.t_s)
    return recording


def _captures(data: bytes) -> list[PassCaptured]:
    if data.startswith(b"["):
        return msgspec.json.decode(data, type=list[PassCaptured])
    try:
        return [msgspec.json.decode(data, type=PassCaptured)]
    except msgspec.DecodeError:
        if b"\n" not in data.strip():
            raise
    return [msgspec.json.decode(line, type=PassCaptured) for line in data.splitlines() if line.strip()]


def _add_capture(recording: Recording, capture: PassCaptured, base_s: float) -> None:
    columns: tuple[Sequence[Any], ...] = (capture.read_ms, capture.read_tags, capture.read_antennas, capture.read_rssi_dbm)
    if len({len(column) for column in columns}) > 1 or any(not 0 <= tag < len(capture.epcs) for tag in capture.read_tags):
        raise BadRow("its columns do not fit each other")
    for ms, tag, antenna, rssi_dbm in zip(*columns, strict=True):
        recording.reads.append(Read(base_s + ms / 1000, capture.epcs[tag], antenna, rssi_dbm))
    for ms, eye, level in zip(capture.edge_ms, capture.edge_eyes, capture.edge_levels, strict=True):
        if eye not in get_args(Eye):
            raise BadRow(f"there is no eye {eye!r}")
        recording.edges.append(Edge(base_s + ms / 1000, eye, level))  # type: ignore[arg-type]  # checked above
    for antenna, side in capture.sides.items():
        if side not in get_args(Side):
            raise BadRow(f"there is no side {side!r}")
        recording.sides[int(antenna)] = side  # type: ignore[assignment]  # checked above
    if capture.left_out:
        recording.notes.append(f"pass {capture.pass_id}: {capture.left_out} of its reads were not kept")
