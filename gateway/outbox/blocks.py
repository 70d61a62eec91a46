# SPDX-License-Identifier: Apache-2.0
"""The blocks of one lane in the file, found by the place of an event in O(log n). Places count from 1 and are never given twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from contracts.events import Lane
from gateway.outbox import block
from gateway.outbox.errors import OutboxDamagedError
from gateway.outbox.file import File
from gateway.outbox.spans import Span

_BLOCK_BYTES_MAX = 64 * 1024  # before compression: what one look at an event has to unpack at most
_ROW_BYTES = 24  # of a page, beside the block


class Blocks:
    """The table of a lane. Whoever writes does so inside of a transaction."""

    def __init__(self, file: File, lane: Lane) -> None:
        self._file = file
        self._lane = lane
        self._read: tuple[int, list[bytes]] = (0, [])

    def last(self) -> int:
        """The last place that is stored; 0: nothing is."""
        row = self._file.db.execute(f"SELECT first + count - 1 FROM {self._lane} ORDER BY first DESC LIMIT 1").fetchone()  # noqa: S608  # one of two lanes
        return row[0] if row else 0

    def first(self) -> int:
        """The first place that is stored; 0: nothing is."""
        row = self._file.db.execute(f"SELECT first FROM {self._lane} ORDER BY first LIMIT 1").fetchone()  # noqa: S608
        return row[0] if row else 0

    def add(self, blocks: Iterable[Packed]) -> None:
        """Store blocks."""
        self._file.db.executemany(f"INSERT INTO {self._lane} VALUES (?, ?, ?)", blocks)  # noqa: S608

    def between(self, low: int, high: int) -> Iterator[tuple[int, bytes]]:
        """The events at the places `low` to `high`, with their places. Raises: OutboxDamagedError: a block is not what was written."""
        for first, count, packed in self._rows(low, high):
            bodies = self._unpacked(first, count, packed)
            for place in range(max(low, first), min(high, first + count - 1) + 1):
                yield place, bodies[place - first]

    def spans(self, low: int, high: int) -> Iterator[Span]:
        """The blocks that have a place between `low` and `high`."""
        query = f"SELECT first, first + count - 1 FROM {self._lane} WHERE first >= ? AND first <= ? ORDER BY first"  # noqa: S608
        return (Span(*row) for row in self._file.db.execute(query, (self._start(low), high)) if row[1] >= low)

    def bytes_between(self, low: int, high: int) -> int:
        """About how much room the blocks that begin between `low` and `high` take."""
        query = f"SELECT coalesce(sum(length(body) + {_ROW_BYTES}), 0) FROM {self._lane} WHERE first >= ? AND first <= ?"  # noqa: S608
        (total,) = self._file.db.execute(query, (low, high)).fetchone()
        return int(total)

    def remove(self, low: int, high: int) -> None:
        """Delete the blocks that have no place outside of `low` to `high`."""
        self._read = (0, [])
        self._file.db.execute(f"DELETE FROM {self._lane} WHERE first >= ? AND first <= ? AND first + count - 1 <= ?", (low, high, high))  # noqa: S608

    def clear(self) -> None:
        """Delete all; this rewrites no page, deleting one by one does."""
        self._read = (0, [])
        self._file.db.execute(f"DELETE FROM {self._lane}")  # noqa: S608

    def _rows(self, low: int, high: int) -> Iterator[tuple[int, int, bytes]]:
        query = f"SELECT first, count, body FROM {self._lane} WHERE first >= ? AND first <= ? ORDER BY first"  # noqa: S608
        yield from self._file.db.execute(query, (self._start(low), high))

    def _start(self, place: int) -> int:
        """Where the block begins that may hold a place."""
        row = self._file.db.execute(f"SELECT first FROM {self._lane} WHERE first <= ? ORDER BY first DESC LIMIT 1", (place,)).fetchone()  # noqa: S608
        return row[0] if row else place

    def _unpacked(self, first: int, count: int, packed: bytes) -> list[bytes]:
        if self._read[0] == first and len(self._read[1]) == count:
            return self._read[1]
        try:
            bodies = block.unpack(self._lane, first, count, packed)
        except block.BlockDamagedError as error:
            raise OutboxDamagedError(f"{self._file.path}: {error}; start again, what can be read is saved then") from error
        self._read = (first, bodies)
        return bodies


class Packed(NamedTuple):
    """A row of a lane's table."""

    first: int
    events: int
    body: bytes

    @property
    def size_bytes(self) -> int:
        """About how much room it takes in the file."""
        return len(self.body) + _ROW_BYTES


def packed_blocks(lane: Lane, first: int, bodies: Sequence[bytes]) -> list[Packed]:
    """Events that stand at `first` and after it as blocks: one, if they are not very many."""
    made: list[Packed] = []
    start, total = 0, 0
    for index, body in enumerate(bodies):
        if total and total + len(body) > _BLOCK_BYTES_MAX:
            made.append(Packed(first + start, index - start, block.pack(lane, first + start, bodies[start:index])))
            start, total = index, 0
        total += len(body)
    if bodies:
        made.append(Packed(first + start, len(bodies) - start, block.pack(lane, first + start, bodies[start:])))
    return made
