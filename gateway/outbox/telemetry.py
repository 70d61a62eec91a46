# SPDX-License-Identifier: Apache-2.0
"""The lane of telemetry: it gets its numbers only when a batch of it is made, in the transaction that fixes the batch.

So what was not sent may lose fidelity without a hole in the numbers, and live samples may be sent before an older backlog. A row is an event. Memory holds the
batches that central has not acknowledged (a window of them) and the spans of rows without numbers, never the backlog.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.outbox.batches import BATCH_EVENTS_MAX, Level, within_bytes
from gateway.outbox.blocks import Blocks, Packed, packed_blocks
from gateway.outbox.file import File
from gateway.outbox.spans import Span, Spans

_TRIM_EVERY_EVENTS = 1000  # acknowledged events are deleted in bulk, best when the lane has nothing else left
_TRIM_EVERY_EVENTS_MAX = 4000
_AT_ONCE_PENDING_MAX = 200  # so many on their way are normal; with more the line may be dead, and what has no number can still lose fidelity
_THIN_BLOCKS = 32
_THIN_EVENTS = 1000


class Numbered(NamedTuple):
    """A batch that has its numbers: `last_seq - first_seq + 1` events lie between `first_row` and `last_row`."""

    first_seq: int
    last_seq: int
    first_row: int
    last_row: int
    historical: bool


class Telemetry:
    """Telemetry in the file and its numbers. `level` is for everybody to read; `next_row` is what the next event gets."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._blocks = Blocks(file, "telemetry")
        self.level = Level()
        self._thin_from = 0
        self.begin()

    def begin(self) -> None:
        """Take up rows and numbers where they were left."""
        meta = self._file.meta()
        self.next_row = max(int(meta.get("telemetry_given", 0)), self._blocks.last()) + 1
        rows = self._file.db.execute("SELECT first_seq, last_seq, first_row, last_row, historical FROM telemetry_batch ORDER BY first_seq")
        self._numbered = [Numbered(first, last, first_row, last_row, bool(historical)) for first, last, first_row, last_row, historical in rows]
        self._free = Spans(json.loads(meta.get("telemetry_free", "[]")))
        self._free.add(int(meta.get("telemetry_free_from", 1)), self.next_row - 1)
        for batch in self._numbered:
            self._free.take(batch.first_row, batch.last_row)
        self._gone = int(meta.get("telemetry_gone", 0))
        level = self.level
        level.acked = int(meta.get("telemetry_acked", 0))
        level.oldest_kept = self._numbered[0].first_seq if self._numbered else level.acked + 1
        level.last_seq = self._numbered[-1].last_seq if self._numbered else level.acked
        level.waiting = self.next_row - 1 - self._gone - level.last_seq

    def packed(self, bodies: Sequence[bytes]) -> list[Packed]:
        """The next events as blocks."""
        return packed_blocks("telemetry", self.next_row, bodies)

    def add(self, blocks: Sequence[Packed]) -> None:
        """Store the next blocks, inside of a transaction."""
        self._blocks.add(blocks)

    def numbered_at_once(self, bodies: Sequence[bytes]) -> Numbered | None:
        """The batch that the next events are when they go up at once; None: others wait before them, much is on its way, or they are too many for one."""
        level, count = self.level, len(bodies)
        if not count or level.waiting or level.pending > _AT_ONCE_PENDING_MAX or count > BATCH_EVENTS_MAX or len(list(within_bytes(bodies))) < count:
            return None
        return Numbered(level.last_seq + 1, level.last_seq + count, self.next_row, self.next_row + count - 1, historical=False)

    def add_numbers(self, batch: Numbered) -> None:
        """Store that the next events are this batch, inside of the transaction that stores them."""
        self._file.db.execute("INSERT INTO telemetry_batch VALUES (?, ?, ?, ?, ?)", batch)

    def added(self, count: int, batch: Numbered | None = None) -> None:
        """They are durable, and so is the batch that they are."""
        self._free.add(self.next_row, self.next_row + count - 1)
        self.next_row += count
        self.level.waiting += count
        if batch is not None:
            self._took(batch)

    def after(self, seq: int, live_from_row: int) -> tuple[list[bytes], bool]:
        """The events of the batch that begins with `seq` + 1, made now if need be, and whether they are historical."""
        batch = next((batch for batch in self._numbered if batch.first_seq <= seq + 1 <= batch.last_seq), None)
        if batch is None and seq >= self.level.last_seq:
            batch = self._number(live_from_row)
        if batch is None:
            return [], False
        bodies = [body for _, body in self._blocks.between(batch.first_row, batch.last_row)]
        return bodies[seq + 1 - batch.first_seq :], batch.historical

    def oldest_pending(self) -> bytes | None:
        """The oldest event that central does not have."""
        rows = [batch.first_row for batch in self._numbered if batch.last_seq > self.level.acked]
        low = min([*rows, *([self._free.lowest] if self._free.lowest else [])], default=self.next_row)
        return next((body for _, body in self._blocks.between(low, self.next_row - 1)), None)

    def acknowledge(self, upto: int) -> None:
        """Central has everything up to `upto`, which was given."""
        self.level.acked = upto

    def rewind(self, upto: int) -> None:
        """Central has only up to `upto`, which is not before what is kept: the rest is to be sent again."""
        self.level.acked = upto

    def trim(self, *, everything: bool) -> None:
        """Delete acknowledged batches if they are many, or all of them."""
        level = self.level
        done = level.acked - (level.oldest_kept - 1)
        due = _TRIM_EVERY_EVENTS_MAX if level.pending else _TRIM_EVERY_EVENTS
        gone = [batch for batch in self._numbered if batch.last_seq <= level.acked] if done >= due or (everything and done > 0) else []
        if not gone:
            return
        left = self._numbered[len(gone) :]
        with self._file.transaction() as db:
            if not left and not level.waiting:
                self._blocks.clear()
                db.execute("DELETE FROM telemetry_batch")
            else:
                self._remove(Spans((batch.first_row, batch.last_row) for batch in gone), left)
                db.execute("DELETE FROM telemetry_batch WHERE first_seq <= ?", (gone[-1].first_seq,))
            self._file.note({"telemetry_acked": gone[-1].last_seq, **self._notes(self._free)})
        self._numbered = left
        level.oldest_kept = gone[-1].last_seq + 1

    def thin(self) -> bool:
        """Remove every second sample of a part of the older half of what has no numbers, oldest part first; returns whether there was any.

        Each call takes a few blocks, so that no append waits for long; the calls sweep over the older half, and begin anew at its end.
        """
        run = self._thinnable(self._thin_from) or (self._thinnable(0) if self._thin_from else [])
        if not run:
            return False
        rows = list(self._blocks.between(run[0].low, run[-1].high))
        kept = [body for _, body in rows[::2]]
        with self._file.transaction():
            self._blocks.remove(run[0].low, run[-1].high)
            self._blocks.add(packed_blocks("telemetry", run[0].low, kept))
            self._file.note({"telemetry_gone": self._gone + len(rows) - len(kept), "telemetry_given": self.next_row - 1})
        self._thin_from = run[-1].high + 1
        lost = len(rows) - len(kept)
        self._gone += lost
        self.level.waiting -= lost
        self.level.thinned += lost
        return True

    def begin_epoch(self, central_has: int) -> None:
        """Inside of a transaction: forget what central has and take the numbers off the rest; `begin` must follow."""
        free, done, waiting = Spans(self._free), Spans(), self.level.waiting
        for batch in self._numbered:
            rows = [row for row, _ in self._blocks.between(batch.first_row, batch.last_row)]
            had = rows[: max(0, central_has - batch.first_seq + 1)]
            if had:
                done.add(batch.first_row, had[-1])
            if len(had) < len(rows):
                free.add(rows[len(had)], batch.last_row)
                waiting += len(rows) - len(had)
        self._remove_unless(done, free)
        self._file.db.execute("DELETE FROM telemetry_batch")
        self._file.note({"telemetry_acked": 0, "telemetry_gone": self.next_row - 1 - waiting, **self._notes(free)})

    def _notes(self, free: Spans) -> dict[str, object]:
        """What tells `begin` which rows have no numbers."""
        given = self.next_row - 1
        return {"telemetry_given": given, "telemetry_free": json.dumps(list(free)), "telemetry_free_from": given + 1}

    def _number(self, live_from_row: int) -> Numbered | None:
        """Give the next telemetry its numbers: live before backlog, each oldest first."""
        for span, historical in self._free.live_first(live_from_row):
            rows = [row for _, row in zip(range(BATCH_EVENTS_MAX), self._blocks.between(*span), strict=False)]
            if rows:
                count = len(list(within_bytes(body for _, body in rows)))
                return self._fix(rows[0][0], rows[count - 1][0], count, historical=historical)
        return None

    def _fix(self, first_row: int, last_row: int, count: int, *, historical: bool) -> Numbered:
        level = self.level
        batch = Numbered(level.last_seq + 1, level.last_seq + count, first_row, last_row, historical)
        with self._file.transaction():
            self.add_numbers(batch)
        self._took(batch)
        return batch

    def _took(self, batch: Numbered) -> None:
        count = batch.last_seq - batch.first_seq + 1
        self._numbered.append(batch)
        self._free.take(batch.first_row, batch.last_row)
        self.level.last_seq += count
        self.level.waiting -= count

    def _remove(self, gone: Spans, left: Sequence[Numbered]) -> None:
        used = Spans(self._free)
        for batch in left:
            used.add(batch.first_row, batch.last_row)
        self._remove_unless(gone, used)

    def _remove_unless(self, gone: Spans, used: Spans) -> None:
        """Delete the blocks of rows that are gone, except those that hold a row still in use."""
        for low, high in gone:
            for span in list(self._blocks.spans(low, high)):
                if not used.overlap(*span):
                    self._blocks.remove(*span)

    def _thinnable(self, start: int) -> list[Span]:
        """Some blocks from row `start` on, one after the other, in the older half of the rows without numbers; at least two events."""
        low = max(start, self._free.lowest)
        middle = (self._free.lowest + self.next_row) // 2
        run, events = [], 0
        for span in self._blocks.spans(low, middle):
            if self._free.hold(*span) and span.low >= low:
                run.append(span)
                events += span.high - span.low + 1
            elif run:
                break
            if len(run) >= _THIN_BLOCKS or events >= _THIN_EVENTS:
                break
        return run if events > 1 else []
