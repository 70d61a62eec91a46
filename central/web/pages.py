# SPDX-License-Identifier: Apache-2.0
"""Routes for people: the board, its stream, its assets, the help page, and the two buttons."""

from __future__ import annotations

import asyncio
from datetime import tzinfo
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Depends, FastAPI, Form, Header, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Engine

from central.coldchain import service as coldchain
from central.database import in_transaction, reading
from central.errors import ConflictError, ForbiddenError, NotFoundError
from central.exceptions import service as exceptions
from central.requests import Database, News, Now
from central.web import queries
from central.web.board import Board
from central.web.languages import COOKIE, Language, choose, named
from central.web.live import LiveBoard, LiveResponse, stream
from central.web.render import STATIC, View, render_board, render_help

THEME_COOKIE = "dockline_theme"
_YEAR_S = 365 * 24 * 3600
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
NAME_COOKIE = "dockline_name"
NAME_LENGTH_MAX = 24
NOBODY_IN_PARTICULAR = "board"
"""Who acted when nobody said a name: somebody at the board."""


router = APIRouter(include_in_schema=False)


async def end_streams(app: FastAPI) -> None:
    """Close the live board, if there is one: a server that is about to stop would otherwise wait for its streams in vain."""
    live: LiveBoard | None = getattr(app.state, "live_board", None)
    if live is not None:
        await live.close()


def _live(request: Request) -> LiveBoard:
    """The one live board of the service, made when somebody first looks."""
    state = request.app.state
    if getattr(state, "live_board", None) is None:
        reader = queries.BoardReader(state.engine, _zone(request))

        async def read() -> Board:
            return await asyncio.to_thread(reader.read, state.clock())

        state.live_board = LiveBoard(read, state.clock, state.changes)
    live: LiveBoard = state.live_board
    return live


def _zone(request: Request) -> tzinfo | None:
    """The site's time zone; None: this machine's."""
    return getattr(getattr(request.app.state, "settings", None), "time_zone", None)


def _simulated(request: Request) -> bool:
    return bool(getattr(getattr(request.app.state, "settings", None), "demo", False))


def _language(request: Request) -> Language:
    return choose(request.query_params.get("lang"), request.cookies.get(COOKIE), request.headers.get("accept-language", ""))


def _theme(request: Request) -> str | None:
    wanted = request.query_params.get("theme") or request.cookies.get(THEME_COOKIE)
    return wanted if wanted in ("light", "dark") else None


def _name(request: Request) -> str:
    """What the person at this browser is called: said on the help page, not proved."""
    return tidy_name(unquote(request.cookies.get(NAME_COOKIE, "")))


def tidy_name(text: str) -> str:
    """A name as it may stand on the board and in the record: one line of visible characters, not too long."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:NAME_LENGTH_MAX]


def _actor(request: Request) -> str:
    """Who presses a button: the holder of the key where keys are required, else the name that was said."""
    return str(getattr(request.state, "actor", "") or _name(request) or NOBODY_IN_PARTICULAR)


Live = Annotated[LiveBoard, Depends(_live)]
Actor = Annotated[str, Depends(_actor)]
Reader = Annotated[Language, Depends(_language)]


def _check_same_origin(request: Request) -> None:
    """Only our own pages may press our buttons: browsers say where a POST comes from (Fetch Metadata, else RFC 6454); who says neither uses the API."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = site == "same-origin" if site else bool(origin) and urlsplit(origin or "").netloc == request.headers.get("host")
    if not same:
        raise ForbiddenError("cross_origin", "this button works from Dockline's own page only; programs use the API under /api/v1")


SAME_ORIGIN = [Depends(_check_same_origin)]


def _page(request: Request, html: str, view: View) -> HTMLResponse:
    response = HTMLResponse(html, headers={"Cache-Control": "no-store", "Content-Language": view.language, "Vary": "Accept-Language, Cookie"})
    if named(request.query_params.get("lang")):
        response.set_cookie(COOKIE, view.language, max_age=_YEAR_S, samesite="lax", httponly=True)
    if view.theme and "theme" in request.query_params:
        response.set_cookie(THEME_COOKIE, view.theme, max_age=_YEAR_S, samesite="lax", httponly=True)
    return response


@router.get("/", response_class=HTMLResponse)
async def board_page(request: Request, live: Live, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """The live board."""
    board = await live.fresh()
    site = await asyncio.to_thread(_sites, engine)
    view = View(language, now, _zone(request), site, _simulated(request), _theme(request), _name(request), live.version)
    return _page(request, render_board(board, view), view)


@router.get("/help", response_class=HTMLResponse)
async def help_page(request: Request, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """How to read the board."""
    site = await asyncio.to_thread(_sites, engine)
    view = View(language, now, _zone(request), site, _simulated(request), _theme(request), _name(request))
    return _page(request, render_help(view), view)


def _sites(engine: Engine) -> str:
    with reading(engine) as connection:
        return ", ".join(queries.sites(connection))


@router.get("/stream")
async def board_stream(
    request: Request, live: Live, language: Reader, since: str = "", last_event_id: Annotated[str, Header(alias="Last-Event-ID")] = ""
) -> LiveResponse:
    """What changes on the board, as server-sent events; what the browser had last comes back in `Last-Event-ID`."""
    return stream(live, language, _zone(request), last_event_id or since)


@router.get("/assets/{name}")
async def asset_file(name: str) -> Response:
    """One of the page's own files; its address changes with its content."""
    if name not in STATIC:
        raise NotFoundError("unknown_asset", f"there is no asset {name}")
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return Response(STATIC[name], media_type=media_type, headers={"Cache-Control": f"public, max-age={_YEAR_S}, immutable"})


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
def say_name(name: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Remember what the person at this browser is called; no name forgets it."""
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(NAME_COOKIE, quote(tidy_name(name)), max_age=_YEAR_S if tidy_name(name) else 0, samesite="lax", httponly=True)
    return response


def _done(request: Request) -> Response:
    """Nothing for a script, which hears the rest by the stream; the board again for a plain form."""
    if "application/json" in request.headers.get("accept", ""):
        return Response(status_code=204)
    return RedirectResponse("/", status_code=303)
