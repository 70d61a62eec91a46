# SPDX-License-Identifier: Apache-2.0
"""Sorting at a put-to-light wall: scan goods, see which slot wants how many, close what is complete. Works without a script, with a scanner as keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from sqlalchemy import Connection, Engine, select

from central.catalog.tables import item
from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.facts import RequestKey, document_id
from central.ledger.rules import Fact
from central.outbound import answers, pickers, tour_queries, walls
from central.outbound.picking_tables import wall as wall_table
from central.requests import Database, News, Now
from central.web.render import render_page
from central.web.trouble import PageRoute, told
from central.web.visitor import SAME_ORIGIN, Reader, answer, name_of, view_of
from central.web.words import N_

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_DIGITS_MAX = 9
_SAID_MAX = 500
Text = Annotated[str, Form(max_length=200)]

WALL_ANSWERS: Mapping[str, str] = {
    "put": N_("put"),
    "short": N_("less is there; somebody looks for the rest"),
    "closed": N_("to packing:"),
    "free": N_("the slot was free already"),
    "number": N_("say how many as a number"),
}
_WRONG = frozenset({"number"})
SLOT_STATES: Mapping[str, str] = {"free": N_("free"), "open": N_("waiting"), "complete": N_("complete")}
"""What a slot is, beside its shape and colour."""


@router.get("/wall", response_class=HTMLResponse)
def walls_page(request: Request, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """The walls there are."""
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        found = connection.execute(select(wall_table.c.site, wall_table.c.code).order_by(wall_table.c.site, wall_table.c.code)).all()
    return answer(request, render_page("walls.html", view, "wall", walls=[(row.site, row.code, _path(row.site, row.code)) for row in found]), view)


@router.get("/wall/{site}/{wall}", response_class=HTMLResponse)
def wall_page(
    site: str, wall: str, request: Request, language: Reader, engine: Database, now: Now, goods: str = "", said: str = "", about: str = ""
) -> HTMLResponse:
    """A wall: where the goods in the hand go, and its slots. `goods` is the item scanned last, `said` what came of the last press."""
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        found = _wall(connection, site, wall)
        lit = _lit(found, goods)
        about_goods = _goods(connection, lit[0]["item"]) if lit else None
    content = {"answers": WALL_ANSWERS, "wrong_answers": _WRONG, "slot_states": SLOT_STATES, "path": _path(site, wall), "shown": _shown(found, lit)}
    about = about[:_SAID_MAX]
    wrong = told(said, about, language)
    html = render_page("wall.html", view, "wall", wall=found, lit=lit, goods=about_goods, said=said, about=about, wrong=wrong, **content)
    return answer(request, html, view)


@router.get("/wall/{site}/{wall}/state")
def wall_state(site: str, wall: str, engine: Database, goods: str = "") -> JSONResponse:
    """What stands on the page now; a page that shows something else is old (a light was pressed, a lamp died)."""
    with reading(engine) as connection:
        found = _wall(connection, site, wall)
    return JSONResponse({"now": _shown(found, _lit(found, goods))})


def _path(site: str, wall: str) -> str:
    return f"/wall/{quote(site, safe='')}/{quote(wall, safe='')}"


def _wall(connection: Connection, site: str, code: str) -> dict[str, Any]:
    found = tour_queries.wall_of(connection, site, code)
    if found is None:
        raise NotFoundError("unknown_wall", f"site {site} has no wall {code}; add it first")
    return found


def _lit(found: dict[str, Any], goods: str) -> list[dict[str, Any]]:
    """The puts that are asked for, those of the goods in the hand before others; only these when there are any."""
    lit = [{**put, "slot": slot["slot"], "order": slot["order"]} for slot in found["slots"] for put in slot["puts"] if put["state"] == "lit"]
    return [put for put in lit if put["item"] == goods] or lit


def _shown(found: dict[str, Any], lit: list[dict[str, Any]]) -> str:
    first = f"{lit[0]['id']}/{lit[0]['lamp_dead']}" if lit else ""
    return f"{first}/{len(lit)}/{'.'.join(slot['state'][0] for slot in found['slots'])}"


def _goods(connection: Connection, code: str) -> dict[str, Any]:
    return dict(connection.execute(select(item.c.code, item.c.name, item.c.name_zh).where(item.c.code == code)).mappings().one())


def _back(site: str, wall: str, **words: str) -> RedirectResponse:
    said = urlencode({key: value for key, value in words.items() if value})
    return RedirectResponse(f"{_path(site, wall)}?{said}" if said else _path(site, wall), status_code=303)


def _fact(kind: str, keys: tuple[str, ...], request: Request, site: str, now: Now, body: bytes = b"{}") -> Fact:
    name = name_of(request)
    return Fact(document_id(kind, site, *keys), "page", None, kind, body, name, now, site)


def _answered(engine: Engine, news: News, site: str, wall: str, goods: str, work: Callable[[Connection], dict[str, str]]) -> Response:
    try:
        words = in_transaction(engine, work)
    except DomainError as error:
        return _back(site, wall, goods=goods, said=error.code, about=error.message)
    news.tell()
    return _back(site, wall, **({"goods": goods} | words))


@router.post("/wall/{site}/{wall}/scan", dependencies=SAME_ORIGIN)
def scan(site: str, wall: str, request: Request, engine: Database, news: News, now: Now, key: RequestKey, text: Text = "") -> Response:
    """Goods are in the hand: the slots that want some light, in the colour of whoever sorts."""
    scanned = text.strip()
    if not scanned:
        return _back(site, wall)

    def work(connection: Connection) -> dict[str, str]:
        picker = pickers.session_of(connection, name_of(request)) if name_of(request) else None
        fact = _fact("WallScanned", (wall, key), request, site, now, scanned.encode())
        puts = answers.scan_at_wall(connection, fact, wall, scanned, picker.colour if picker else walls.DEFAULT_COLOUR, now)
        return {"goods": puts[0].item}

    return _answered(engine, news, site, wall, "", work)


@router.post("/wall/{site}/{wall}/put", dependencies=SAME_ORIGIN)
def put(site: str, wall: str, request: Request, engine: Database, news: News, now: Now, task: Text = "", quantity: Text = "", goods: Text = "") -> Response:
    """Answer the put at hand."""
    count = quantity.strip()
    if not (count.isascii() and count.isdigit() and len(count) <= _DIGITS_MAX):
        return _back(site, wall, goods=goods, said="number")

    def work(connection: Connection) -> dict[str, str]:
        answers.put_from_screen(connection, _fact("PutConfirmed", (task, count), request, site, now), task, int(count), now)
        short = any(each["id"] == task and each["state"] == "short" for slot in _wall(connection, site, wall)["slots"] for each in slot["puts"])
        return {"said": "short" if short else "put"}

    return _answered(engine, news, site, wall, goods, work)


@router.post("/wall/{site}/{wall}/close", dependencies=SAME_ORIGIN)
def close(
    site: str, wall: str, request: Request, engine: Database, news: News, now: Now, key: RequestKey, slot: Text = "", order: Text = "", tote: Text = ""
) -> Response:
    """The order in a slot is complete and goes to packing."""

    def work(connection: Connection) -> dict[str, str]:
        closed = answers.close_slot(connection, _fact("SlotClosed", (wall, slot, key), request, site, now), wall, slot, tote.strip()[:64], now)
        return {"said": "closed", "about": order} if closed else {"said": "free"}

    return _answered(engine, news, site, wall, "", work)
