# SPDX-License-Identifier: Apache-2.0
"""Carton types as a spreadsheet: what a file would change, and how that is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from central.errors import ConflictError
from central.sheets.registry import Outcome, Sender, SheetKind, Trace
from central.sheets.rules import Sheet
from central.shipping import packing
from central.shipping.documents import CartonType
from central.shipping.tables import carton_type, package


def _repeated(rows: Sequence[Any]) -> Mapping[int, str]:
    """Rows, by their index, whose code stands in an earlier row too."""
    seen: set[str] = set()
    told: dict[int, str] = {}
    for index, row in enumerate(rows):
        if row.code in seen:
            told[index] = f"{row.code} stands in this file more than once; keep one row of it"
        seen.add(row.code)
    return told


def _there(connection: Connection, codes: Iterable[str]) -> dict[str, CartonType]:
    rows = connection.execute(select(carton_type).where(carton_type.c.code.in_(sorted(set(codes))))).mappings()
    return {row["code"]: CartonType.model_validate(dict(row)) for row in rows}


def _kept(before: CartonType | None, row: CartonType, sheet: Sheet) -> CartonType:
    """The row with what the file has no column for as it was; an outside that the new inside no longer fits into is guessed anew."""
    if before is None:
        return row
    kept = before.model_copy(update={name: getattr(row, name) for name in sheet.fields})
    sides = {f"outer_{side}_mm": f"inner_{side}_mm" for side in ("length", "width", "height")}
    stale = [outer for outer, inner in sides.items() if outer not in sheet.fields and (getattr(kept, outer) or 0) < getattr(kept, inner)]
    return kept.model_copy(update=dict.fromkeys(stale))


def _plan(connection: Connection, sheet: Sheet, _sender: Sender) -> Outcome:
    before = _there(connection, (row.code for _, row in sheet.rows))
    given = [packing.completed(_kept(before.get(row.code), row, sheet)) for _, row in sheet.rows]
    changes = [row for row in given if before.get(row.code) != row]

    def write() -> Sequence[Trace]:
        packing.keep_cartons(connection, changes)
        return [Trace((row.code,), before[row.code].model_dump() if row.code in before else None, row.model_dump()) for row in changes]

    new = sum(row.code not in before for row in changes)
    return Outcome(new, len(changes) - new, len(given) - len(changes), write)


def _undo(connection: Connection, traces: Sequence[Trace], _sender: Sender) -> None:
    present = _there(connection, (trace.key[0] for trace in traces))
    for trace in traces:
        code = trace.key[0]
        if code not in present or present[code].model_dump() != trace.after:
            raise ConflictError("changed_since", f"carton type {code} was changed after this import; put that right by hand, nothing was undone")
    new = [trace.key[0] for trace in traces if trace.before is None]
    used = connection.execute(select(package.c.carton_type).where(package.c.carton_type.in_(new)).limit(1)).scalar()
    if used is not None:
        raise ConflictError("changed_since", f"carton type {used} was packed into since; take it out of use (available: false) instead")
    connection.execute(carton_type.delete().where(carton_type.c.code.in_(new)))
    packing.keep_cartons(connection, [CartonType.model_validate(trace.before) for trace in traces if trace.before is not None])


SHEETS = [SheetKind("cartons", "Cartons", "纸箱", CartonType, _repeated, _plan, _undo)]
"""Lists of shipping that come from spreadsheets."""
