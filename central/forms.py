# SPDX-License-Identifier: Apache-2.0
"""Bodies have the documented types exactly: a number is no truth value, a text is no number, seconds are no date.

Pydantic as FastAPI calls it would read `false` as 0 and `0` as a day in 1970. In a warehouse such a slip becomes stock, so it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, params
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.routing import compile_path


@dataclass(frozen=True, slots=True)
class Address:
    """A route with the path under which it is called."""

    methods: frozenset[str]
    path: str
    pattern: re.Pattern[str]
    route: APIRoute


def methods_at(addresses: Iterable[Address], path: str) -> frozenset[str]:
    """All methods of a path. One that stands literally in the documentation is not also an example of one with a name in it."""
    fitting = [each for each in addresses if each.pattern.match(path)]
    literal = [each for each in fitting if each.path == path]
    return frozenset(method for each in literal or fitting for method in each.methods)


class Forms:
    """The types of the bodies of all routes."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._fixed: dict[tuple[str, str], TypeAdapter[Any]] = {}
        self._patterns: list[tuple[frozenset[str], re.Pattern[str], TypeAdapter[Any]]] = []
        for address in addresses:
            adapter = _adapter(address.route)
            if adapter is None:
                continue
            if "{" in address.path:
                self._patterns.append((address.methods, address.pattern, adapter))
            else:
                self._fixed.update({(method, address.path): adapter for method in address.methods})

    def faults(self, method: str, path: str, body: bytes) -> list[ErrorDetails]:
        """What of a JSON body has another type than documented, or does not fit otherwise; empty for routes without such a body."""
        adapter = self._fixed.get((method, path)) or next((form for methods, regex, form in self._patterns if method in methods and regex.match(path)), None)
        if adapter is None or not body:
            return []
        try:
            adapter.validate_json(body, strict=True)
        except ValidationError as error:
            return [fault for fault in error.errors(include_url=False, include_context=False) if not _is_whole(fault)]
        return []


def _is_whole(fault: ErrorDetails) -> bool:
    """Whether it is only that a whole number was written as 430.0: JSON has one kind of numbers."""
    given = fault["input"]
    return fault["type"] == "int_type" and isinstance(given, float) and given.is_integer()


def addresses_of(routers: Iterable[APIRouter], prefix: str = "") -> Iterator[Address]:
    """All routes of routers, those of the routers within them too, with their whole paths."""
    for router in routers:
        for route in router.routes:
            inner: APIRouter | None = getattr(route, "original_router", None)
            if inner is not None:
                yield from addresses_of([inner], prefix + router.prefix)
            elif isinstance(route, APIRoute):
                yield Address(frozenset(route.methods or ()), (prefix + route.path).replace(":path}", "}"), compile_path(prefix + route.path)[0], route)


def _adapter(route: APIRoute) -> TypeAdapter[Any] | None:
    field = route.body_field
    if field is None or isinstance(field.field_info, params.Form):
        return None
    form: Any = Annotated[field.field_info.annotation, field.field_info]
    return TypeAdapter(form)
