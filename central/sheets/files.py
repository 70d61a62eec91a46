# SPDX-License-Identifier: Apache-2.0
"""Every list of the API as a file: `?format=csv` or `?format=xlsx` on any route that answers in pages, whoever wrote it.

The pages are asked for one after the other as a client would and written as they come, so a list of a million rows costs no memory. Rows that change
meanwhile are as they were when their page was read. Lists that make their files by themselves declare a parameter `format` and are left alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol, get_args
from urllib.parse import parse_qsl, urlencode

import anyio
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central.errors import DomainError
from central.paging import PAGE_MAX, Page
from central.problems import problem
from central.sheets.exports import table_file
from central.sheets.rules import columns_of, nested_model
from central.sheets.writing import MEDIA_TYPES, Format

_OURS = frozenset({"format", "lang", "limit", "after"})
FORMATS: tuple[Format, ...] = ("csv", "xlsx")


_WORDS = {"format": ("json", *FORMATS), "lang": ("en", "zh")}


def _checked(said: Mapping[str, str]) -> str:
    kind, language = said.get("format", "json"), said.get("lang", "en")
    if kind not in _WORDS["format"]:
        raise DomainError("unknown_format", f"format {kind!r} is not one of {', '.join(_WORDS['format'])}")
    if language not in _WORDS["lang"]:
        raise DomainError("unknown_language", f"lang {language!r} is not one of {', '.join(_WORDS['lang'])}")
    return kind


class _Route(Protocol):
    response_model: Any
    dependant: Any


class _Address(Protocol):
    """A route under the path by which it is called (`central.forms.Address`)."""

    @property
    def methods(self) -> frozenset[str]: ...  # the words of `Address`
    @property
    def pattern(self) -> re.Pattern[str]: ...  # the words of `Address`
    @property
    def route(self) -> Any: ...  # the words of `Address`


@dataclass(frozen=True, slots=True)
class _List:
    """A route that answers in pages of `model` (None: of plain objects)."""

    pattern: re.Pattern[str]
    model: type[BaseModel] | None


class _RefusedError(Exception):
    """A page was refused; its answer is the answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def _lists_of(addresses: Iterable[_Address]) -> Iterator[_List]:
    for each in addresses:
        model = each.route.response_model
        if "GET" in each.methods and isinstance(model, type) and issubclass(model, Page) and not _declares_format(each.route):
            (item,) = get_args(model.model_fields["items"].annotation)
            yield _List(each.pattern, item if isinstance(item, type) and issubclass(item, BaseModel) else None)


def _declares_format(route: _Route) -> bool:
    return any(field.alias == "format" for field in route.dependant.query_params)


class ListFiles:
    """Middleware that answers `?format=` on every list that does not know it."""

    def __init__(self, app: ASGIApp, addresses: Iterable[_Address]) -> None:
        self._app = app
        self._lists = tuple(_lists_of(addresses))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a file; hand all others on."""
        said = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True) if scope["type"] == "http" else []
        asks = scope["type"] == "http" and scope["method"] == "GET" and not _WORDS.keys().isdisjoint(dict(said))
        found = next((each for each in self._lists if each.pattern.match(scope["path"])), None) if asks else None
        try:
            wanted = _checked(dict(said)) if found is not None else "json"
            if found is None or wanted == "json":
                await self._app(scope, receive, send)
                return
            response = await self._file(scope, found, wanted, said)
        except _RefusedError as refused:
            response = refused.response
        except DomainError as error:
            response = problem(error, scope["path"])
        await response(scope, receive, send)

    async def _file(self, scope: Scope, found: _List, kind: str, said: Sequence[tuple[str, str]]) -> Response:
        filters = [(name, value) for name, value in said if name not in _OURS]
        language = dict(said).get("lang") or ("zh" if Headers(scope=scope).get("accept-language", "").lower().lstrip().startswith("zh") else "en")

        def rows() -> Iterator[dict[str, Any]]:
            # The first page as it was asked for, so that the route refuses a cursor or a limit that is none.
            page = anyio.from_thread.run(self._page, scope, [(name, value) for name, value in said if name not in _WORDS])
            yield from page["items"]
            while page["next"] is not None:
                page = anyio.from_thread.run(self._page, scope, [*filters, ("limit", str(PAGE_MAX)), ("after", page["next"])])
                yield from page["items"]

        return await run_in_threadpool(_written, "csv" if kind == "csv" else "xlsx", scope["path"].rpartition("/")[2], found.model, rows(), language)

    async def _page(self, scope: Scope, query: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """One page, asked for within the program. Raises: _RefusedError: it was not answered."""
        status, parts = 500, list[bytes]()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))

        await self._app({**scope, "query_string": urlencode(query).encode()}, receive, keep)
        if status != 200:  # OK
            raise _RefusedError(Response(b"".join(parts), status, media_type="application/problem+json"))
        page: dict[str, Any] = json.loads(b"".join(parts))
        return page


def _written(kind: Format, name: str, model: type[BaseModel] | None, rows: Iterator[dict[str, Any]], language: str) -> Response:
    first = next(rows, None)
    columns = list(columns_of(model)) if model is not None else list(first or ())
    everything = rows if first is None else chain([first], rows)
    return table_file(kind, name, columns, ([_cell(value) for value in _cells(model, columns, row)] for row in everything), language)


def _cells(model: type[BaseModel] | None, columns: Sequence[str], row: dict[str, Any]) -> list[Any]:
    if model is None:
        return [row.get(column) for column in columns]
    cells: list[Any] = []
    for name, declared in model.model_fields.items():
        nested = nested_model(declared)
        cells += [row.get(name)] if nested is None else [(row.get(name) or {}).get(part) for part in nested.model_fields]
    return cells


def _cell(value: Any) -> Any:
    """A value of JSON in one cell: lists of words with blanks between, other structures as JSON."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict | list) for each in value)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def document(operation: dict[str, Any]) -> None:
    """Say in the documentation of a list that it comes as a file too."""
    parameters = operation["parameters"]
    names = {parameter["name"] for parameter in parameters}
    if "after" not in names or "format" in names:
        return
    kinds = {"type": "string", "enum": ["json", *FORMATS], "default": "json"}
    parameters.append({"name": "format", "in": "query", "required": False, "description": "json: a page; csv, xlsx: the whole list as a file", "schema": kinds})
    languages = {"type": "string", "enum": ["en", "zh"]}
    parameters.append({"name": "lang", "in": "query", "required": False, "description": "language of a file's headings", "schema": languages})
    for media_type in MEDIA_TYPES.values():
        operation["responses"]["200"]["content"][media_type.partition(";")[0]] = {"schema": {"type": "string", "format": "binary"}}
