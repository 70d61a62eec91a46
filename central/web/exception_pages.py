# SPDX-License-Identifier: Apache-2.0
"""Work orders on a phone or a screen: what waits, how long, who has it, and the buttons that settle it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel

from central.database import in_transaction, reading
from central.errors import ConflictError, DomainError
from central.exceptions import queries, service
from central.facts import fact_of
from central.requests import Database, News, Now
from central.web import passes
from central.web.board import Message
from central.web.render import render_page
from central.web.trouble import PageRoute, told
from central.web.visitor import SAME_ORIGIN, Actor, Reader, answer, name_of, view_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_SHOWN_MAX = 100
_SAID_MAX = 500
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Said = Annotated[str, Query(max_length=_SAID_MAX)]
Shown = Annotated[Literal["all", "mine", "nobody"], Query()]


class _Pressed(BaseModel):
    actor: str


@router.get("/exceptions", response_class=HTMLResponse)
def exceptions_page(request: Request, language: Reader, engine: Database, now: Now, shown: Shown = "all", wrong: Said = "", detail: Said = "") -> HTMLResponse:
    """Open work orders: all, those that this person has in hand, or those that nobody has. `wrong` is the code of what stood against the last press."""
    view = view_of(request, language, engine, now)
    owner = {"all": None, "mine": name_of(request), "nobody": ""}[shown]
    with reading(engine) as connection:
        page = queries.work_orders(connection, now, owner=owner, urgent_first=True, limit=_SHOWN_MAX)
        seen = passes.keys_of(connection, {row["event_id"] for row in page.items if row["event_id"]})
    # Who has said no name has nothing in hand; asked with an empty name the query would give what nobody has.
    mine_of_nobody = shown == "mine" and not owner
    cases = sorted((_case(row, seen) for row in page.items if not mine_of_nobody), key=lambda case: (not case["late"], case["priority"], case["created_at"]))
    more = page.next is not None and not mine_of_nobody
    html = render_page("exceptions.html", view, "exceptions", cases=cases, shown=shown, more=more, wrong=told(wrong, detail, language))
    return answer(request, html, view)


def _case(row: dict[str, Any], seen: Mapping[str, str]) -> dict[str, Any]:
    return {**row, "told": Message.of(row["kind"], row["message"], row["params"]), "pass_id": seen.get(row["event_id"] or "", "")}


def _back(request: Request, shown: str, error: DomainError | None = None) -> Response:
    why = {"wrong": error.code, "detail": error.message[:_SAID_MAX]} if error else {}
    return RedirectResponse(str(request.url_for("exceptions_page").include_query_params(shown=shown, **why)), status_code=303)


@router.post("/exceptions/{number}/take", dependencies=SAME_ORIGIN)
def take(number: Number, request: Request, actor: Actor, engine: Database, news: News, shown: Shown = "all") -> Response:
    """Somebody takes it in hand."""
    try:
        in_transaction(engine, lambda connection: service.take_in_hand(connection, number, actor))
    except ConflictError as error:
        return _back(request, shown, error)
    news.tell()
    return _back(request, shown)


@router.post("/exceptions/{number}/resolve", dependencies=SAME_ORIGIN)
def resolve(number: Number, request: Request, actor: Actor, engine: Database, news: News, now: Now, shown: Shown = "all") -> Response:
    """Somebody has done what it asked for."""
    try:
        in_transaction(engine, lambda connection: service.resolve(connection, number, "resolved on the page", actor, now))
    except ConflictError as error:
        return _back(request, shown, error)
    news.tell()
    return _back(request, shown)


@router.post("/exceptions/{number}/actions/{code}", dependencies=SAME_ORIGIN)
def act(
    number: Number, code: Annotated[str, Path(max_length=64)], request: Request, actor: Actor, engine: Database, news: News, now: Now, shown: Shown = "all"
) -> Response:
    """Settle it by one of its actions; what stands against that is said on the page."""
    fact = fact_of("WorkOrderAction", (str(number), code), _Pressed(actor=actor), actor, now)
    try:
        in_transaction(engine, lambda connection: service.act(connection, fact, number, code, now))
    except DomainError as error:
        return _back(request, shown, error)
    news.tell()
    return _back(request, shown)
