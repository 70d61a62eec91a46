# SPDX-License-Identifier: Apache-2.0
"""Routes of EPCIS 2.0, all below one base (`central.trace.routing.BASE`), by the names of its REST binding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Engine

from central.database import in_transaction, reading
from central.requests import Database, News, Now
from central.trace import asking, capturing, own_events, queries, questions, service
from central.trace.answers import DOCUMENT, EVENT, QUERY, EventOut, ItemListOut, JobOut, QueryDocumentOut, QueryOut
from central.trace.faults import NoSuchNameError, UnsupportedError
from central.trace.queries import Format
from central.trace.routing import BASE, Body, EpcFormat, EpcisRoute, Extensions, discovery, media_type
from central.trace.vocabulary import CONTEXT

router = APIRouter(prefix=BASE, tags=["epcis"], route_class=EpcisRoute)

_PROBLEM = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {
        "description": "what was sent is no event, document or query (epcisException:ValidationException, epcisException:QueryParameterException)",
        **_PROBLEM,
    },
    404: {"description": "not known (epcisException:NoSuchNameException)", **_PROBLEM},
    406: {"description": "a version or a format that is not spoken here (epcisException:ImplementationException)", **_PROBLEM},
    413: {"description": "more than may be taken or given at once (epcisException:CaptureLimitExceededException, QueryTooLargeException)", **_PROBLEM},
    414: {"description": "the address is too long (epcisException:URITooLongException)", **_PROBLEM},
    501: {"description": "not supported (epcisException:ImplementationException)", **_PROBLEM},
}
_WRITTEN: dict[int | str, dict[str, Any]] = {
    400: _REFUSED[400],
    406: _REFUSED[406],
    413: _REFUSED[413],
    414: _REFUSED[414],
    415: {"description": "neither application/json nor application/ld+json (epcisException:ImplementationException)", **_PROBLEM},
}


def _body_of(example: Mapping[str, Any], description: str) -> dict[str, Any]:
    content = {"schema": {"type": "object", "description": description}, "examples": {"one": {"value": example}}}
    return {"requestBody": {"required": True, "content": {"application/json": content, "application/ld+json": content}}}


PerPage = Annotated[str | None, Query(alias="perPage", description="so many at most on a page: 30 where it is left out, never more than 1000", examples=["30"])]
NextPageToken = Annotated[str | None, Query(alias="nextPageToken", description="of the `Link` of the page before")]
Behaviour = Annotated[
    Literal["rollback", "proceed"],
    Header(alias="GS1-Capture-Error-Behaviour", description="rollback: all events or none; proceed: those that can be stored"),
]
Name = Annotated[str, Path(description="name of the query", examples=["arrivals"])]
Resource = Literal["eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions"]
_QUERY_PARAMETERS = (
    "Parameters are those of the EPCIS query language (EQ_bizStep, GE_eventTime, MATCH_epc, WD_readPoint, EQ_source_owning_party, ...), lists with | between."
)


def _answer(request: Request, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, status, dict(headers or {}), media_type=media_type(request))


def _link(request: Request, token: str | None) -> dict[str, str]:
    if token is None:
        return {}
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "nextPageToken"]
    return {"Link": f'<{request.url.replace(query=urlencode([*pairs, ("nextPageToken", token)]))}>; rel="next"'}


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
    responses=_WRITTEN,
    openapi_extra=_body_of(DOCUMENT, "an EPCISDocument or EPCISQueryDocument"),
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


@router.get("/capture", response_model=list[JobOut], responses=_REFUSED)
def list_captures(request: Request, database: Database, per_page: PerPage = None, next_page_token: NextPageToken = None) -> Response:
    """Capture jobs, newest first."""
    with reading(database) as connection:
        jobs, token = queries.jobs(connection, asking.understand(asking.from_address(request.query_params.multi_items()), {}))
    return _answer(request, jobs, headers=_link(request, token))


@router.get("/capture/{job}", response_model=JobOut, responses=_REFUSED)
def get_capture(job: Annotated[str, Path(max_length=64)], request: Request, database: Database) -> Response:
    """A capture job: whether all went well, and what did not, each error with its place in the document."""
    with reading(database) as connection:
        found = queries.job(connection, job)
    return _answer(request, found, headers={"GS1-Capture-Error-Behaviour": found["captureErrorBehaviour"]})


@router.post("/events", status_code=201, response_model=EventOut, responses=_WRITTEN, openapi_extra=_body_of(EVENT, "an event with its @context"))
def capture_event(request: Request, body: Body, database: Database, now: Now, news: News) -> Response:
    """Capture one event. The answer is the event with its id, Location its address; the same event again is answered alike and not stored again."""
    event = capturing.read(body)
    stored = in_transaction(database, lambda connection: service.capture_one(connection, event, now))
    news.tell()
    answer = {**event, "eventID": stored.events[0]}
    return _answer(request, answer, 201, {"Location": f"{BASE}/events/{quote(stored.events[0], safe='')}"})


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
    return _answer(request, queries.document(found, now), headers={"GS1-EPC-Format": kind, **_link(request, found.next)})


@router.get("/events", response_model=QueryDocumentOut, responses=_REFUSED, description=f"Events that match. {_QUERY_PARAMETERS}")
def list_events(
    request: Request, database: Database, now: Now, form: EpcFormat, own: Extensions, per_page: PerPage = None, next_page_token: NextPageToken = None
) -> Response:
    """Events that match."""
    return _events(request, database, now, asking.from_address(request.query_params.multi_items()), form, own)


@router.get("/events/{event_id:path}", response_model=QueryDocumentOut, responses=_REFUSED)
def get_event(event_id: str, request: Request, database: Database, now: Now, form: EpcFormat) -> Response:
    """One event, with its error declarations. The id is escaped as a part of a path (%2F for a slash, %3F for a question mark)."""
    own_events.catch_up(database, now)
    with reading(database) as connection:
        found = queries.one_event(connection, event_id, form)
    return _answer(request, queries.document(found, now))


@router.delete("/nextPageToken/{token:path}", status_code=204, responses=_REFUSED)
def forget_token(token: str) -> None:
    """Give back a page's token. Tokens hold nothing here and do not expire, so that there is nothing to do."""


def _known(resource: Resource, request: Request, database: Engine, now: datetime, form: Format) -> Response:
    asked = asking.understand(asking.from_address(request.query_params.multi_items()), {})
    own_events.catch_up(database, now)
    with reading(database) as connection:
        values, token = queries.known(connection, resource, asked, form)
    name, kind, *_ = queries.TOP_LEVEL[resource]
    return _answer(request, {"@context": CONTEXT, "type": kind, name: values}, headers=_link(request, token))


def _of_resource(resource: Resource, value: str, request: Request, database: Engine) -> Response:
    with reading(database) as connection:
        if not queries.is_known(connection, resource, value):
            raise NoSuchNameError(f"{resource}: {value!r} stands in no event")
    return _answer(request, ["events"])


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
    said = {"responses": _REFUSED}
    router.add_api_route(path, list_values, name=f"list_{resource}", response_model=ItemListOut, description=f"All {what} that stand in events.", **said)  # type: ignore[arg-type]
    more = f"Events of one of the {what}. {_QUERY_PARAMETERS}"
    events_path = f"{path}/{{value:path}}/events"
    router.add_api_route(events_path, list_events_of, name=f"events_of_{resource}", response_model=QueryDocumentOut, description=more, **said)  # type: ignore[arg-type]
    about = f"What there is about one of the {what}."
    router.add_api_route(
        f"{path}/{{value:path}}", get_value, name=f"get_{resource}", response_model=list[str], description=about, responses={**_REFUSED, **_SUB}
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
    responses={**_WRITTEN, 409: {"description": "the name is taken", **_PROBLEM}},
    openapi_extra=_body_of(QUERY, "a name and the parameters of a query"),
)
def create_query(request: Request, body: Body, database: Database, now: Now) -> Response:
    """Store a query under a name."""
    definition = capturing.read(body)
    name = in_transaction(database, lambda connection: questions.keep_query(connection, definition, now))
    with reading(database) as connection:
        made = queries.named_query(connection, name)
    return _answer(request, made, 201, {"Location": f"{BASE}/queries/{quote(name, safe='')}"})


@router.get("/queries", response_model=list[QueryOut], responses=_REFUSED)
def list_queries(request: Request, database: Database) -> Response:
    """All named queries."""
    with reading(database) as connection:
        return _answer(request, list(queries.named_queries(connection)))


@router.get("/queries/{name}", response_model=QueryOut, responses=_REFUSED)
def get_query(name: Name, request: Request, database: Database) -> Response:
    """A named query."""
    with reading(database) as connection:
        return _answer(request, queries.named_query(connection, name))


@router.delete("/queries/{name}", status_code=204, responses=_REFUSED)
def delete_query(name: Name, database: Database) -> None:
    """Delete a named query."""
    in_transaction(database, lambda connection: questions.forget_query(connection, name))


@router.get("/queries/{name}/events", response_model=QueryDocumentOut, responses=_REFUSED)
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
    """Events that match a named query, in pages."""
    with reading(database) as connection:
        query = queries.named_query(connection, name)["query"]
    page = {key: values for key, values in asking.from_address(request.query_params.multi_items()).items() if key in ("perPage", "nextPageToken")}
    return _events(request, database, now, {**asking.from_body(query), **page}, form, own)


@router.api_route("/queries/{name}/subscriptions", methods=["GET", "POST"], include_in_schema=False, response_model=None)
@router.api_route("/queries/{name}/subscriptions/{subscription}", methods=["GET", "DELETE"], include_in_schema=False, response_model=None)
def subscriptions(name: Name) -> None:
    """Not offered. Raises: UnsupportedError."""
    raise UnsupportedError(501, f"query {name!r}: subscriptions are not offered; ask for events with GE_recordTime from where you were")


_OPTIONS = {
    "": "OPTIONS, GET",
    "/events": "OPTIONS, GET, POST",
    "/events/{event_id:path}": "OPTIONS, GET",
    "/capture": "OPTIONS, GET, POST",
    "/capture/{job}": "OPTIONS, GET",
    "/queries": "OPTIONS, GET, POST",
    "/queries/{name}": "OPTIONS, GET, DELETE",
    "/queries/{name}/events": "OPTIONS, GET",
    **{f"/{resource}{rest}": "OPTIONS, GET" for resource in queries.TOP_LEVEL for rest in ("", "/{value:path}")},
}


def _discover(path: str, allow: str) -> None:
    async def options() -> Response:
        return discovery(allow, capture=path.startswith("/capture"))

    router.add_api_route(path, options, methods=["OPTIONS"], include_in_schema=False, response_model=None)


for _path, _allow in _OPTIONS.items():
    _discover(_path, _allow)
