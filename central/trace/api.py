# SPDX-License-Identifier: Apache-2.0
"""Routes of EPCIS 2.0, all below one base (`central.trace.routing.BASE`), by the names of its REST binding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Path, Request, Response
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.requests import Database, News, Now
from central.trace import asking, capturing, own_events, queries, questions, service, subscription_api
from central.trace.answers import DOCUMENT, EVENT, QUERY, EventOut, ItemListOut, JobOut, QueryDocumentOut, QueryOut
from central.trace.faults import NoSuchNameError, UnsupportedError
from central.trace.queries import Format
from central.trace.routing import (
    BASE,
    PROBLEM,
    REFUSED,
    WRITTEN,
    Body,
    EpcFormat,
    EpcisRoute,
    Extensions,
    NextPageToken,
    PerPage,
    answer,
    body_of,
    discovery,
    link,
)
from central.trace.vocabulary import CONTEXT

router = APIRouter(prefix=BASE, tags=["epcis"], route_class=EpcisRoute)

Behaviour = Annotated[
    Literal["rollback", "proceed"],
    Header(alias="GS1-Capture-Error-Behaviour", description="rollback: all events or none; proceed: those that can be stored"),
]
Name = Annotated[str, Path(description="name of the query", examples=["arrivals"])]
Resource = Literal["eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"]
_OF_A_SOCKET = frozenset({"stream", "second", "minute", "hour", "dayOfMonth", "month", "dayOfWeek", "reportIfEmpty", "initialRecordTime"})
_QUERY_PARAMETERS = (
    "Parameters are those of the EPCIS query language (EQ_bizStep, GE_eventTime, MATCH_epc, WD_readPoint, EQ_source_owning_party, ...), lists with | between."
)


def _actor(request: Request) -> str:
    return str(getattr(request.state, "actor", ""))


@router.get("", responses={200: {"content": {"application/json": {"examples": {"all": {"value": ["events", "epcs", "capture"]}}}}}})
def list_resources(request: Request) -> list[str]:
    """What there is at the top level."""
    return ["events", *queries.TOP_LEVEL, "capture", "queries"]


@router.post(
    "/capture",
    status_code=202,
    response_model=None,
    response_class=Response,
    responses=WRITTEN,
    openapi_extra=body_of(DOCUMENT, "an EPCISDocument or EPCISQueryDocument"),
)
def capture(request: Request, body: Body, database: Database, now: Now, news: News, behaviour: Behaviour = "rollback") -> Response:
    """Capture the events and master data of a document, at most 1000 events and 16 MiB.

    The job of the header Location is done and kept when this answers. A document that has not the form of one is refused (400); with `proceed` only its
    events without the form of one are, as errors of the job. Events that are known with the same content are no error and are not stored again.
    """
    document = capturing.read(body)
    done = in_transaction(database, lambda connection: service.capture(connection, document, behaviour, _actor(request), now))
    news.tell()
    headers = {"Location": f"{BASE}/capture/{done.job}", "GS1-Capture-Error-Behaviour": behaviour}
    return Response(status_code=202, headers=headers)


@router.get("/capture", response_model=list[JobOut], responses=REFUSED)
def list_captures(request: Request, database: Database, per_page: PerPage = None, next_page_token: NextPageToken = None) -> Response:
    """Capture jobs, newest first."""
    with reading(database) as connection:
        jobs, token = queries.jobs(connection, asking.understand(asking.from_address(request.query_params.multi_items()), {}))
    return answer(request, jobs, headers=link(request, token))


@router.get("/capture/{job}", response_model=JobOut, responses=REFUSED)
def get_capture(job: Annotated[str, Path(max_length=64)], request: Request, database: Database) -> Response:
    """A capture job: whether all went well, and what did not, each error with its place in the document."""
    with reading(database) as connection:
        found = queries.job(connection, job)
    return answer(request, found, headers={"GS1-Capture-Error-Behaviour": found["captureErrorBehaviour"]})


@router.post("/events", status_code=201, response_model=EventOut, responses=WRITTEN, openapi_extra=body_of(EVENT, "an event with its @context"))
def capture_event(request: Request, body: Body, database: Database, now: Now, news: News) -> Response:
    """Capture one event. The answer is the event with its id, Location its address; the same event again is answered alike and not stored again."""
    event = capturing.read(body)
    stored = in_transaction(database, lambda connection: service.capture_one(connection, event, now))
    news.tell()
    kept = {**event, "eventID": stored.events[0]}
    return answer(request, kept, 201, {"Location": f"{BASE}/events/{quote(stored.events[0], safe='')}"})


def _events(
    request: Request,
    database: Engine,
    now: datetime,
    parameters: Mapping[str, Sequence[Any]],
    form: Format,
    own: Mapping[str, str],
    also: Mapping[str, Sequence[Any]] | None = None,
) -> Response:
    """Events that meet all of `parameters`, and `also` what the address says."""
    asked = asking.understand(parameters, own)
    asked.conditions += asking.understand(also or {}, own).conditions
    own_events.catch_up(database, now)
    with reading(database) as connection:
        found = queries.events(connection, asked, form)
    kind = "Never_Translates" if form == "No_Preference" else form
    return answer(request, queries.document(found, now), headers={"GS1-EPC-Format": kind, **link(request, found.next)})


@router.get("/events", response_model=QueryDocumentOut, responses=REFUSED, description=f"Events that match. {_QUERY_PARAMETERS}")
def list_events(
    request: Request, database: Database, now: Now, form: EpcFormat, own: Extensions, per_page: PerPage = None, next_page_token: NextPageToken = None
) -> Response:
    """Events that match."""
    return _events(request, database, now, asking.from_address(request.query_params.multi_items()), form, own)


@router.get("/events/{event_id:path}", response_model=QueryDocumentOut, responses=REFUSED)
def get_event(event_id: str, request: Request, database: Database, now: Now, form: EpcFormat) -> Response:
    """One event, with its error declarations. The id is escaped as a part of a path (%2F for a slash, %3F for a question mark)."""
    own_events.catch_up(database, now)
    with reading(database) as connection:
        found = queries.one_event(connection, event_id, form)
    return answer(request, queries.document(found, now))


@router.delete("/nextPageToken/{token:path}", status_code=204, responses=REFUSED)
def forget_token(token: str) -> None:
    """Give back a page's token. Tokens hold nothing here and do not expire, so that there is nothing to do."""


def _known(resource: Resource, request: Request, database: Engine, now: datetime, form: Format) -> Response:
    asked = asking.understand(asking.from_address(request.query_params.multi_items()), {})
    own_events.catch_up(database, now)
    with reading(database) as connection:
        values, token = queries.known(connection, resource, asked, form)
    name, kind, *_ = queries.TOP_LEVEL[resource]
    return answer(request, {"@context": CONTEXT, "type": kind, name: values}, headers=link(request, token))


def _of_resource(resource: Resource, value: str, request: Request, database: Engine) -> Response:
    with reading(database) as connection:
        if not queries.is_known(connection, resource, value):
            raise NoSuchNameError(f"{resource}: {value!r} stands in no event")
    return answer(request, ["events"])


_SUB: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"examples": {"all": {"value": ["events"]}}}}}}


def _serve(resource: Resource, what: str) -> None:
    """The routes of one resource at the top level."""
    parameter = queries.TOP_LEVEL[resource][3]

    def list_values(
        request: Request, database: Database, now: Now, form: EpcFormat, per_page: PerPage = None, next_page_token: NextPageToken = None
    ) -> Response:
        return _known(resource, request, database, now, form)

    def list_events_of(
        value: str,
        request: Request,
        database: Database,
        now: Now,
        form: EpcFormat,
        own: Extensions,
        per_page: PerPage = None,
        next_page_token: NextPageToken = None,
    ) -> Response:
        parameters = asking.from_address(request.query_params.multi_items())
        return _events(request, database, now, parameters, form, own, also={parameter: [value]})

    def get_value(value: str, request: Request, database: Database) -> Response:
        return _of_resource(resource, value, request, database)

    path = f"/{resource}"
    said = {"responses": REFUSED}
    router.add_api_route(path, list_values, name=f"list_{resource}", response_model=ItemListOut, description=f"All {what} that stand in events.", **said)  # type: ignore[arg-type]
    more = f"Events of one of the {what}. {_QUERY_PARAMETERS}"
    events_path = f"{path}/{{value:path}}/events"
    router.add_api_route(events_path, list_events_of, name=f"events_of_{resource}", response_model=QueryDocumentOut, description=more, **said)  # type: ignore[arg-type]
    about = f"What there is about one of the {what}."
    router.add_api_route(
        f"{path}/{{value:path}}", get_value, name=f"get_{resource}", response_model=list[str], description=about, responses={**REFUSED, **_SUB}
    )


_serve("eventTypes", "event types")
_serve("epcs", "EPCs")
_serve("bizSteps", "business steps")
_serve("bizLocations", "business locations")
_serve("readPoints", "read points")
_serve("dispositions", "dispositions")


@router.post(
    "/queries",
    status_code=201,
    response_model=QueryOut,
    responses={**WRITTEN, 409: {"description": "the name is taken", **PROBLEM}},
    openapi_extra=body_of(QUERY, "a name and the parameters of a query"),
)
def create_query(request: Request, body: Body, database: Database, now: Now) -> Response:
    """Store a query under a name."""
    definition = capturing.read(body)
    name = in_transaction(database, lambda connection: questions.keep_query(connection, definition, now))
    with reading(database) as connection:
        made = queries.named_query(connection, name)
    return answer(request, made, 201, {"Location": f"{BASE}/queries/{quote(name, safe='')}"})


@router.get("/queries", response_model=list[QueryOut], responses=REFUSED)
def list_queries(request: Request, database: Database, per_page: PerPage = None, next_page_token: NextPageToken = None) -> Response:
    """Named queries in the order of their names."""
    with reading(database) as connection:
        found, token = queries.named_queries(connection, asking.understand(asking.from_address(request.query_params.multi_items()), {}))
    return answer(request, found, headers=link(request, token))


@router.get("/queries/{name}", response_model=QueryOut, responses=REFUSED)
def get_query(name: Name, request: Request, database: Database) -> Response:
    """A named query."""
    with reading(database) as connection:
        return answer(request, queries.named_query(connection, name))


@router.delete("/queries/{name}", status_code=204, responses=REFUSED)
def delete_query(name: Name, database: Database, now: Now) -> None:
    """Delete a named query and end its subscriptions."""
    in_transaction(database, lambda connection: questions.forget_query(connection, name, now))


@router.get("/queries/{name}/events", response_model=QueryDocumentOut, responses=REFUSED)
def list_query_events(
    name: Name,
    request: Request,
    database: Database,
    now: Now,
    form: EpcFormat,
    own: Extensions,
    per_page: PerPage = None,
    next_page_token: NextPageToken = None,
) -> Response:
    """Events that match a named query, in pages. Raises: UnsupportedError: a web socket is asked for."""
    if _OF_A_SOCKET & request.query_params.keys():
        raise UnsupportedError(501, f"results are not sent over web sockets; subscribe with POST {BASE}/queries/{quote(name, safe='')}/subscriptions")
    with reading(database) as connection:
        query = queries.named_query(connection, name)["query"]
    page = {key: values for key, values in asking.from_address(request.query_params.multi_items()).items() if key in ("perPage", "nextPageToken")}
    return _events(request, database, now, {**asking.from_body(query), **page}, form, own)


router.include_router(subscription_api.router)

_OPTIONS = {
    "": "OPTIONS, GET",
    "/events": "OPTIONS, GET, POST",
    "/events/{event_id:path}": "OPTIONS, GET",
    "/capture": "OPTIONS, GET, POST",
    "/capture/{job}": "OPTIONS, GET",
    "/queries": "OPTIONS, GET, POST",
    "/queries/{name}": "OPTIONS, GET, DELETE",
    "/queries/{name}/events": "OPTIONS, GET",
    "/queries/{name}/subscriptions": "OPTIONS, GET, POST",
    "/queries/{name}/subscriptions/{subscription}": "OPTIONS, GET, DELETE",
    **{f"/{resource}{rest}": "OPTIONS, GET" for resource in queries.TOP_LEVEL for rest in ("", "/{value:path}")},
}


def _discover(path: str, allow: str) -> None:
    async def options() -> Response:
        return discovery(allow, capture=path.startswith("/capture"))

    router.add_api_route(path, options, methods=["OPTIONS"], include_in_schema=False, response_model=None)


for _path, _allow in _OPTIONS.items():
    _discover(_path, _allow)
