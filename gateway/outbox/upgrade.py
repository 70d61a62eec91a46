# SPDX-License-Identifier: Apache-2.0
"""From the format before, a row for each event in pages of 4096 bytes, to blocks. Numbers, epoch, marks and what was not sent stay as they are."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from contracts.events import LANES, Lane
from gateway.outbox.blocks import Blocks, packed_blocks
from gateway.outbox.errors import OutboxDamagedError
from gateway.outbox.file import File, is_passing
from gateway.outbox.spans import Spans

_CHUNK_EVENTS = 500

Rows = Iterable[tuple[int, bytes]]


def is_old(path: Path) -> bool:
    """Whether a file has the format before. A damaged file is none. Raises: OutboxDamagedError: it cannot be read now."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'movement'").fetchone() is not None
        except sqlite3.DatabaseError as error:
            if is_passing(error):
                raise OutboxDamagedError(f"{path} cannot be opened as an outbox: {error}") from error
            return False


def rewrite(path: Path, fresh: Path, *, bytes_max: int) -> None:
    """Make `fresh` of the file at `path`, which stays as it is. Raises: OutboxDamagedError: it cannot be read; OutboxFullError: no room."""
    with contextlib.closing(sqlite3.connect(path)) as old, contextlib.closing(File(fresh, bytes_max=bytes_max)) as file:
        old.text_factory = str
        try:
            with file.transaction() as db:
                for table in ("meta", "snapshot", "command"):
                    rows = old.execute(f"SELECT * FROM {table}")  # noqa: S608  # three constants
                    db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows.description))})", rows)  # noqa: S608
                _rewrite_lanes(old, file)
        except sqlite3.DatabaseError as error:
            raise OutboxDamagedError(f"{path}: {error}") from error


def _rewrite_lanes(old: sqlite3.Connection, file: File) -> None:
    meta = file.meta()
    acked = {lane: int(meta.get(f"trimmed_{lane}", 0)) for lane in LANES}
    last = _copy(file, "movements", old.execute("SELECT seq, body FROM movement ORDER BY seq"))
    rows = old.execute("SELECT row, body FROM telemetry ORDER BY row")
    last_row = _copy(file, "telemetry", rows)
    batches = old.execute("SELECT * FROM telemetry_batch ORDER BY first_seq").fetchall()
    file.db.executemany("INSERT INTO telemetry_batch VALUES (?, ?, ?, ?, ?)", batches)
    (stored,) = old.execute("SELECT count(*) FROM telemetry").fetchone()
    numbered = sum(last_seq - first_seq + 1 for first_seq, last_seq, *_ in batches)
    last_seq = batches[-1][1] if batches else acked["telemetry"]
    free = Spans([(1, last_row)])
    for _, _, first_row, batch_last_row, _ in batches:
        free.take(first_row, batch_last_row)
    file.forget("trimmed_movements", "trimmed_telemetry")
    file.note(
        {
            "movements_acked": acked["movements"],
            "movements_given": max(last, acked["movements"]),
            "telemetry_acked": acked["telemetry"],
            "telemetry_given": last_row,
            "telemetry_gone": last_row - (stored - numbered) - last_seq,
            "telemetry_free": json.dumps(list(free)),
            "telemetry_free_from": last_row + 1,
        }
    )


def _copy(file: File, lane: Lane, rows: Rows) -> int:
    """Copy a lane's rows, runs of places without a hole together; returns the last place."""
    blocks, last = Blocks(file, lane), 0
    for first, bodies in _runs(rows):
        blocks.add(packed_blocks(lane, first, bodies))
        last = first + len(bodies) - 1
    return last


def _runs(rows: Rows) -> Iterator[tuple[int, list[bytes]]]:
    first, bodies = 0, list[bytes]()
    for place, body in rows:
        if bodies and (place != first + len(bodies) or len(bodies) >= _CHUNK_EVENTS):
            yield first, bodies
            bodies = []
        if not bodies:
            first = place
        bodies.append(body)
    if bodies:
        yield first, bodies
