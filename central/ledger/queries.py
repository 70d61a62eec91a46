# SPDX-License-Identifier: Apache-2.0
"""Reading the ledger: balances, the history of an account, totals of virtual places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from central.ledger.rules import NO_EXPIRY
from central.ledger.tables import balance, entry, event
from central.paging import Page, down, page, up


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds. `expiry` is None for goods that do not expire."""

    place: str
    item: str
    lot: str
    owner: str
    status: str
    unit: str
    on_hand: int
    reserved: int
    expiry: date | None
    in_date: datetime
    pick_rank: int

    @property
    def free(self) -> int:
        """What is not reserved."""
        return self.on_hand - self.reserved


def balances(
    connection: Connection,
    *,
    site: str | None = None,
    place: str | None = None,
    item: str | None = None,
    lot: str | None = None,
    status: str | None = None,
    unit: str | None = None,
    limit: int | None = None,
) -> list[Balance]:
    """Balances that fit all filters given, ordered by item and FEFO."""
    query = select(balance).order_by(balance.c.item, balance.c.expiry, balance.c.in_date, balance.c.pick_rank, balance.c.id).limit(limit)
    for name, value in (("site", site), ("place", place), ("item", item), ("lot", lot), ("status", status), ("unit", unit)):
        if value is not None:
            query = query.where(balance.c[name] == value)
    return [_balance(row) for row in connection.execute(query)]


def balance_page(connection: Connection, filters: Mapping[str, str | None], after: str | None, limit: int) -> Page[dict[str, Any]]:
    """As `balances`, in pages; each with `free`, and `expiry` None for goods that do not expire. Raises: BadCursorError."""
    query = select(balance, (balance.c.on_hand - balance.c.reserved).label("free"))
    for name, value in filters.items():
        if value is not None:
            query = query.where(balance.c[name] == value)
    keys = [up(balance.c.item), up(balance.c.expiry), up(balance.c.in_date), up(balance.c.pick_rank), up(balance.c.id)]
    part: Page[dict[str, Any]] = page(connection, query, keys, after, limit)
    for row in part.items:
        row["expiry"] = None if row["expiry"] == NO_EXPIRY else row["expiry"]
    return part


def _balance(row: Any) -> Balance:
    return Balance(
        row.place,
        row.item,
        row.lot,
        row.owner,
        row.status,
        row.unit,
        row.on_hand,
        row.reserved,
        None if row.expiry == NO_EXPIRY else row.expiry,
        row.in_date,
        row.pick_rank,
    )


def totals(connection: Connection, site: str) -> dict[str, tuple[int, int]]:
    """(on hand, reserved) of each item at a site."""
    query = select(balance.c.item, func.sum(balance.c.on_hand).label("on_hand"), func.sum(balance.c.reserved).label("reserved"))
    rows = connection.execute(query.where(balance.c.site == site).group_by(balance.c.item))
    return {row.item: (int(row.on_hand), int(row.reserved)) for row in rows}


def history(
    connection: Connection, *, item: str, lot: str | None = None, place: str | None = None, after: str | None = None, limit: int = 200
) -> Page[dict[str, Any]]:
    """Entries with their events, newest first: position, kind, actor, occurred_at and the entry's columns. Raises: BadCursorError."""
    query: Select[Any] = select(event.c.position, event.c.kind, event.c.actor, event.c.occurred_at, event.c.recorded_at, entry)
    query = query.join(event, event.c.id == entry.c.event_id).where(entry.c.item == item)
    if lot is not None:
        query = query.where(entry.c.lot == lot)
    if place is not None:
        query = query.where(entry.c.place == place)
    return page(connection, query, [down(event.c.position), up(entry.c.n)], after, limit)


def rebuilt(connection: Connection) -> Iterator[Any]:
    """Quantities by account at real places, summed from the entries; zero sums are left out."""
    account = (entry.c.place, entry.c.item, entry.c.lot, entry.c.owner, entry.c.status, entry.c.unit)
    total = func.sum(entry.c.quantity)
    query = select(*account, total.label("quantity")).where(~entry.c.place.startswith("@")).group_by(*account).having(total != 0)
    yield from connection.execute(query)
