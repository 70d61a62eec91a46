# SPDX-License-Identifier: Apache-2.0
"""Any list as a file: `?format=csv` or `?format=xlsx` on a route that lists.

@router.get("/things", response_model=Page[ThingOut], responses=AS_FILE)
def list_things(..., file: ListFormat, language: ReaderLanguage) -> Page[ThingOut] | Response:
if file != "json":
return exported(database, file, "things", ThingOut, query, [up(thing.c.code)], language)
...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Annotated, Any, Literal

from fastapi import Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Engine, RowMapping, Select

from central.database import reading
from central.errors import DomainError
from central.paging import Key
from central.sheets.rules import columns_of, nested_model
from central.sheets.writing import MEDIA_TYPES, Format, ListTooLongError, write_list

_CHUNK_BYTES = 64 << 10
_ROWS_AT_ONCE = 2000

ListFormat = Annotated[
    Literal["json", "csv", "xlsx"], Query(alias="format", description="json: a page; csv or xlsx: the whole list as a file, without pages", examples=["json"])
]
AS_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {kind.partition(";")[0]: {} for kind in MEDIA_TYPES.values()}}}
"""What such a route says in OpenAPI."""


def _language(
    lang: Annotated[Literal["en", "zh"] | None, Query(description="language of the headings; the reader's own if left out")] = None,
    accept_language: Annotated[str, Header(max_length=1000)] = "",
) -> str:
    return lang or ("zh" if accept_language.lower().lstrip().startswith("zh") else "en")


language_of_reader = _language
"""Dependency: `language: Annotated[str, Depends(language_of_reader)]`."""


def exported(
    database: Engine,
    kind: Format,
    name: str,
    model: type[BaseModel],
    query: Select[Any],
    keys: Sequence[Key],
    language: str = "en",
    shape: Callable[[RowMapping], Mapping[str, Any] | BaseModel] = dict,
) -> StreamingResponse:
    """All rows of a query in the order of `keys`, as a file with the fields of `model`; `shape` as for `central.paging.page`."""
    ordered = query.order_by(*(key.column.desc() if key.descending else key.column.asc() for key in keys))
    with reading(database) as connection:
        rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(ordered).mappings()
        return file_of(kind, name, model, (shape(row) for row in rows), language)


def file_of(kind: Format, name: str, model: type[BaseModel], rows: Iterable[Mapping[str, Any] | BaseModel], language: str = "en") -> StreamingResponse:
    """Rows as a file with the fields of `model`; rows that are read already, or come one by one.

    Raises: DomainError `list_too_long`: Excel does not hold so many.
    """
    return table_file(kind, name, list(columns_of(model)), (flat(model, row) for row in rows), language)


def table_file(
    kind: Format, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], language: str = "en", remarks: Sequence[Sequence[str]] = ()
) -> StreamingResponse:
    """Rows of cells as a file to save under `name`. Raises: DomainError `list_too_long`."""
    try:
        file = write_list(kind, columns, rows, language, remarks)
    except ListTooLongError as error:
        raise DomainError("list_too_long", str(error)) from error
    return StreamingResponse(_chunks(file), media_type=MEDIA_TYPES[kind], headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'})


def flat(model: type[BaseModel], row: Mapping[str, Any] | BaseModel) -> list[Any]:
    """A row's cells in the order of the columns of `model`; a part with fields of its own takes one for each."""
    cells: list[Any] = []
    for name, declared in model.model_fields.items():
        value, nested = _value(row, name), nested_model(declared)
        if nested is None:
            cells.append(value)
        else:
            cells += [_value(value, part) for part in nested.model_fields]
    return cells


def _value(row: Any, name: str) -> Any:
    if row is None:
        return None
    return row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
