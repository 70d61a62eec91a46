# SPDX-License-Identifier: Apache-2.0
"""Picked orders leave, many in one transaction: their goods go from the stage to the customer. The fences of all their items are held by the caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, func, select

from central.bulk import among, update_rows
from central.catalog import service as catalog
from central.database import micros
from central.exceptions import service as exceptions
from central.ledger import leaving
from central.ledger import service as ledger
from central.ledger.rules import CUSTOMER
from central.outbound import backorders, picked_serials
from central.outbound.tables import customer_order, order_line, pick_task
from central.webhooks.service import Happening, emit_all


class Departing(Protocol):
    """What is asked of an order."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def site(self) -> str:
        """Where it leaves."""
        ...

    @property
    def channel(self) -> str:
        """Where it came from."""
        ...

    @property
    def number(self) -> str:
        """What the channel calls it."""
        ...


def ship_picked(connection: Connection, going: Sequence[tuple[str, Departing]], now: datetime) -> None:
    """Ship (fact id, picked order), each by its own fact; what of an order was not sent follows or is dropped, as it says.

    Raises: InsufficientStockError: goods at the stage are on hold or gone. DomainError: the site has no stage. The caller then undoes what was begun.
    """
    mine = [order.id for _, order in going]
    taken = _taken(connection, mine)
    stages = {site: catalog.stage_of(connection, site) for site in sorted({order.site for _, order in going})}
    # Nothing new as a rule; a line that came after the fences were taken brings its own.
    ledger.lock(connection, {(order.site, row.item) for _, order in going for row in taken[order.id]})
    stands = leaving.places_of(connection, {row.unit for rows in taken.values() for row in rows})
    postings = [(fact_id, _legs(taken[order.id], stages[order.site], stands)) for fact_id, order in going]
    ledger.post_many(connection, postings)
    picked_serials.leave(connection, going, taken, now)
    for fact_id, legs in postings:
        if units := {leg.account.unit for leg in legs if leg.account.unit}:
            leaving.shipped(connection, fact_id, units)
    update_rows(connection, customer_order, "id", ("state", "shipped_at"), [(order_id, "shipped", micros(now)) for order_id in mine])
    tell(connection, "order.shipped", [order for _, order in going], now)
    subjects = [(f"{order.channel}/{order.number}", order.site) for _, order in going]
    exceptions.settle_many(connection, ("order_at_risk", "order_late"), subjects, "shipped", now)
    parted = select(order_line.c.order_id).distinct().where(among(connection, order_line.c.order_id, mine), order_line.c.quantity > order_line.c.picked)
    for order_id in sorted(connection.execute(parted).scalars()):
        backorders.part_rest(connection, order_id, now)


def tell(connection: Connection, what: str, orders: Sequence[Departing], now: datetime) -> None:
    """Tell webhooks what became of orders."""
    emit_all(connection, [Happening(what, each.id, {"channel": each.channel, "number": each.number}, each.site) for each in orders], now)


def _taken(connection: Connection, order_ids: Sequence[str]) -> dict[str, list[Any]]:
    key = (pick_task.c.order_id, pick_task.c.item, pick_task.c.lot, pick_task.c.owner, pick_task.c.unit)
    query = select(*key, func.sum(pick_task.c.taken).label("quantity")).where(among(connection, pick_task.c.order_id, order_ids), pick_task.c.taken > 0)
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query.group_by(*key)):
        found[row.order_id].append(row)
    return found


def _legs(rows: Sequence[Any], stage: str, stands: dict[str, str]) -> list[ledger.Leg]:
    """A unit that came along to the stage, or that the register does not know, lies there with its goods; off any other they were picked piece by piece."""
    legs = []
    for row in rows:
        unit = row.unit if stands.get(row.unit, stage) == stage else ""
        account = ledger.Account(stage, row.item, row.lot, row.owner, "available", unit)
        legs += [ledger.Leg(account, -int(row.quantity)), ledger.Leg(account.at(CUSTOMER), int(row.quantity))]
    return legs
