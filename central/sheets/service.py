# SPDX-License-Identifier: Apache-2.0
"""Use cases of imports: take a spreadsheet in, all of it or nothing; take an import back. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from central.errors import NotFoundError
from central.sheets.registry import Sender, SheetKind, Trace, kinds
from central.sheets.rules import ERRORS_MAX, RowFault, Sheet
from central.sheets.tables import import_batch, import_change


@dataclass(frozen=True)
class Imported:
    """What an import did, or would do. `rows` are good rows of the file; with errors nothing is written. `batch` names it for undoing."""

    rows: int
    new: int
    changed: int
    unchanged: int
    written: bool
    batch: str | None
    errors: Sequence[RowFault]
    errors_in_all: int


def import_sheet(connection: Connection, kind: SheetKind, sheet: Sheet, sender: Sender, file_name: str, dry_run: bool) -> Imported:
    """Take a spreadsheet in, all of it or nothing; with `dry_run` only say what would happen. The same batch again changes nothing and says the same."""
    known = connection.execute(select(import_batch).where(import_batch.c.id == sender.batch)).one_or_none()
    if known is not None:
        return Imported(len(sheet.rows), known.new, known.changed, known.unchanged, True, sender.batch, (), 0)
    planned = kind.plan(connection, sheet, sender)
    errors = sorted((*sheet.errors, *planned.faults))
    written = not errors and not dry_run and bool(planned.new or planned.changed)
    if written:
        counts = {"new": planned.new, "changed": planned.changed, "unchanged": planned.unchanged}
        connection.execute(insert(import_batch).values(id=sender.batch, kind=kind.name, file_name=file_name, actor=sender.actor, made_at=sender.now, **counts))
        _remember(connection, sender.batch, planned.write())
    batch = sender.batch if written else None
    return Imported(len(sheet.rows), planned.new, planned.changed, planned.unchanged, written, batch, errors[:ERRORS_MAX], len(errors))


def _remember(connection: Connection, batch: str, traces: Sequence[Trace]) -> None:
    rows = [{"batch_id": batch, "n": n, "key": list(each.key), "before": each.before, "after": each.after} for n, each in enumerate(traces)]
    if rows:
        connection.execute(insert(import_change), rows)


def batch_of(connection: Connection, batch: str) -> Row[Any]:
    """An import's row. Raises: NotFoundError."""
    row = connection.execute(select(import_batch).where(import_batch.c.id == batch)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_import", f"import {batch} is not known; GET /api/v1/imports lists them")
    return row


def undo_import(connection: Connection, sender: Sender) -> None:
    """Take an import back: what was new goes, what was changed is as before. One that is undone already stays so.

    Raises: NotFoundError. ConflictError: something later changed or uses one of its rows; nothing is undone then.
    """
    # The mark comes first: of two who undo at once, the second waits here and finds it done.
    mark = update(import_batch).where(import_batch.c.id == sender.batch, import_batch.c.undone_at.is_(None))
    if connection.execute(mark.values(undone_at=sender.now, undone_by=sender.actor)).rowcount == 0:
        batch_of(connection, sender.batch)
        return
    kind = kinds()[batch_of(connection, sender.batch).kind]
    query = select(import_change).where(import_change.c.batch_id == sender.batch).order_by(import_change.c.n)
    kind.undo(connection, [Trace(row.key, row.before, row.after) for row in connection.execute(query)], sender)
