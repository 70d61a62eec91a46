# SPDX-License-Identifier: Apache-2.0
"""Tag reads out of RO_ACCESS_REPORT, fast where all tags of a report look alike and bounds-checked wherever they do not.

Source: LLRP 1.0.1, 16.2.7.3 (TagReportData and its parts). Readers send the same layout thousands of times: it is learnt from one tag,
then one `struct` reads all tags of a message, after a mask has shown that every header byte of every one of them is the learnt one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

from drivers.rfid_llrp.frames import ParameterType

_TAG_REPORT, _EPC_DATA, _CUSTOM = int(ParameterType.TAG_REPORT_DATA), int(ParameterType.EPC_DATA), int(ParameterType.CUSTOM)
_TLV = struct.Struct("!HH")
_CUSTOM_IDS = struct.Struct("!II")
_NUMBER_START, _NUMBER_BYTES = 6, 4  # where a message has its number (LLRP 1.0.1, 16.1.1)
_SHOWN_BYTES = 128
_SHAPES_MAX = 16  # chosen: a reader uses one or two; a hostile one shall not fill the memory
_ROWS_MAX = 64  # chosen: tags that one mask covers; longer reports are read in such blocks

TV_BYTES = {1: 2, 2: 8, 3: 8, 4: 8, 5: 8, 6: 1, 7: 2, 8: 2, 9: 4, 10: 2, 11: 2, 12: 2, 13: 12, 14: 2, 15: 2, 16: 4, 17: 2, 18: 4, 19: 2, 20: 2}
"""Value lengths of the TV parameters (LLRP 1.1, 17.2.7.3 and 17.2.8; 1 to 18 are those of 1.0.1)."""

_FIELDS = {
    1: ("antenna", "H"),
    2: ("first", "Q"),
    3: ("first", "Q"),
    4: ("last", "Q"),
    5: ("last", "Q"),
    6: ("rssi", "b"),
    7: ("channel", "H"),
    8: ("count", "H"),
    13: ("epc", "12s"),
}
"""TV parameters that become part of a read; where a reader has no UTC clock it sends 3 and 5 (uptime) instead of 2 and 4."""

_CUSTOM_FIELDS = {
    (25882, 56): ("phase", "H"),  # Impinj Octane LLRP: ImpinjRFPhaseAngle, a whole turn in 4096 steps
    (25882, 57): ("rssi", "h"),  # ImpinjPeakRSSI, dBm * 100
    (25882, 68): ("doppler", "h"),  # ImpinjRFDopplerFrequency, Hz * 16
    (161, 709): ("phase", "h"),  # Zebra FX LLRP: MotoTagPhase, half a turn in 32768 steps; two bytes, as an FX9600 really sends it
}
"""Makers' 16-bit parameters that become part of a read, by maker and subtype."""

_DIVISORS = {("rssi", "h"): 100.0, ("phase", "H"): 2048 / math.pi, ("phase", "h"): 32768 / math.pi, ("doppler", "h"): 16.0}
"""What the raw number is divided by to be in dBm, radians or Hz."""


class SeenTag(NamedTuple):
    """One read. `antenna` 0: not reported. Times in microseconds of the reader's own clock (UTC, or since its start when it has no UTC clock)."""

    epc: bytes
    antenna: int
    peak_rssi_dbm: float | None
    first_seen_us: int | None
    last_seen_us: int | None
    seen_count: int

    @property
    def channel(self) -> int | None:
        """Index into the reader's hop table or table of fixed frequencies; None: not reported."""
        return None

    @property
    def phase_rad(self) -> float | None:
        """Phase of the tag's answer, to be compared only on one antenna and channel; None: not reported."""
        return None

    @property
    def doppler_hz(self) -> float | None:
        """Doppler shift as the reader estimates it; None: not reported."""
        return None


class DetailedTag(SeenTag):
    """A read with at least one of channel, phase and Doppler shift; three values behind those of `SeenTag`."""

    __slots__ = ()
    channel = property(itemgetter(6))
    phase_rad = property(itemgetter(7))
    doppler_hz = property(itemgetter(8))

    def __repr__(self) -> str:
        return f"DetailedTag{tuple(self)}"


class Rejected(NamedTuple):
    """Part of a report that was thrown away; `reason` is one of bad_length, truncated, unknown_tv, no_epc."""

    reason: str
    data: bytes


_DEFAULTS: dict[str, Any] = {"epc": b"", "antenna": 0, "rssi": None, "first": None, "last": None, "count": 1}
_ORDER = tuple(_DEFAULTS)
_DETAILS: dict[str, Any] = {"channel": None, "phase": None, "doppler": None}
_as_seen_tag: Callable[[Iterable[Any]], SeenTag] = partial(tuple.__new__, SeenTag)  # as SeenTag._make, without a Python call for each tag
_as_detailed_tag: Callable[[Iterable[Any]], SeenTag] = partial(tuple.__new__, DetailedTag)


class _MalformedError(Exception):
    """A tag's parameters do not fit; carries the reason. Never leaves this module."""


class _Value(NamedTuple):
    """Where a value lies in a TagReportData and how it is read; an empty name is one that nobody needs."""

    name: str
    code: str
    start: int
    size: int
    is_other: bool = False
    """Whether it is no value of the read itself (a result of a tag access, a parameter unknown here)."""


def _values(row: bytes) -> Iterator[_Value]:
    """All values of one TagReportData, bounds checked. Raises: _MalformedError: bad_length, truncated, unknown_tv or no_epc."""
    at, has_epc = _TLV.size, False
    while at < len(row):
        value = _tv_value(row, at) if row[at] & 0x80 else _tlv_value(row, at)
        if value.start + value.size > len(row):
            raise _MalformedError("truncated")
        has_epc |= value.name == "epc"
        at = value.start + value.size
        yield value
    if not has_epc:
        raise _MalformedError("no_epc")


def _tv_value(row: bytes, at: int) -> _Value:
    kind = row[at] & 0x7F
    if kind not in TV_BYTES:
        raise _MalformedError("unknown_tv")
    return _Value(*_FIELDS.get(kind, ("", "x")), at + 1, TV_BYTES[kind])


def _tlv_value(row: bytes, at: int) -> _Value:
    if len(row) - at < _TLV.size:
        raise _MalformedError("truncated")
    kind, length = _TLV.unpack_from(row, at)
    start, size = at + _TLV.size, length - _TLV.size
    if size < 0:
        raise _MalformedError("bad_length")
    if start + size > len(row):
        raise _MalformedError("truncated")
    if kind == _EPC_DATA:
        return _epc_value(row, start, size)
    if kind == _CUSTOM and size >= _CUSTOM_IDS.size:
        known = _CUSTOM_FIELDS.get(_CUSTOM_IDS.unpack_from(row, start)) if size == _CUSTOM_IDS.size + 2 else None
        return _Value(*(known or ("", "x")), start + _CUSTOM_IDS.size, size - _CUSTOM_IDS.size)
    return _Value("", "x", start, size, is_other=True)


def _epc_value(row: bytes, start: int, size: int) -> _Value:
    """EPCData (16.2.7.3.1): | 16 bits number of bits | EPC, filled up to whole bytes |."""
    bits = int.from_bytes(row[start : start + 2], "big")
    if not bits:
        raise _MalformedError("no_epc")
    if size != 2 + (bits + 7) // 8:
        raise _MalformedError("bad_length")
    return _Value("epc", f"{size - 2}s", start + 2, size - 2)


@dataclass(frozen=True)
class _Shape:
    """The layout of one TagReportData: all bytes but the values, a mask of where they lie, and a struct of the values.

    `row_headers` and `row_mask` are those of one tag, `headers` and `header_mask` those of a whole block, as integers.
    """

    row_bytes: int
    values: struct.Struct
    columns: tuple[str, ...]
    row_headers: int
    row_mask: int
    headers: int
    header_mask: int
    divisors: dict[str, float]
    has_results: bool
    is_plain: bool
    """Whether the struct gives a `SeenTag` as it is."""
    scaled: tuple[tuple[int, float], ...]
    """Columns that are to be divided, and by what."""
    picked: Callable[[Sequence[Any]], Iterable[Any]]
    """Puts the columns, followed by the defaults 0, None and 1, into the order of a tag."""
    defaults: tuple[tuple[str, Any], ...]
    made: Callable[[Iterable[Any]], SeenTag]

    @classmethod
    def of(cls, row: bytes, before: bytes = b"") -> _Shape | None:
        """Learn from a well-formed TagReportData; None: it has something twice, which this shortcut does not cover.

        `before` is the header of a message that has nothing else in it; then the whole message is the row. Its number may be any.
        """
        values = list(_values(row))
        has_results = any(value.is_other for value in values)
        if before:
            row, values = before + row, [_Value("", "x", _NUMBER_START, _NUMBER_BYTES), *(value._replace(start=value.start + len(before)) for value in values)]
        divisors = {value.name: _DIVISORS[value.name, value.code] for value in values if (value.name, value.code) in _DIVISORS}
        layout, mask, columns, position = "!", bytearray(b"\xff" * len(row)), [], 0
        for value in values:
            wanted = value.name and not ("rssi" in divisors and value.code == "b")
            layout += f"{value.start - position}x" + (value.code if wanted else f"{value.size}x")
            position = value.start + value.size
            mask[value.start : position] = bytes(value.size)
            columns += [value.name] if wanted else []
        if len(set(columns)) != len(columns):
            return None
        row_mask, header_mask = int.from_bytes(mask, "big"), int.from_bytes(mask * _ROWS_MAX, "big")
        row_headers, headers = int.from_bytes(row, "big") & row_mask, int.from_bytes(row * _ROWS_MAX, "big") & header_mask
        compiled = struct.Struct(f"{layout}{len(row) - position}x")
        made = _as_seen_tag if _DETAILS.keys().isdisjoint(columns) else _as_detailed_tag
        defaults = tuple((_DEFAULTS if made is _as_seen_tag else _DEFAULTS | _DETAILS).items())
        places = {0: len(columns), None: len(columns) + 1, 1: len(columns) + 2}
        return cls(
            row_bytes=len(row),
            values=compiled,
            columns=tuple(columns),
            row_headers=row_headers,
            row_mask=row_mask,
            headers=headers,
            header_mask=header_mask,
            divisors=divisors,
            has_results=has_results,
            is_plain=tuple(columns) == _ORDER and not divisors,
            scaled=tuple((columns.index(name), divisor) for name, divisor in divisors.items()),
            picked=itemgetter(*(columns.index(name) if name in columns else places[default] for name, default in defaults)),
            defaults=defaults,
            made=made,
        )

    def read(self, body: bytes) -> list[SeenTag] | None:
        """All tags of a report body; None: some header byte is another one."""
        if len(body) == self.row_bytes:
            return self._read_one(body)
        block_bytes = self.row_bytes * _ROWS_MAX
        tags: list[SeenTag] = []
        for start in range(0, len(body), block_bytes):
            block = body[start : start + block_bytes]
            surplus_bits = 8 * (block_bytes - len(block))
            if int.from_bytes(block, "big") & (self.header_mask >> surplus_bits) != self.headers >> surplus_bits:
                return None
            tags += self._tags(block)
        return tags

    def _read_one(self, row: bytes) -> list[SeenTag] | None:
        """The usual report of a reader that sends each read at once."""
        if int.from_bytes(row, "big") & self.row_mask != self.row_headers:
            return None
        return [_as_seen_tag(self.values.unpack(row)) if self.is_plain else self.detailed(row)]

    def detailed(self, row: bytes) -> SeenTag:
        """The tag of a row whose headers are the known ones, whatever its values are."""
        values = list(self.values.unpack(row))
        for number, divisor in self.scaled:
            values[number] /= divisor
        return self.made(self.picked((*values, 0, None, 1)))

    def read_beginning(self, stream: bytes) -> tuple[list[SeenTag], int]:
        """The tags of the rows that a stream begins with, and how many bytes those are."""
        if len(stream) == self.row_bytes:
            tags = self._read_one(stream)
            return (tags, len(stream)) if tags is not None else ([], 0)
        block_bytes = self.row_bytes * _ROWS_MAX
        found: list[SeenTag] = []
        whole_bytes = len(stream) - len(stream) % self.row_bytes
        for start in range(0, whole_bytes, block_bytes):
            block = self.read(stream[start : min(start + block_bytes, whole_bytes)])
            if block is None:
                return found, start
            found += block
        return found, whole_bytes

    def _tags(self, block: bytes) -> Iterator[SeenTag]:
        rows = self.values.iter_unpack(block)
        if self.is_plain:
            return map(_as_seen_tag, rows)
        columns: dict[str, Any] = dict(zip(self.columns, zip(*rows, strict=True), strict=True))
        for name, divisor in self.divisors.items():
            columns[name] = [value / divisor for value in columns[name]]
        return map(self.made, zip(*(columns.get(name) or repeat(default) for name, default in self.defaults), strict=False))


def _walked(row: bytes) -> tuple[SeenTag, bool]:
    """One tag, value by value, and whether all of it was understood.

    A TV parameter that no standard known here has hides what follows it, since it carries no length; a tag whose EPC came before it still counts.
    Raises: _MalformedError.
    """
    found, complete = _DEFAULTS | _DETAILS, True
    try:
        for name, code, start, *_ in _values(row):
            if name and not (code == "b" and isinstance(found["rssi"], float)):
                (value,) = struct.unpack_from("!" + code, row, start)
                found[name] = value / _DIVISORS[name, code] if (name, code) in _DIVISORS else value
    except _MalformedError as error:
        complete = False
        if str(error) != "unknown_tv" or not found["epc"]:
            raise
    if all(found[name] is None for name in _DETAILS):
        return _as_seen_tag([found[name] for name in _ORDER]), complete
    return _as_detailed_tag(found.values()), complete


class TagReportReader:
    """Reads the bodies of RO_ACCESS_REPORTs; remembers the layouts that it has met.

    Readers that tell each read at once send one message for each: whole messages with one tag of a known layout are read without being taken apart.
    """

    def __init__(self) -> None:
        self._shapes: dict[int, list[_Shape]] = {}
        self._messages: dict[int, _Shape] = {}
        self.message_bytes_min = 0
        """The shortest message that `read_messages` may know; 0: none yet."""

    def read_message(self, message: bytes) -> SeenTag | None:
        """The tag of a whole message with one tag of a known layout; None: it is something else, or more of it."""
        shape = self._messages.get(len(message))
        if shape is None or int.from_bytes(message, "big") & shape.row_mask != shape.row_headers:
            return None
        return _as_seen_tag(shape.values.unpack(message)) if shape.is_plain else shape.detailed(message)

    def read_messages(self, stream: bytes) -> tuple[Sequence[SeenTag], int]:
        """The tags of the whole messages with one tag of a known layout that a stream begins with, and how many bytes those are."""
        shape = self._messages.get(int.from_bytes(stream[2:6], "big"))
        return ((), 0) if shape is None else shape.read_beginning(stream)

    def learn_message(self, header: bytes, body: bytes) -> None:
        """A message came with this header (ten bytes) and body; if it is one tag of a known layout and nothing else, such messages are known from now on."""
        if len(self._messages) >= _SHAPES_MAX or len(body) not in self._shapes or len(header) + len(body) in self._messages:
            return
        if all(shape.read(body) is None for shape in self._shapes[len(body)]):
            return
        shape = _Shape.of(body, header)
        if shape is not None and not shape.has_results:
            self._messages[shape.row_bytes] = shape
            self.message_bytes_min = min(self._messages)

    def read(self, body: bytes) -> tuple[Sequence[SeenTag], Sequence[Rejected]]:
        """The tags in a report and what had to be thrown away; never raises, whatever the bytes are."""
        if len(body) >= _TLV.size:
            row_bytes = int.from_bytes(body[2:4], "big")
            for shape in self._shapes.get(row_bytes, ()):
                if not len(body) % row_bytes and (tags := shape.read(body)) is not None:
                    return tags, ()
        return self._read_mixed(body)

    def _read_mixed(self, body: bytes) -> tuple[Sequence[SeenTag], Sequence[Rejected]]:
        tags: list[SeenTag] = []
        rejected: list[Rejected] = []
        at = 0
        while at < len(body):
            kind, length = _TLV.unpack_from(body, at) if len(body) - at >= _TLV.size else (0, 0)
            if length < _TLV.size or at + length > len(body):
                rejected.append(Rejected("bad_length", body[at : at + _SHOWN_BYTES]))
                break
            if kind == _TAG_REPORT:
                self._read_row(body[at : at + length], tags, rejected)
            at += length
        return tags, rejected

    def _read_row(self, row: bytes, tags: list[SeenTag], rejected: list[Rejected]) -> None:
        for shape in self._shapes.get(len(row), ()):
            if (found := shape.read(row)) is not None:
                tags += found
                return
        try:
            tag, complete = _walked(row)
        except _MalformedError as error:
            rejected.append(Rejected(str(error), row[:_SHOWN_BYTES]))
            return
        tags.append(tag)
        if complete:
            self._learn(row)
        else:
            rejected.append(Rejected("unknown_tv", row[:_SHOWN_BYTES]))

    def _learn(self, row: bytes) -> None:
        if sum(map(len, self._shapes.values())) < _SHAPES_MAX and (shape := _Shape.of(row)) is not None:
            self._shapes.setdefault(len(row), []).append(shape)
