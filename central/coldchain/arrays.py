# SPDX-License-Identifier: Apache-2.0
"""Values that devices give by the hundred in one answer. The events themselves are the history (`event.body`); here stands what each device said last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from central.coldchain.tables import sensor_array, sensor_value
from central.ingest.registry import EventContext
from central.paging import Page, page, up
from contracts.events import SensorArrayMeasured

_Key = tuple[str, str, str, str]


def array_measured(connection: Connection, context: EventContext, event: SensorArrayMeasured) -> None:
    """See `arrays_measured`."""
    arrays_measured(connection, [(context, event)])


def arrays_measured(connection: Connection, said: Sequence[tuple[EventContext, SensorArrayMeasured]]) -> None:
    """The last live array of each device and quantity is what it says from now on; backfill changes nothing here."""
    live: dict[_Key, SensorArrayMeasured] = {
        (context.site, context.gateway, event.device, event.quantity): event for context, event in said if not event.historical
    }
    if not live:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(sensor_array)
    changed = {name: statement.excluded[name] for name in ("station", "first", "values", "measured_at")}
    keys = list(sensor_array.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), [_row(key, event) for key, event in sorted(live.items())])
    for key in live:
        _forget_failure(connection, key)


def _row(key: _Key, event: SensorArrayMeasured) -> dict[str, Any]:
    names = (column.name for column in sensor_array.primary_key.columns)
    said = {"station": event.station, "first": event.first, "values": event.values, "measured_at": event.event_time}
    return dict(zip(names, key, strict=True)) | said


def _forget_failure(connection: Connection, key: _Key) -> None:
    """A fault of an array stands among the sensors, as one that never had a value; it is over now."""
    ours = [column == value for column, value in zip(sensor_value.primary_key.columns, key, strict=True)]
    connection.execute(delete(sensor_value).where(*ours, sensor_value.c.value.is_(None)))


def sensor_arrays(connection: Connection, site: str | None = None, after: str | None = None, limit: int = 100) -> Page[dict[str, Any]]:
    """The last live array of every device, by station, device and quantity. Raises: BadCursorError."""
    query = select(sensor_array)
    if site is not None:
        query = query.where(sensor_array.c.site == site)
    columns = sensor_array.c
    return page(connection, query, [up(columns.station), up(columns.device), up(columns.quantity), up(columns.site), up(columns.gateway)], after, limit)
