# SPDX-License-Identifier: Apache-2.0
"""Many rows in few round trips: COPY and arrays on PostgreSQL, executemany and JSON arrays on SQLite.

Values are as the database keeps them: instants as microseconds (`central.database.micros`), UUIDs as text with dashes, days as `date`.
For 19 columns on the same machine: COPY 2 us of CPU a row, arrays 11, SQLAlchemy's insert 40 and more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Connection, Date, Dialect, Table, Text, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

Row = Sequence[Any]
_POSTGRESQL: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def insert_rows(connection: Connection, table: Table, names: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows given as values of the columns `names`.

    Raises: sqlalchemy.exc.DBAPIError: a constraint refuses one of them, or the database is busy.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy_rows(connection, _copy(table, names), rows)
    else:
        connection.exec_driver_sql(_insert(table, names), _for_sqlite(table, names, rows))


def _copy_rows(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    error_class = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except error_class as error:
        wrapped: Exception = DBAPIError.instance(statement, None, error, error_class, dialect=connection.dialect)
        raise wrapped from error


def update_rows(connection: Connection, table: Table, key: str, names: tuple[str, ...], rows: Sequence[Row], add: frozenset[str] = frozenset()) -> None:
    """Set the columns `names` of the rows whose `key` (the first value of each row) is given; those in `add` are added to instead."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_update_postgresql(table, key, names, add), _columns(rows))
    else:
        values = _for_sqlite(table, (key, *names), rows)
        connection.exec_driver_sql(_update_sqlite(table, key, names, add), [(*row[1:], row[0]) for row in values])


def delete_rows(connection: Connection, table: Table, key: str, values: Sequence[Any]) -> None:
    """Delete the rows whose integer or text `key` is one of `values`."""
    if values:
        keys = _column_type(table, key)
        postgres = connection.dialect.name == "postgresql"
        which = f"= ANY(%s::{keys}[])" if postgres else "IN (SELECT value FROM json_each(?))"
        connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {key} {which}", (list(values) if postgres else json.dumps(values),))  # noqa: S608  # names of our own


def among(connection: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """That `column` is one of `values`, however many: one parameter and one prepared statement, where IN has one for each value."""
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(values), type_=postgresql.ARRAY(column.type)))
    return column.in_(select(func.json_each(_json_array(column, values)).table_valued("value").c.value))


@cache
def listed(dialect: str, column: Column[Any], name: str) -> ColumnElement[bool]:
    """As `among`, for a statement that is built once for each kind of database: the values are its parameter `name`, given as `keys_of`.

    Building a statement costs as much again as carrying it out.
    """
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=postgresql.ARRAY(column.type)))
    return column.in_(select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value))


def keys_of(connection: Connection, column: Column[Any], values: Collection[Any]) -> Any:
    """Values of `column` as a parameter of `listed`."""
    return list(values) if connection.dialect.name == "postgresql" else _json_array(column, values)


def _json_array(column: Column[Any], values: Collection[Any]) -> str:
    (kept,) = zip(*_for_sqlite(column.table, (column.name,), [(value,) for value in values]), strict=True) if values else ((),)
    return json.dumps(kept)


def _columns(rows: Sequence[Row]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


@cache
def _column_type(table: Table, name: str) -> str:
    return str(table.c[name].type.compile(dialect=_POSTGRESQL))


@cache
def _copy(table: Table, names: tuple[str, ...]) -> str:
    return f"COPY {table.name} ({', '.join(names)}) FROM STDIN"


@cache
def _insert(table: Table, names: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608  # names of our own


@cache
def _update_postgresql(table: Table, key: str, names: tuple[str, ...], add: frozenset[str]) -> str:
    changes = ", ".join(f"{name} = {f'{table.name}.{name} + ' if name in add else ''}v.{name}" for name in names)
    arrays = ", ".join(f"%s::{_column_type(table, name)}[]" for name in (key, *names))
    return f"UPDATE {table.name} SET {changes} FROM unnest({arrays}) AS v({', '.join((key, *names))}) WHERE {table.name}.{key} = v.{key}"  # noqa: S608  # names of our own


@cache
def _update_sqlite(table: Table, key: str, names: tuple[str, ...], add: frozenset[str]) -> str:
    changes = ", ".join(f"{name} = {f'{name} + ' if name in add else ''}?" for name in names)
    return f"UPDATE {table.name} SET {changes} WHERE {key} = ?"  # noqa: S608  # names of our own


@cache
def _converters(table: Table, names: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """Where SQLite keeps a value otherwise than it is given, as SQLAlchemy's types do."""
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for n, name in enumerate(names):
        kind = table.c[name].type
        if isinstance(kind, Uuid):
            found.append((n, lambda value: value.replace("-", "")))
        elif isinstance(kind, Date):
            found.append((n, date.isoformat))
        elif isinstance(kind, JSON):
            found.append((n, json.dumps))
    return tuple(found)


def _for_sqlite(table: Table, names: tuple[str, ...], rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    converters = _converters(table, names)
    if not converters:
        return [tuple(row) for row in rows]
    made = []
    for row in rows:
        values = list(row)
        for n, convert in converters:
            if values[n] is not None:
                values[n] = convert(values[n])
        made.append(tuple(values))
    return made
