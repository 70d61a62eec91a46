# SPDX-License-Identifier: Apache-2.0
"""Keeping master data: rows of one kind, all of them or none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy import Connection

from central.catalog import listeners, rules
from central.catalog.service import storage
from central.catalog.service.codes import write_codes
from central.catalog.service.faults import faults
from central.errors import ConflictError, DomainError, NotFoundError
from central.sheets.rules import RowFault, faults_of


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


def plan(connection: Connection, rows: Sequence[tuple[int, rules.Row]], said: Collection[str] | None = None) -> Plan:
    """What it would mean to keep rows of one kind, each with the number that its sender gave it.

    With `said` a row that is there already keeps its values of all other fields.
    """
    if not rows:
        return Plan()
    kind = type(rows[0][1])
    storage.lock_kind(connection, kind)
    there = storage.rows_with(connection, kind, (row.key for _, row in rows))
    spoilt: list[RowFault] = []
    if said is not None and set(said) < set(kind.model_fields):
        rows, spoilt = _filled(rows, there, set(kind.model_fields) - set(said))
    before = [there.get(storage.stored_key(kind, row.key)) for _, row in rows]
    changes = tuple(Change(old, row) for old, (_, row) in zip(before, rows, strict=True) if old != row)
    found = faults(connection, rows, there.values())
    return Plan(changes, len(rows) - len(changes), (*spoilt, *found))


def _filled(
    rows: Sequence[tuple[int, rules.Row]], there: Mapping[storage.Key, rules.Row], unsaid: Collection[str]
) -> tuple[list[tuple[int, rules.Row]], list[RowFault]]:
    """Rows with what is known of fields that nobody spoke of, and what does not fit together then."""
    whole: list[tuple[int, rules.Row]] = []
    spoilt: list[RowFault] = []
    for number, row in rows:
        old = there.get(storage.stored_key(type(row), row.key))
        filled = row if old is None else row.model_copy(update={name: getattr(old, name) for name in unsaid})
        try:
            whole.append((number, filled if filled in (old, row) else type(row).model_validate(filled.model_dump())))
        except ValidationError as error:
            spoilt += faults_of(number, error)
    return whole, spoilt


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
    match fault.code:
        case "gtin_taken":
            return ConflictError("gtin_taken", fault.message)
        case "code_taken":
            return ConflictError("code_taken", fault.message)
        case "unknown_aisle":
            return NotFoundError("unknown_aisle", fault.message)
        case "packagings_disagree":
            return DomainError("packagings_disagree", fault.message)
        case "kit_cycle":
            return DomainError("kit_cycle", fault.message)
        case "outside_aisle":
            return DomainError("outside_aisle", fault.message)
    return NotFoundError(fault.code, fault.message)
