# SPDX-License-Identifier: Apache-2.0
"""Routes of scan points: what is scanned where, and what their gateways are told."""

from __future__ import annotations

from fastapi import APIRouter

from central.database import reading
from central.facts import RequestKey, fact_of
from central.paging import After, Limit, Page
from central.requests import Database, Filter, News, Now
from central.shipping import scan_points
from central.shipping.api_doors import Site, Station
from central.shipping.requests import do
from central.shipping.scan_documents import ScanListOut, ScanPointOut, ScanPointSet

router = APIRouter(prefix="/api/v1", tags=["scan points"])


@router.get("/scan-points")
def list_scan_points(database: Database, site: Filter = None, after: After = None, limit: Limit = 100) -> Page[ScanPointOut]:
    """Scan points with what is scanned there, and whether their lamps know the newest list."""
    with reading(database) as connection:
        return scan_points.point_page(connection, site, after, limit)


@router.put("/scan-points/{site}/{station}")
def put_scan_point(site: Site, station: Station, body: ScanPointSet, database: Database, now: Now, news: News, key: RequestKey) -> ScanPointOut:
    """Say what is scanned at a scan point; all of it is replaced, and its gateway is told what to expect."""
    fact = fact_of("ScanPointSet", (site, station, key), body, body.actor, now, site)
    do(database, news, lambda connection: scan_points.set_point(connection, fact, site, station, body))
    return get_scan_point(site, station, database)


@router.get("/scan-points/{site}/{station}")
def get_scan_point(site: Site, station: Station, database: Database) -> ScanPointOut:
    """One scan point."""
    with reading(database) as connection:
        return scan_points.point_shown(connection, site, station)


@router.get("/scan-points/{site}/{station}/list")
def get_scan_list(site: Site, station: Station, database: Database) -> ScanListOut:
    """What is expected at a scan point now, as its gateway is told."""
    with reading(database) as connection:
        return scan_points.list_now(connection, site, station)
