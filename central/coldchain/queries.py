# SPDX-License-Identifier: Apache-2.0
"""Reading the cold chain: alarms, holds, last values, samples for a chart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from central.coldchain.rules import Point, thin_out
from central.coldchain.tables import alarm, hold, measurement, sensor_value
from central.paging import Page, down, page, up

_LOTS_HELD = select(func.count()).select_from(hold).where(hold.c.alarm == alarm.c.id, hold.c.state == "held").scalar_subquery()


def alarms(connection: Connection, *, standing: bool = True, after: str | None = None, limit: int = 100) -> Page[dict[str, Any]]:
    """Alarms with how many lots each holds, most urgent and oldest first; `standing` false for all, newest first. Raises: BadCursorError."""
    query = select(alarm, _LOTS_HELD.label("lots_held"))
    if standing:
        return page(connection, query.where(alarm.c.state != "normal"), [up(alarm.c.priority), up(alarm.c.raised_at), up(alarm.c.id)], after, limit)
    return page(connection, query, [down(alarm.c.raised_at), down(alarm.c.id)], after, limit)


def holds(connection: Connection, state: str | None = "held", after: str | None = None, limit: int = 200) -> Page[dict[str, Any]]:
    """Goods on hold, newest first; `state` None for all. Raises: BadCursorError."""
    query = select(hold)
    if state is not None:
        query = query.where(hold.c.state == state)
    return page(connection, query, [down(hold.c.id)], after, limit)


def sensor_values(connection: Connection, site: str | None = None, after: str | None = None, limit: int = 1000) -> Page[dict[str, Any]]:
    """The last live value of every sensor, by station and quantity. Raises: BadCursorError."""
    query = select(sensor_value)
    if site is not None:
        query = query.where(sensor_value.c.site == site)
    keys = [up(sensor_value.c.station), up(sensor_value.c.quantity), up(sensor_value.c.device), up(sensor_value.c.site), up(sensor_value.c.gateway)]
    return page(connection, query, keys, after, limit)


def samples(connection: Connection, site: str, station: str, quantity: str, start_at: datetime, end_at: datetime, limit: int) -> list[tuple[datetime, float]]:
    """Samples of a room in time order, backfilled ones too; the youngest `limit` of the window."""
    query = (
        select(measurement.c.measured_at, measurement.c.value)
        .where(measurement.c.site == site, measurement.c.station == station, measurement.c.quantity == quantity)
        .where(measurement.c.measured_at >= start_at, measurement.c.measured_at <= end_at)
        .order_by(measurement.c.measured_at.desc())
        .limit(limit)
    )
    return [(row.measured_at, row.value) for row in connection.execute(query)][::-1]


def chart(connection: Connection, site: str, station: str, quantity: str, start_at: datetime, end_at: datetime, points_max: int = 400) -> tuple[Point, ...]:
    """Samples of a room thinned out for a chart; spikes stay visible."""
    found = samples(connection, site, station, quantity, start_at, end_at, limit=100_000)
    return thin_out([(at.timestamp(), value) for at, value in found], points_max)


def figures(connection: Connection) -> dict[str, int]:
    """Counts of what the cold rooms did."""
    lots = select(hold.c.item, hold.c.lot).distinct().subquery()
    return {
        "alarms_raised": int(connection.execute(select(func.count()).select_from(alarm)).scalar_one()),
        "alarms_cleared": int(connection.execute(select(func.count()).select_from(alarm).where(alarm.c.cleared_at.is_not(None))).scalar_one()),
        "lots_held": int(connection.execute(select(func.count()).select_from(lots)).scalar_one()),
    }
