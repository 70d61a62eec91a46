# SPDX-License-Identifier: Apache-2.0
"""Routes of imports: take a spreadsheet in, its template, what was imported, take it back."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import Engine, select
from starlette.concurrency import run_in_threadpool

from central.database import in_transaction, reading
from central.errors import DomainError
from central.examples import answer
from central.examples import body as body_config
from central.facts import RequestKey, document_id
from central.paging import After, Limit, Page, down, page
from central.requests import Database, News, Now
from central.sheets import registry, service
from central.sheets.cells import SHEET_BYTES_MAX
from central.sheets.exports import AS_FILE, ListFormat, exported, language_of_reader, table_file
from central.sheets.reading import read_sheet
from central.sheets.registry import Sender, SheetKind
from central.sheets.rules import SheetUnreadableError, columns_of
from central.sheets.tables import import_batch
from central.sheets.writing import MEDIA_TYPES

router = APIRouter(prefix="/api/v1", tags=["imports"])

KindName = StrEnum("KindName", [(name.replace("-", "_"), name) for name in registry.kinds()])  # type: ignore[misc]  # the areas say which there are
Language = Annotated[str, Depends(language_of_reader)]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {kind.partition(";")[0]: _BINARY for kind in MEDIA_TYPES.values()}}}


class SheetTooLargeError(DomainError):
    """A file over the limit."""

    status = 413


_FAULT: dict[str, Any] = {
    "row": 3,
    "column": "quantity",
    "code": "greater_than_equal",
    "message": "Input should be greater than or equal to 0",
    "message_zh": "应不小于 0",
}
_BATCH = "0f6e5a0b-30a4-5a0b-9f0e-6f1d0c7a4b52"


class FaultOut(BaseModel):
    """What is wrong in a row, numbered as a spreadsheet shows it (the heading is row 1)."""

    model_config = answer(_FAULT)

    row: int
    column: str = Field(description="empty when the whole row is meant")
    code: str = Field(description="stable, for programs")
    message: str
    message_zh: str


class ImportOut(BaseModel):
    """What an import did, or would do; with errors nothing is written."""

    model_config = answer(
        {"rows": 12, "new": 2, "changed": 1, "unchanged": 9, "written": True, "batch": _BATCH, "errors": [], "errors_in_all": 0},
        {"rows": 11, "new": 0, "changed": 0, "unchanged": 0, "written": False, "batch": None, "errors": [_FAULT], "errors_in_all": 1},
    )

    rows: int = Field(description="good rows of the file")
    new: int
    changed: int
    unchanged: int
    written: bool
    batch: str | None = Field(description="name of the import, for taking it back; null when nothing was written")
    errors: list[FaultOut]
    errors_in_all: int = Field(description="more than are listed when a file has very many")


class BatchOut(BaseModel):
    """An import that was written."""

    model_config = answer(
        {
            "id": _BATCH,
            "kind": "items",
            "file_name": "items.xlsx",
            "actor": "li.wei",
            "made_at": "2026-11-21T08:00:00Z",
            "new": 2,
            "changed": 1,
            "unchanged": 9,
            "undone_at": None,
            "undone_by": "",
        }
    )

    id: str
    kind: str
    file_name: str
    actor: str
    made_at: datetime
    new: int
    changed: int
    unchanged: int
    undone_at: datetime | None
    undone_by: str


class Undoing(BaseModel):
    """Who takes it back."""

    model_config = body_config({"actor": "li.wei"})

    actor: str = Field("api", min_length=1, max_length=100)


@router.post("/imports/{kind}", openapi_extra=_BODY)
async def import_sheet(
    kind: KindName,
    request: Request,
    database: Database,
    now: Now,
    news: News,
    key: RequestKey,
    dry_run: Annotated[bool, Query(description="only say what would happen")] = False,
    again: Annotated[bool, Query(description="stock: places that were opened before may be opened again")] = False,
    actor: Annotated[str, Query(min_length=1, max_length=100)] = "api",
    file_name: Annotated[str, Query(max_length=200)] = "",
) -> ImportOut:
    """Import a CSV or Excel file (the body), all rows or none; with `dry_run` only say what is wrong, row by row and column by column."""
    data = await _bounded_body(request)
    sender = Sender(actor, now, document_id("Import", key), again)
    return await run_in_threadpool(_import, registry.kinds()[kind], data, database, news, sender, file_name, dry_run)


async def _bounded_body(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > SHEET_BYTES_MAX:
            raise SheetTooLargeError("sheet_too_large", f"the file is over {SHEET_BYTES_MAX} bytes; split it")
    return bytes(data)


def _import(kind: SheetKind, data: bytes, database: Engine, news: News, sender: Sender, file_name: str, dry_run: bool) -> ImportOut:
    try:
        sheet = read_sheet(data, kind.model, kind.repeated)
    except SheetUnreadableError as error:
        raise DomainError("sheet_unreadable", str(error)) from error
    done = in_transaction(database, lambda connection: service.import_sheet(connection, kind, sheet, sender, file_name, dry_run))
    if done.written:
        news.tell()
    return ImportOut.model_validate(done)


@router.get("/imports/{kind}/template", response_class=StreamingResponse, responses=AS_FILE)
def get_template(
    kind: KindName, language: Language, file: Annotated[Literal["csv", "xlsx"], Query(alias="format", examples=["xlsx"])] = "xlsx"
) -> StreamingResponse:
    """An empty list to fill in: headings in the reader's language, a remark on each column, an example. Lines that begin with # are left out by imports."""
    sheet = registry.kinds()[kind]
    return table_file(file, f"{kind}-template", list(columns_of(sheet.model)), [], language, [_remarks(sheet), _example(sheet)])


def _remarks(sheet: SheetKind) -> list[str]:
    texts = [_remark(name, declared) for name, declared in columns_of(sheet.model).items()]
    return ["# " + texts[0], *texts[1:]]


def _remark(name: str, declared: Any) -> str:
    return f"{name}{' *' if declared.is_required() else ''}{': ' + declared.description if declared.description else ''}"


def _example(sheet: SheetKind) -> list[str]:
    extra = sheet.model.model_config.get("json_schema_extra")
    row: Any = extra["examples"][0] if isinstance(extra, dict) and isinstance(extra.get("examples"), list) else {}  # type: ignore[index]
    cells = ["" if (value := _dug(row, name)) is None else str(value) for name in columns_of(sheet.model)]
    return ["# " + cells[0], *cells[1:]]


def _dug(row: dict[str, Any], name: str) -> Any:
    outer, _, inner = name.partition("_")
    return row[outer].get(inner) if isinstance(row.get(outer), dict) else row.get(name)


@router.get("/imports", response_model=Page[BatchOut], responses=AS_FILE)
def list_imports(database: Database, language: Language, after: After = None, limit: Limit = 100, file: ListFormat = "json") -> Any:
    """Imports, newest first."""
    query, keys = select(import_batch), [down(import_batch.c.made_at), down(import_batch.c.id)]
    if file != "json":
        return exported(database, file, "imports", BatchOut, query, keys, language)
    with reading(database) as connection:
        return page(connection, query, keys, after, limit)


@router.get("/imports/batches/{batch}")
def get_import(batch: uuid.UUID, database: Database) -> BatchOut:
    """One import."""
    with reading(database) as connection:
        return BatchOut.model_validate(dict(service.batch_of(connection, str(batch))._mapping))  # noqa: SLF001  # SQLAlchemy's public name for it


@router.post("/imports/batches/{batch}/undo")
def undo_import(batch: uuid.UUID, body: Undoing, database: Database, now: Now, news: News) -> BatchOut:
    """Take an import back: what was new goes, what was changed is as before; 409 when something later touched one of its rows."""
    sender = Sender(body.actor, now, str(batch))
    in_transaction(database, lambda connection: service.undo_import(connection, sender))
    news.tell()
    return get_import(batch, database)
