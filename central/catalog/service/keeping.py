# SPDX-License-Identifier: Apache-2.0
"""Keeping master data: rows of one kind, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from central.catalog import listeners, rules
from central.catalog.faults import RowFault
from central.catalog.service import storage
from central.catalog.service.codes import write_codes
from central.catalog.service.faults import faults
from central.errors import ConflictError, DomainError, NotFoundError


@dataclass(frozen=True)
class Change:
    """A row before (None: there was none) and after."""

    before: rules.Row | None
    after: rules.Row


@dataclass(frozen=True)
class Plan:
    """What keeping rows means: which are new or different, which are as they were, and everything that is wrong."""

    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    faults: tuple[RowFault, ...] = field(default=())

    @property
    def new(self) -> int:
        """Rows that were not there."""
        return sum(change.before is None for change in self.changes)

    @property
    def changed(self) -> int:
        """Rows that were there with other values."""
        return len(self.changes) - self.new


def plan(connection: Connection, rows: Sequence[tuple[int, rules.Row]]) -> Plan:
    """What it would mean to keep rows of one kind, each with the number that its sender gave it."""
    if not rows:
        return Plan()
    kind = type(rows[0][1])
    there = storage.rows_with(connection, kind, (row.key for _, row in rows))
    before = [there.get(storage.stored_key(kind, row.key)) for _, row in rows]
    changes = tuple(Change(old, row) for old, (_, row) in zip(before, rows, strict=True) if old != row)
    found = faults(connection, rows, there.values())
    return Plan(changes, len(rows) - len(changes), tuple(found))


def carry_out(connection: Connection, planned: Plan) -> None:
    """Write what a plan without faults changes. Raises: ConflictError: a code got another meaning in the meantime."""
    rows = [change.after for change in planned.changes]
    if not rows:
        return
    before = [change.before for change in planned.changes if change.before is not None]
    if not isinstance(rows[0], rules.Alias):
        storage.write(connection, rows)
    if isinstance(rows[0], rules.Item | rules.Packaging | rules.Alias):
        write_codes(connection, rows, before)
    _tell(connection, planned.changes)


def _tell(connection: Connection, changes: Sequence[Change]) -> None:
    places = [each.after.place for each in changes if isinstance(each.after, rules.Location)]
    lots = [
        (each.after.item, each.after.lot)
        for each in changes
        if isinstance(each.after, rules.LotRow) and not (isinstance(each.before, rules.LotRow) and each.before.expiry == each.after.expiry)
    ]
    if places:
        listeners.places_changed(connection, places)
    if lots:
        listeners.lots_changed(connection, lots)


def keep(connection: Connection, rows: Sequence[rules.Row]) -> Plan:
    """Write rows of one kind; a row whose key is known replaces what is there. Returns what that changed.

    Raises: ConflictError: a code would get a second meaning. NotFoundError: a row names something that is not known. DomainError: parts do not fit.
    """
    told = rules.repeated(rows)
    if told:
        raise DomainError("repeated", next(iter(told.values())))
    planned = plan(connection, list(enumerate(rows, start=1)))
    if planned.faults:
        raise _error(planned.faults[0])
    carry_out(connection, planned)
    return planned


def _error(fault: RowFault) -> DomainError:
    if fault.code.endswith("_taken"):
        return ConflictError(fault.code, fault.message)
    return (NotFoundError if fault.code.startswith("unknown_") else DomainError)(fault.code, fault.message)
