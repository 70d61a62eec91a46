# SPDX-License-Identifier: Apache-2.0
"""Ship notices of transfers between own sites, and which notice of a pallet counts. Each function runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from central.bulk import among
from central.catalog.tables import lot as catalog_lot
from central.inbound import differences
from central.inbound.tables import discrepancy, ship_notice, ship_notice_line, ship_notice_nest, ship_notice_pallet


@dataclass(frozen=True)
class Sent:
    """So much of an item and lot on a pallet."""

    item: str
    lot: str
    quantity: int


def newest_of(connection: Connection, sscc: str) -> str | None:
    """The number of the newest notice that names a pallet: it may travel more than once. None: no notice names it."""
    query = select(ship_notice.c.number).join(ship_notice_pallet, ship_notice_pallet.c.notice == ship_notice.c.number)
    newest = query.where(ship_notice_pallet.c.sscc == sscc).order_by(ship_notice.c.created_at.desc(), ship_notice.c.number.desc())
    number: str | None = connection.execute(newest.limit(1)).scalar()
    return number


def pallets_of(connection: Connection, site: str, labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which of the SSCCs read together are pallets, and which are units announced on one of them. What no notice names counts as a pallet."""
    if len(labels) < 2:
        return list(labels), []
    outer = dict.fromkeys(labels)
    for sscc, pallet in pallets_around(connection, site, labels).items():
        if pallet in outer:
            del outer[sscc]
    return list(outer), [sscc for sscc in labels if sscc not in outer]


def pallets_around(connection: Connection, site: str, codes: Collection[str]) -> dict[str, str]:
    """The announced pallets in which units stand, by the units' codes; the newest notice counts."""
    query = (
        select(ship_notice_nest.c.code, ship_notice_nest.c.sscc)
        .join(ship_notice, ship_notice.c.number == ship_notice_nest.c.notice)
        .where(ship_notice.c.site == site, among(connection, ship_notice_nest.c.code, codes))
        .order_by(ship_notice.c.created_at, ship_notice.c.number)
    )
    return {row.code: row.sscc for row in connection.execute(query)}


def announce_transfer(
    connection: Connection, number: str, site: str, sender: str, source_place: str, pallets: Mapping[str, Sequence[Sent]], expected_at: datetime, now: datetime
) -> None:
    """Announce goods that are in transit from another own site: the dock door receives them from `source_place`."""
    values = {"number": number, "site": site, "supplier": sender, "source_place": source_place, "expected_at": expected_at, "created_at": now}
    connection.execute(insert(ship_notice).values(**values))
    for sscc, goods in pallets.items():
        connection.execute(insert(ship_notice_pallet).values(sscc=sscc, notice=number))
        totals: dict[tuple[str, str], int] = {}
        for each in goods:
            totals[each.item, each.lot] = totals.get((each.item, each.lot), 0) + each.quantity
        rows = []
        for (item, lot), quantity in sorted(totals.items()):
            expiry = connection.execute(select(catalog_lot.c.expiry).where(catalog_lot.c.item == item, catalog_lot.c.lot == lot)).scalar()
            rows.append({"notice": number, "sscc": sscc, "item": item, "lot": lot, "expiry": expiry, "quantity": quantity})
        connection.execute(insert(ship_notice_line), rows)


def write_off(connection: Connection, numbers: Sequence[str], item: str, lot: str, actor: str, now: datetime) -> None:
    """Goods of these notices that were missing are given up: what was open about them is accepted."""
    mine = discrepancy.c.notice.in_(list(numbers)) & (discrepancy.c.item == item) & (discrepancy.c.lot == lot) & (discrepancy.c.state == "open")
    rows = connection.execute(select(discrepancy.c.id, discrepancy.c.work_order).where(mine)).all()
    connection.execute(update(discrepancy).where(discrepancy.c.id.in_([row.id for row in rows])).values(state="accepted"))
    for row in rows:
        differences.close_when_answered(connection, row.work_order, "written off", actor, now)
