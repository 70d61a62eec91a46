# SPDX-License-Identifier: Apache-2.0
"""Use cases of named queries. Each runs inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from central.database import insert_or_leave
from central.trace import asking, subscriptions
from central.trace.faults import DuplicateNameError, NoSuchNameError, ValidationError
from central.trace.tables import epcis_query

_NAME_MAX = 100
_OF_A_PAGE = frozenset({"perPage", "nextPageToken"})


def keep_query(connection: Connection, definition: Any, now: datetime) -> str:
    """Store a named query; returns its name. The same again changes nothing.

    Raises: ValidationError: it is none. QueryParameterError. DuplicateNameError: the name stands for another query.
    """
    name, query = _checked(definition)
    asking.understand(asking.from_body(query), {})
    text = json.dumps(query, ensure_ascii=False, sort_keys=True)
    insertion = insert_or_leave(connection, epcis_query).values(name=name, query=text, created_at=now).on_conflict_do_nothing()
    if connection.execute(insertion.returning(epcis_query.c.name)).scalar() is None:
        stored = connection.execute(select(epcis_query.c.query).where(epcis_query.c.name == name)).scalar_one()
        if stored != text:
            raise DuplicateNameError(f"query {name!r} is known and asks for something else; delete it first, or choose another name")
    return name


def _checked(definition: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(definition, dict) or set(definition) - {"name", "query", "@context"}:
        raise ValidationError("a query is an object with name and query")
    name, query = definition.get("name"), definition.get("query")
    if not isinstance(name, str) or not 1 <= len(name) <= _NAME_MAX or "/" in name or not name.isprintable():
        raise ValidationError(f"name: a query's name is 1 to {_NAME_MAX} characters without /")
    if not isinstance(query, dict):
        raise ValidationError("query: the parameters of the query are an object")
    if wrong := sorted(_OF_A_PAGE & query.keys()):
        raise ValidationError(f"query: {wrong[0]} is said when its events are read")
    return name, query


def forget_query(connection: Connection, name: str, now: datetime) -> None:
    """Delete a named query and end its subscriptions. Raises: NoSuchNameError."""
    subscriptions.unsubscribe_all(connection, name, now)
    if connection.execute(delete(epcis_query).where(epcis_query.c.name == name).returning(epcis_query.c.name)).scalar() is None:
        raise NoSuchNameError(f"query {name!r} is not known")
