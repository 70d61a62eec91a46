# SPDX-License-Identifier: Apache-2.0
"""The lane of movements: numbered when they come, and kept for a while after central has them, so that a central restored from a backup can have them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.outbox.batches import BATCH_EVENTS_MAX, Level, within_bytes
from gateway.outbox.blocks import Blocks, Packed, packed_blocks
from gateway.outbox.file import File
from gateway.outbox.spans import Places, Spans

_NOTE_EVERY_EVENTS = 1000  # what central has is noted in bulk, best when a lane has nothing else left
_NOTE_EVERY_EVENTS_MAX = 4000
_NOTE_EVERY_S = 3600.0


class Keeping(NamedTuple):
    """For how long, and in how many bytes, movements are kept after central has them."""

    age_s_max: float
    bytes_max: int


class Movements:
    """Movements in the file and their numbers. `level` is for everybody to read."""

    def __init__(self, file: File, keeping: Keeping) -> None:
        self._file = file
        self._keeping = keeping
        self._blocks = Blocks(file, "movements")
        self.level = Level()
        self.begin()

    def begin(self) -> None:
        """Take up the numbers where they were left; an emptied outbox continues."""
        meta = self._file.meta()
        self._places = Places(int(meta.get("movements_base", 0)), json.loads(meta.get("movements_missing", "[]")))
        self._last_place = max(int(meta.get("movements_given", 0)), self._blocks.last())
        self._noted = self._acked = max(self._places.base, int(meta.get("movements_acked", 0)))
        self._noted_s: float | None = None
        self.level.acked = self._places.seq_of(self._acked)
        self.level.last_seq = max(self.level.acked, self._places.seq_of(self._last_place))
        self._find_oldest()

    def packed(self, bodies: Sequence[bytes]) -> list[Packed]:
        """The next events as blocks."""
        return packed_blocks("movements", self._last_place + 1, bodies)

    def add(self, blocks: Sequence[Packed]) -> None:
        """Store the next blocks, inside of a transaction."""
        self._blocks.add(blocks)

    def added(self, count: int) -> None:
        """They are durable."""
        self._last_place += count
        self.level.last_seq += count

    def after(self, seq: int) -> list[bytes]:
        """The events of the batch that begins with `seq` + 1."""
        low = max(self._places.place_of(seq) + 1, self._places.place_of(self.level.oldest_kept - 1) + 1)
        found = self._blocks.between(low, self._last_place)
        return list(within_bytes(body for _, (_, body) in zip(range(BATCH_EVENTS_MAX), found, strict=False)))

    def oldest_pending(self) -> bytes | None:
        """The first event that central does not have."""
        return next((body for _, body in self._blocks.between(self._acked + 1, self._last_place)), None)

    def acknowledge(self, upto: int) -> None:
        """Central has everything up to `upto`, which was given."""
        self.level.acked = upto
        self._acked = self._places.place_of(upto)

    def rewind(self, upto: int) -> None:
        """Central has only up to `upto`, which is not before what is kept: the rest is to be sent again."""
        self.level.acked = upto
        acked = self._places.place_of(upto)
        with self._file.transaction() as db:
            db.execute("DELETE FROM acknowledged WHERE upto > ?", (acked,))
            self._file.note({"movements_acked": acked})
        self._acked = self._noted = acked

    def trim(self, now_s: float, *, everything: bool) -> None:
        """Note what central has if that is much or long ago, and delete what was kept for long enough."""
        due = _NOTE_EVERY_EVENTS_MAX if self.level.pending else _NOTE_EVERY_EVENTS
        done = self._acked - self._noted
        if self._noted_s is None:
            self._noted_s = now_s
        if done <= 0 or not (everything or done >= due or not 0 <= now_s - self._noted_s < _NOTE_EVERY_S):
            return
        self._noted_s = now_s
        with self._file.transaction() as db:
            freed = self._blocks.bytes_between(self._noted + 1, self._acked)
            db.execute("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?)", (self._acked, int(now_s), freed))
            self._file.note({"movements_acked": self._acked, "movements_given": self._last_place})
            self._remove_upto(self._kept_too_long(now_s))
        self._noted = self._acked
        self._find_oldest()

    def give_up_kept(self) -> bool:
        """Delete the oldest of what is kept although central has it; returns whether there was any."""
        row = self._file.db.execute("SELECT upto FROM acknowledged ORDER BY upto LIMIT 1").fetchone()
        if row is None:
            return False
        with self._file.transaction():
            self._remove_upto(row[0])
        self._find_oldest()
        return True

    def begin_epoch(self, central_has: int) -> None:
        """Inside of a transaction: number what central does not have anew, from 1. The places stay, and `begin` must follow."""
        done = min(self._places.place_of(max(central_has, self.level.oldest_kept - 1)), self._last_place)
        self._blocks.remove(0, done)
        self._file.db.execute("DELETE FROM acknowledged")
        holes = json.loads(self._file.meta().get("must_begin_epoch", "[]"))
        missing = [(max(low, done + 1), high) for low, high in Spans([*self._places.missing, *holes]) if high > done]
        self._file.note({"movements_base": done, "movements_acked": done, "movements_given": self._last_place, "movements_missing": json.dumps(missing)})

    def _kept_too_long(self, now_s: float) -> int:
        """Up to which place enough was kept; a clock that was set back keeps longer, never more."""
        upto = 0
        (left,) = self._file.db.execute("SELECT coalesce(sum(bytes), 0) FROM acknowledged").fetchone()
        for place, at_s, size in self._file.db.execute("SELECT upto, at_s, bytes FROM acknowledged ORDER BY upto"):
            if left <= self._keeping.bytes_max and now_s - at_s < self._keeping.age_s_max:
                break
            upto, left = place, left - size
        return upto

    def _remove_upto(self, place: int) -> None:
        if not place:
            return
        self._file.db.execute("DELETE FROM acknowledged WHERE upto <= ?", (place,))
        if place >= self._last_place:
            self._blocks.clear()
        else:
            self._blocks.remove(0, place)

    def _find_oldest(self) -> None:
        first = self._blocks.first()
        self.level.oldest_kept = min(self.level.acked + 1, max(1, self._places.seq_of(first))) if first > self._places.base else self.level.acked + 1
