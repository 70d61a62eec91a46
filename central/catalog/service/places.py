# SPDX-License-Identifier: Apache-2.0
"""Looking up places for a use case: sites, locations, zones, and the layout that tours are planned on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, select

from central.bulk import among
from central.catalog.rules import SiteRow
from central.catalog.tables import aisle, cross_aisle, location, zone
from central.catalog.tables import site as site_table
from central.errors import DomainError, NotFoundError


@dataclass(frozen=True, slots=True)
class AisleAt:
    """An aisle along y, at x of its middle line; metres. `direction` is both, up (towards higher y) or down."""

    code: str
    zone: str
    x_m: float
    y_from_m: float
    y_to_m: float
    direction: str


@dataclass(frozen=True, slots=True)
class CrossAisleAt:
    """A way across all aisles; metres."""

    code: str
    y_m: float


@dataclass(frozen=True, slots=True)
class PlaceAt:
    """A location with its position; metres, None where it is not known. `place` is site/code."""

    place: str
    code: str
    kind: str
    zone: str
    aisle: str
    x_m: float | None
    y_m: float | None
    z_m: float | None
    pick_rank: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of the ways of a site; aisles by x, cross aisles by y, places by code."""

    aisles: tuple[AisleAt, ...]
    cross_aisles: tuple[CrossAisleAt, ...]
    places: tuple[PlaceAt, ...]


def location_by_place(connection: Connection, place: str) -> Row[Any]:
    """A location's row. Raises: NotFoundError."""
    row = connection.execute(select(location).where(location.c.place == place)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_location", f"location {place} is not in the catalog; add it first")
    return row


def place_for_goods(connection: Connection, site: str, condition: str, *, stored: bool = True) -> str:
    """Where received goods are put: the first storage place of the site that offers the item's condition, else its first stage; not `stored`: the stage.

    Raises: DomainError: the site has neither.
    """
    open_places = select(location.c.place).where(location.c.site == site, location.c.locked.in_(("", "out")))
    ordered = open_places.order_by(location.c.pick_rank, location.c.code).limit(1)
    storage = connection.execute(ordered.where(location.c.kind == "storage", location.c.condition == condition)).scalar() if stored else None
    place: str | None = storage or connection.execute(ordered.where(location.c.kind == "stage")).scalar()
    if place is None:
        raise DomainError("no_place_for_goods", f"site {site} has no storage for {condition} goods and no stage; add a location of kind storage or stage")
    return place


_STAGE = (
    select(location.c.place).where(location.c.site == bindparam("site"), location.c.kind == "stage").order_by(location.c.pick_rank, location.c.code).limit(1)
)


def stage_of(connection: Connection, site: str) -> str:
    """Where picked goods wait for their shipment: the first stage of a site. Raises: DomainError: it has none."""
    place: str | None = connection.execute(_STAGE, {"site": site}).scalar()
    if place is None:
        raise DomainError("no_stage", f"site {site} has no location of kind stage; add one for picked goods")
    return place


def zone_of(connection: Connection, site: str, zone_id: str) -> Row[Any] | None:
    """A zone's row; None when it is not known."""
    return connection.execute(select(zone).where(zone.c.site == site, zone.c.id == zone_id)).one_or_none()


def site_of(connection: Connection, code: str) -> SiteRow:
    """What is known of a site; the defaults of a warehouse when nobody said anything."""
    row = connection.execute(select(site_table).where(site_table.c.code == code)).mappings().one_or_none()
    return SiteRow.model_validate({"code": code} if row is None else dict(row))


def days_at(connection: Connection, codes: Collection[str], now: datetime) -> dict[str, date]:
    """The day at each of these sites, by its own clock; UTC where nobody said which."""
    zones = dict.fromkeys(codes, "UTC")
    rows = connection.execute(select(site_table.c.code, site_table.c.time_zone).where(among(connection, site_table.c.code, sorted(zones))))
    zones |= {row.code: row.time_zone for row in rows}
    return {code: now.astimezone(ZoneInfo(zone)).date() for code, zone in zones.items()}


def sites(connection: Connection) -> list[SiteRow]:
    """All sites by code: those with a row, and those that only have locations."""
    known = {row["code"]: SiteRow.model_validate(dict(row)) for row in connection.execute(select(site_table)).mappings()}
    for code in connection.execute(select(location.c.site).distinct()).scalars():
        known.setdefault(code, SiteRow.model_validate({"code": code}))
    return [known[code] for code in sorted(known)]


def layout_of(connection: Connection, site: str, only: Collection[str] | None = None) -> Layout:
    """Aisles, cross aisles and locations (`only` these, if given) of a site with their coordinates."""
    aisles = select(aisle.c.code, aisle.c.zone, aisle.c.x_m, aisle.c.y_from_m, aisle.c.y_to_m, aisle.c.direction).where(aisle.c.site == site)
    crossings = select(cross_aisle.c.code, cross_aisle.c.y_m).where(cross_aisle.c.site == site)
    columns = [location.c[name] for name in ("place", "code", "kind", "zone", "aisle", "x_m", "y_m", "z_m", "pick_rank")]
    places = select(*columns).where(location.c.site == site)
    places = places if only is None else places.where(among(connection, location.c.place, sorted(only)))
    return Layout(
        tuple(AisleAt(*row) for row in connection.execute(aisles.order_by(aisle.c.x_m, aisle.c.code))),
        tuple(CrossAisleAt(*row) for row in connection.execute(crossings.order_by(cross_aisle.c.y_m, cross_aisle.c.code))),
        tuple(PlaceAt(*row) for row in connection.execute(places.order_by(location.c.code))),
    )
