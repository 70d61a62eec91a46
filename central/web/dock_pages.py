# SPDX-License-Identifier: Apache-2.0
"""Dock doors on a wall, a screen or a phone: all doors live, the passes of one door, and one pass with its evidence, played from its capture."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy import Engine

from central.changes import Changes
from central.database import reading
from central.errors import NotFoundError
from central.inbound.captures import RESULTS, SIDES, replay_sides
from central.requests import Database, Now
from central.web import pass_words, passes, queries, words
from central.web.board import ready
from central.web.docks import REGION, Docks, tiles
from central.web.languages import catalogue
from central.web.live import Live, LiveResponse, stream
from central.web.pass_chart import EYE_PX, HEIGHT_PX, WIDTH, pass_chart, steps
from central.web.render import View, render_page
from central.web.trouble import PageRoute
from central.web.visitor import Reader, answer, view_of, zone_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_PASSES_SHOWN = 50
_CELLS_MAX = 200
Site = Annotated[str, Query(max_length=64)]
PassId = Annotated[str, Path(max_length=64)]
Station = Annotated[str, Path(max_length=64)]
Which = Literal["all", "moved", "stayed", "doubtful"]
_OF: dict[str, tuple[str, ...]] = {"all": RESULTS, "moved": passes.MOVED, "stayed": ("stayed",), "doubtful": ("unknown",)}
_WORDS: dict[str, Any] = {
    "door_states": pass_words.DOOR_STATES,
    "state_signs": pass_words.STATE_SIGNS,
    "outcomes": pass_words.PASS_OUTCOMES,
    "troubles": pass_words.TROUBLE_OUTCOMES,
    "results": pass_words.RESULTS,
    "sides": pass_words.SIDES,
    "eyes": pass_words.EYES,
    "differences": pass_words.DIFFERENCES,
    "sure_in_words": pass_words.sure_in_words,
    "percent": pass_words.percent,
    "sure_percent": pass_words.sure_percent,
}


class LiveDocks(Live[Docks]):
    """The live dock board of one site."""

    def __init__(self, engine: Engine, site: str, state: Any) -> None:
        async def read() -> Docks:
            return await asyncio.to_thread(_read, engine, site, state.clock())

        changes: Changes = state.changes
        super().__init__(read, state.clock, changes, Docks(), (REGION,), _draw)


def _read(engine: Engine, site: str, now: Now) -> Docks:
    with reading(engine) as connection:
        return Docks(ready(tiles(connection, site, now)))


def _draw(name: str, docks: Docks, view: View) -> str:
    # What is down at a gateway is said once, not at each of its doors: nobody knows which of them it belongs to.
    faults = sorted({(tile.gateway, tile.devices_down) for tile in docks.docks.content or () if tile.devices_down and tile.state != "away"})
    return render_page(f"regions/{name}.html", view, "docks", name=name, region=docks.region(name), faults=faults, **_WORDS)


def _live(request: Request, engine: Database, site: Site = "") -> LiveDocks:
    """The live board of a site that is known; empty: of all sites."""
    state = request.app.state
    if getattr(state, "live_docks", None) is None:
        state.live_docks = {}
    boards: dict[str, LiveDocks] = state.live_docks
    if site not in boards:
        with reading(engine) as connection:
            known = queries.sites(connection)
        if site and site not in known:
            raise NotFoundError("unknown_site", f"site {site} is not known")
        boards.setdefault(site, LiveDocks(engine, site, state))
    return boards[site]


Board = Annotated[LiveDocks, Depends(_live)]


@router.get("/docks", response_class=HTMLResponse)
async def docks_page(request: Request, live: Board, language: Reader, engine: Database, now: Now, site: Site = "", tv: bool = False) -> HTMLResponse:
    """The doors of a site; `tv` for a screen that is read from five metres."""
    docks = await live.fresh()
    view = await asyncio.to_thread(view_of, request, language, engine, now, live.version)
    asked = {"site": site} if site else {}
    here = "/docks" + (f"?{urlencode(asked)}" if asked else "")
    html = render_page("docks.html", view, "docks", drawn=_draw(REGION, docks, view), site=site, sites=_sites(engine), tv=tv, here=here, asked=urlencode(asked))
    return answer(request, html, view)


def _sites(engine: Engine) -> tuple[str, ...]:
    with reading(engine) as connection:
        return queries.sites(connection)


@router.get("/docks/stream")
async def docks_stream(
    request: Request, live: Board, language: Reader, since: str = "", last_event_id: Annotated[str, Header(alias="Last-Event-ID")] = ""
) -> LiveResponse:
    """What changes at the doors, as server-sent events."""
    return stream(live, language, zone_of(request), last_event_id or since)


@router.get("/docks/{station}", response_class=HTMLResponse)
def door_page(
    station: Station,
    request: Request,
    language: Reader,
    engine: Database,
    now: Now,
    site: Site = "",
    direction: Literal["", "in", "out", "unknown"] = "",
    doubtful: bool = False,
    after: Annotated[str | None, Query(max_length=1000)] = None,
) -> HTMLResponse:
    """The passes of a door, newest first."""
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        found = passes.history(connection, site, station, direction, doubtful, after, _PASSES_SHOWN)
        rates = passes.read_rates(connection, site, station)
        door = next((each for each in tiles(connection, site, now) if each.station == station), None)
    if door is None:
        raise NotFoundError("unknown_dock", f"door {station} was never heard of")
    kept = {name: value for name, value in (("site", site), ("direction", direction), ("doubtful", "1" if doubtful else "")) if value}

    def link(**changes: str) -> str:
        said = {name: value for name, value in (kept | changes).items() if value}
        return f"/docks/{station}" + (f"?{urlencode(said)}" if said else "")

    content = {"door": door, "found": found, "rates": rates, "direction": direction, "doubtful": doubtful, "link": link, "first": after is None}
    return answer(request, render_page("door.html", view, "docks", here=link(), **content, **_WORDS), view)


@router.get("/passes/{pass_id}", response_class=HTMLResponse)
def pass_page(
    pass_id: PassId, request: Request, language: Reader, engine: Database, now: Now, show: Which = "all", tag: Annotated[str, Query(max_length=96)] = ""
) -> HTMLResponse:
    """One pass: the decision and why, what the antennas saw, its tags, what it led to. `tag` is the EPC whose own reads are shown."""
    view = view_of(request, language, engine, now)
    shown = _shown(engine, pass_id)
    listed = [each for each in shown.tags if each.result in _OF[show]]
    chosen = next((each for each in shown.tags if each.epc == tag), None) if tag else None
    content = {
        "shown": shown,
        "verdict": pass_words.verdict(shown, catalogue(language)),
        "counts": {name: sum(each.result in of for each in shown.tags) for name, of in _OF.items()},
        "listed": listed[: passes.TAGS_SHOWN],
        "more": len(listed) - passes.TAGS_SHOWN,
        "show": show,
        "chosen": chosen,
        "chart": _chart(shown, chosen, show),
        "cells": _cells(shown),
        "seen_on": {side: sum(side in each.sides for each in _cells(shown)) for side in SIDES},
        "cells_left_out": max(0, len(_played(shown)) - _CELLS_MAX),
        "replay": replay_sides(shown.capture.columns.sides) if shown.capture is not None else "",
        "dbm": _dbm,
    }
    size = {"plot_width": WIDTH, "plot_height": HEIGHT_PX, "eye_height": EYE_PX}
    return answer(request, render_page("pass.html", view, "docks", here=f"/passes/{pass_id}", **size, **content, **_WORDS), view)


def _shown(engine: Engine, pass_id: str) -> passes.PassShown:
    with reading(engine) as connection:
        shown = passes.pass_shown(connection, pass_id)
    if shown is None:
        raise NotFoundError("unknown_pass", f"pass {pass_id} is not known")
    return shown


def _dbm(strength: float) -> str:
    return words.number_text(strength, 0)


def _chart(shown: passes.PassShown, chosen: passes.TagRow | None, show: Which) -> Any:
    """The reads of the chosen tag, else of the tags that are listed; what only stood beside is left out of the picture of all unless nothing else is there."""
    if shown.capture is None:
        return None
    of = tuple(result for result in _OF[show] if show != "all" or result != "stayed")
    drawn = [each.n for each in shown.tags if each.result in of] or [each.n for each in shown.tags]
    goods = [each.n for each in shown.tags if each.result in passes.MOVED or (shown.direction == "unknown" and each.result == "unknown")]
    return pass_chart(shown.capture.columns, [chosen.n] if chosen is not None else drawn, goods)


def _played(shown: passes.PassShown) -> list[passes.TagRow]:
    return [each for each in shown.tags if each.n >= 0 and each.result != "stayed"]


def _cells(shown: passes.PassShown) -> list[passes.TagRow]:
    """The tags that are played, a cell each on either side."""
    return _played(shown)[:_CELLS_MAX]


@router.get("/passes/{pass_id}/steps")
def pass_steps(pass_id: PassId, engine: Database) -> Response:
    """What the page plays: when each side read each tag."""
    shown = _shown(engine, pass_id)
    if shown.capture is None:
        raise NotFoundError("unknown_capture", f"there is no capture of pass {pass_id}: it did not come yet, or was forgotten")
    return JSONResponse({"steps": steps(shown.capture.columns)}, headers={"Cache-Control": "no-store"})
