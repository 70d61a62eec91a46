# SPDX-License-Identifier: Apache-2.0
"""The read side of EPCIS: events in pages, one event with its error declarations, what is known at the top level, jobs, named queries."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, Select, func, select, union

from central.bulk import among
from central.errors import DomainError
from central.paging import Key, decode, encode, rows_after
from central.trace import asking, vocabulary
from central.trace.faults import NoSuchNameError, QueryParameterError, QueryTooLargeError
from central.trace.indexing import key_of
from central.trace.naming import as_urn, canonical_or_same
from central.trace.shapes import written
from central.trace.tables import epcis_capture, epcis_event, epcis_query, epcis_subscription, epcis_term

Format = Literal["No_Preference", "Always_GS1_Digital_Link", "Always_EPC_URN", "Never_Translates"]
_event = epcis_event.c
_ORDERS = {"": (_event.n,), "eventTime": (_event.event_at, _event.n), "recordTime": (_event.recorded_at, _event.n)}
_NAMED = ("parentID", "transformationID")
_LISTED = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_ELEMENTS = {
    "quantityList": ("epcClass",),
    "childQuantityList": ("epcClass",),
    "inputQuantityList": ("epcClass",),
    "outputQuantityList": ("epcClass",),
    "sourceList": ("source",),
    "destinationList": ("destination",),
    "bizTransactionList": ("bizTransaction",),
}


@dataclass(frozen=True, slots=True)
class Events:
    """A page of events as they are answered, the parts of their @context, and the token of the next page."""

    events: list[dict[str, Any]]
    contexts: list[Any]
    next: str | None


def events(connection: Connection, asked: asking.Asked, form: Format) -> Events:
    """A page of the events that a query asks for. Raises: QueryParameterError: a token of another list. QueryTooLargeError."""
    query = asking.selection(asked)
    if asked.most is not None:
        _count_at_most(connection, query, asked.most)
    keys = [Key(column, column.name, descending=bool(asked.order) and asked.descending) for column in _ORDERS[asked.order]]
    after, given = _token(asked.token)
    left = None if asked.limit is None else asked.limit - given
    limit = asked.per_page if left is None else min(asked.per_page, left)
    if limit < 1:
        return Events([], [], None)
    rows, following = _rows(connection, query, keys, after, limit)
    if left is not None and left <= limit:
        following = None
    return Events(*_shaped(rows, form), None if following is None else f"{given + len(rows)}.{following}")


def _rows(connection: Connection, query: Select[Any], keys: Sequence[Key], after: str | None, limit: int) -> tuple[Sequence[RowMapping], str | None]:
    try:
        return rows_after(connection, query, keys, after, limit)
    except DomainError as error:
        raise _no_token() from error


def _no_token() -> QueryParameterError:
    return QueryParameterError("nextPageToken is none of this list; follow the Link of the page before")


def _token(token: str | None) -> tuple[str | None, int]:
    if token is None:
        return None, 0
    given, dot, cursor = token.partition(".")
    if not dot or not given.isascii() or not given.isdigit() or len(given) > 12:
        raise _no_token()
    return cursor, int(given)


def _count_at_most(connection: Connection, query: Select[Any], most: int) -> None:
    found = connection.execute(select(func.count()).select_from(query.with_only_columns(_event.n).limit(most + 1).subquery())).scalar_one()
    if found > most:
        raise QueryTooLargeError(f"more than {most} events match (maxEventCount); narrow the query")


def one_event(connection: Connection, event_id: str, form: Format) -> Events:
    """An event and its error declarations, in the order in which they were recorded. Raises: NoSuchNameError."""
    rows = connection.execute(select(epcis_event).where(_event.event_id == key_of(event_id)).order_by(_event.n)).mappings().all()
    if not rows:
        raise NoSuchNameError(f"event {event_id} is not known")
    return Events(*_shaped(rows, form), None)


def _shaped(rows: Sequence[RowMapping], form: Format) -> tuple[list[dict[str, Any]], list[Any]]:
    """Events with their record times; the parts of @context that all together share, while an event whose prefixes clash carries its own."""
    contexts: list[Any] = []
    taken: dict[str, Any] = {}
    made = []
    for row in rows:
        event = {**json.loads(row["body"]), "recordTime": written(row["recorded_at"])}
        own = json.loads(row["context"]) if row["context"] else []
        names = {name: value for part in own if isinstance(part, dict) for name, value in part.items()}
        if any(taken.get(name, value) != value for name, value in names.items()):
            event = {"@context": own, **event}
        else:
            taken |= names
            contexts += [part for part in own if part not in contexts]
        made.append(translated(event, form))
    return made, contexts


def events_by_number(connection: Connection, numbers: Sequence[int]) -> Events:
    """Events by their numbers, in the order of these, which rise."""
    rows = connection.execute(select(epcis_event).where(among(connection, _event.n, list(numbers))).order_by(_event.n)).mappings().all()
    return Events(*_shaped(rows, "No_Preference"), None)


def document(found: Events, now: datetime, name: str = "SimpleEventQuery", subscription: str = "") -> dict[str, Any]:
    """Events as an EPCISQueryDocument. `subscription`: for which it is made."""
    named = {"subscriptionID": subscription} if subscription else {}
    return {
        "@context": [vocabulary.CONTEXT, *found.contexts],
        "type": "EPCISQueryDocument",
        "schemaVersion": vocabulary.EPCIS_VERSION,
        "creationDate": written(now),
        "epcisBody": {"queryResults": {**named, "queryName": name, "resultsBody": {"eventList": found.events}}},
    }


def translated(event: dict[str, Any], form: Format) -> dict[str, Any]:
    """An event with its identifiers in the form that the caller wants; without a wish they stay as they came."""
    if form in ("No_Preference", "Never_Translates"):
        return event
    to = canonical_or_same if form == "Always_GS1_Digital_Link" else as_urn
    changed = dict(event)
    for name in _NAMED:
        if name in event:
            changed[name] = to(event[name])
    for name in _LISTED:
        if name in event:
            changed[name] = [to(each) for each in event[name]]
    for name in ("readPoint", "bizLocation"):
        if name in event:
            changed[name] = {**event[name], "id": to(event[name]["id"])}
    for name, fields in _ELEMENTS.items():
        if name in event:
            changed[name] = [{**each, **{field: to(each[field]) for field in fields}} for each in event[name]]
    return changed


TOP_LEVEL = {
    "eventTypes": ("eventType", "EventTypeItemList", _event.type, "eventType"),
    "bizSteps": ("bizStep", "BizStepItemList", _event.biz_step, "EQ_bizStep"),
    "dispositions": ("disposition", "DispositionItemList", _event.disposition, "EQ_disposition"),
    "readPoints": ("readPoint", "ReadPointItemList", _event.read_point, "EQ_readPoint"),
    "bizLocations": ("bizLocation", "BizLocationItemList", _event.biz_location, "EQ_bizLocation"),
    "epcs": ("epc", "EPCItemList", None, "MATCH_anyEPC"),
}
"""Resources at the top level: the field of their list, its type, the column, and the parameter by which their events are asked for."""


def known(connection: Connection, resource: str, asked: asking.Asked, form: Format) -> tuple[list[str], str | None]:
    """What of a resource stands in events, in order, a page of it, and the token of the next page."""
    column = TOP_LEVEL[resource][2]
    after, given = _token(asked.token)
    start = "" if after is None else _start(after)
    if column is None:
        values = _epcs(connection, start, asked.per_page + 1)
    else:
        query = select(column).distinct().where(column > start, column != "").order_by(column).limit(asked.per_page + 1)
        values = [str(value) for value in connection.execute(query).scalars()]
    page = values[: asked.per_page]
    following = f"{given + len(page)}.{encode([page[-1]], [_VALUE])}" if len(values) > len(page) else None
    to = as_urn if form == "Always_EPC_URN" else canonical_or_same
    return [to(each) for each in page], following


_VALUE = Key(epcis_term.c.value, "value")


def _start(cursor: str) -> str:
    try:
        return str(decode(cursor, [_VALUE])[0])
    except DomainError as error:
        raise _no_token() from error


def _epcs(connection: Connection, start: str, limit: int) -> list[str]:
    """Each kind by its index; together they are few."""
    term = epcis_term.c
    parts = [
        select(select(term.value).distinct().where(term.kind == kind, term.value > start).order_by(term.value).limit(limit).subquery().c.value)
        for kind in ("epc", "parent", "input", "output")
    ]
    together = union(*parts).subquery()
    return list(connection.execute(select(together.c.value).order_by(together.c.value).limit(limit)).scalars())


def is_known(connection: Connection, resource: str, value: str) -> bool:
    """Whether a value of a resource stands in any event."""
    condition = asking.understand({TOP_LEVEL[resource][3]: [value]}, {}).conditions
    return connection.execute(select(_event.n).where(*condition).limit(1)).first() is not None


def job(connection: Connection, job_id: str) -> dict[str, Any]:
    """A capture job as it is answered. Raises: NoSuchNameError."""
    row = connection.execute(select(epcis_capture).where(epcis_capture.c.id == _uuid(job_id))).mappings().one_or_none()
    if row is None:
        raise NoSuchNameError(f"capture {job_id} is not known")
    return _job(row)


def _uuid(text: str) -> str | None:
    """An id as databases take it; what is none is nobody's."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _job(row: RowMapping) -> dict[str, Any]:
    return {
        "captureID": row["id"],
        "createdAt": written(row["created_at"]),
        "finishedAt": written(row["finished_at"]),
        "running": False,
        "success": row["success"],
        "captureErrorBehaviour": row["behaviour"],
        "captured": row["captured"],
        "errors": json.loads(row["errors"]),
    }


def jobs(connection: Connection, asked: asking.Asked) -> tuple[list[dict[str, Any]], str | None]:
    """Capture jobs, newest first, a page of them, and the token of the next page. Raises: QueryParameterError."""
    rows, token = _page(connection, select(epcis_capture), [Key(epcis_capture.c.n, "n", descending=True)], asked)
    return [_job(row) for row in rows], token


def named_query(connection: Connection, name: str) -> dict[str, Any]:
    """A named query. Raises: NoSuchNameError."""
    row = connection.execute(select(epcis_query).where(epcis_query.c.name == name)).one_or_none()
    if row is None:
        raise NoSuchNameError(f"query {name!r} is not known")
    return {"name": row.name, "query": json.loads(row.query), "createdAt": written(row.created_at)}


def named_queries(connection: Connection, asked: asking.Asked) -> tuple[list[dict[str, Any]], str | None]:
    """Named queries in the order of their names, a page of them, and the token of the next page. Raises: QueryParameterError."""
    rows, token = _page(connection, select(epcis_query), [Key(epcis_query.c.name, "name")], asked)
    return [{"name": row["name"], "query": json.loads(row["query"]), "createdAt": written(row["created_at"])} for row in rows], token


def subscriptions_with_queries() -> Select[Any]:
    """Subscriptions, each with the parameters of its query (`asked`)."""
    return select(epcis_subscription, epcis_query.c.query.label("asked")).join(epcis_query, epcis_query.c.name == epcis_subscription.c.query)


def subscriptions(connection: Connection, name: str, asked: asking.Asked) -> tuple[list[dict[str, Any]], str | None]:
    """Subscriptions of a query in the order in which they were made, a page of them, and the token of the next page. Raises: NoSuchNameError."""
    named_query(connection, name)
    keys = [Key(epcis_subscription.c.created_at, "created_at"), Key(epcis_subscription.c.id, "id")]
    rows, token = _page(connection, select(epcis_subscription).where(epcis_subscription.c.query == name), keys, asked)
    return [_subscription(row) for row in rows], token


def subscription(connection: Connection, name: str, subscription_id: str) -> dict[str, Any]:
    """A subscription of a query. Raises: NoSuchNameError."""
    named_query(connection, name)
    mine = (epcis_subscription.c.query == name) & (epcis_subscription.c.id == _uuid(subscription_id))
    row = connection.execute(select(epcis_subscription).where(mine)).mappings().one_or_none()
    if row is None:
        raise NoSuchNameError(f"query {name!r} has no subscription {subscription_id}")
    return _subscription(row)


def _subscription(row: RowMapping) -> dict[str, Any]:
    when: dict[str, Any] = {"schedule": json.loads(row["schedule"])} if row["schedule"] else {"stream": True}
    since = {} if row["since"] is None else {"initialRecordTime": written(row["since"])}
    return {
        "subscriptionID": row["id"],
        "queryName": row["query"],
        "dest": row["dest"],
        "createdAt": written(row["created_at"]),
        "reportIfEmpty": row["report_if_empty"],
        **since,
        **when,
    }


def _page(connection: Connection, query: Select[Any], keys: Sequence[Key], asked: asking.Asked) -> tuple[Sequence[RowMapping], str | None]:
    after, given = _token(asked.token)
    rows, following = _rows(connection, query, keys, after, asked.per_page)
    return rows, None if following is None else f"{given + len(rows)}.{following}"
