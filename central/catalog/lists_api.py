# SPDX-License-Identifier: Apache-2.0
"""Routes of every list of the catalog, the same for each: read a page or the whole as a file, read, write and delete one, write many."""

# Without `from __future__ import annotations`: the types of these routes are local to the function that makes them.

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from sqlalchemy import ColumnElement, Connection, Select, or_, select

from central.catalog import rules, service
from central.catalog.search import like_pattern
from central.catalog.service import storage
from central.catalog.tables import barcode
from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.etags import Precondition, Seen, etag
from central.examples import answer
from central.paging import After, Key, Limit, Page, page, up
from central.requests import Database, News
from central.sheets.exports import AS_FILE, ListFormat, exported, language_of_reader

router = APIRouter(prefix="/catalog")

ROWS_AT_ONCE_MAX = 10_000
_FILTERS = ("site", "item", "partner", "kit", "kind", "zone", "aisle", "category", "supplier")
_TEXT = r"^[^\x00]*$"
Language = Annotated[str, Depends(language_of_reader)]


class Kept(BaseModel):
    """What writing rows changed."""

    model_config = answer({"kept": 12, "new": 2, "changed": 1, "unchanged": 9})

    kept: int = Field(description="rows written or found as they are")
    new: int
    changed: int
    unchanged: int


def _signed(function: Callable[..., Any], parameters: Mapping[str, tuple[Any, Any]]) -> Callable[..., Any]:
    """A dependency whose parameters are known only when its kind is."""
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default) for name, (kind, default) in parameters.items()]
    )
    return function


def _path_names(kind: type[rules.Row]) -> tuple[str, ...]:
    # The location of a level may be empty, and a path has no empty parts.
    return tuple(name for name in kind.KEY if name != "location")


def _key_reader(kind: type[rules.Row]) -> Callable[..., storage.Key]:
    def read(**values: str) -> storage.Key:
        return tuple(values[name] for name in kind.KEY)

    extra: Any = kind.model_config["json_schema_extra"]
    example = extra["examples"][0]
    named: dict[str, tuple[Any, Any]] = {
        name: (Annotated[(str, *kind.model_fields[name].metadata, Path(examples=[example[name]]))], inspect.Parameter.empty) for name in _path_names(kind)
    }
    if "location" in kind.KEY:
        named["location"] = (Annotated[str, Query(max_length=64, pattern=_TEXT, description="empty: the whole site")], "")
    return _signed(read, named)


def _filter_reader(kind: type[rules.Row]) -> Callable[..., dict[str, str]]:
    def read(**values: str | None) -> dict[str, str]:
        return {name: value for name, value in values.items() if value is not None}

    text = Annotated[str | None, Query(max_length=64, pattern=_TEXT)]
    named: dict[str, tuple[Any, Any]] = {name: (text, None) for name in _FILTERS if name in kind.model_fields}
    said = "a part of a code, a name, a GTIN, or the pinyin of a Chinese name or its initials"
    named["q"] = (Annotated[str | None, Query(max_length=100, pattern=_TEXT, description=said, examples=["nn"])], None)
    return _signed(read, named)


def _optional(annotation: Any) -> Any:
    return annotation | None


def _body_of(kind: type[rules.Row]) -> type[BaseModel]:
    """A row as the body of a request whose path names it: the key may be left out."""
    fields: dict[str, Any] = {
        name: (_optional(declared.annotation), None) if name in kind.KEY else (declared.annotation, declared) for name, declared in kind.model_fields.items()
    }
    config = ConfigDict(extra="forbid", json_schema_extra=kind.model_config["json_schema_extra"])
    return create_model(f"{kind.__name__}Body", __config__=config, __doc__=kind.__doc__, **fields)


def _completed(kind: type[rules.Row], key: storage.Key, body: BaseModel) -> rules.Row:
    said, named = body.model_dump(exclude_unset=True), dict(zip(kind.KEY, key, strict=True))
    for name, value in named.items():
        if said.get(name) is not None and str(said[name]) != value:
            raise DomainError("key_differs", f"{name} is {said[name]} in the body and {value} in the path; send one of them, or both alike")
    try:
        return kind.model_validate({**said, **named})
    except ValidationError as error:
        faults = [{**each, "loc": ("path" if each["loc"][:1] and each["loc"][0] in kind.KEY else "body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(faults) from error


def _query(kind: type[rules.Row], filters: Mapping[str, str]) -> tuple[Select[Any], list[Key]]:
    table = storage.TABLES[kind]
    query = select(table).where(*(_fits(kind, name, value) for name, value in filters.items()))
    if kind is rules.Alias:
        query = query.where(barcode.c.kind == "alias")
    return query, [up(column) for column in storage.key_columns(kind)]


def _fits(kind: type[rules.Row], name: str, value: str) -> ColumnElement[bool]:
    table = storage.TABLES[kind]
    if name == "q":
        return _found(kind, like_pattern(value))
    if kind is rules.StockLevel and name == "site":
        return or_(table.c.place == value, table.c.place.startswith(f"{value}/", autoescape=True))
    return table.c[name] == value


def _found(kind: type[rules.Row], pattern: str) -> ColumnElement[bool]:
    table = storage.TABLES[kind]
    if "search" in table.c:
        found: ColumnElement[bool] = table.c.search.like(pattern, escape="!")
        named = select(barcode.c.item).where(barcode.c.code.ilike(pattern, escape="!"))
        return or_(found, table.c.code.in_(named)) if kind is rules.Item else found
    texts = [table.c[name] for name in ("code", "id", "name", "name_zh", "item", "lot", "place", "partner", "kit", "gtin") if name in table.c]
    return or_(*(column.ilike(pattern, escape="!") for column in texts))


def _one(connection: Connection, kind: type[rules.Row], key: storage.Key, *, lock: bool = False) -> rules.Row | None:
    return next(iter(storage.rows_with(connection, kind, [key], lock=lock).values()), None)


def _add_routes(name: str, kind: type[rules.Row]) -> None:
    """The routes of one kind. They are made in a function so that each has the kind's own types, and so its own documentation."""
    key_of, filters_of, body_type = _key_reader(kind), _filter_reader(kind), _body_of(kind)
    one = f"/{name}/" + "/".join(f"{{{part}}}" for part in _path_names(kind))
    what = name.replace("-", " ")
    made = name.replace("-", "_")

    def list_rows(
        database: Database,
        language: Language,
        filters: Annotated[dict[str, str], Depends(filters_of)],
        after: After = None,
        limit: Limit = 100,
        file: ListFormat = "json",
    ) -> Any:
        query, keys = _query(kind, filters)
        if file != "json":
            return exported(database, file, name, kind, query, keys, language, lambda row: storage.row_of(kind, row))
        with reading(database) as connection:
            return page(connection, query, keys, after, limit, lambda row: storage.row_of(kind, row))

    def put_rows(rows: Annotated[list[Any], Body(max_length=ROWS_AT_ONCE_MAX)], database: Database, news: News) -> Kept:
        planned = in_transaction(database, lambda connection: service.keep(connection, rows))
        news.tell()
        return Kept(kept=len(rows), new=planned.new, changed=planned.changed, unchanged=planned.unchanged)

    put_rows.__annotations__["rows"] = Annotated[list[kind], Body(max_length=ROWS_AT_ONCE_MAX)]  # type: ignore[valid-type]

    def get_row(key: Annotated[storage.Key, Depends(key_of)], database: Database, seen: Seen) -> Any:
        with reading(database) as connection:
            row = _one(connection, kind, key)
        if row is None:
            raise NotFoundError("unknown_row", f"{' '.join(key)} is not among the {what}")
        return seen.answer(row)

    def put_row(key: Annotated[storage.Key, Depends(key_of)], body: Any, database: Database, news: News, precondition: Precondition, response: Response) -> Any:
        row = _completed(kind, key, body)

        def work(connection: Connection) -> None:
            storage.lock_key(connection, kind, row.key)
            if precondition.any:
                precondition.check(_one(connection, kind, row.key, lock=True))
            service.keep(connection, [row])

        in_transaction(database, work)
        news.tell()
        response.headers["ETag"] = etag(row)
        return row

    put_row.__annotations__["body"] = body_type

    def delete_row(key: Annotated[storage.Key, Depends(key_of)], database: Database, news: News, precondition: Precondition) -> None:
        def work(connection: Connection) -> None:
            storage.lock_key(connection, kind, key)
            if precondition.any:
                precondition.check(_one(connection, kind, key, lock=True))
            service.remove(connection, kind, key)

        in_transaction(database, work)
        news.tell()

    listed = "Rows in the order of their key, a page at a time or all as a file."
    add: Callable[..., None] = router.add_api_route
    add(f"/{name}", list_rows, methods=["GET"], response_model=Page[kind], responses=AS_FILE, name=f"list_{made}", description=listed)  # type: ignore[valid-type]
    add(f"/{name}", put_rows, methods=["PUT"], name=f"put_{made}", description=f"Add or change {what}, all of them or none.")
    add(one, get_row, methods=["GET"], response_model=kind, name=f"get_one_of_{made}", description="One row, with its ETag.")
    add(one, put_row, methods=["PUT"], response_model=kind, name=f"put_one_of_{made}", description="Add or change one row; with If-Match only as it was seen.")
    add(one, delete_row, methods=["DELETE"], status_code=204, name=f"delete_one_of_{made}", description="Delete one row that nothing names; 409 otherwise.")


for _name, _kind in rules.KINDS.items():
    _add_routes(_name, _kind)
