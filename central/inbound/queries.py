# SPDX-License-Identifier: Apache-2.0
"""Reading inbound: notices, passages, discrepancies, what is on a pallet, what is on its way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select, tuple_

from central.bulk import among
from central.catalog.tables import item as catalog_item
from central.inbound.notices import newest_of
from central.inbound.progress import arrived_at_of, progress_of, purchase_progress, window_of
from central.inbound.tables import (
    discrepancy,
    passage,
    purchase_line,
    receipt,
    ship_notice,
    ship_notice_line,
    ship_notice_nest,
    ship_notice_pallet,
)
from central.paging import Page, down, page


@dataclass(frozen=True)
class PalletContents:
    """What the books say lies on a received pallet: (item, quantity, unit weight in grams or None) and the pallet's own weight."""

    packed: tuple[tuple[str, int, int | None], ...]
    tare_g: int | None


def pallet_contents(connection: Connection, sscc: str) -> PalletContents | None:
    """Contents of an announced pallet as received so far; None for one that no notice names."""
    notice = newest_of(connection, sscc)
    pallet = connection.execute(select(ship_notice_pallet).where(ship_notice_pallet.c.sscc == sscc, ship_notice_pallet.c.notice == notice)).one_or_none()
    if pallet is None:
        return None
    rows = connection.execute(
        select(ship_notice_line.c.item, func.sum(ship_notice_line.c.received), catalog_item.c.unit_weight_g)
        .join(catalog_item, catalog_item.c.code == ship_notice_line.c.item)
        .where(ship_notice_line.c.sscc == sscc, ship_notice_line.c.notice == notice)
        .group_by(ship_notice_line.c.item, catalog_item.c.unit_weight_g)
    )
    return PalletContents(tuple((code, int(quantity), weight_g) for code, quantity, weight_g in rows), pallet.tare_g)


def incoming(connection: Connection, site: str, items: Collection[str]) -> dict[str, int]:
    """What of items is on its way to a site: announced and not received, and ordered and not announced; what nothing is on its way of is left out."""
    arrived = exists().where(receipt.c.sscc == ship_notice_line.c.sscc, receipt.c.notice == ship_notice_line.c.notice)
    announced = (
        select(ship_notice_line.c.item, (ship_notice_line.c.quantity - ship_notice_line.c.received).label("quantity"))
        .join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice)
        .where(ship_notice.c.site == site, ship_notice.c.state == "open", among(connection, ship_notice_line.c.item, items), ~arrived)
    )
    ordered = select(purchase_line.c.item, (purchase_line.c.quantity - purchase_line.c.noticed).label("quantity")).where(
        purchase_line.c.site == site, among(connection, purchase_line.c.item, items)
    )
    both = announced.union_all(ordered).subquery()
    rows = connection.execute(select(both.c.item, func.sum(both.c.quantity).label("quantity")).group_by(both.c.item))
    return {row.item: int(row.quantity) for row in rows}


@dataclass(frozen=True, slots=True)
class Expected:
    """`quantity` of an item that a site expects; `expiry` is None where it is not announced."""

    site: str
    item: str
    quantity: int
    expected: date
    expiry: date | None
    source: str


def expected(connection: Connection, pairs: Collection[tuple[str, str]]) -> list[Expected]:
    """What is on its way to sites, by (site, item), of which somebody said when it comes: announced and not received, ordered and not announced."""
    wanted = sorted(pairs)
    arrived = exists().where(receipt.c.sscc == ship_notice_line.c.sscc, receipt.c.notice == ship_notice_line.c.notice)
    announced = (
        select(ship_notice.c.site, ship_notice.c.number, ship_notice.c.expected_at, ship_notice_line)
        .join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice)
        .where(tuple_(ship_notice.c.site, ship_notice_line.c.item).in_(wanted), ship_notice.c.state == "open", ship_notice.c.expected_at.is_not(None))
        .where(ship_notice_line.c.received < ship_notice_line.c.quantity, ~arrived)
    )
    found = [
        Expected(row.site, row.item, row.quantity - row.received, row.expected_at.date(), row.expiry, f"ship notice {row.number}")
        for row in connection.execute(announced)
    ]
    ordered = select(purchase_line).where(
        tuple_(purchase_line.c.site, purchase_line.c.item).in_(wanted),
        purchase_line.c.noticed < purchase_line.c.quantity,
        purchase_line.c.expected_on.is_not(None),
    )
    rows = connection.execute(ordered)
    return found + [Expected(row.site, row.item, row.quantity - row.noticed, row.expected_on, None, f"purchase line {row.id}") for row in rows]


def supply_expected() -> Select[Any]:
    """SELECT site, item, quantity of what suppliers will bring: announced and not received, ordered and not announced. Goods of own sites are in transit."""
    arrived = exists().where(receipt.c.sscc == ship_notice_line.c.sscc, receipt.c.notice == ship_notice_line.c.notice)
    announced = select(ship_notice.c.site, ship_notice_line.c.item, (ship_notice_line.c.quantity - ship_notice_line.c.received).label("quantity"))
    announced = announced.join(ship_notice, ship_notice.c.number == ship_notice_line.c.notice)
    announced = announced.where(ship_notice.c.state == "open", ship_notice.c.source_place == "", ~arrived)
    ordered = select(purchase_line.c.site, purchase_line.c.item, (purchase_line.c.quantity - purchase_line.c.noticed).label("quantity"))
    both = announced.union_all(ordered).subquery()
    return select(both.c.site, both.c.item, both.c.quantity)


def purchase_lines(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Purchase lines, newest first, each with how much of it is how far. Raises: BadCursorError."""
    found: Page[dict[str, Any]] = page(connection, select(purchase_line), [down(purchase_line.c.id)], after, limit)
    progress = purchase_progress(connection, found.items)
    return Page[Any](items=[{**line, "progress": far} for line, far in zip(found.items, progress, strict=True)], next=found.next)


def notices(connection: Connection, state: str | None = None, after: str | None = None, limit: int = 100) -> Page[dict[str, Any]]:
    """Ship notices, newest first, with how many of their pallets came. Raises: BadCursorError."""
    came = select(func.count()).select_from(receipt).where(receipt.c.notice == ship_notice.c.number).scalar_subquery()
    all_pallets = select(func.count()).select_from(ship_notice_pallet).where(ship_notice_pallet.c.notice == ship_notice.c.number).scalar_subquery()
    query = select(
        ship_notice, all_pallets.label("pallets"), came.label("pallets_received"), progress_of().label("progress"), arrived_at_of().label("arrived_at")
    )
    if state is not None:
        query = query.where(ship_notice.c.state == state)
    return page(connection, query, [down(ship_notice.c.created_at), down(ship_notice.c.number)], after, limit, lambda row: {**row, "window": window_of(row)})


def notice_of(connection: Connection, number: str) -> dict[str, Any] | None:
    """One ship notice with its lines and the units inside its pallets; None when it is not known."""
    query = select(ship_notice, progress_of().label("progress"), arrived_at_of().label("arrived_at")).where(ship_notice.c.number == number)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    lines = connection.execute(select(ship_notice_line).where(ship_notice_line.c.notice == number).order_by(ship_notice_line.c.id)).mappings()
    inside = select(ship_notice_nest).where(ship_notice_nest.c.notice == number)
    nests = connection.execute(inside.order_by(ship_notice_nest.c.sscc, ship_notice_nest.c.depth, ship_notice_nest.c.code)).mappings()
    return {**row, "window": window_of(row), "lines": [dict(line) for line in lines], "units": [dict(each) for each in nests]}


def passages(connection: Connection, station: str | None = None, after: str | None = None, limit: int = 50) -> Page[dict[str, Any]]:
    """What passed the doors, newest first. Raises: BadCursorError."""
    query = select(passage)
    if station is not None:
        query = query.where(passage.c.station == station)
    return page(connection, query, [down(passage.c.passed_at), down(passage.c.event_id)], after, limit)


def discrepancies(
    connection: Connection,
    state: str | None = "open",
    after: str | None = None,
    limit: int = 100,
    *,
    kind: str | None = None,
    notice: str | None = None,
    sscc: str | None = None,
) -> Page[dict[str, Any]]:
    """Discrepancies, newest first; `state` None for all. Raises: BadCursorError."""
    query = select(discrepancy)
    for column, value in ((discrepancy.c.state, state), (discrepancy.c.kind, kind), (discrepancy.c.notice, notice), (discrepancy.c.sscc, sscc)):
        if value is not None:
            query = query.where(column == value)
    return page(connection, query, [down(discrepancy.c.id)], after, limit)


def figures(connection: Connection) -> dict[str, int]:
    """Counts of what inbound did."""

    def count(query: Any) -> int:
        return int(connection.execute(query).scalar() or 0)

    return {
        "pallets_passed": count(select(func.count()).select_from(passage)),
        "pallets_received": count(select(func.count()).select_from(receipt)),
        "discrepancies": count(select(func.count()).select_from(discrepancy)),
        "strays_rejected": count(select(func.sum(passage.c.strays))),
    }
