# SPDX-License-Identifier: Apache-2.0
"""Use cases of scan points: what is scanned where; and reading them. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from central.bulk import among
from central.database import insert_or_leave
from central.errors import NotFoundError
from central.fleet.tables import gateway
from central.ledger import service as ledger
from central.paging import Page, page, up
from central.shipping import door_queries, scan_lists, scan_rules
from central.shipping.scan_documents import ScanLineOut, ScanListOut, ScanPointOut, ScanPointSet
from central.shipping.tables import scan_point


def set_point(connection: Connection, fact: ledger.Fact, site: str, station: str, body: ScanPointSet) -> None:
    """Say what is scanned at a station; all of it is replaced, its gateway stays known. The same fact again changes nothing.

    Raises: NotFoundError: no such gateway at the site.
    """
    if ledger.record(connection, fact, fact.occurred_at).already:
        return
    known = select(gateway.c.id).where(gateway.c.id == body.gateway, gateway.c.site == site)
    if body.gateway and connection.execute(known).scalar() is None:
        raise NotFoundError("unknown_gateway", f"gateway {body.gateway} is not enrolled at {site}; start it once with this broker, then try again")
    values = {"purpose": body.purpose, "zone": body.zone, "changed_at": fact.occurred_at, "changed_by": fact.actor}
    values |= {"gateway": body.gateway} if body.gateway else {}
    made = insert_or_leave(connection, scan_point).values(site=site, station=station, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["site", "station"], set_=values))


def point_at(connection: Connection, site: str, station: str) -> Row[Any] | None:
    """A scan point's row; None when nobody set it up."""
    return connection.execute(select(scan_point).where(scan_point.c.site == site, scan_point.c.station == station)).one_or_none()


def set_up(connection: Connection, stations: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these (site, station) are scan points."""
    named = among(connection, scan_point.c.station, sorted({station for _, station in stations}))
    return {(row.site, row.station) for row in connection.execute(select(scan_point.c.site, scan_point.c.station).where(named))} & set(stations)


def learn_gateway(connection: Connection, point: Row[Any], speaker: str) -> None:
    """A station spoke: a scan point whose gateway nobody knew has one."""
    if not point.gateway:
        mine = (scan_point.c.site == point.site) & (scan_point.c.station == point.station) & (scan_point.c.gateway == "")
        connection.execute(update(scan_point).where(mine).values(gateway=speaker))


def point_page(connection: Connection, site: str | None, after: str | None, limit: int) -> Page[ScanPointOut]:
    """Scan points by site and station."""
    query = select(scan_point.c.site, scan_point.c.station)
    query = query.where(scan_point.c.site == site) if site is not None else query
    found: Page[dict[str, Any]] = page(connection, query, [up(scan_point.c.site), up(scan_point.c.station)], after, limit)
    keys = [(row["site"], row["station"]) for row in found.items]
    shown = {(row.site, row.station): _shown(row) for row in scan_lists.as_they_are(connection, keys)}
    return Page(items=[shown[key] for key in keys], next=found.next)


def point_shown(connection: Connection, site: str, station: str) -> ScanPointOut:
    """One scan point. Raises: NotFoundError."""
    return _shown(_known(connection, site, station))


def list_now(connection: Connection, site: str, station: str) -> ScanListOut:
    """What is expected at a scan point now. Raises: NotFoundError."""
    lines = scan_rules.fitting(scan_lists.wanted(connection, [_known(connection, site, station)])[site, station]).lines
    shown = None if lines is None else [ScanLineOut.model_validate(line, from_attributes=True) for line in lines]
    return ScanListOut(site=site, station=station, expected=shown)


def _known(connection: Connection, site: str, station: str) -> Row[Any]:
    rows: Sequence[Row[Any]] = scan_lists.as_they_are(connection, [(site, station)])
    if not rows:
        text = f"scan point {station} of {site} is not set up; set it up with PUT /api/v1/scan-points/{site}/{station}"
        raise NotFoundError("unknown_scan_point", text)
    return rows[0]


def _shown(row: Row[Any]) -> ScanPointOut:
    said = {"gateway_online": bool(row.online), "list_state": door_queries.list_state(row)}
    return ScanPointOut.model_validate(row._asdict() | said)
