# SPDX-License-Identifier: Apache-2.0
"""Pages of lists by an opaque cursor over the keys of the order (keyset paging): stable while rows are added, and as fast on the last page as on the first."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, null, or_, tuple_
from sqlalchemy.types import NullType

from central.database import Instant, instant, micros
from central.errors import DomainError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")

PAGE_MAX = 1000
CURSOR_LENGTH_MAX = 1000
_INT64_MAX = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="so many at most", examples=[100])]
"""How many items a page has at most; routes give the default."""
After = Annotated[str | None, Query(max_length=CURSOR_LENGTH_MAX, description="`next` of the page before; left out for the first page")]
"""Where a page begins: the cursor of the page before."""


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is null on the last page."""

    items: list[T] = Field(description="in the order of the list")
    next: str | None = Field(description="give it as `after` for the next page; opaque; null when this is the last page")

    def of(self, model: type[M]) -> Page[M]:
        """The same page with items of a model that routes answer."""
        return Page[Any](items=[model.model_validate(item) for item in self.items], next=self.next)

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name in the documentation: Page of Order is OrderPage."""
        return f"{getattr(params[0], '__name__', 'Any').removesuffix('Out')}Page"


@dataclass(frozen=True, slots=True)
class Key:
    """A column of the order. `name` is what the row calls it. Never null; all keys together name one row."""

    column: ColumnElement[Any]
    name: str
    descending: bool = False


class BadCursorError(DomainError):
    """A cursor that this list did not give."""

    def __init__(self) -> None:
        super().__init__("bad_cursor", "`after` is no cursor of this list; give `next` of the page before, or leave it out for the first page")


def up(column: Any, name: str | None = None) -> Key:
    """A key in rising order; `name` where the row calls it otherwise than the column."""
    return Key(column, name or column.name)


def down(column: Any, name: str | None = None) -> Key:
    """A key in falling order: newest first."""
    return Key(column, name or column.name, descending=True)


def page(
    connection: Connection,
    query: Select[Any],
    keys: Sequence[Key],
    after: str | None,
    limit: int,
    shape: Callable[[RowMapping], T] = dict,  # type: ignore[assignment]
) -> Page[T]:
    """The rows of `query` after a cursor in the order of `keys`, which the query selects, each through `shape` (as a dict if not given).

    The query has neither order nor limit. Raises: BadCursorError.
    """
    rows, following = rows_after(connection, query, keys, after, limit)
    return Page[Any](items=[shape(row) for row in rows], next=following)


def rows_after(connection: Connection, query: Select[Any], keys: Sequence[Key], after: str | None, limit: int) -> tuple[Sequence[RowMapping], str | None]:
    """As `page`: the bare rows and the cursor of the next page."""
    if after is not None:
        query = query.where(_beyond(keys, decode(after, keys)))
    ordered = query.order_by(*(key.column.desc() if key.descending else key.column.asc() for key in keys)).limit(limit + 1)
    rows = connection.execute(ordered).mappings().all()
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode([rows[limit - 1][key.name] for key in keys], keys)


def of_list(rows: Sequence[R], key: Callable[[R], Sequence[Any]], after: str | None, limit: int, names: Sequence[str]) -> Page[R]:
    """A page of a list that is short enough to be read whole, sorted by `key` already. Raises: BadCursorError."""
    keys = [Key(null(), name) for name in names]
    start = tuple(decode(after, keys)) if after is not None else None
    try:
        rest = [row for row in rows if start is None or tuple(key(row)) > start]
    except TypeError as error:
        raise BadCursorError from error
    following = encode(list(key(rest[limit - 1])), keys) if len(rest) > limit else None
    return Page[Any](items=rest[:limit], next=following)


def _beyond(keys: Sequence[Key], values: Sequence[Any]) -> ColumnElement[bool]:
    bound = [bindparam(None, value, type_=key.column.type) for key, value in zip(keys, values, strict=True)]
    if len({key.descending for key in keys}) == 1:
        mine, theirs = tuple_(*(key.column for key in keys)), tuple_(*bound)
        return mine < theirs if keys[0].descending else mine > theirs
    steps = []
    for n, key in enumerate(keys):
        same = [each.column == value for each, value in zip(keys[:n], bound[:n], strict=True)]
        steps.append(and_(*same, key.column < bound[n] if key.descending else key.column > bound[n]))
    return or_(*steps)


def encode(values: Sequence[Any], keys: Sequence[Key]) -> str:
    """The cursor of a row by the values of its keys (integers, strings, booleans, dates, aware instants)."""
    text = json.dumps([_order_name(keys), *map(_to_json, values)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, keys: Sequence[Key]) -> list[Any]:
    """The values of the keys in a cursor. Raises: BadCursorError: not a cursor of a list in this order."""
    try:
        order, *values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        made = [_from_json(value) for value in values]
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise BadCursorError from error
    if order != _order_name(keys) or len(made) != len(keys) or not all(_fits(value, key) for value, key in zip(made, keys, strict=True)):
        raise BadCursorError
    return made


def _order_name(keys: Sequence[Key]) -> str:
    return ",".join(("-" if key.descending else "") + key.name for key in keys)


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"at": micros(value)}
    return {"day": value.isoformat()} if isinstance(value, date) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        return instant(text) if kind == "at" else date.fromisoformat(text)
    if isinstance(value, str) and "\x00" not in value:
        return value.encode().decode()
    if isinstance(value, int) and -_INT64_MAX <= value <= _INT64_MAX:
        return value
    raise ValueError(f"{type(value).__name__} is no value of a key")


def _fits(value: Any, key: Key) -> bool:
    """A cursor is only text from outside: its values must be of the kind that the column holds."""
    kind = key.column.type
    return isinstance(kind, NullType) or isinstance(value, datetime if isinstance(kind, Instant) else kind.python_type)
