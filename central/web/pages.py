# SPDX-License-Identifier: Apache-2.0
"""Routes for people: the board, its stream, its assets, the help page, and the two buttons."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Form, Header, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from central.coldchain import service as coldchain
from central.database import in_transaction
from central.errors import ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.requests import Database, News, Now
from central.web import queries
from central.web.board import Board
from central.web.live import LiveBoard, LiveResponse, stream
from central.web.render import STATIC, render_board, render_help
from central.web.trouble import PageRoute
from central.web.visitor import NAME_COOKIE, SAME_ORIGIN, YEAR_S, Actor, Reader, answer, tidy_name, view_of, zone_of

_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


router = APIRouter(include_in_schema=False, route_class=PageRoute)


async def end_streams(app: FastAPI) -> None:
    """Close the live pages that there are: a server that is about to stop would otherwise wait for their streams in vain."""
    live: LiveBoard | None = getattr(app.state, "live_board", None)
    for each in (live, *getattr(app.state, "live_docks", {}).values(), *getattr(app.state, "live_gateways", {}).values()):
        if each is not None:
            await each.close()


def _live(request: Request) -> LiveBoard:
    """The one live board of the service, made when somebody first looks."""
    state = request.app.state
    if getattr(state, "live_board", None) is None:
        reader = queries.BoardReader(state.engine, zone_of(request))

        async def read() -> Board:
            return await asyncio.to_thread(reader.read, state.clock())

        state.live_board = LiveBoard(read, state.clock, state.changes)
    live: LiveBoard = state.live_board
    return live


Live = Annotated[LiveBoard, Depends(_live)]


@router.get("/", response_class=HTMLResponse)
async def board_page(request: Request, live: Live, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """The live board."""
    board = await live.fresh()
    view = await asyncio.to_thread(view_of, request, language, engine, now, live.version)
    return answer(request, render_board(board, view), view)


@router.get("/help", response_class=HTMLResponse)
async def help_page(request: Request, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """How to read the board."""
    view = await asyncio.to_thread(view_of, request, language, engine, now)
    return answer(request, render_help(view), view)


@router.get("/stream")
async def board_stream(
    request: Request, live: Live, language: Reader, since: str = "", last_event_id: Annotated[str, Header(alias="Last-Event-ID")] = ""
) -> LiveResponse:
    """What changes on the board, as server-sent events; what the browser had last comes back in `Last-Event-ID`."""
    return stream(live, language, zone_of(request), last_event_id or since)


@router.get("/assets/{name}")
async def asset_file(name: str) -> Response:
    """One of the page's own files; its address changes with its content."""
    if name not in STATIC:
        raise NotFoundError("unknown_asset", f"there is no asset {name}")
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(STATIC[name], media_type=media_type, headers={"Cache-Control": f"public, max-age={YEAR_S}, immutable"})


@router.post("/alarms/{occurrence}/acknowledge", dependencies=SAME_ORIGIN)
def acknowledge_alarm(occurrence: str, request: Request, actor: Actor, engine: Database, changes: News, now: Now) -> Response:
    """Somebody at the board takes an alarm in hand; pressed twice or too late it changes nothing."""
    try:
        in_transaction(engine, lambda connection: coldchain.acknowledge(connection, occurrence, actor, now))
    except ConflictError:
        return _done(request)
    changes.tell()
    return _done(request)


@router.post("/work-orders/{number}/resolve", dependencies=SAME_ORIGIN)
def resolve_work_order(number: int, request: Request, actor: Actor, engine: Database, changes: News, now: Now) -> Response:
    """Somebody at the board has done what an exception asked for; resolved meanwhile by another it stays as it is."""
    try:
        in_transaction(engine, lambda connection: exceptions.resolve(connection, number, "resolved at the board", actor, now))
    except ConflictError:
        return _done(request)
    changes.tell()
    return _done(request)


@router.post("/name", dependencies=SAME_ORIGIN)
def say_name(name: Annotated[str, Form(max_length=200)] = "", back: Annotated[str, Query(max_length=200)] = "/") -> Response:
    """Remember what the person at this browser is called; no name forgets it. `back`: the page of ours to go on with."""
    response = RedirectResponse(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/", status_code=303)
    response.set_cookie(NAME_COOKIE, quote(tidy_name(name)), max_age=YEAR_S if tidy_name(name) else 0, samesite="lax", httponly=True)
    return response


def _done(request: Request) -> Response:
    """Nothing for a script, which hears the rest by the stream; the board again for a plain form."""
    if "application/json" in request.headers.get("accept", ""):
        return Response(status_code=204)
    return RedirectResponse("/", status_code=303)
