# SPDX-License-Identifier: Apache-2.0
"""Taking master data away: only what nothing names any more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, select, tuple_
from sqlalchemy.exc import IntegrityError

from central.catalog import rules, tables
from central.catalog.service import storage
from central.catalog.service.codes import forget_codes
from central.database import metadata, savepoint
from central.errors import ConflictError, NotFoundError

_ITEM_NAMES = frozenset({"item", "kit", "component", "substitute"})
_PARTNER_NAMES = frozenset({"partner", "supplier", "customer", "carrier"})

Uses = Sequence[tuple[Column[Any], ...]]


def _of_items(table: Table) -> Uses:
    return [(column,) for column in table.columns if column.name in _ITEM_NAMES and table is not tables.barcode]


def _of_partners(table: Table) -> Uses:
    # An owner of goods is a partner; an owner of a work order is a person.
    owns = [table.c.owner] if {"item", "owner"} <= set(table.c.keys()) else []
    return [(column,) for column in [*(column for column in table.columns if column.name in _PARTNER_NAMES), *owns]]


def _of_places(table: Table) -> Uses:
    return [(column,) for column in table.columns if (column.name == "place" or column.name.endswith("_place")) and table is not tables.location]


def _of_columns(*names: str, but: Table) -> Callable[[Table], Uses]:
    def uses(table: Table) -> Uses:
        return [tuple(table.c[name] for name in names)] if set(names) <= set(table.c.keys()) and table is not but else []

    return uses


_USES: Mapping[type[rules.Row], Callable[[Table], Uses]] = {
    rules.Item: _of_items,
    rules.Partner: _of_partners,
    rules.Location: _of_places,
    rules.LotRow: _of_columns("item", "lot", but=tables.lot),
    rules.Packaging: _of_columns("item", "packaging", but=tables.packaging),
    rules.SiteRow: _of_columns("site", but=tables.site),
    rules.Aisle: _of_columns("site", "aisle", but=tables.aisle),
    rules.Zone: _of_columns("site", "zone", but=tables.zone),
    rules.Reason: _of_columns("reason", but=tables.reason),
}
"""Where rows of a kind are named, found by the names of columns: an area that is added later counts without saying so."""


def remove(connection: Connection, kind: type[rules.Row], key: storage.Key) -> None:
    """Delete one row. Raises: NotFoundError. ConflictError `in_use`: something names it."""
    rows = storage.rows_with(connection, kind, [key])
    if not rows:
        raise NotFoundError("unknown_row", f"{' '.join(key)} is not in the catalog")
    remove_all(connection, list(rows.values()))


def remove_all(connection: Connection, rows: Sequence[rules.Row]) -> None:
    """Delete rows of one kind that are there, all of them or none. Raises: ConflictError `in_use`: something names one of them."""
    if not rows:
        return
    kind = type(rows[0])
    _refuse_if_used(connection, rows)
    if isinstance(rows[0], rules.Item | rules.Packaging | rules.Alias):
        forget_codes(connection, rows)
    try:
        with savepoint(connection):
            storage.remove(connection, kind, [row.key for row in rows])
    except IntegrityError as error:
        raise ConflictError("in_use", f"one of {len(rows)} rows was named by something else in the meantime; look at it again") from error


def forget_lots(connection: Connection, lots: Collection[tuple[str, str]], but: Mapping[Table, ColumnElement[bool]]) -> None:
    """Delete those of the lots (item, lot) that nothing names; rows of `but` do not count, and lots that are used stay."""
    uses = [(table, columns) for table in metadata.sorted_tables for columns in _USES[rules.LotRow](table)]
    wanted = sorted(set(lots))
    for start in range(0, len(wanted), storage.KEYS_AT_ONCE):
        part = wanted[start : start + storage.KEYS_AT_ONCE]
        used: set[tuple[Any, ...]] = set()
        for table, columns in uses:
            query = select(*columns).distinct().where(tuple_(*columns).in_(part))
            used |= {tuple(row) for row in connection.execute(query.where(~but[table]) if table in but else query)}
        storage.remove(connection, rules.LotRow, [key for key in part if key not in used])


def _refuse_if_used(connection: Connection, rows: Sequence[rules.Row]) -> None:
    uses = _USES.get(type(rows[0]))
    if uses is None:
        return
    keys = sorted({(row.place,) if isinstance(row, rules.Location) else row.key for row in rows})
    for table in metadata.sorted_tables:
        for columns in uses(table):
            if (used := _first_used(connection, columns, keys)) is not None:
                text = f"{' '.join(used)} is named in {table.name} ({', '.join(column.name for column in columns)}); it can be changed and not deleted"
                raise ConflictError("in_use", text)
    if isinstance(rows[0], rules.Item):
        _refuse_if_called_otherwise(connection, [key[0] for key in keys])


def _first_used(connection: Connection, columns: Sequence[Column[Any]], keys: Sequence[storage.Key]) -> storage.Key | None:
    for start in range(0, len(keys), storage.KEYS_AT_ONCE):
        part = keys[start : start + storage.KEYS_AT_ONCE]
        fits = columns[0].in_([key[0] for key in part]) if len(columns) == 1 else tuple_(*columns).in_(part)
        row = connection.execute(select(*columns).where(fits).limit(1)).first()
        if row is not None:
            return tuple(row)
    return None


def _refuse_if_called_otherwise(connection: Connection, items: Sequence[str]) -> None:
    for start in range(0, len(items), storage.KEYS_AT_ONCE):
        part = items[start : start + storage.KEYS_AT_ONCE]
        query = select(tables.barcode).where(tables.barcode.c.item.in_(part), tables.barcode.c.kind.in_(("alias", "packaging"))).limit(1)
        row = connection.execute(query).first()
        if row is not None:
            raise ConflictError("in_use", f"item {row.item} is also called {row.code} ({row.kind}); delete that first")
