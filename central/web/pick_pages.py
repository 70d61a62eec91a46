# SPDX-License-Identifier: Apache-2.0
"""Picking on a phone: take a walk, and stop by stop where to go, what to take, into which tote. Works without a script and with a scanner as keyboard."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy import Connection, Engine

from central.database import in_transaction, reading
from central.errors import DomainError
from central.facts import RequestKey, document_id
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.outbound import answers, pickers, totes, tour_queries, tours, walking
from central.outbound.tour_rules import CARTS, MODES, Mode
from central.requests import Database, News, Now
from central.web.pick_map import draw
from central.web.render import render_page
from central.web.trouble import PageRoute, told
from central.web.visitor import SAME_ORIGIN, Reader, answer, name_of, view_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_DIGITS_MAX = 9
_SAID_MAX = 500
Text = Annotated[str, Form(max_length=200)]


@router.get("/pick", response_class=HTMLResponse)
def pick_page(request: Request, language: Reader, engine: Database, now: Now, said: str = "", about: str = "") -> HTMLResponse:
    """What this picker has to do now. `said` is what came of the last press, `about` what it was about."""
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        content = _content(connection, name_of(request))
    about = about[:_SAID_MAX]
    html = render_page("pick.html", view, "pick", said=said, about=about, wrong=told(said, about, language), **content)
    return answer(request, html, view)


def _content(connection: Connection, name: str) -> dict[str, Any]:
    picker = pickers.session_of(connection, name) if name else None
    tour_id = tour_queries.current_tour(connection, name) if picker else None
    found = tour_queries.tour_of(connection, tour_id) if tour_id else None
    return {
        "picker": picker,
        "sites": [] if picker else tour_queries.sites_with_bins(connection),
        "modes": MODES,
        "tour": found,
        "aside": _aside(connection, name) if name else [],
        "stop": tour_queries.stop_of(connection, tour_id) if tour_id else None,
        "drawn": draw(tour_queries.map_of(connection, tour_id)) if tour_id else None,
        "waiting": tour_queries.ready_for(connection, picker.site, picker.zone) if picker and not found else 0,
    }


def _aside(connection: Connection, name: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Goods to be taken out of the cart, by walk, order and slot."""
    rows = tour_queries.to_lay_aside(connection, name)
    grouped = ((tuple_of, list(group)) for tuple_of, group in groupby(rows, key=lambda row: (row["tour_id"], row["order_id"])))
    return [(group[0], group) for _, group in grouped]


@router.get("/pick/state")
def pick_state(request: Request, engine: Database) -> JSONResponse:
    """The task that stands on the page now: a page that shows another one is old (a light was pressed, a lamp died)."""
    name = name_of(request)
    with reading(engine) as connection:
        return JSONResponse({"now": tour_queries.mark_of(connection, name) if name else ""})


def _back(said: str = "", about: str = "") -> RedirectResponse:
    words = {key: value for key, value in (("said", said), ("about", about)) if value}
    return RedirectResponse(f"/pick?{urlencode(words)}" if words else "/pick", status_code=303)


def _fact(kind: str, key: str, name: str, now: Now, site: str = "", body: bytes = b"{}") -> Fact:
    return Fact(document_id(kind, name, key), "page", None, kind, body, name, now, site)


@router.post("/pick/join", dependencies=SAME_ORIGIN)
def join(request: Request, engine: Database, news: News, now: Now, key: RequestKey, where: Text = "") -> Response:
    """Begin to pick: `where` is the site, or site/zone."""
    name = name_of(request)
    site, _, zone = where.partition("/")
    if not name or not site:
        return _back()
    in_transaction(engine, lambda connection: pickers.join(connection, _fact("PickerJoined", key, name, now, site), name, site, zone, now))
    news.tell()
    return _back()


@router.post("/pick/next", dependencies=SAME_ORIGIN)
def next_walk(request: Request, engine: Database, news: News, now: Now, key: RequestKey, mode: Text = "order") -> Response:
    """Take the next walk."""
    name = name_of(request)
    chosen: Mode = next((each for each in MODES if each == mode), "order")

    def work(connection: Connection) -> str | None:
        picker = pickers.session_of(connection, name)
        if picker is None:
            return None
        fact = _fact("TourTaken", key, name, now, picker.site)
        ledger.record(connection, fact, now)
        return tours.next_tour(connection, fact.id, picker, now, chosen, CARTS[chosen])

    taken = in_transaction(engine, work)
    news.tell()
    return _back() if taken else _back("nothing")


@router.post("/pick/confirm", dependencies=SAME_ORIGIN)
def confirm(request: Request, engine: Database, news: News, now: Now, task: Text = "", quantity: Text = "") -> Response:
    """Answer the stop at hand."""
    name, count = name_of(request), quantity.strip()
    if not (count.isascii() and count.isdigit() and len(count) <= _DIGITS_MAX):
        return _back("number")

    def work(connection: Connection) -> str:
        row = answers.task_by_id(connection, task)
        fact = _fact("PickConfirmed", f"{task}/{count}", name, now, row.site)
        return answers.confirm_on_tour(connection, fact, row.tour_id or "", task, int(count), now)

    return _answered(engine, news, work)


def _answered(engine: Engine, news: News, work: Any) -> Response:
    try:
        verdict = in_transaction(engine, work)
    except DomainError as error:
        return _back(error.code, error.message)
    news.tell()
    return _back(verdict)


@router.post("/pick/scan", dependencies=SAME_ORIGIN)
def scan(request: Request, engine: Database, now: Now, key: RequestKey, task: Text = "", text: Text = "") -> Response:
    """Check what was scanned: the bin, the goods or the tote; what is wrong is said and counted."""
    name, scanned = name_of(request), text.strip()
    if not scanned:
        return _back()

    def work(connection: Connection) -> tuple[str, str]:
        row = answers.task_by_id(connection, task)
        fact = _fact("PickScanned", key, name, now, row.site, scanned.encode())
        found = answers.scan(connection, fact, task, scanned)
        return (f"wrong_{found.wrong}", scanned) if found.wrong else (f"right_{found.matches}", scanned)

    return _back(*in_transaction(engine, work))


@router.post("/pick/full", dependencies=SAME_ORIGIN)
def tote_full(engine: Database, news: News, now: Now, task: Text = "", tote: Text = "") -> Response:
    """The tote is full: what is left goes into another one."""
    if not tote.strip():
        return _back("tote_missing")

    def work(connection: Connection) -> str:
        row = answers.task_by_id(connection, task)
        totes.tote_full(connection, row.tour_id or "", row.slot, tote.strip(), now)
        return "tote_changed"

    return _answered(engine, news, work)


@router.post("/pick/aside", dependencies=SAME_ORIGIN)
def lay_aside(request: Request, engine: Database, news: News, now: Now, tour_id: Text = "", order: Text = "") -> Response:
    """The goods of a cancelled order are out of the cart."""

    def work(connection: Connection) -> str:
        ledger.record(connection, _fact("GoodsLaidAside", f"{tour_id}/{order}/{now.isoformat()}", name_of(request), now), now)
        walking.laid_aside(connection, tour_id, order)
        return "laid_aside"

    return _answered(engine, news, work)


@router.post("/pick/back", dependencies=SAME_ORIGIN)
def give_back(request: Request, engine: Database, news: News, now: Now, key: RequestKey) -> Response:
    """Give the walk back and stay."""
    name = name_of(request)

    def work(connection: Connection) -> None:
        tour_id = tour_queries.current_tour(connection, name)
        if tour_id is not None:
            fact = _fact("TourGivenBack", key, name, now)
            ledger.record(connection, fact, now)
            walking.give_back(connection, fact.id, tour_id, now)

    in_transaction(engine, work)
    news.tell()
    return _back("given_back")


@router.post("/pick/leave", dependencies=SAME_ORIGIN)
def leave(request: Request, engine: Database, news: News, now: Now, key: RequestKey) -> Response:
    """Go home."""
    name = name_of(request)

    def work(connection: Connection) -> None:
        if pickers.session_of(connection, name) is not None:
            pickers.leave(connection, _fact("PickerLeft", key, name, now), name, now)

    in_transaction(engine, work)
    news.tell()
    return _back()
