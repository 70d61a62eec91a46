# SPDX-License-Identifier: Apache-2.0
"""The outbox: what happened is durable here before anything acknowledges it, and stays until central says that it has it.

One SQLite file, WAL, synchronous=FULL. Movements are numbered when they are appended. Telemetry gets its numbers only when a batch of it is made, in the
transaction that fixes the batch: so the unsent part may lose fidelity (every second oldest) without a hole in the numbers, live samples may be sent before an
older backlog, and a batch that was once sent never changes. All methods block; `Store` runs them in one thread.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import msgspec

from contracts.events import LANES, Event, Lane, Outcome, lane_of

BATCH_EVENTS_MAX = 50
BATCH_BYTES_MAX = 256 * 1024
_THIN_FROM = 0.8  # of the bytes allowed: from here on telemetry loses fidelity, the rest is kept for movements
_TRIM_EVENTS = 1000  # acknowledged events are deleted in bulk, best when a lane has nothing else left
_TRIM_EVENTS_MAX = 4000
_JOURNAL_BYTES_MAX = 4 * 1024 * 1024
_COMMANDS_KEPT = 10_000
_EPOCH_BYTES = 8
_PAGE_BYTES = 4096
_PAGES_MIN = 64
_FILE_FACTOR_MAX = 2.0  # pages are never quite full, and snapshots and answers need room as well
_FULL_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS movement (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS telemetry (row INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS telemetry_batch (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL,
  historical INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot (station TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, outcome TEXT NOT NULL, reason TEXT NOT NULL);
"""

_encoder = msgspec.json.Encoder()


class OutboxFullError(Exception):
    """No room for another movement: it is not accepted, and whoever caused it must see that."""


class OutboxDamagedError(Exception):
    """The file cannot be used as an outbox; the text says why and what to do."""


class _Numbered(NamedTuple):
    """A batch of telemetry that has its numbers: `last_seq - first_seq + 1` rows lie between `first_row` and `last_row`."""

    first_seq: int
    last_seq: int
    first_row: int
    last_row: int
    historical: bool


class StoredBatch(NamedTuple):
    """Events of a lane ready for the wire, numbered without holes from `first_seq`; a batch of the same numbers always has the same bytes."""

    lane: Lane
    first_seq: int
    events: tuple[bytes, ...]
    epoch: str

    @property
    def last_seq(self) -> int:
        """Number of the last event."""
        return self.first_seq + len(self.events) - 1


class Answer(NamedTuple):
    """What became of a command."""

    outcome: Outcome
    reason: str


@dataclass
class Level:
    """How full a lane is. `last_seq`: last number given; `waiting`: telemetry without a number yet; `acked`: central has up to this."""

    last_seq: int = 0
    acked: int = 0
    waiting: int = 0
    thinned: int = 0

    @property
    def accepted(self) -> int:
        """Events that are in the outbox or have gone through it."""
        return self.last_seq + self.waiting

    @property
    def pending(self) -> int:
        """Events that central does not have."""
        return self.accepted - self.acked


class Outbox:
    """One open outbox. `epoch` is made with the file, and anew by `begin_epoch` (see `gateway.epoch`)."""

    def __init__(self, path: Path, *, bytes_max: int = 512 * 1024 * 1024) -> None:
        self._bytes_max = bytes_max
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(f"PRAGMA journal_size_limit={_JOURNAL_BYTES_MAX}")
            self._db.execute(f"PRAGMA max_page_count={max(_PAGES_MIN, int(bytes_max * _FILE_FACTOR_MAX) // _PAGE_BYTES)}")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OutboxDamagedError(f"{path} cannot be opened as an outbox: {error}; move it away to begin a new one, and keep it for recovery") from error
        self.levels: dict[Lane, Level] = {lane: Level() for lane in LANES}
        self._numbered: list[_Numbered] = []
        self.next_telemetry_row = 1
        """The row that the next telemetry event gets: what comes from here on is live."""
        self.epochs_begun = 0
        """How often the numbers of this file began anew."""
        self.epoch = self._begin()
        self.known = self._begin_unanswered()
        """Last numbers given before the first of the processes that central has not answered yet."""
        self.size_bytes = self._stored_bytes()

    def close(self) -> None:
        """Close the file; whatever was appended stays."""
        self._db.close()

    def append(self, events: Sequence[Event], snapshots: Mapping[str, bytes] | None = None, answers: Mapping[str, Answer] | None = None) -> None:
        """Make events, the stations' states that led to them, and answers to commands durable, in one transaction; when it returns they survive a power cut.

        Raises: OutboxFullError: nothing of it was stored.
        """
        movements = [_encoder.encode(event) for event in events if lane_of(event) == "movements"]
        telemetry = [_encoder.encode(event) for event in events if lane_of(event) == "telemetry"]
        growth_bytes = sum(map(len, movements)) + sum(map(len, telemetry))
        level = self.levels["telemetry"]
        if not self._make_room(growth_bytes, is_movement=bool(movements)):
            level.thinned += len(telemetry)
            telemetry, growth_bytes = [], 0
        self._write(movements, telemetry, snapshots or {}, answers or {})
        self.levels["movements"].last_seq += len(movements)
        level.waiting += len(telemetry)
        self.next_telemetry_row += len(telemetry)
        self.size_bytes += growth_bytes

    def snapshots(self) -> dict[str, bytes]:
        """The stations' states as of their last events."""
        return dict(self._db.execute("SELECT station, state FROM snapshot"))

    def answer_to(self, command_id: str) -> Answer | None:
        """What was answered to a command; None: it is new."""
        row = self._db.execute("SELECT outcome, reason FROM command WHERE id = ?", (command_id,)).fetchone()
        return Answer(*row) if row else None

    def batch_after(self, lane: Lane, seq: int, *, live_from_row: int = 0) -> StoredBatch | None:
        """The batch that begins with number `seq` + 1, made now if need be; None: nothing more.

        Telemetry rows from `live_from_row` on are taken first and as live; older ones follow and are marked historical.
        """
        return self._movements_after(seq) if lane == "movements" else self._telemetry_after(seq, live_from_row)

    def oldest_pending(self) -> bytes | None:
        """The oldest event that central does not have, as stored; None: it has all."""
        row = self._db.execute("SELECT body FROM movement WHERE seq > ? ORDER BY seq LIMIT 1", (self.levels["movements"].acked,)).fetchone()
        if row is None and self.levels["telemetry"].pending:
            row = self._db.execute("SELECT body FROM telemetry ORDER BY row LIMIT 1").fetchone()
        return row[0] if row else None

    def acknowledge(self, lane: Lane, upto: int) -> int:
        """Central has everything up to `upto`; returns how many events that are. They are deleted in bulk, see `trim`."""
        level = self.levels[lane]
        upto = min(upto, level.last_seq)
        gained = max(0, upto - level.acked)
        level.acked += gained
        return gained

    def trim(self, *, everything: bool = False) -> None:
        """Delete acknowledged events if they are many, or all of them."""
        for lane, level in self.levels.items():
            done = level.acked - self._trimmed[lane]
            due = _TRIM_EVENTS if not level.pending else _TRIM_EVENTS_MAX
            if done >= due or (everything and done > 0):
                self._trim(lane)

    def answered(self) -> None:
        """Central counts the same numbers; whatever is numbered from now on continues them. Raises: OutboxFullError: not noted, so nothing may be sent yet."""
        if not self._db.execute("SELECT 1 FROM meta WHERE key LIKE 'known!_%' ESCAPE '!'").fetchone():
            return
        self._begin_transaction()
        try:
            self._db.execute("DELETE FROM meta WHERE key LIKE 'known!_%' ESCAPE '!'")
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)

    def begin_epoch(self, central_has: Mapping[Lane, int]) -> str:
        """Forget what central has up to these numbers; the rest keeps its order and is numbered from 1 in a new epoch. All or nothing.

        Telemetry gets its numbers when its batches are made anew. Returns the epoch. Raises: OutboxFullError: nothing has changed.
        """
        epoch = secrets.token_hex(_EPOCH_BYTES)
        meta = {"epoch": epoch, "epochs_begun": str(self.epochs_begun + 1)}
        self._begin_transaction()
        try:
            self._forget_telemetry(central_has["telemetry"])
            self._db.execute("DELETE FROM movement WHERE seq <= ?", (central_has["movements"],))
            (first,) = self._db.execute("SELECT coalesce(min(seq), 1) FROM movement").fetchone()
            self._db.execute("UPDATE movement SET seq = seq - ?", (first - 1,))  # in ascending order, so that none meets another
            self._db.execute("DELETE FROM meta WHERE key LIKE 'known!_%' ESCAPE '!' OR key LIKE 'trimmed!_%' ESCAPE '!'")
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)
        self.epoch = self._begin()
        self.known = dict.fromkeys(LANES, 0)
        self.size_bytes = self._stored_bytes()
        return epoch

    def _forget_telemetry(self, upto: int) -> None:
        """Delete the numbered telemetry up to `upto` and take the numbers off the rest, inside of an open transaction."""
        for batch in self._numbered:
            gone = min(upto, batch.last_seq) - batch.first_seq + 1
            span = (batch.first_row, batch.last_row, max(0, gone))
            self._db.execute("DELETE FROM telemetry WHERE row IN (SELECT row FROM telemetry WHERE row BETWEEN ? AND ? ORDER BY row LIMIT ?)", span)
        self._db.execute("DELETE FROM telemetry_batch")

    def _begin(self) -> str:
        """Take up the numbers where they were left; an emptied outbox continues."""
        meta = dict(self._db.execute("SELECT key, value FROM meta"))
        epoch: str = meta.get("epoch") or secrets.token_hex(_EPOCH_BYTES)
        if "epoch" not in meta:
            self._db.execute("INSERT INTO meta VALUES ('epoch', ?)", (epoch,))
        self._trimmed: dict[Lane, int] = {lane: int(meta.get(f"trimmed_{lane}", 0)) for lane in LANES}
        rows = self._db.execute("SELECT first_seq, last_seq, first_row, last_row, historical FROM telemetry_batch ORDER BY first_seq")
        self._numbered = [_Numbered(first, last, first_row, last_row, bool(historical)) for first, last, first_row, last_row, historical in rows]
        (last_movement,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM movement").fetchone()
        stored, last_row = self._db.execute("SELECT count(*), coalesce(max(row), 0) FROM telemetry").fetchone()
        numbered = sum(batch.last_seq - batch.first_seq + 1 for batch in self._numbered)
        last_seq: dict[Lane, int] = {"movements": last_movement, "telemetry": self._numbered[-1].last_seq if self._numbered else 0}
        for lane, level in self.levels.items():
            level.acked = self._trimmed[lane]
            level.last_seq = max(level.acked, last_seq[lane])
        self.levels["telemetry"].waiting = stored - numbered
        self.next_telemetry_row = max(self.next_telemetry_row, last_row + 1)
        self.epochs_begun = int(meta.get("epochs_begun", 0))
        return epoch

    def _begin_unanswered(self) -> dict[Lane, int]:
        """What a process numbers before central answers it may meet numbers that are taken, also after the next start: remember where that began."""
        kept = dict(self._db.execute("SELECT key, value FROM meta"))
        known = {lane: int(kept.get(f"known_{lane}", level.last_seq)) for lane, level in self.levels.items()}
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk: then nothing can be numbered either, and what there is shall go up
            self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", [(f"known_{lane}", str(seq)) for lane, seq in known.items()])
        return known

    def _stored_bytes(self) -> int:
        sums = [self._db.execute(f"SELECT coalesce(sum(length(body)), 0) FROM {table}").fetchone()[0] for table in ("movement", "telemetry")]  # noqa: S608  # two constants
        return int(sum(sums))

    def _write(self, movements: list[bytes], telemetry: list[bytes], snapshots: Mapping[str, bytes], answers: Mapping[str, Answer]) -> None:
        first_seq, first_row = self.levels["movements"].last_seq + 1, self.next_telemetry_row
        self._begin_transaction()
        try:
            self._db.executemany("INSERT INTO movement VALUES (?, ?)", enumerate(movements, first_seq))
            self._db.executemany("INSERT INTO telemetry VALUES (?, ?)", enumerate(telemetry, first_row))
            self._db.executemany("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", snapshots.items())
            self._db.executemany("INSERT INTO command (id, outcome, reason) VALUES (?, ?, ?)", ((key, *answer) for key, answer in answers.items()))
            if answers:
                self._db.execute("DELETE FROM command WHERE row <= (SELECT max(row) FROM command) - ?", (_COMMANDS_KEPT,))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)

    def _begin_transaction(self) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._roll_back(error)

    def _roll_back(self, error: sqlite3.Error) -> NoReturn:
        """Undo the open transaction. Raises: OutboxFullError: the disk is full or fails; OutboxDamagedError: anything else."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _FULL_ERRORS:
            with contextlib.suppress(sqlite3.Error):  # give the log's room back if what it holds fits into the file, so that deleting goes on
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raise OutboxFullError(f"the disk takes no more: {error}; free space or replace the card") from error
        raise OutboxDamagedError(f"the outbox cannot be written: {error}; check the file system, then start again") from error

    def _make_room(self, growth_bytes: int, *, is_movement: bool) -> bool:
        """Thin telemetry when it gets tight. Returns whether there is room. Raises: OutboxFullError: a movement does not fit."""
        tight_bytes = int(self._bytes_max * _THIN_FROM)
        while self.size_bytes + growth_bytes > tight_bytes and self._thin():
            pass
        if is_movement and self.size_bytes + growth_bytes > self._bytes_max:
            raise OutboxFullError(
                f"the outbox holds {self.size_bytes} of {self._bytes_max} bytes and central has not taken them; check the network and central"
            )
        return is_movement or self.size_bytes + growth_bytes <= tight_bytes

    def _thin(self) -> int:
        """Remove every second of the older half of the telemetry that has no numbers yet; returns how many."""
        level = self.levels["telemetry"]
        ranges = self._unnumbered_ranges()
        rows = [row for low, high in ranges for (row,) in self._db.execute("SELECT row FROM telemetry WHERE row BETWEEN ? AND ? ORDER BY row", (low, high))]
        doomed = rows[: max(2, len(rows) // 2)][1::2]
        if not doomed:
            return 0
        self._begin_transaction()
        freed = 0
        try:
            for row in doomed:
                (size,) = self._db.execute("DELETE FROM telemetry WHERE row = ? RETURNING length(body)", (row,)).fetchone()
                freed += size
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)
        self.size_bytes -= freed
        level.waiting -= len(doomed)
        level.thinned += len(doomed)
        return len(doomed)

    def _movements_after(self, seq: int) -> StoredBatch | None:
        rows = self._db.execute("SELECT seq, body FROM movement WHERE seq > ? ORDER BY seq LIMIT ?", (seq, BATCH_EVENTS_MAX)).fetchall()
        bodies = list(_within_bytes(body for _, body in rows))
        return (
            StoredBatch("movements", rows[0][0], tuple(_numbered_body(body, rows[0][0] + index) for index, body in enumerate(bodies)), self.epoch)
            if bodies
            else None
        )

    def _telemetry_after(self, seq: int, live_from_row: int) -> StoredBatch | None:
        batch = next((batch for batch in self._numbered if batch.first_seq <= seq + 1 <= batch.last_seq), None)
        if batch is None:
            batch = self._number(live_from_row) if seq >= self.levels["telemetry"].last_seq else None
        if batch is None:
            return None
        rows = self._db.execute("SELECT body FROM telemetry WHERE row BETWEEN ? AND ? ORDER BY row", (batch.first_row, batch.last_row)).fetchall()
        skipped = seq + 1 - batch.first_seq
        bodies = [body for (body,) in rows[skipped:]]
        return StoredBatch(
            "telemetry", seq + 1, tuple(_numbered_body(body, seq + 1 + index, batch.historical) for index, body in enumerate(bodies)), self.epoch
        )

    def _number(self, live_from_row: int) -> _Numbered | None:
        """Give the next telemetry its numbers: live before backlog, each oldest first."""
        ranges = self._unnumbered_ranges()
        live = [(max(low, live_from_row), high) for low, high in ranges if high >= live_from_row]
        backlog = [(low, min(high, live_from_row - 1)) for low, high in ranges if low < live_from_row]
        for low, high in [*live, *backlog]:
            rows = self._db.execute("SELECT row, body FROM telemetry WHERE row BETWEEN ? AND ? ORDER BY row LIMIT ?", (low, high, BATCH_EVENTS_MAX)).fetchall()
            if rows:
                count = len(list(_within_bytes(body for _, body in rows)))
                return self._fix(rows[0][0], rows[count - 1][0], count, historical=low < live_from_row)
        return None

    def _fix(self, first_row: int, last_row: int, count: int, *, historical: bool) -> _Numbered:
        level = self.levels["telemetry"]
        batch = _Numbered(level.last_seq + 1, level.last_seq + count, first_row, last_row, historical)
        try:
            self._db.execute("INSERT INTO telemetry_batch VALUES (?, ?, ?, ?, ?)", batch)
        except sqlite3.Error as error:
            self._roll_back(error)
        self._numbered.append(batch)
        level.last_seq += count
        level.waiting -= count
        return batch

    def _unnumbered_ranges(self) -> list[tuple[int, int]]:
        """Spans of rows, oldest first, that hold only telemetry without numbers (or nothing)."""
        ranges, low = [], 0
        for batch in sorted(self._numbered, key=lambda batch: batch.first_row):
            ranges.append((low, batch.first_row - 1))
            low = batch.last_row + 1
        return [span for span in [*ranges, (low, self.next_telemetry_row - 1)] if span[0] <= span[1]]

    def _trim(self, lane: Lane) -> None:
        upto = self.levels[lane].acked
        gone: list[_Numbered] = []
        if lane == "telemetry":
            gone = [batch for batch in self._numbered if batch.last_seq <= upto]
            upto = gone[-1].last_seq if gone else self._trimmed[lane]
        self._begin_transaction()
        try:
            freed = self._delete_movements(upto) if lane == "movements" else self._delete_telemetry(gone)
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"trimmed_{lane}", str(upto)))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back(error)
        self._numbered = self._numbered[len(gone) :]
        self._trimmed[lane] = upto
        self.size_bytes -= freed

    def _delete_movements(self, upto: int) -> int:
        """Returns the bytes freed. Emptying the whole table rewrites no page, deleting a part of it rewrites them all."""
        (freed,) = self._db.execute("SELECT coalesce(sum(length(body)), 0) FROM movement WHERE seq <= ?", (upto,)).fetchone()
        if upto >= self.levels["movements"].last_seq:
            self._db.execute("DELETE FROM movement")
        else:
            self._db.execute("DELETE FROM movement WHERE seq <= ?", (upto,))
        return int(freed)

    def _delete_telemetry(self, gone: list[_Numbered]) -> int:
        level, freed = self.levels["telemetry"], 0
        for batch in gone:
            span = (batch.first_row, batch.last_row)
            freed += self._db.execute("SELECT coalesce(sum(length(body)), 0) FROM telemetry WHERE row BETWEEN ? AND ?", span).fetchone()[0]
        if not level.waiting and len(gone) == len(self._numbered):
            self._db.execute("DELETE FROM telemetry")
            self._db.execute("DELETE FROM telemetry_batch")
            return freed
        for batch in gone:
            self._db.execute("DELETE FROM telemetry WHERE row BETWEEN ? AND ?", (batch.first_row, batch.last_row))
        self._db.executemany("DELETE FROM telemetry_batch WHERE first_seq = ?", ((batch.first_seq,) for batch in gone))
        return freed


def _within_bytes(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """As many as fit into a batch, at least one."""
    total = 0
    for body in bodies:
        total += len(body)
        if total > BATCH_BYTES_MAX and total > len(body):
            return
        yield body


def _numbered_body(body: bytes, seq: int, historical: bool = False) -> bytes:
    """A stored event with its number put in after its type, which always comes first and never holds a comma."""
    comma = body.index(b",")
    return b'%b,"seq":%d%b%b' % (body[:comma], seq, b',"historical":true' if historical else b"", body[comma:])
