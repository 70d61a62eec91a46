# SPDX-License-Identifier: Apache-2.0
"""Use cases of picking: make and light tasks, take confirmations, short picks and surprises. Each runs inside the caller's transaction.

A short pick says that the bin is empty, whatever the books say. What the books still hold there unreserved goes to inspection, so that neither a
promise nor a reservation counts on it until somebody has counted the bin; the rest of the line is reserved elsewhere, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.catalog import service as catalog
from central.errors import NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.fleet import service as fleet
from central.fleet.tables import gateway as fleet_gateway
from central.ledger import service as ledger
from central.ledger.tables import balance
from central.outbound import rules
from central.outbound.tables import customer_order, order_line, pick_task
from contracts.commands import CancelTasks, LightTasks, PickTask
from contracts.quantities import Quantity

LIGHT_DEADLINE = timedelta(hours=1)
"""A gateway that is away longer than this gets the order from the list instead: the zone is picked by hand by then (guessed)."""
LIGHT_PREFIX = "light:"
CANCEL_PREFIX = "cancel:"


@dataclass(frozen=True)
class Place:
    """Where a confirmation came from: the recorded fact, the site and the station (a screen's name when no light said it)."""

    fact_id: str
    site: str
    station: str
    now: datetime


def tasks_of(connection: Connection, order_id: str) -> list[rules.Task]:
    """All pick tasks of an order."""
    rows = connection.execute(select(pick_task).where(pick_task.c.order_id == order_id))
    return [_as_task(row) for row in rows]


def _as_task(row: Row[Any]) -> rules.Task:
    return rules.Task(row.id, row.state, row.requested, row.taken)


def outstanding(connection: Connection, line: Row[Any]) -> int:
    """What of a line is neither picked nor asked for by an open task."""
    asked = select(func.coalesce(func.sum(pick_task.c.requested), 0)).where(pick_task.c.line_id == line.id, pick_task.c.state.in_(rules.OPEN_STATES))
    return int(line.quantity) - int(line.picked) - int(connection.execute(asked).scalar_one())


def colour_for(connection: Connection, site: str) -> str:
    """The colour for the next order of a site: the one that fewest orders in work carry."""
    in_use = select(customer_order.c.colour).where(customer_order.c.site == site, customer_order.c.state == "released")
    return rules.next_colour(connection.execute(in_use).scalars())


def note_short(connection: Connection, fact_id: str, line_id: str, now: datetime) -> None:
    """Keep what of a line no task asks for, and ask a person about it; when nothing is short any more, nobody needs to look."""
    line = connection.execute(select(order_line).where(order_line.c.id == line_id)).one()
    short = outstanding(connection, line)
    connection.execute(update(order_line).where(order_line.c.id == line.id).values(short=short))
    order = connection.execute(select(customer_order).where(customer_order.c.id == line.order_id)).one()
    subject = f"{order.number}/{line.n}"
    if short:
        told = message("order_short", order=order.number, short=short, ordered=line.quantity, item=line.item, site=order.site)
        exceptions.ask_person(connection, told, subject, fact_id, now, site=order.site)
    else:
        exceptions.settle(connection, ("order_short",), subject, order.site, "reserved", now)


def make_tasks(connection: Connection, fact_id: str, order_id: str, reservations: Sequence[ledger.Reservation], now: datetime, *, second_try: bool) -> None:
    """One pick task for each reservation, lit by the gateway of its zone."""
    order = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).one()
    rows = [_task_row(connection, order, each, now, second_try=second_try) for each in reservations]
    if rows:
        connection.execute(insert(pick_task), rows)
    light = sorted((row for row in rows if row["state"] == "lit"), key=lambda row: (row["gateway"], row["station"]))
    for (gateway, station), tasks in groupby(light, key=lambda row: (row["gateway"], row["station"])):
        _light(connection, fact_id, order, gateway, station, list(tasks), now)
    _tell_unlit(connection, fact_id, order, rows, now)


def _task_row(connection: Connection, order: Row[Any], each: ledger.Reservation, now: datetime, *, second_try: bool) -> dict[str, Any]:
    account = each.account
    location = catalog.location_by_place(connection, account.place)
    zone = catalog.zone_of(connection, order.site, location.zone) if location.zone else None
    lit = zone is not None and bool(zone.gateway) and _speaks(connection, zone.gateway)
    return {
        "id": each.id,
        "order_id": order.id,
        "line_id": each.line_id,
        "reservation_id": each.id,
        "site": order.site,
        "zone": location.zone,
        "gateway": zone.gateway if lit and zone else "",
        "station": zone.station if lit and zone else "",
        "place": account.place,
        "bin": location.code,
        "item": account.item,
        "lot": account.lot,
        "owner": account.owner,
        "unit": account.unit,
        "requested": each.quantity,
        "state": "lit" if lit else "listed",
        "second_try": second_try,
        "colour": order.colour,
        "created_at": now,
    }


def _speaks(connection: Connection, gateway: str) -> bool:
    return connection.execute(select(fleet_gateway.c.id).where(fleet_gateway.c.id == gateway)).scalar() is not None


def _light(connection: Connection, fact_id: str, order: Row[Any], gateway: str, station: str, rows: Iterable[dict[str, Any]], now: datetime) -> None:
    tasks = [
        PickTask(
            task_id=row["id"],
            bin=row["bin"],
            item=row["item"],
            quantity=Quantity(row["requested"], catalog.item_by_code(connection, row["item"]).uom),
            lot=row["lot"],
            order=order.number,
            colour=row["colour"],
        )
        for row in rows
    ]
    command = LightTasks(command_id=f"{LIGHT_PREFIX}{fact_id}:{station}", station=station, deadline_at=now + LIGHT_DEADLINE, tasks=tasks)
    fleet.send(connection, gateway, command, now)


def _tell_unlit(connection: Connection, fact_id: str, order: Row[Any], rows: Sequence[dict[str, Any]], now: datetime) -> None:
    by_zone = sorted(row["zone"] for row in rows if row["state"] == "listed")
    for zone, tasks in groupby(by_zone):
        told = message("lights_not_reached", order=order.number, zone=zone or "-", site=order.site, count=len(list(tasks)))
        exceptions.ask_person(connection, told, f"{order.number}/{zone}", fact_id, now, site=order.site, priority=4)


def confirm_pick(connection: Connection, spot: Place, task_id: str, quantity: int) -> rules.PickOutcome:
    """Take the answer to a pick task: post what was taken to the stage, give the rest back, and ask a person where the floor and the books differ.

    A task is answered once; the same answer again changes nothing. Raises: NotFoundError: no such task.
    """
    seen = _task_by_id(connection, spot, task_id)
    items = connection.execute(select(order_line.c.item).where(order_line.c.order_id == seen.order_id)).scalars()
    # All fences of the order at once: the last pick may ship the whole of it in this transaction.
    ledger.lock(connection, {(seen.site, item) for item in items})
    task = _task_by_id(connection, spot, task_id)
    outcome = rules.judge_pick(_as_task(task), quantity)
    order = connection.execute(select(customer_order).where(customer_order.c.id == task.order_id)).one()
    if outcome.verdict in ("full", "short", "over"):
        _book_pick(connection, spot, task, outcome)
    if outcome.verdict == "short":
        _go_elsewhere(connection, spot, task, order, outcome)
    _tell_surprise(connection, spot, task, order, outcome, quantity)
    return outcome


def _task_by_id(connection: Connection, spot: Place, task_id: str) -> Row[Any]:
    row = connection.execute(select(pick_task).where(pick_task.c.id == task_id)).one_or_none()
    if row is None or row.site != spot.site:
        raise NotFoundError(
            "unknown_task", f"{spot.station}: pick task {task_id} was confirmed and is not known at {spot.site}; put the goods back and count the bin"
        )
    return row


def _book_pick(connection: Connection, spot: Place, task: Row[Any], outcome: rules.PickOutcome) -> None:
    ledger.take(connection, task.reservation_id, outcome.take, catalog.stage_of(connection, task.site), spot.fact_id)
    values = {"state": "short" if outcome.verdict == "short" else "done", "taken": outcome.take, "answered_at": spot.now}
    connection.execute(update(pick_task).where(pick_task.c.id == task.id).values(**values))
    connection.execute(update(order_line).where(order_line.c.id == task.line_id).values(picked=order_line.c.picked + outcome.take))


def _go_elsewhere(connection: Connection, spot: Place, task: Row[Any], order: Row[Any], outcome: rules.PickOutcome) -> None:
    doubtful = _doubt_bin(connection, spot, task)
    told = message(
        "pick_short",
        station=spot.station,
        taken=outcome.take,
        requested=task.requested,
        item=task.item,
        lot=task.lot or "-",
        bin=task.bin,
        order=order.number,
        doubtful=doubtful,
    )
    exceptions.ask_person(connection, told, f"{task.place}/{task.item}/{task.lot}", spot.fact_id, spot.now, site=spot.site, station=spot.station)
    if not task.second_try:
        demand = [ledger.Demand(task.line_id, task.site, task.item, outcome.give_back)]
        reservations = ledger.reserve(connection, spot.fact_id, demand, spot.now)
        make_tasks(connection, spot.fact_id, task.order_id, reservations, spot.now, second_try=True)
    note_short(connection, spot.fact_id, task.line_id, spot.now)


def _doubt_bin(connection: Connection, spot: Place, task: Row[Any]) -> int:
    """Move what the books still hold unreserved in the bin of a short pick to inspection; returns how much."""
    account = ledger.Account(task.place, task.item, task.lot, task.owner, "available", task.unit)
    where = [getattr(balance.c, name) == getattr(account, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    free: int | None = connection.execute(select(balance.c.on_hand - balance.c.reserved).where(*where)).scalar()
    if not free:
        return 0
    inspected = ledger.Account(account.place, account.item, account.lot, account.owner, "inspect", account.unit)
    ledger.post(connection, spot.fact_id, [ledger.Leg(account, -free), ledger.Leg(inspected, free)])
    return free


def _tell_surprise(connection: Connection, spot: Place, task: Row[Any], order: Row[Any], outcome: rules.PickOutcome, quantity: int) -> None:
    told: Message | None = None
    common: dict[str, str | int | float] = {"station": spot.station, "item": task.item, "order": order.number, "bin": task.bin}
    if outcome.verdict == "over":
        told = message("pick_over", taken=quantity, requested=task.requested, over=outcome.over, **common)
    elif outcome.verdict == "cancelled" and quantity:
        told = message("pick_after_cancel", taken=quantity, **common)
    elif outcome.verdict == "contradicted":
        told = message("pick_answered_twice", station=spot.station, task=task.id, first=task.taken, second=quantity, bin=task.bin)
    if told is not None:
        exceptions.ask_person(connection, told, task.id, spot.fact_id, spot.now, site=spot.site, station=spot.station)


def cancel_tasks(connection: Connection, fact_id: str, order_id: str, now: datetime) -> None:
    """Give back what the order's open tasks have reserved, and put out their lights."""
    rows = connection.execute(select(pick_task).where(pick_task.c.order_id == order_id, pick_task.c.state.in_(rules.OPEN_STATES))).all()
    for row in rows:
        ledger.release(connection, row.reservation_id, fact_id)
    connection.execute(update(pick_task).where(pick_task.c.id.in_([row.id for row in rows])).values(state="cancelled", answered_at=now))
    put_out(connection, fact_id, [row for row in rows if row.state == "lit"], now)


def put_out(connection: Connection, fact_id: str, rows: Sequence[Row[Any]], now: datetime) -> None:
    """Ask the gateways to put out the lights of these tasks."""
    ordered = sorted(rows, key=lambda row: (row.gateway, row.station, row.id))
    for (gateway, station), tasks in groupby(ordered, key=lambda row: (row.gateway, row.station)):
        ids = [task.id for task in tasks]
        command = CancelTasks(command_id=f"{CANCEL_PREFIX}{fact_id}:{station}", station=station, deadline_at=now + LIGHT_DEADLINE, task_ids=ids)
        fleet.send(connection, gateway, command, now)
