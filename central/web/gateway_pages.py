# SPDX-License-Identifier: Apache-2.0
"""The fleet on a screen or a phone: all gateways live, one with its devices, lists and configurations, and the buttons that change it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import Connection, Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from central.database import in_transaction, reading
from central.errors import DomainError, NotFoundError
from central.facts import document_id
from central.fleet import configurations, swaps
from central.fleet.authority import Authority
from central.fleet.configuration_rules import DOCUMENT_BYTES_MAX, difference
from central.fleet.service import UnknownGatewayError
from central.fleet.trust_api import authority_of
from central.requests import Database, News, Now
from central.web import gateway_shown, gateway_words, gateways, queries
from central.web.board import Region
from central.web.gateway_findings import is_urgent
from central.web.gateway_shown import ONE, OneGateway
from central.web.gateways import FLEET, Fleet
from central.web.languages import catalogue
from central.web.live import Live, LiveResponse, stream
from central.web.render import View, render_page
from central.web.trouble import PageRoute, Wrong, told
from central.web.visitor import SAME_ORIGIN, Actor, Reader, actor_of, answer, view_of, zone_of

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_ALL_RIGHT = Wrong("")
_NOTE_MAX = 500
_SERIAL_MAX = 128
_HOST_MAX = 255
_VERSION_MAX = 2**31 - 2
Site = Annotated[str, Query(max_length=64)]
GatewayName = Annotated[str, Path(max_length=64)]
DeviceName = Annotated[str, Path(max_length=64)]
Version = Annotated[int, Path(ge=1, le=_VERSION_MAX)]
Said = Annotated[str, Query(max_length=20)]
_WORDS: dict[str, Any] = {
    name.lower(): getattr(gateway_words, name)
    for name in (
        "STATES",
        "STATE_SIGNS",
        "CLOCKS",
        "DEVICE_STATES",
        "DEVICE_SIGNS",
        "VERSION_STATES",
        "VERSION_SIGNS",
        "SWAP_STATES",
        "PURPOSES",
        "LIST_STATES",
        "ANSWERS",
        "HOW",
        "LANES",
        "GAPS",
    )
}


def _page(template: str, view: View, **content: Any) -> str:
    translations = catalogue(view.language)
    said: dict[str, Any] = {
        "finding_text": lambda finding: gateway_words.finding_text(finding, translations),
        "version_text": lambda version: gateway_words.version_text(version, translations),
        "restart_text": lambda reason: gateway_words.restart_text(reason, translations),
        "mistakes": gateway_shown.mistakes,
        "is_urgent": is_urgent,
    }
    return render_page(template, view, "gateways", **_WORDS, **said, **content)


class LiveFleet(Live[Fleet]):
    """The live list of a site's gateways; empty: of all sites."""

    def __init__(self, engine: Engine, site: str, state: Any) -> None:
        def look() -> Fleet:
            with reading(engine) as connection:
                return gateways.fleet_of(connection, site, state.clock())

        async def read() -> Fleet:
            return await asyncio.to_thread(look)

        super().__init__(read, state.clock, state.changes, Fleet(), (FLEET,), _draw_fleet)


class LiveGateway(Live[OneGateway]):
    """The live page of one gateway."""

    def __init__(self, engine: Engine, name: str, state: Any) -> None:
        def look() -> OneGateway:
            with reading(engine) as connection:
                found = gateway_shown.shown(connection, name, state.clock())
            return OneGateway(Region("failed") if found is None else Region("ready", found))

        async def read() -> OneGateway:
            return await asyncio.to_thread(look)

        super().__init__(read, state.clock, state.changes, OneGateway(), (ONE,), _draw_one)


def _draw_fleet(name: str, fleet: Fleet, view: View) -> str:
    return _page("regions/fleet.html", view, name=name, region=fleet.region(name), more=fleet.more)


def _draw_one(name: str, page: OneGateway, view: View) -> str:
    return _page("regions/gateway.html", view, name=name, region=page.region(name))


def _kept(request: Request, made: type[LiveFleet | LiveGateway], key: str) -> Any:
    """The live page of that key, made when somebody first looks."""
    state = request.app.state
    if getattr(state, "live_gateways", None) is None:
        state.live_gateways = {}
    return state.live_gateways.setdefault((made, key), made(state.engine, key, state))


def _live_fleet(request: Request, engine: Database, site: Site = "") -> LiveFleet:
    if site and site not in _sites(engine):
        raise NotFoundError("unknown_site", f"site {site} is not known")
    live: LiveFleet = _kept(request, LiveFleet, site)
    return live


def _live_gateway(request: Request, engine: Database, name: GatewayName) -> LiveGateway:
    _check_known(engine, name)
    live: LiveGateway = _kept(request, LiveGateway, name)
    return live


def _sites(engine: Engine) -> tuple[str, ...]:
    with reading(engine) as connection:
        return queries.sites(connection)


def _check_known(engine: Engine, name: str) -> None:
    with reading(engine) as connection:
        if gateways.site_of(connection, name) is None:
            raise UnknownGatewayError(name)


FleetSeen = Annotated[LiveFleet, Depends(_live_fleet)]
OneSeen = Annotated[LiveGateway, Depends(_live_gateway)]
LastEvent = Annotated[str, Header(alias="Last-Event-ID")]


@router.get("/gateways", response_class=HTMLResponse)
async def fleet_page(request: Request, live: FleetSeen, language: Reader, engine: Database, now: Now, site: Site = "") -> HTMLResponse:
    """All gateways: what needs a person first, in words."""
    fleet = await live.fresh()
    view = await asyncio.to_thread(view_of, request, language, engine, now, live.version)
    asked = urlencode({"site": site}) if site else ""
    sites = await asyncio.to_thread(_sites, engine)
    here = "/gateways" + (f"?{asked}" if asked else "")
    return answer(request, _page("gateways.html", view, drawn=_draw_fleet(FLEET, fleet, view), sites=sites, site=site, asked=asked, here=here), view)


@router.get("/gateways/stream")
async def fleet_stream(request: Request, live: FleetSeen, language: Reader, since: str = "", last_event_id: LastEvent = "") -> LiveResponse:
    """What changes at the gateways, as server-sent events."""
    return stream(live, language, zone_of(request), last_event_id or since)


@router.get("/gateways/{name}", response_class=HTMLResponse)
async def gateway_page(name: GatewayName, request: Request, live: OneSeen, language: Reader, engine: Database, now: Now, said: Said = "") -> HTMLResponse:
    """One gateway. `said`: the code of what came of the last press."""
    page = await live.fresh()
    view = await asyncio.to_thread(view_of, request, language, engine, now, live.version)
    return answer(request, _page("gateway.html", view, id=name, drawn=_draw_one(ONE, page, view), said=said, here=f"/gateways/{name}"), view)


@router.get("/gateways/{name}/stream")
async def gateway_stream(request: Request, live: OneSeen, language: Reader, since: str = "", last_event_id: LastEvent = "") -> LiveResponse:
    """What changes at one gateway, as server-sent events."""
    return stream(live, language, zone_of(request), last_event_id or since)


@router.get("/gateways/{name}/configuration", response_class=HTMLResponse)
def configuration_form(
    name: GatewayName,
    request: Request,
    language: Reader,
    engine: Database,
    now: Now,
    version: Annotated[int, Query(ge=0, le=_VERSION_MAX)] = 0,
) -> HTMLResponse:
    """The text of the configuration, to be changed and sent: of `version`, else the one that the gateway shall have."""
    return _form(request, language, engine, now, name, version=version)


def _form(
    request: Request,
    language: Reader,
    engine: Engine,
    now: Now,
    name: str,
    *,
    version: int = 0,
    typed: tuple[str, str] | None = None,
    wrong: Wrong = _ALL_RIGHT,
) -> HTMLResponse:
    _check_known(engine, name)
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        row = configurations.one(connection, name, version) if version else configurations.wanted(connection, name)
        site = gateways.site_of(connection, name)
    document = row.document if row is not None else f'[gateway]\nid = "{name}"\nsite = "{site}"\n'
    reasons = gateway_shown.mistakes(row.reason) if row is not None and row.state in ("refused", "returned") else ()
    text, note = typed or (document, "")
    content = {"id": name, "text": text, "note": note, "version": row.version if row is not None else 0, "state": row.state if row is not None else ""}
    html = _page("gateway_configuration.html", view, **content, reasons=reasons, wrong=wrong, here=f"/gateways/{name}/configuration")
    response = answer(request, html, view)
    response.status_code = 422 if wrong.text else 200
    return response


@router.post("/gateways/{name}/configuration", dependencies=SAME_ORIGIN)
async def send_configuration(name: GatewayName, request: Request, language: Reader, actor: Actor, engine: Database, news: News, now: Now) -> Response:
    """Sign what was typed, or the file that was chosen, and send it. What stands against it is said above the form, where the text stays."""
    async with request.form(max_files=1, max_fields=10, max_part_size=4 * DOCUMENT_BYTES_MAX) as form:
        chosen = form.get("file")
        content = await chosen.read(DOCUMENT_BYTES_MAX + 1) if isinstance(chosen, UploadFile) and chosen.filename else None
    return await run_in_threadpool(_send, name, request, language, form, content, actor, engine, news, now)


def _send(name: str, request: Request, language: Reader, form: FormData, content: bytes | None, actor: str, engine: Engine, news: News, now: Now) -> Response:
    text, note = str(form.get("document", "")).replace("\r\n", "\n"), str(form.get("note", "")).strip()[:_NOTE_MAX]
    try:
        authority = authority_of(request)
        text = text if content is None else _text_of(content)
        said = in_transaction(engine, lambda connection: _pushed(connection, authority, name, text, now, actor, note))
    except DomainError as error:
        if error.code == "unknown_gateway":
            raise
        return _form(request, language, engine, now, name, typed=(text, note), wrong=told(error.code, error.message, language))
    news.tell()
    return _back(request, name, said)


def _text_of(content: bytes) -> str:
    """The text of a file. Raises: DomainError: it is none."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DomainError("bad_configuration", f"the file is not UTF-8 text: byte {error.start + 1} is no part of a character") from error


def _pushed(connection: Connection, authority: Authority, name: str, text: str, now: Now, actor: str, note: str) -> str:
    before = configurations.wanted(connection, name)
    version = configurations.push(connection, authority, name, text, now, actor=actor, note=note)
    return "as_it_is" if before is not None and before.version == version else "sent"


def _back(request: Request, name: str, said: str) -> Response:
    return RedirectResponse(str(request.url_for("gateway_page", name=name).include_query_params(said=said)), status_code=303)


@router.get("/gateways/{name}/configurations/{version}", response_class=HTMLResponse)
def version_page(name: GatewayName, version: Version, request: Request, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """One configuration: who, when, what became of it, and what it changes."""
    return _version_page(request, language, engine, now, name, version)


def _version_page(request: Request, language: Reader, engine: Engine, now: Now, name: str, version: int, wrong: Wrong = _ALL_RIGHT) -> HTMLResponse:
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        row = configurations.one(connection, name, version)
        wanted = configurations.wanted(connection, name)
        before = configurations.last_before(connection, row)
        in_force = gateways.in_force(connection, name)
    shown = gateway_shown.version_row(row._asdict(), in_force, wanted.version if wanted is not None else None)
    lines = difference(before.document, row.document, "", "").splitlines()[2:] if before is not None else []
    content = {"row": shown, "before": before.version if before is not None else 0, "lines": lines, "document": row.document}
    html = _page("gateway_version.html", view, id=name, **content, wrong=wrong, here=f"/gateways/{name}/configurations/{version}")
    response = answer(request, html, view)
    response.status_code = 422 if wrong.text else 200
    return response


@router.post("/gateways/{name}/configurations/{version}/again", dependencies=SAME_ORIGIN)
def send_again(name: GatewayName, version: Version, request: Request, language: Reader, actor: Actor, engine: Database, news: News, now: Now) -> Response:
    """Send an earlier configuration once more, under a new number."""

    def pushed(connection: Connection) -> str:
        before = configurations.wanted(connection, name)
        made = configurations.push_again(connection, authority_of(request), name, version, now, actor=actor)
        return "as_it_is" if before is not None and before.version == made else "sent"

    try:
        said = in_transaction(engine, pushed)
    except NotFoundError:
        raise
    except DomainError as error:
        return _version_page(request, language, engine, now, name, version, told(error.code, error.message, language))
    news.tell()
    return _back(request, name, said)


@router.get("/gateways/{name}/devices/{device}/swap", response_class=HTMLResponse)
def swap_form(name: GatewayName, device: DeviceName, request: Request, language: Reader, engine: Database, now: Now) -> HTMLResponse:
    """Another piece of hardware stands at the place of a device: scan or type its serial number."""
    return _swap_form(request, language, engine, now, name, device)


def _swap_form(
    request: Request, language: Reader, engine: Engine, now: Now, name: str, device: str, *, form: FormData | None = None, wrong: Wrong = _ALL_RIGHT
) -> HTMLResponse:
    view = view_of(request, language, engine, now)
    with reading(engine) as connection:
        found = gateway_shown.shown(connection, name, now)
    if found is None:
        raise UnknownGatewayError(name)
    row = next((each for each in found.devices if each.id == device), None)
    if row is None:
        raise NotFoundError("unknown_device", f"device {device} of gateway {name} never said that it came or went; look at its id")
    typed = {key: str(form.get(key, "")) if form is not None else "" for key in ("serial", "host")}
    html = _page("gateway_swap.html", view, line=found.line, row=row, typed=typed, wrong=wrong, here=f"/gateways/{name}/devices/{device}/swap")
    response = answer(request, html, view)
    response.status_code = 422 if wrong.text else 200
    return response


@router.post("/gateways/{name}/devices/{device}/swap", dependencies=SAME_ORIGIN)
async def swap(name: GatewayName, device: DeviceName, request: Request, language: Reader, engine: Database, news: News, now: Now) -> Response:
    """Ask the gateway to take over the hardware that stands there now; pressed twice it is asked once."""
    async with request.form(max_files=0, max_fields=10) as form:
        return await run_in_threadpool(_swap, name, device, request, language, form, engine, news, now)


def _swap(name: str, device: str, request: Request, language: Reader, form: FormData, engine: Engine, news: News, now: Now) -> Response:
    serial, host, after = (str(form.get(key, "")).strip() for key in ("serial", "host", "after"))
    try:
        _check_swap(serial, host)
        asked_id = f"swap:{document_id('SwapDevice', name, device, 'page', serial, host, after)}"
        asked = swaps.swap_of(asked_id, device, serial, host, actor_of(request), now)
        in_transaction(engine, lambda connection: swaps.swap_device(connection, name, asked, now))
    except NotFoundError:
        raise
    except DomainError as error:
        return _swap_form(request, language, engine, now, name, device, form=form, wrong=told(error.code, error.message, language))
    news.tell()
    return _back(request, name, "swap")


def _check_swap(serial: str, host: str) -> None:
    """Raises: DomainError: what was scanned is no serial number, or the address is none."""
    if len(serial) > _SERIAL_MAX or not serial.isprintable():
        raise DomainError("invalid_request", f"a serial number has at most {_SERIAL_MAX} visible characters; scan the label of the device again")
    if len(host) > _HOST_MAX or not host.isprintable() or " " in host:
        raise DomainError("invalid_request", "write the address as a host name or an IP address, as 10.0.3.17")
