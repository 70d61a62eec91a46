# SPDX-License-Identifier: Apache-2.0
"""What an order line asks of the ledger: whose goods, how long they must keep, which leave first, in which packagings."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import Connection, select

from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.ledger import service as ledger
from central.ledger.rules import Rule
from central.outbound import promise
from central.outbound.tables import customer_order, order_line

_LINE = (
    select(order_line.c.item, order_line.c.min_expiry_days, customer_order.c.site, customer_order.c.owner, catalog_item.c.removal)
    .join(customer_order, customer_order.c.id == order_line.c.order_id)
    .join(catalog_item, catalog_item.c.code == order_line.c.item)
)


def demand_of(connection: Connection, line_id: str, quantity: int, now: datetime) -> ledger.Demand:
    """`quantity` more for a line, under the terms of its order."""
    row = connection.execute(_LINE.where(order_line.c.id == line_id)).one()
    sizes = tuple(each.quantity for each in catalog.packagings_of(connection, [row.item])[row.item])
    until = keep_until(promise.today_of(catalog.site_of(connection, row.site), now), row.min_expiry_days, now)
    return ledger.Demand(line_id, row.site, row.item, quantity, until, cast("Rule", row.removal), row.owner, sizes)


def keep_until(today: date, keep_days: int, now: datetime) -> date | None:
    """How long goods that leave on a site's day must keep; None: what the ledger asks anyway, that they are not expired by the UTC day."""
    return today + timedelta(days=keep_days) if keep_days or today > now.date() else None
