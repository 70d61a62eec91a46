# SPDX-License-Identifier: Apache-2.0
"""Use cases of cold rooms: keep measurements and alarms, hold and release goods, acknowledge. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from central.bulk import among
from central.catalog.tables import location
from central.coldchain import rules
from central.coldchain.tables import alarm, hold, measurement, sensor_array, sensor_value
from central.errors import ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.fleet import clocks
from central.fleet import service as fleet
from central.ingest.registry import EventContext
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import Account, Status
from central.ledger.tables import balance
from contracts.commands import AcknowledgeAlarm
from contracts.events import AlarmChanged, ClockSet, SensorFailed, SensorMeasured

_ACKNOWLEDGE_DEADLINE = timedelta(minutes=10)
"""Later than this the room may be another one; the gateway answers `expired` and the person presses again (guessed)."""


def sensor_measured(connection: Connection, context: EventContext, event: SensorMeasured) -> None:
    """Keep a sample; a live one is also the sensor's value from now on."""
    sensors_measured(connection, [(context, event)])


def sensors_measured(connection: Connection, said: Sequence[tuple[EventContext, SensorMeasured]]) -> None:
    """Keep samples; the last live one of each sensor is its value from now on."""
    connection.execute(insert(measurement), [_measured(context, event) for context, event in said])
    live = {(context.site, context.gateway, event.device, event.quantity): (context, event) for context, event in said if not event.historical}
    for context, event in live.values():
        limits = {"low_limit": event.low_limit, "high_limit": event.high_limit}
        _set_sensor(connection, context, event, {"value": event.value, **limits, "measured_at": event.event_time, "failed_at": None, "failure": ""})


def _measured(context: EventContext, event: SensorMeasured) -> dict[str, Any]:
    return {
        "event_id": context.fact_id,
        "site": context.site,
        "gateway": context.gateway,
        "station": event.station,
        "device": event.device,
        "quantity": event.quantity,
        "value": event.value,
        "measured_at": event.event_time,
        "historical": event.historical,
    }


def sensor_failed(connection: Connection, context: EventContext, event: SensorFailed) -> None:
    """Keep that a sensor gives no usable value now; its last value stays, with its age."""
    if not event.historical:
        _set_sensor(connection, context, event, {"failed_at": event.event_time, "failure": event.reason})


def clock_set(connection: Connection, context: EventContext, _: ClockSet) -> None:
    """What a machine without a clock measured, and its alarms, stand where they belong once its clock is synchronised."""
    clocks.redate(connection, context, measurement, measurement.c.event_id, measurement.c.measured_at)
    clocks.redate(connection, context, alarm, alarm.c.id, alarm.c.raised_at)
    clocks.redate_as_said(connection, context, alarm, alarm.c.since, alarm.c.cleared_at, alarm.c.acknowledged_at)
    clocks.redate_as_said(connection, context, sensor_value, sensor_value.c.measured_at, sensor_value.c.failed_at)
    clocks.redate_as_said(connection, context, sensor_array, sensor_array.c.measured_at)


def _set_sensor(connection: Connection, context: EventContext, event: SensorMeasured | SensorFailed, values: dict[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    key = {"site": context.site, "gateway": context.gateway, "device": event.device, "quantity": event.quantity}
    changed = {"station": event.station, **values}
    statement = dialect.insert(sensor_value).values(**key, **changed)
    connection.execute(statement.on_conflict_do_update(index_elements=list(sensor_value.primary_key.columns), set_=changed))


def alarm_changed(connection: Connection, context: EventContext, event: AlarmChanged) -> None:
    """Keep an alarm's state; the first time it stands unacknowledged with a value out of limits, the room's free goods go on hold."""
    standing = _standing(connection, context, event)
    if standing is None and event.state == "normal":
        return
    occurrence = context.fact_id if standing is None else str(standing.id)
    if standing is None:
        connection.execute(insert(alarm).values(id=occurrence, raised_at=event.event_time, **_identity(context, event), **_changes(event)))
    else:
        connection.execute(update(alarm).where(alarm.c.id == occurrence).values(**_changes(event)))
    held = standing is not None and standing.held
    if rules.holds_goods(event.state, event.condition) and not held:
        connection.execute(update(alarm).where(alarm.c.id == occurrence).values(held=True))
        _hold_room(connection, context, occurrence, event.station)


def _standing(connection: Connection, context: EventContext, event: AlarmChanged) -> Row[Any] | None:
    mine = (alarm.c.site == context.site) & (alarm.c.gateway == context.gateway) & (alarm.c.alarm_id == event.alarm_id)
    return connection.execute(select(alarm).where(mine, alarm.c.state != "normal")).one_or_none()


def _identity(context: EventContext, event: AlarmChanged) -> dict[str, Any]:
    return {
        "site": context.site,
        "gateway": context.gateway,
        "station": event.station,
        "alarm_id": event.alarm_id,
        "condition": event.condition,
        "quantity": event.quantity,
    }


def _changes(event: AlarmChanged) -> dict[str, Any]:
    values: dict[str, Any] = {"state": event.state, "priority": event.priority, "since": event.event_time, "value": event.value, "limit": event.limit}
    if event.state in ("rtn_unacknowledged", "normal"):
        values["cleared_at"] = event.event_time
    if event.state == "unacknowledged":
        values |= {"cleared_at": None, "acknowledged_at": None, "acknowledged_by": ""}
    if event.state == "acknowledged" or event.actor:
        values |= {"acknowledged_at": event.event_time, "acknowledged_by": event.actor}
    return values


def _hold_room(connection: Connection, context: EventContext, occurrence: str, station: str) -> None:
    """Move the room's free available stock to hold; a person decides about what orders have reserved."""
    here = select(balance).join(location, location.c.place == balance.c.place)
    here = here.where(location.c.site == context.site, location.c.cold_room == station, balance.c.status == "available").order_by(balance.c.id)
    ledger.lock(connection, {(row.site, row.item) for row in connection.execute(here)})
    stock = [rules.Stock(row.place, row.item, row.lot, row.owner, row.unit, row.on_hand, row.reserved) for row in connection.execute(here)]
    free, reserved = rules.split_for_hold(stock)
    if free:
        _restate(connection, context.fact_id, [(each, each.free) for each in free], "available", "hold", context.now)
        connection.execute(insert(hold), [_hold_row(occurrence, each, context.now) for each in free])
    for each in reserved:
        told = message("hold_reserved", station=station, quantity=each.reserved, item=each.item, lot=each.lot or "-", place=each.place)
        subject = f"{each.place}/{each.item}/{each.lot}"
        exceptions.ask_person(connection, told, subject, context.fact_id, context.now, site=context.site, station=station, priority=2)


def _restate(connection: Connection, fact_id: str, stock: Sequence[tuple[rules.Stock, int]], source: Status, target: Status, now: datetime) -> None:
    """Post so many pieces of each to another status, as `serials.post_along`."""
    here = [(Account(each.place, each.item, each.lot, each.owner, source, each.unit), quantity) for each, quantity in stock]
    serials.post_along(connection, fact_id, [(account, replace(account, status=target), quantity) for account, quantity in here], now)


def _hold_row(occurrence: str, stock: rules.Stock, now: datetime) -> dict[str, Any]:
    place = {"place": stock.place, "item": stock.item, "lot": stock.lot, "owner": stock.owner, "unit": stock.unit}
    return {"alarm": occurrence, **place, "quantity": stock.free, "held_at": now}


def acknowledge(connection: Connection, occurrence: str, actor: str, now: datetime) -> bool:
    """Ask the gateway to acknowledge an alarm; its state changes when the gateway says so. Returns False if nobody needs to any more.

    Raises: NotFoundError: no such alarm, or its gateway is not known.
    """
    row = _alarm(connection, occurrence)
    if row.state not in ("unacknowledged", "rtn_unacknowledged"):
        return False
    command = AcknowledgeAlarm(
        command_id=f"ack:{occurrence}:{round(now.timestamp() * 1000)}",
        station=row.station,
        deadline_at=now + _ACKNOWLEDGE_DEADLINE,
        alarm_id=row.alarm_id,
        actor=actor,
    )
    fleet.send(connection, row.gateway, command, now)
    connection.execute(update(alarm).where(alarm.c.id == occurrence).values(asked_at=now, asked_by=actor))
    return True


def _alarm(connection: Connection, occurrence: str) -> Row[Any]:
    row = connection.execute(select(alarm).where(alarm.c.id == occurrence)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_alarm", f"alarm {occurrence} is not known")
    return row


def release_holds(connection: Connection, fact: ledger.Fact, numbers: Sequence[int], actor: str, now: datetime) -> int:
    """Make held goods available again after a person has judged them; returns how many holds were released now.

    Raises: NotFoundError. ConflictError: the room is still out of limits. InsufficientStockError: the goods are not on hold there any more.
    """
    ledger.lock(connection, {(row.place.partition("/")[0], row.item) for row in _holds(connection, numbers)})
    rows = [row for row in _holds(connection, numbers) if row.state == "held"]
    if not rows or ledger.record(connection, fact, now).already:
        return 0
    for row in {row.alarm: row for row in rows}.values():
        _must_be_back(connection, row)
    stock = [(rules.Stock(row.place, row.item, row.lot, row.owner, row.unit, row.quantity, 0), row.quantity) for row in rows]
    _restate(connection, fact.id, stock, "hold", "available", now)
    released = {"state": "released", "released_at": now, "released_by": actor}
    connection.execute(update(hold).where(hold.c.id.in_([row.id for row in rows])).values(**released))
    return len(rows)


def _holds(connection: Connection, numbers: Sequence[int]) -> Sequence[Row[Any]]:
    """Each of these holds once, in the order of their numbers. Raises: NotFoundError."""
    rows = connection.execute(select(hold).where(among(connection, hold.c.id, sorted(set(numbers)))).order_by(hold.c.id)).all()
    if unknown := sorted(set(numbers) - {row.id for row in rows}):
        raise NotFoundError("unknown_hold", f"hold {unknown[0]} is not known")
    return rows


def _must_be_back(connection: Connection, row: Row[Any]) -> None:
    occurrence = _alarm(connection, row.alarm)
    if occurrence.state in ("unacknowledged", "acknowledged"):
        text = f"hold {row.id}: {occurrence.station} is still out of limits since {occurrence.raised_at:%Y-%m-%d %H:%M} UTC; move the goods or wait"
        raise ConflictError("room_out_of_limits", text)
