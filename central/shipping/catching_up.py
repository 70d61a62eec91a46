# SPDX-License-Identifier: Apache-2.0
"""What became of orders where nobody knows of packages (at a light, in the office), and what shipping makes of it. Looked for now and then by the courier.

Each function that changes something works on one order in a transaction of its own, and looks again whether it is still so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, select, text

from central.exceptions import service as exceptions
from central.facts import document_id
from central.ledger import service as ledger
from central.outbound.service import order_by_id
from central.outbound.tables import customer_order
from central.shipping import dispatch, loads, packing, placement
from central.shipping.dispatch import Dock
from central.shipping.tables import OPEN_STATES, STAYING_STATES, carrier_order, package


def shipped(connection: Connection, at_most: int) -> Sequence[str]:
    """Orders that left without a scan (by the office, or with their last pick) and whose packages do not know it."""
    return connection.execute(_staying("shipped").distinct().limit(at_most)).scalars().all()


def _staying(order_state: str) -> Select[Any]:
    # The states as text and not as parameters: only so is the index over what stays used by every plan.
    query = select(package.c.order_id).join(customer_order, customer_order.c.id == package.c.order_id)
    return query.where(text(STAYING_STATES), customer_order.c.state == order_state)


def take_packages_along(connection: Connection, order_id: str, now: datetime) -> None:
    """The packages of an order that left are gone with it."""
    site = order_by_id(connection, order_id).site
    packing.hold_packing(connection, order_id, site, now)
    fact_id = document_id("PackagesLeft", order_id, now.isoformat())
    ledger.record(connection, ledger.Fact(fact_id, "dockline", None, "PackagesLeft", b"{}", "dockline", now, site), now)
    dispatch.order_shipped(connection, fact_id, order_id, now)


def loaded(connection: Connection, at_most: int) -> Sequence[str]:
    """Orders that are on the vehicle to the last piece and did not leave: their last pick was answered after the scan, with nothing more to pack.

    What a person was asked about is left to that person, what stands on a vehicle at a door with a timetable to the close of its load.
    """
    other, aboard = package.alias(), package.alias()
    here = exists().where(other.c.order_id == customer_order.c.id, other.c.state.in_(("open", "closed")))
    query = _staying("picked").where(package.c.state == "loaded", ~here).add_columns(customer_order.c.number, customer_order.c.site).distinct()
    query = query.where(~exists().where(aboard.c.order_id == customer_order.c.id, aboard.c.sscc.in_(loads.standing_at_doors())))
    # Counted after the look and not before it: orders that a person was asked about would stand in the way of all others.
    rows = connection.execute(query.order_by(package.c.order_id)).all()
    asked = _asked_about(connection, rows)
    leaving = (row.order_id for row in rows if row.order_id not in asked and not packing.left_of(connection, row.order_id))
    return list(islice(leaving, at_most))


def _asked_about(connection: Connection, rows: Sequence[Row[Any]]) -> set[str]:
    numbers: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        numbers[row.site].append(row.number)
    asked = {site: exceptions.open_about(connection, ("ship_refused",), mine, site) for site, mine in numbers.items()}
    return {row.order_id for row in rows if row.number in asked[row.site]}


def leave(connection: Connection, order_id: str, now: datetime) -> None:
    """An order that is on the vehicle to the last piece is shipped."""
    order = order_by_id(connection, order_id)
    packing.hold_packing(connection, order_id, order.site, now)
    fact_id = document_id("OrderLeftLoaded", order_id, now.isoformat())
    ledger.record(connection, ledger.Fact(fact_id, "dockline", None, "OrderShipped", b"{}", "dockline", now, order.site), now)
    dispatch.ship_when_complete(connection, Dock(fact_id, order.site, "", now), order_id)


def cancelled(connection: Connection, at_most: int) -> Sequence[str]:
    """Carriers' orders for orders that were cancelled since. A carrier that would not take one back (its fault says so) is not asked again."""
    said_no = (carrier_order.c.state != "requested") & (carrier_order.c.fault != "")
    mine = carrier_order.c.state.in_(placement.NOT_COLLECTED) & carrier_order.c.cancel_wanted.is_(False) & ~said_no
    query = select(carrier_order.c.id).join(customer_order, customer_order.c.id == carrier_order.c.order_id)
    return connection.execute(query.where(text(OPEN_STATES), mine, customer_order.c.state == "cancelled").limit(at_most)).scalars().all()
