# SPDX-License-Identifier: Apache-2.0
"""Where a lot came from and where it went (R18, X6), from the entries of the ledger and the documents that explain them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from central.inbound.tables import discrepancy, receipt, ship_notice, ship_notice_line
from central.ledger.tables import balance, entry, event
from central.stock.listeners import listeners
from central.stock.recalls import Lot, made_of
from central.stock.tables import kit_build, kit_build_component, transfer_step

_DEPTH_MAX = 20


def trace_up(connection: Connection, item: str, lot: str) -> dict[str, Any]:
    """Where a lot came from: ship notices with their suppliers, receipts, other entries into stock, and the component lots if it is a kit."""
    notices = select(
        ship_notice.c.number, ship_notice.c.supplier, ship_notice.c.site, ship_notice.c.source_place, ship_notice_line.c.sscc, ship_notice_line.c.quantity
    )
    notices = notices.add_columns(ship_notice_line.c.received, receipt.c.received_at, receipt.c.place, receipt.c.event_id)
    notices = notices.join(ship_notice_line, ship_notice_line.c.notice == ship_notice.c.number)
    received_on = (receipt.c.sscc == ship_notice_line.c.sscc) & (receipt.c.notice == ship_notice_line.c.notice)
    notices = notices.outerjoin(receipt, received_on).where(ship_notice_line.c.item == item, ship_notice_line.c.lot == lot)
    came = [dict(row) for row in connection.execute(notices.order_by(ship_notice.c.created_at, ship_notice_line.c.id)).mappings()]
    return {
        "item": item,
        "lot": lot,
        "suppliers": sorted({row["supplier"] for row in came if not row["source_place"]}),
        "ship_notices": came,
        "entered": _through_virtual(connection, item, lot, into_stock=True),
        "components": components_up(connection, (item, lot)),
    }


def components_up(connection: Connection, kit: Lot, depth: int = 0) -> list[dict[str, Any]]:
    """Lots that went into a kit's lot, each with those that went into it in turn."""
    columns = (kit_build_component.c.item, kit_build_component.c.lot, kit_build_component.c.owner)
    query = select(*columns, func.sum(kit_build_component.c.quantity).label("quantity"))
    query = query.join(kit_build, kit_build.c.id == kit_build_component.c.build)
    query = query.where(kit_build.c.kit == kit[0], kit_build.c.kit_lot == kit[1], kit_build.c.kind == "assembled")
    found = []
    for row in connection.execute(query.group_by(*columns).order_by(*columns)).all():
        below = components_up(connection, (row.item, row.lot), depth + 1) if depth < _DEPTH_MAX else []
        found.append({"item": row.item, "lot": row.lot, "owner": row.owner, "quantity": int(row.quantity), "components": below})
    return found


def trace_down(connection: Connection, item: str, lot: str) -> dict[str, Any]:
    """Where a lot went: where it is now, to which customers with which orders, on which transfers, into which kits, and out of stock otherwise."""
    kits = made_of(connection, (item, lot))[1:]
    return {
        "item": item,
        "lot": lot,
        "in_stock": _in_stock(connection, [(item, lot)]),
        "customers": [row for listener in listeners() for row in listener.customers_of(connection, item, lot)],
        "transfers": _transfers(connection, item, lot),
        "left": _through_virtual(connection, item, lot, into_stock=False),
        "kits": [trace_down_of_kit(connection, kit) for kit in kits],
    }


def trace_down_of_kit(connection: Connection, kit: Lot) -> dict[str, Any]:
    """Where a kit's lot is and went."""
    customers = [row for listener in listeners() for row in listener.customers_of(connection, *kit)]
    return {"item": kit[0], "lot": kit[1], "in_stock": _in_stock(connection, [kit]), "customers": customers, "transfers": _transfers(connection, *kit)}


def _in_stock(connection: Connection, lots: Sequence[Lot]) -> list[dict[str, Any]]:
    columns = (balance.c.site, balance.c.place, balance.c.item, balance.c.lot, balance.c.owner, balance.c.status, balance.c.unit, balance.c.on_hand)
    query = select(*columns).where(tuple_(balance.c.item, balance.c.lot).in_(list(lots))).order_by(balance.c.place, balance.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _through_virtual(connection: Connection, item: str, lot: str, *, into_stock: bool) -> list[dict[str, Any]]:
    """Facts by which goods of the lot came from outside of stock, or went there: kind, virtual place, quantity."""
    mine = (entry.c.item == item) & (entry.c.lot == lot) & entry.c.place.startswith("@") & (entry.c.quantity < 0 if into_stock else entry.c.quantity > 0)
    total = func.abs(func.sum(entry.c.quantity)).label("quantity")
    query = select(event.c.id.label("event_id"), event.c.kind, event.c.site, event.c.actor, event.c.occurred_at, event.c.position, entry.c.place, total)
    query = query.join(event, event.c.id == entry.c.event_id).where(mine)
    grouped = query.group_by(event.c.id, event.c.kind, event.c.site, event.c.actor, event.c.occurred_at, event.c.position, entry.c.place)
    rows = connection.execute(grouped.order_by(event.c.position)).mappings()
    return [{**{name: row[name] for name in row if name != "position"}, "quantity": int(row["quantity"])} for row in rows]


def _transfers(connection: Connection, item: str, lot: str) -> list[dict[str, Any]]:
    lines = select(transfer_step.c.transfer, ship_notice.c.number.label("notice"), ship_notice.c.site.label("to_site"), transfer_step.c.at.label("shipped_at"))
    lines = lines.add_columns(func.sum(ship_notice_line.c.quantity).label("quantity"), func.sum(ship_notice_line.c.received).label("received"))
    lines = lines.join(ship_notice, ship_notice.c.number == transfer_step.c.notice).join(ship_notice_line, ship_notice_line.c.notice == ship_notice.c.number)
    lines = lines.where(transfer_step.c.step == "shipped", ship_notice_line.c.item == item, ship_notice_line.c.lot == lot)
    grouped = lines.group_by(transfer_step.c.transfer, ship_notice.c.number, ship_notice.c.site, transfer_step.c.at).order_by(transfer_step.c.at)
    return [{**row, "quantity": int(row["quantity"]), "received": int(row["received"])} for row in connection.execute(grouped).mappings()]


def open_differences(connection: Connection, notices: Sequence[str]) -> list[dict[str, Any]]:
    """Discrepancies of these ship notices that nobody has settled."""
    query = select(discrepancy).where(discrepancy.c.notice.in_(list(notices)), discrepancy.c.state == "open").order_by(discrepancy.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]
