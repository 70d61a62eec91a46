# SPDX-License-Identifier: Apache-2.0
"""Who looks at a page: language, theme, name, time zone; and whether a button was pressed on our own page."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated
from urllib.parse import unquote, urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine

from central.database import reading
from central.errors import ForbiddenError
from central.web import queries
from central.web.languages import COOKIE, Language, choose, named
from central.web.render import View

THEME_COOKIE = "dockline_theme"
NAME_COOKIE = "dockline_name"
NAME_LENGTH_MAX = 24
NOBODY_IN_PARTICULAR = "board"
"""Who acted when nobody said a name: somebody at the board."""
YEAR_S = 365 * 24 * 3600


def zone_of(request: Request) -> tzinfo | None:
    """The site's time zone; None: this machine's."""
    return getattr(getattr(request.app.state, "settings", None), "time_zone", None)


def simulated(request: Request) -> bool:
    """Whether this service shows a demonstration."""
    return bool(getattr(getattr(request.app.state, "settings", None), "demo", False))


def language_of(request: Request) -> Language:
    """The language that was chosen on the page, else the browser's."""
    return choose(request.query_params.get("lang"), request.cookies.get(COOKIE), request.headers.get("accept-language", ""))


def theme_of(request: Request) -> str | None:
    """`light` or `dark` when that was chosen; None: as the browser prefers."""
    wanted = request.query_params.get("theme") or request.cookies.get(THEME_COOKIE)
    return wanted if wanted in ("light", "dark") else None


def name_of(request: Request) -> str:
    """What the person at this browser is called: said on the help page, not proved."""
    return tidy_name(unquote(request.cookies.get(NAME_COOKIE, "")))


def tidy_name(text: str) -> str:
    """A name as it may stand on the board and in the record: one line of visible characters, not too long."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:NAME_LENGTH_MAX]


def actor_of(request: Request) -> str:
    """Who presses a button: the holder of the key where keys are required, else the name that was said."""
    return str(getattr(request.state, "actor", "") or name_of(request) or NOBODY_IN_PARTICULAR)


Actor = Annotated[str, Depends(actor_of)]
Reader = Annotated[Language, Depends(language_of)]


def check_same_origin(request: Request) -> None:
    """Only our own pages may press our buttons: browsers say where a POST comes from (Fetch Metadata, else RFC 6454); who says neither uses the API."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = site == "same-origin" if site else bool(origin) and urlsplit(origin or "").netloc == request.headers.get("host")
    if not same:
        raise ForbiddenError("cross_origin", "this button works from Dockline's own page only; programs use the API under /api/v1")


SAME_ORIGIN = [Depends(check_same_origin)]


def answer(request: Request, html: str, view: View) -> HTMLResponse:
    """A page as a response; what was chosen by its address is remembered."""
    response = HTMLResponse(html, headers={"Cache-Control": "no-store", "Content-Language": view.language, "Vary": "Accept-Language, Cookie"})
    if named(request.query_params.get("lang")):
        response.set_cookie(COOKIE, view.language, max_age=YEAR_S, samesite="lax", httponly=True)
    if view.theme and "theme" in request.query_params:
        response.set_cookie(THEME_COOKIE, view.theme, max_age=YEAR_S, samesite="lax", httponly=True)
    return response


def view_of(request: Request, language: Language, engine: Engine, now: datetime, version: str = "") -> View:
    """How a page is drawn for this visitor."""
    with reading(engine) as connection:
        site = ", ".join(queries.sites(connection))
    return View(language, now, zone_of(request), site, simulated(request), theme_of(request), name_of(request), version)
