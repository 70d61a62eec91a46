# SPDX-License-Identifier: Apache-2.0
"""Rows of the catalog in their tables: read them back as they were said, write them set by set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Table, delete, select, tuple_

from central.catalog import rules, tables
from central.catalog.search import search_text
from central.database import insert_or_leave, take_turns

R = TypeVar("R", bound=rules.Row)
Key = tuple[str, ...]

TABLES: Mapping[type[rules.Row], Table] = {
    rules.Partner: tables.partner,
    rules.Item: tables.item,
    rules.Packaging: tables.packaging,
    rules.Alias: tables.barcode,
    rules.Substitute: tables.item_substitute,
    rules.Component: tables.kit_component,
    rules.LotRow: tables.lot,
    rules.Reason: tables.reason,
    rules.SiteRow: tables.site,
    rules.Aisle: tables.aisle,
    rules.CrossAisle: tables.cross_aisle,
    rules.Zone: tables.zone,
    rules.Location: tables.location,
    rules.StockLevel: tables.stock_level,
    rules.PartnerItem: tables.partner_item,
}
KEYS_AT_ONCE = 300


def columns_of(row: rules.Row) -> dict[str, Any]:
    """The values that the table keeps of a row."""
    match row:
        case rules.Location():
            return {"place": row.place, **row.model_dump()}
        case rules.StockLevel():
            return {"item": row.item, "place": row.place, "minimum": row.minimum, "maximum": row.maximum}
        case rules.Alias():
            return {**row.model_dump(), "code": rules.index_code(row.code), "kind": "alias"}
        case rules.Item() | rules.Partner():
            name_zh, gtin = (row.name_zh, row.gtin or "") if isinstance(row, rules.Item) else ("", "")
            return {**row.model_dump(), "search": search_text(row.code, row.name, name_zh, gtin)}
    return row.model_dump()


def row_of(kind: type[R], record: Mapping[str, Any] | RowMapping) -> R:
    """A row as it was said, from the table's record. It is not checked again: rules may have become stricter since."""
    values = dict(record)
    if issubclass(kind, rules.StockLevel):
        site, _, code = values["place"].partition("/")
        values |= {"site": site, "location": code}
    if issubclass(kind, rules.Partner) and values["address"] is not None:
        values["address"] = rules.Address.model_construct(**values["address"])
    return kind.model_construct(**{name: values[name] for name in kind.model_fields})


def key_columns(kind: type[rules.Row]) -> tuple[Column[Any], ...]:
    """The columns that name one row of a kind, as `stored_key` gives their values."""
    table = TABLES[kind]
    if kind is rules.StockLevel:
        return (table.c.place, table.c.item)
    return tuple(table.c[name] for name in kind.KEY)


def stored_key(kind: type[rules.Row], key: Key) -> Key:
    """The key of a row as its table keeps it."""
    if kind is rules.StockLevel:
        site, code, item = key
        return (f"{site}/{code}" if code else site, item)
    return (rules.index_code(key[0]),) if kind is rules.Alias else key


def _mine(kind: type[rules.Row]) -> ColumnElement[bool] | None:
    return tables.barcode.c.kind == "alias" if kind is rules.Alias else None


def rows_with(connection: Connection, kind: type[R], keys: Iterable[Key], *, lock: bool = False) -> dict[Key, R]:
    """Rows of these keys that there are, by their stored key; with `lock` nobody else changes them until the transaction ends."""
    columns, table, found = key_columns(kind), TABLES[kind], dict[Key, R]()
    wanted = sorted({stored_key(kind, key) for key in keys})
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        part = wanted[start : start + KEYS_AT_ONCE]
        fits = columns[0].in_([key[0] for key in part]) if len(columns) == 1 else tuple_(*columns).in_(part)
        query = select(table).where(fits)
        if (mine := _mine(kind)) is not None:
            query = query.where(mine)
        if lock:
            query = query.with_for_update()
        for record in connection.execute(query).mappings():
            found[tuple(record[column.name] for column in columns)] = row_of(kind, record)
    return found


_TOGETHER: Mapping[type[rules.Row], str] = {rules.Component: "kits", rules.Packaging: "packagings", rules.Aisle: "layout", rules.Location: "layout"}
"""Kinds whose rows must fit to other rows that nobody may change between the check and the write."""


def lock_kind(connection: Connection, kind: type[rules.Row]) -> None:
    """Let others who write rows that must fit to these wait until the transaction ends; does nothing for kinds whose rows stand alone."""
    if kind in _TOGETHER:
        take_turns(connection, _TOGETHER[kind])


def lock_key(connection: Connection, kind: type[rules.Row], key: Key) -> None:
    """Let others who write one row of this key wait until the transaction ends, even while there is no such row."""
    take_turns(connection, "\x1f".join((TABLES[kind].name, *stored_key(kind, key))))


def write(connection: Connection, rows: Sequence[rules.Row]) -> None:
    """Write rows of one kind; those whose key is there already are replaced."""
    table = TABLES[type(rows[0])]
    values = [columns_of(row) for row in rows]
    statement = insert_or_leave(connection, table)
    keys = list(table.primary_key.columns)
    others = {name: statement.excluded[name] for name in values[0] if name not in table.primary_key.columns}
    writing = statement.on_conflict_do_update(index_elements=keys, set_=others) if others else statement.on_conflict_do_nothing()
    connection.execute(writing, values)


def remove(connection: Connection, kind: type[rules.Row], keys: Sequence[Key]) -> None:
    """Delete rows by their keys."""
    columns, table = key_columns(kind), TABLES[kind]
    wanted = [stored_key(kind, key) for key in keys]
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        part = wanted[start : start + KEYS_AT_ONCE]
        fits = columns[0].in_([key[0] for key in part]) if len(columns) == 1 else tuple_(*columns).in_(part)
        mine = _mine(kind)
        connection.execute(delete(table).where(fits if mine is None else fits & mine))
