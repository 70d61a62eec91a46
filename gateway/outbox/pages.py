# SPDX-License-Identifier: Apache-2.0
"""Rows out of a SQLite file that SQLite itself refuses: page after page, without an index above them. Pure but for reading the file.

Source: SQLite's "Database File Format" (sqlite.org/fileformat2.html): 1.3 (header), 1.5 (free pages), 1.6 (b-tree pages), 2.1 (records), 4.1 and 4.2 (log).
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gateway.outbox.file import PAGE_BYTES

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_LOG_HEADER = struct.Struct(">IIIIII")
_LOG_HEADER_BYTES = 32
_LOG_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_FRAME = struct.Struct(">IIII")
_FRAME_BYTES = 24
_LEAF_TABLE, _LEAF_INDEX = 0x0D, 0x0A
_INNER, _CHAINED = (0x02, 0x05), 0x00
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Value = None | int | str | bytes


class Row(NamedTuple):
    """A row as it is stored; `rowid` None: of a table without one."""

    rowid: int | None
    values: tuple[Value, ...]


class Frame(NamedTuple):
    """A page in the log. `is_commit`: it ends a transaction; `is_proved`: the chain of check sums holds up to here."""

    page: int
    offset: int
    is_commit: bool
    is_proved: bool


def log_frames(path: Path) -> list[Frame]:
    """The pages that the log of the file at `path` holds since it was last folded in, whether their check sums hold or not."""
    log = path.with_name(path.name + "-wal")
    if not log.exists():
        return []
    with log.open("rb") as stream:
        head = stream.read(_LOG_HEADER_BYTES)
        if len(head) < _LOG_HEADER_BYTES or (order := _LOG_MAGIC.get(_LOG_HEADER.unpack_from(head)[0])) is None:
            return []
        _, _, page_bytes, _, *salts = _LOG_HEADER.unpack_from(head)
        sums = _summed(head[: _LOG_HEADER.size], order, (0, 0))
        is_proved, frames = 512 <= page_bytes <= 65536, list[Frame]()
        while len(frame := stream.read(_FRAME_BYTES + page_bytes)) == _FRAME_BYTES + page_bytes:
            page, pages_after, *salted = _FRAME.unpack_from(frame)
            if is_proved:
                sums = _summed(frame[_FRAME_BYTES:], order, _summed(frame[:8], order, sums))
                is_proved = salted == salts and struct.pack(">II", *sums) == frame[16:_FRAME_BYTES]
            if salted == salts and page:
                frames.append(Frame(page, stream.tell() - page_bytes, pages_after > 0, is_proved))
    return frames


def commits_lost_in_log(path: Path) -> int:
    """How many commits stand in the log behind a place that cannot be read. One may be torn: a commit that a power cut ended was never acknowledged."""
    behind = sum(frame.is_commit for frame in log_frames(path) if not frame.is_proved)
    return behind if behind > 1 else 0


class Pages:
    """The pages of a file and of its log. `unreadable` counts rows that could not be taken apart."""

    def __init__(self, path: Path) -> None:
        self.unreadable = 0
        self._file: BinaryIO = path.open("rb")
        head = self._file.read(_HEADER_BYTES)
        self._page_bytes = (int.from_bytes(head[16:18], "big") if head.startswith(_MAGIC) else 0) or PAGE_BYTES
        if self._page_bytes == 1:
            self._page_bytes = 65536
        self._usable = self._page_bytes - (head[20] if head.startswith(_MAGIC) else 0)
        self._frames = log_frames(path)
        self._log: BinaryIO | None = path.with_name(path.name + "-wal").open("rb") if self._frames else None
        self._newest = {frame.page: frame.offset for frame in self._frames}
        self._count = -(-path.stat().st_size // self._page_bytes)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._log is not None:
            self._log.close()

    def rows(self) -> Iterator[Row]:
        """All rows. Of a page that cannot be taken apart also those of its older image, first; pages that were freed are left out as far as they are known."""
        free = self._free()
        logged: dict[int, list[int]] = {}
        for frame in self._frames:
            logged.setdefault(frame.page, []).append(frame.offset)
        for number in itertools.chain(range(1, self._count + 1), sorted(page for page in logged if page > self._count)):
            if number not in free:
                yield from self._rows_of(number, logged.get(number, []))

    def _rows_of(self, number: int, logged: Sequence[int]) -> Iterator[Row]:
        found: list[Iterable[Row]] = []
        images = itertools.chain((self._logged(offset) for offset in reversed(logged)), (self._stored(number) for _ in range(1)))
        for image in images:
            rows, is_whole = self._taken_apart(number, image)
            found.append(rows)
            if is_whole:
                break
        else:
            self.unreadable += any(found)
        yield from itertools.chain.from_iterable(reversed(found))

    def _stored(self, number: int) -> bytes:
        self._file.seek((number - 1) * self._page_bytes)
        return self._file.read(self._page_bytes)

    def _logged(self, offset: int) -> bytes:
        assert self._log is not None
        self._log.seek(offset)
        return self._log.read(self._page_bytes)

    def _page(self, number: int) -> bytes:
        """The newest bytes of a page."""
        return self._logged(self._newest[number]) if number in self._newest else self._stored(number)

    def _free(self) -> set[int]:
        free: set[int] = set()
        trunk = int.from_bytes(self._page(1)[32:36], "big") if self._page(1).startswith(_MAGIC) else 0
        while trunk and trunk not in free and len(page := self._page(trunk)) >= 8:
            free.add(trunk)
            leaves = int.from_bytes(page[4:8], "big")
            if leaves > self._page_bytes // 4:
                break
            free |= {leaf for (leaf,) in struct.iter_unpack(">I", page[8 : 8 + 4 * leaves])}
            trunk = int.from_bytes(page[:4], "big")
        return free

    def _taken_apart(self, number: int, page: bytes) -> tuple[list[Row], bool]:
        """The rows of a page, and whether all of it is as SQLite writes it. Only leaves have rows; a page that a long row goes on in begins with a 0."""
        start = _HEADER_BYTES if number == 1 else 0
        if len(page) < self._page_bytes or not any(page):
            return [], False
        if page[start] not in (_LEAF_TABLE, _LEAF_INDEX):
            return [], page[start] in (*_INNER, _CHAINED)
        pointers = page[start + 8 :][: 2 * int.from_bytes(page[start + 3 : start + 5], "big")]
        rows: list[Row] = []
        is_whole = True
        for (at,) in struct.iter_unpack(">H", pointers[: len(pointers) // 2 * 2]):
            try:
                rows.append(self._row(page, at, has_rowid=page[start] == _LEAF_TABLE))
            except (IndexError, ValueError):
                is_whole = False
        return rows, is_whole

    def _row(self, page: bytes, at: int, *, has_rowid: bool) -> Row:
        size, at = _varint(page, at)
        rowid, at = _varint(page, at) if has_rowid else (None, at)
        return Row(rowid, tuple(_values(self._payload(page, at, size, has_rowid=has_rowid))))

    def _payload(self, page: bytes, at: int, size: int, *, has_rowid: bool) -> bytes:
        """The bytes of a record; what does not fit into its page hangs on it as a chain of pages."""
        local_max = self._usable - 35 if has_rowid else (self._usable - 12) * 64 // 255 - 23
        if size <= local_max:
            return _exactly(page[at : at + size], size)
        local_min = (self._usable - 12) * 32 // 255 - 23
        local = local_min + (size - local_min) % (self._usable - 4)
        local = local if local <= local_max else local_min
        if size > self._count * self._page_bytes + len(self._newest) * self._page_bytes:
            raise ValueError("longer than the file")
        found = bytearray(_exactly(page[at : at + local], local))
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        while len(found) < size and following:
            more = self._page(following)
            found += more[4 : self._usable][: size - len(found)]
            if len(more) < self._page_bytes:
                break
            following = int.from_bytes(more[:4], "big")
        return _exactly(bytes(found), size)


def _exactly(found: bytes, size: int) -> bytes:
    if len(found) != size:
        raise ValueError("cut short")
    return found


def _varint(page: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = page[at]
        value, at = value << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            return value, at
    return value << 8 | page[at], at + 1


def _values(record: bytes) -> Iterator[Value]:
    head_bytes, at = _varint(record, 0)
    kinds: list[int] = []
    while at < head_bytes:
        kind, at = _varint(record, at)
        kinds.append(kind)
    at = head_bytes
    for kind in kinds:
        size = _INTEGER_BYTES.get(kind, 0) if kind < 12 else (kind - 12) // 2
        found = _exactly(record[at : at + size], size)
        at += size
        if kind == 0:
            yield None
        elif kind in _INTEGER_BYTES:
            yield int.from_bytes(found, "big", signed=True)
        elif kind in (8, 9):
            yield kind - 8
        elif kind >= 12:
            yield found.decode() if kind % 2 else found
        else:
            raise ValueError(f"no value of this program has the type {kind}")


def _summed(piece: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    for low, high in struct.iter_unpack(f"{order}II", piece):
        first = (first + low + second) & 0xFFFFFFFF
        second = (second + high + first) & 0xFFFFFFFF
    return first, second
