# SPDX-License-Identifier: Apache-2.0
"""What devices say of their condition: out of paper, head open, battery low. Kept as it stands, with the time since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Connection, Row, bindparam, select, update

from central.database import insert_for
from central.fleet.tables import device_condition
from central.ingest.registry import EventContext
from contracts.events import DeviceConditionChanged


def condition_changed(connection: Connection, context: EventContext, event: DeviceConditionChanged) -> None:
    """Keep it; one that is backfilled counts unless something later is known already."""
    row = {"active": event.active, "reason": event.reason, "changed_at": event.event_time, "is_live": not event.historical}
    who = {"gateway": context.gateway, "device": event.device, "condition": event.condition}
    connection.execute(_keep(connection.dialect.name), {**who, **row})


@cache
def _keep(dialect: str) -> Any:
    kept = insert_for(dialect, device_condition)
    values = {name: kept.excluded[name] for name in ("active", "reason", "changed_at")}
    counts = bindparam("is_live", type_=Boolean) | (device_condition.c.changed_at <= kept.excluded.changed_at)
    return kept.on_conflict_do_update(index_elements=list(device_condition.primary_key.columns), set_=values, where=counts)


_ENDED = (
    update(device_condition)
    .where(
        device_condition.c.gateway == bindparam("of_gateway"),
        device_condition.c.device == bindparam("of_device"),
        device_condition.c.active,
        device_condition.c.changed_at <= bindparam("back_at", type_=device_condition.c.changed_at.type),
    )
    .values(active=False)
)


def forget_conditions(connection: Connection, back: Sequence[tuple[str, str, datetime]]) -> None:
    """These devices of gateways are there again: what still holds is told anew after this."""
    if not back:
        return
    held = select(device_condition.c.gateway, device_condition.c.device).where(device_condition.c.active)
    known = {(row.gateway, row.device) for row in connection.execute(held)}
    for name, device, back_at in back:
        if (name, device) in known:
            connection.execute(_ENDED, {"of_gateway": name, "of_device": device, "back_at": back_at})


def conditions_held(connection: Connection, gateway: str | None = None) -> Mapping[tuple[str, str], tuple[Row[Any], ...]]:
    """What holds now, by gateway and device, the longest first."""
    query = select(device_condition).where(device_condition.c.active).order_by(device_condition.c.changed_at, device_condition.c.condition)
    found: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query if gateway is None else query.where(device_condition.c.gateway == gateway)):
        found[row.gateway, row.device].append(row)
    return {key: tuple(rows) for key, rows in found.items()}
