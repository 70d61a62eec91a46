# SPDX-License-Identifier: Apache-2.0
"""Use cases of waves: plan, release, change, cancel. A wave is a set of orders that go to the floor together. Each runs inside the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from central.catalog.tables import item as catalog_item
from central.catalog.tables import location
from central.catalog.tables import partner as partner_table
from central.errors import ConflictError, DomainError, NotFoundError
from central.facts import document_id
from central.ledger import service as ledger
from central.ledger.rules import Fact
from central.ledger.tables import balance
from central.outbound import backorders, order_rows, picking, promise, tours, wave_rules
from central.outbound.release import release_orders
from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, order_line, pick_task, wave
from central.outbound.wave_documents import CANDIDATES_MAX, Criteria
from central.outbound.wave_rules import Candidate, Chosen, Limits
from central.webhooks.service import emit


@dataclass(frozen=True)
class Preview:
    """A wave as it would be: the chosen orders' rows, most urgent first, and what the rules say of them."""

    orders: tuple[Row[Any], ...]
    chosen: Chosen
    numbers: Mapping[str, str]


def preview(connection: Connection, criteria: Criteria, now: datetime) -> Preview:
    """Which orders would go into a wave now; nothing is written."""
    rows = sorted(connection.execute(_wanted(criteria)).all(), key=order_rows.urgency)
    refused = order_rows.refusals(connection, rows, now)
    rows = [row for row in rows if row.id not in refused]
    candidates = _candidates(connection, criteria.site, rows)
    if criteria.zones:
        candidates = [each for each in candidates if set(each.zones) <= set(criteria.zones)]
    chosen = wave_rules.choose(candidates, _limits(connection, criteria))
    by_id = {row.id: row for row in rows}
    return Preview(tuple(by_id[each.order_id] for each in chosen.orders), chosen, {row.id: row.number for row in rows})


def _wanted(criteria: Criteria) -> Select[Any]:
    query = select(customer_order).where(
        customer_order.c.site == criteria.site,
        customer_order.c.state == "open",
        customer_order.c.held == "",
        ~customer_order.c.waits,
        customer_order.c.wave_id.is_(None),
        customer_order.c.priority <= criteria.priority_until,
    )
    for column, values in ((customer_order.c.carrier, criteria.carriers), (customer_order.c.channel, criteria.channels)):
        query = query.where(column.in_(values)) if values else query
    if criteria.groups:
        query = query.where(customer_order.c.partner.in_(select(partner_table.c.code).where(partner_table.c.grp.in_(criteria.groups))))
    if criteria.due_from is not None:
        query = query.where(customer_order.c.due_at >= criteria.due_from)
    if criteria.due_until is not None:
        query = query.where(customer_order.c.due_at <= criteria.due_until)
    if criteria.owner is not None:
        query = query.where(customer_order.c.owner == criteria.owner)
    return query.order_by(customer_order.c.priority, customer_order.c.due_at, customer_order.c.created_at).limit(CANDIDATES_MAX)


def _candidates(connection: Connection, site: str, rows: Sequence[Row[Any]]) -> list[Candidate]:
    """Orders with their lines by likely zone; an order of which nothing is promised has nothing to pick and is left out."""
    lines = order_rows.lines_of(connection, [row.id for row in rows])
    items = {line.item for mine in lines.values() for line in mine}
    zones, volumes = _zones_of(connection, site, items), _volumes_mm3(connection, items)
    made = []
    for row in rows:
        wanted = [line for line in lines[row.id] if line.quantity and line.promised]
        by_zone: dict[str, int] = defaultdict(int)
        for line in wanted:
            by_zone[zones.get(line.item, "")] += 1
        volume = sum(volumes.get(line.item, 0) * line.quantity for line in wanted)
        if wanted:
            made.append(Candidate(row.id, dict(by_zone), volume // 1000))
    return made


def _zones_of(connection: Connection, site: str, items: Collection[str]) -> dict[str, str]:
    """Where each item is likely to be picked: the zone of the pickable stock that goes first by expiry and age."""
    found: dict[str, str] = {}
    for part in order_rows.chunks(items):
        query = (
            select(balance.c.item, location.c.zone)
            .join(location, location.c.place == balance.c.place)
            .where(balance.c.site == site, balance.c.item.in_(part), balance.c.status == "available", balance.c.pickable)
            .where(balance.c.on_hand > balance.c.reserved)
            .order_by(balance.c.item, balance.c.expiry, balance.c.in_date, balance.c.pick_rank, balance.c.id)
        )
        for row in connection.execute(query):
            found.setdefault(row.item, row.zone)
    return found


def _volumes_mm3(connection: Connection, items: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in order_rows.chunks(items):
        sizes = select(catalog_item.c.code, *(catalog_item.c[name] for name in ("length_mm", "width_mm", "height_mm"))).where(catalog_item.c.code.in_(part))
        found |= {row.code: (row.length_mm or 0) * (row.width_mm or 0) * (row.height_mm or 0) for row in connection.execute(sizes)}
    return found


def _limits(connection: Connection, criteria: Criteria) -> Limits:
    waiting = select(pick_task.c.zone, func.count().label("tasks")).where(pick_task.c.site == criteria.site, pick_task.c.state.in_(OPEN_STATES))
    busy = {row.zone: row.tasks for row in connection.execute(waiting.group_by(pick_task.c.zone))} if criteria.zone_lines_per_hour else {}
    free = {zone: max(0, int(rate * criteria.hours) - busy.get(zone, 0)) for zone, rate in criteria.zone_lines_per_hour.items()}
    return Limits(criteria.orders_max, criteria.lines_max, criteria.volume_cm3_max, free)


def plan_wave(connection: Connection, fact: ledger.Fact, criteria: Criteria, now: datetime) -> int | None:
    """Plan a wave; returns its number, or None when no order fits. The same fact again gives the same wave.

    An order that another planner took meanwhile is not taken twice.
    """
    if ledger.record(connection, fact, now).already:
        number: int | None = connection.execute(select(wave.c.id).where(wave.c.event_id == fact.id)).scalar()
        return number
    planned = preview(connection, criteria, now)
    return _keep(connection, fact, criteria, planned, now) if planned.orders else None


def _keep(connection: Connection, fact: ledger.Fact, criteria: Criteria, planned: Preview, now: datetime) -> int | None:
    values = {"event_id": fact.id, "site": criteria.site, "name": criteria.name, "criteria": criteria.model_dump(mode="json"), "mode": criteria.mode}
    number = int(connection.execute(insert(wave).values(**values, created_at=now).returning(wave.c.id)).scalar_one())
    taken = _take(connection, number, [row.id for row in planned.orders])
    lines = sum(each.lines for each in planned.chosen.orders if each.order_id in taken)
    state = {} if taken else {"state": "cancelled"}
    connection.execute(update(wave).where(wave.c.id == number).values(orders=len(taken), lines=lines, **state))
    return number if taken else None


def _take(connection: Connection, number: int, order_ids: Sequence[str]) -> set[str]:
    """Put orders that are still free into a wave; returns those that were."""
    taken: set[str] = set()
    for part in order_rows.chunks(order_ids):
        free = customer_order.c.id.in_(part) & customer_order.c.wave_id.is_(None) & (customer_order.c.state == "open") & (customer_order.c.held == "")
        taken |= set(connection.execute(update(customer_order).where(free).values(wave_id=number).returning(customer_order.c.id)).scalars())
    return taken


def plan_waves(connection: Connection, fact: ledger.Fact, criteria: Criteria, waves_max: int, now: datetime) -> list[int]:
    """Plan waves until no order is left that fits one, most urgent first, each within the limits; returns their numbers. The same fact gives the same waves."""
    if ledger.record(connection, fact, now).already:
        ids = [_part_id(fact, n) for n in range(waves_max)]
        return list(connection.execute(select(wave.c.id).where(wave.c.event_id.in_(ids)).order_by(wave.c.id)).scalars())
    made: list[int] = []
    for n in range(waves_max):
        part = Fact(_part_id(fact, n), fact.source, None, "WavePlanned", fact.body, fact.actor, now, criteria.site)
        number = plan_wave(connection, part, criteria, now)
        if number is None:
            break
        made.append(number)
    return made


def _part_id(fact: ledger.Fact, n: int) -> str:
    return document_id("WaveOfPlan", fact.id, str(n))


def wave_of(connection: Connection, number: int) -> Row[Any]:
    """A wave's row. Raises: NotFoundError."""
    row = connection.execute(select(wave).where(wave.c.id == number)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_wave", f"wave {number} is not known")
    return row


def _orders_in(connection: Connection, number: int) -> list[str]:
    return list(connection.execute(select(customer_order.c.id).where(customer_order.c.wave_id == number)).scalars())


def _locked(connection: Connection, number: int) -> tuple[Row[Any], list[str]]:
    """A wave and its orders with the fences of all their items held."""
    wave_of(connection, number)
    order_rows.lock_orders(connection, _orders_in(connection, number))
    return wave_of(connection, number), _orders_in(connection, number)


def release_wave(connection: Connection, fact: ledger.Fact, number: int, now: datetime) -> dict[str, str]:
    """Send a wave to the floor: goods are reserved order by order, most urgent first, and its walks are planned. Released already changes nothing.

    Returns why orders could not be released, by id; they leave the wave. Raises: NotFoundError. ConflictError: cancelled, or done.
    """
    row, ids = _locked(connection, number)
    if row.state == "released":
        return {}
    _must_be(row, "planned")
    ledger.record(connection, fact, now)
    return _send(connection, fact, row, ids, now)


def _send(connection: Connection, fact: ledger.Fact, row: Row[Any], ids: Sequence[str], now: datetime) -> dict[str, str]:
    ordered = [order.id for order in order_rows.orders_of(connection, ids)]
    asked = [(_release_fact(fact, order_id, row.site, now), order_id) for order_id in ordered]
    done = dict(zip(ordered, release_orders(connection, asked, now), strict=True))
    refused = {order_id: result.message for order_id, result in done.items() if isinstance(result, DomainError)}
    _leave(connection, refused)
    values = {"state": "released", "released_at": row.released_at or now}
    connection.execute(update(wave).where(wave.c.id == row.id).values(**values))
    recount(connection, row.id)
    tours.make_tours(connection, fact.id, row.id, now)
    if row.state == "planned":
        emit(connection, "wave.released", str(row.id), {"orders": len(ordered) - len(refused), "name": row.name, "mode": row.mode}, now, row.site)
    return refused


def _release_fact(fact: ledger.Fact, order_id: str, site: str, now: datetime) -> Fact:
    return Fact(document_id("OrderReleasedInWave", fact.id, order_id), fact.source, None, "OrderReleased", b"{}", fact.actor, now, site)


def _leave(connection: Connection, order_ids: Collection[str]) -> None:
    for part in order_rows.chunks(order_ids):
        connection.execute(update(customer_order).where(customer_order.c.id.in_(part)).values(wave_id=None))


def recount(connection: Connection, number: int) -> None:
    """Count the orders and lines of a wave again, after one of them came, left or changed."""
    mine = customer_order.c.wave_id == number
    orders = select(func.count()).select_from(customer_order).where(mine).scalar_subquery()
    joined = order_line.join(customer_order, customer_order.c.id == order_line.c.order_id)
    lines = select(func.count()).select_from(joined).where(mine, order_line.c.quantity > 0).scalar_subquery()
    connection.execute(update(wave).where(wave.c.id == number).values(orders=orders, lines=lines))


def _must_be(row: Row[Any], *states: str) -> None:
    if row.state not in states:
        raise ConflictError("wave_closed", f"wave {row.id} is {row.state}; this needs it to be {' or '.join(states)}")


def add_order(connection: Connection, fact: ledger.Fact, number: int, order_id: str, now: datetime) -> None:
    """Put an order into a wave; into one that is released it goes to the floor at once. There already changes nothing.

    Raises: NotFoundError. ConflictError: another site or wave, held, or not open; the wave is done or cancelled.
    """
    order_rows.lock_orders(connection, [order_id])
    row, order = wave_of(connection, number), order_rows.order_of(connection, order_id)
    if order.wave_id == number:
        return
    _must_be(row, "planned", "released")
    if order.site != row.site:
        raise ConflictError("other_site", f"order {order.number} is sent from {order.site or 'several sites'}, wave {number} is of {row.site}")
    ledger.record(connection, fact, now)
    if order_id not in _take(connection, number, [order_id]):
        why = f"held ({order.held})" if order.held else f"in wave {order.wave_id}" if order.wave_id else order.state
        raise ConflictError("order_not_free", f"order {order.number} is {why}; it cannot go into wave {number}")
    recount(connection, number)
    if row.state == "released":
        _send(connection, fact, row, [order_id], now)


def remove_order(connection: Connection, fact: ledger.Fact, number: int, order_id: str, now: datetime) -> None:
    """Take an order out of a wave that is not released. Not in it changes nothing. Raises: NotFoundError. ConflictError."""
    order_rows.lock_orders(connection, [order_id])
    row, order = wave_of(connection, number), order_rows.order_of(connection, order_id)
    if order.wave_id != number:
        return
    _must_be(row, "planned")
    ledger.record(connection, fact, now)
    _leave(connection, [order_id])
    recount(connection, number)


def cancel_wave(connection: Connection, fact: ledger.Fact, number: int, now: datetime) -> None:
    """Cancel a wave: its orders are free again, promised anew; of one at work only those of which nothing is picked. Cancelled already changes nothing.

    Raises: NotFoundError. ConflictError: done.
    """
    row, ids = _locked(connection, number)
    if row.state == "cancelled":
        return
    _must_be(row, "planned", "released")
    ledger.record(connection, fact, now)
    lines = order_rows.lines_of(connection, ids)
    untouched = [order for order in order_rows.orders_of(connection, ids) if not any(line.picked for line in lines[order.id])]
    _leave(connection, [order.id for order in untouched])
    for order in untouched:
        if order.state in ("released", "unfilled"):
            _call_back(connection, fact, order, now)
    state = "cancelled" if len(untouched) == len(ids) else row.state
    connection.execute(update(wave).where(wave.c.id == number).values(state=state))
    recount(connection, number)


def _call_back(connection: Connection, fact: ledger.Fact, order: Row[Any], now: datetime) -> None:
    """An order at which nobody has picked yet comes back from the floor and is promised anew."""
    picking.cancel_tasks(connection, fact.id, order.id, now)
    connection.execute(update(customer_order).where(customer_order.c.id == order.id).values(state="open", released_at=None, colour=""))
    connection.execute(update(order_line).where(order_line.c.order_id == order.id).values(short=0))
    promise.forget(connection, [order.id])
    backorders.promise_anew(connection, order.id, now)
