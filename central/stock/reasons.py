# SPDX-License-Identifier: Apache-2.0
"""Reasons that people give, and the limits of a site or an item."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, select

from central.catalog.tables import reason
from central.database import insert_or_leave
from central.errors import DomainError, NotFoundError
from central.stock.rules import HOUSE_REASONS, Limits, limits_for
from central.stock.tables import stock_rule


def check_reason(connection: Connection, code: str, kinds: Collection[str]) -> None:
    """Raises: NotFoundError: nobody knows the reason. DomainError: it is a reason for something else."""
    kind = connection.execute(select(reason.c.kind).where(reason.c.code == code)).scalar() or HOUSE_REASONS.get(code)
    if kind is None:
        raise NotFoundError("unknown_reason", f"reason {code} is not known; add it to the catalog, or choose one of {', '.join(HOUSE_REASONS)}")
    if kind not in kinds:
        raise DomainError("reason_of_other_kind", f"{code} is a reason for {kind}, not for {' or '.join(sorted(kinds))}")


def limits_of(connection: Connection, site: str, item: str) -> Limits:
    """The limits that count for an item at a site."""
    mine = stock_rule.c.site.in_(("", site)) & stock_rule.c.item.in_(("", item))
    return limits_for(limit_rows(connection, mine), site, item)


def limit_rows(connection: Connection, where: Any = None) -> list[tuple[str, str, Limits]]:
    """Rules as (site, item, limits)."""
    query = select(stock_rule) if where is None else select(stock_rule).where(where)
    return [(row.site, row.item, Limits(row.near_expiry_days, row.loss_quantity_max, row.loss_value_minor_max)) for row in connection.execute(query)]


def keep_limits(connection: Connection, rows: Sequence[tuple[str, str, Limits]]) -> None:
    """Add or change rules; the key is site and item, empty for all."""
    for site, item, limits in rows:
        values = {
            "near_expiry_days": limits.near_expiry_days,
            "loss_quantity_max": limits.loss_quantity_max,
            "loss_value_minor_max": limits.loss_value_minor_max,
        }
        statement = insert_or_leave(connection, stock_rule).values(site=site, item=item, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=[stock_rule.c.site, stock_rule.c.item], set_=values))
