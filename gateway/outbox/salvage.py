# SPDX-License-Identifier: Apache-2.0
"""What can be read of a damaged outbox, in a new file: blocks whose check sums hold, states, answers, marks.

The new file keeps the old epoch and the old numbers until central was asked what it has of them: so nothing is sent twice. Where events are missing the numbers
have holes; therefore nothing is sent in that epoch, and the rest is numbered anew in another (`must_begin_epoch`, see `Outbox.begin_epoch`).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from contracts.events import LANES, MOVEMENTS, Lane
from gateway.outbox import block
from gateway.outbox.file import File
from gateway.outbox.pages import Pages, Row
from gateway.outbox.spans import Places, Span, Spans

_CHUNK_ROWS = 2000
_NUMBERS = re.compile(r"-?\d{1,18}")
_EPOCH = re.compile(r"[0-9a-f]{16}")
_SPANS = re.compile(r"\[(\[\d{1,18}, \d{1,18}\](, \[\d{1,18}, \d{1,18}\])*)?\]")
_META = {
    "epoch": _EPOCH,
    "telemetry_free": _SPANS,
    "movements_missing": _SPANS,
    "must_begin_epoch": _SPANS,
    **dict.fromkeys(("epochs_begun", "written_bytes", "movements_base"), _NUMBERS),
    **dict.fromkeys(("movements_acked", "movements_given", "telemetry_acked", "telemetry_given", "telemetry_gone", "telemetry_free_from"), _NUMBERS),
    **dict.fromkeys(("trimmed_movements", "trimmed_telemetry"), _NUMBERS),
}
_OLD_NAMES = {"trimmed_movements": "movements_acked", "trimmed_telemetry": "telemetry_acked"}
_OLD_EVENT = re.compile(rb'\{"type":"(\w+)",')
_MOVEMENT_TYPES = frozenset(kind.__name__ for kind in MOVEMENTS)


class Saved(NamedTuple):
    """`events` that were saved, `unreadable` rows that were not."""

    events: int
    unreadable: int


def save(path: Path, fresh: Path, *, bytes_max: int, noted: str) -> Saved:
    """Make `fresh` of what can be read at `path`, which stays as it is; `noted` is what was written beside it. Raises: OutboxFullError: no room."""
    pages = Pages(path)
    with contextlib.closing(pages), contextlib.closing(File(fresh, bytes_max=bytes_max)) as file:
        unknown = 0
        rows = pages.rows()
        while chunk := list(itertools.islice(rows, _CHUNK_ROWS)):
            with file.transaction() as db:
                unknown += sum(not _take(db, row) for row in chunk)
        with file.transaction():
            _complete_meta(file, noted)
            _put_movements_in_order(file)
            _put_telemetry_in_order(file)
        (events,) = file.db.execute("SELECT sum(n) FROM (SELECT sum(count) AS n FROM movements UNION ALL SELECT sum(count) FROM telemetry)").fetchone()
        return Saved(events or 0, pages.unreadable + unknown)


def _take(db: sqlite3.Connection, row: Row) -> bool:
    """Store a row where it belongs, told by its shape; returns whether it was whole."""
    match row:
        case Row(int(rowid), (None, int(count), bytes(body))):
            return any(_take_block(db, lane, rowid, count, body) for lane in LANES)
        case Row(int(rowid), (None, bytes(body))) if old := _OLD_EVENT.match(body):
            lane: Lane = "movements" if old[1].decode() in _MOVEMENT_TYPES else "telemetry"
            return _take_block(db, lane, rowid, 1, block.pack(lane, rowid, [body]))
        case Row(int(rowid), (None, int(last_seq), int(first_row), int(last_row), int(historical))):
            if not 0 < rowid <= last_seq or not 0 < first_row <= last_row or last_seq - rowid > last_row - first_row:
                return False
            db.execute("INSERT OR REPLACE INTO telemetry_batch VALUES (?, ?, ?, ?, ?)", (rowid, last_seq, first_row, last_row, historical))
        case Row(int(rowid), (None, str(key), "done" | "refused" | "expired" as outcome, str(reason))):
            db.execute("INSERT OR REPLACE INTO command VALUES (?, ?, ?, ?)", (rowid, key, outcome, reason))
        case Row(None, (str(key), str(value))) if key in _META:
            if not _META[key].fullmatch(value):
                return False
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_OLD_NAMES.get(key, key), value))
        case Row(None, (str(station), bytes(state))):
            db.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", (station, state))
        case _:  # rows that are made anew: the schema, an index, what central had at which time
            pass
    return True


def _take_block(db: sqlite3.Connection, lane: Lane, first: int, count: int, body: bytes) -> bool:
    if not 0 < first < 1 << 62 or not 0 < count < 1 << 32 or not block.is_whole(lane, first, count, body):
        return False
    db.execute(f"INSERT OR REPLACE INTO {lane} VALUES (?, ?, ?)", (first, count, body))  # noqa: S608  # one of two lanes
    return True


def _complete_meta(file: File, noted: str) -> None:
    """What stood beside the file is newer than what an old page may say."""
    with contextlib.suppress(ValueError, AttributeError):
        beside = {key: str(value) for key, value in json.loads(noted).items() if key in _META and _META[key].fullmatch(str(value))}
        file.note(beside)


def _put_movements_in_order(file: File) -> None:
    """Leave out what central had, and note which places are missing."""
    meta = file.meta()
    places = Places(int(meta.get("movements_base", 0)), json.loads(meta.get("movements_missing", "[]")))
    acked = max(places.base, int(meta.get("movements_acked", 0)))
    file.db.execute("DELETE FROM movements WHERE first + count - 1 <= ?", (acked,))
    missing, place = Spans(json.loads(meta.get("must_begin_epoch", "[]"))), acked
    for first, last in _spans(file, "movements"):
        if first <= place and place > acked:  # an older image of a page that was written again
            file.db.execute("DELETE FROM movements WHERE first = ?", (first,))
            continue
        missing.add(place + 1, first - 1)
        place = last
    given = max(place, int(meta.get("movements_given", 0)))
    missing.add(place + 1, given)
    for low, high in places.missing:
        missing.take(low, high)
    file.note({"movements_acked": acked, "movements_given": given, "must_begin_epoch": json.dumps(list(missing))})


def _put_telemetry_in_order(file: File) -> None:
    """Leave out batches that central had and rows that no longer wait, and count what does."""
    meta = file.meta()
    acked = int(meta.get("telemetry_acked", 0))
    file.db.execute("DELETE FROM telemetry_batch WHERE last_seq <= ?", (acked,))
    batches = [
        (last_seq, Span(low, high)) for last_seq, low, high in file.db.execute("SELECT last_seq, first_row, last_row FROM telemetry_batch ORDER BY first_seq")
    ]
    last = max((span.high for span in _spans(file, "telemetry")), default=0)
    given = max([last, int(meta.get("telemetry_given", 0)), *(span.high for _, span in batches)])
    free = Spans(json.loads(meta.get("telemetry_free", "[]")))
    free.add(int(meta.get("telemetry_free_from", 1)), given)
    used = Spans(free)
    for _, (low, high) in batches:
        free.take(low, high)
        used.add(low, high)
    waiting, row = 0, 0
    for first, last in _spans(file, "telemetry"):
        if first <= row or not used.overlap(first, last):
            file.db.execute("DELETE FROM telemetry WHERE first = ?", (first,))
            continue
        row = last
        waiting += sum(min(last, high) - max(first, low) + 1 for low, high in free if low <= last and first <= high)
    last_seq = max([acked, *(last_seq for last_seq, _ in batches)])
    file.note(
        {
            "telemetry_acked": acked,
            "telemetry_given": given,
            "telemetry_gone": given - waiting - last_seq,
            "telemetry_free": json.dumps(list(free)),
            "telemetry_free_from": given + 1,
        }
    )


def _spans(file: File, lane: Lane) -> Iterator[Span]:
    """The blocks of a lane in order; what is deleted meanwhile was passed."""
    place = 0
    while rows := file.db.execute(f"SELECT first, count FROM {lane} WHERE first > ? ORDER BY first LIMIT 1000", (place,)).fetchall():  # noqa: S608  # one of two lanes
        for first, count in rows:
            yield Span(first, first + count - 1)
        place = rows[-1][0]
