# SPDX-License-Identifier: Apache-2.0
"""Reading stock: loss reports, limits, handling units with their contents, serials, transfers, kits built, recalls."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from sqlalchemy import Connection, RowMapping, select

from central.catalog import service as catalog
from central.ledger import units
from central.ledger.tables import balance, handling_unit, serial
from central.paging import Page, down, page, up
from central.stock import places, trace, transfers
from central.stock.tables import kit_build, loss_report, recall, recall_hold, stock_rule, transfer, transfer_step

FactId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
"""The id of a fact in a path."""


def loss_reports(connection: Connection, state: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Loss reports, newest first. Raises: BadCursorError."""
    query = select(loss_report)
    if state is not None:
        query = query.where(loss_report.c.state == state)
    return page(connection, query, [down(loss_report.c.reported_at), down(loss_report.c.id)], after, limit)


def limits(connection: Connection, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Limits by site and item. Raises: BadCursorError."""
    return page(connection, select(stock_rule), [up(stock_rule.c.site), up(stock_rule.c.item)], after, limit)


def handling_units(
    connection: Connection, *, site: str | None, place: str | None, kind: str | None, state: str | None, after: str | None, limit: int
) -> Page[dict[str, Any]]:
    """Handling units by SSCC. Raises: BadCursorError."""
    query = select(handling_unit)
    for column, value in ((handling_unit.c.site, site), (handling_unit.c.place, place), (handling_unit.c.kind, kind), (handling_unit.c.state, state)):
        if value is not None:
            query = query.where(column == value)
    return page(connection, query, [up(handling_unit.c.sscc)], after, limit)


def unit_contents(connection: Connection, sscc: str) -> dict[str, Any]:
    """A unit with all that is in it, nested as it stands, goods also counted in the item's packagings; totals over everything. Raises: NotFoundError."""
    rows = units.tree(connection, sscc)
    goods = units.goods_in(connection, [sscc])
    packs = catalog.packagings_of(connection, {row.item for row in goods})
    nodes: dict[str, dict[str, Any]] = {row.sscc: _node(row) for row in rows}
    for row in rows[1:]:
        nodes[row.parent]["units"].append(nodes[row.sscc])
    totals: dict[str, int] = {}
    for each in goods:
        line = {name: getattr(each, name) for name in ("item", "lot", "owner", "status", "on_hand", "reserved")}
        nodes[each.unit]["goods"].append({**line, "packed": _packed(each.on_hand, packs[each.item])})
        totals[each.item] = totals.get(each.item, 0) + int(each.on_hand)
    summed = [{"item": item, "quantity": total, "packed": _packed(total, packs[item])} for item, total in sorted(totals.items())]
    return {**nodes[sscc], "parents": units.ancestors(connection, sscc), "totals": summed}


def _node(row: Any) -> dict[str, Any]:
    return {**{name: getattr(row, name) for name in ("sscc", "kind", "parent", "site", "place", "state")}, "goods": [], "units": []}


def _packed(quantity: int, packs: Any) -> list[dict[str, Any]]:
    """A quantity in whole packagings, the largest first; what is left over counts as pieces."""
    found, left = [], int(quantity)
    for pack in packs:
        if left >= pack.quantity > 1:
            found.append({"packaging": pack.code, "count": left // pack.quantity, "of": pack.quantity})
            left %= pack.quantity
    return found + ([{"packaging": "", "count": left, "of": 1}] if left else [])


def serials_of(
    connection: Connection, *, item: str, state: str | None, place: str | None, lot: str | None, after: str | None, limit: int
) -> Page[dict[str, Any]]:
    """Serials of an item in order. Raises: BadCursorError."""
    query = select(serial).where(serial.c.item == item)
    for column, value in ((serial.c.state, state), (serial.c.place, place), (serial.c.lot, lot)):
        if value is not None:
            query = query.where(column == value)
    return page(connection, query, [up(serial.c.serial)], after, limit)


def transfer_list(connection: Connection, *, state: str | None, site: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Transfers, newest first, without their lines. Raises: BadCursorError."""
    query = select(transfer)
    if state is not None:
        query = query.where(transfer.c.state == state)
    if site is not None:
        query = query.where((transfer.c.from_site == site) | (transfer.c.to_site == site))
    return page(connection, query, [down(transfer.c.created_at), down(transfer.c.number)], after, limit)


def transfer_of(connection: Connection, number: str) -> dict[str, Any]:
    """A transfer with its lines, what is reserved, in transit and differs, and its time line. Raises: NotFoundError."""
    row = transfers.transfer_by_number(connection, number)
    lines, received = transfers.lines_of(connection, number), transfers.received_of(connection, number)
    reserved = transfers.reserved_of(connection, number)
    steps = connection.execute(select(transfer_step).where(transfer_step.c.transfer == number).order_by(transfer_step.c.id)).mappings()
    numbers = transfers.number_of_notices(connection, number)
    return {
        **row._mapping,  # noqa: SLF001  # the public name of SQLAlchemy's row as a mapping
        "state": transfers.state_of(connection, row),
        "lines": [{**line._mapping, "reserved": reserved.get(line.id, 0), "received_of_item": received.get(line.item, 0)} for line in lines],  # noqa: SLF001
        "ship_notices": numbers,
        "in_transit": _in_transit(connection, row.to_site, {line.item for line in lines}),
        "differences": trace.open_differences(connection, numbers),
        "timeline": [dict(step) for step in steps],
    }


def _in_transit(connection: Connection, site: str, items: set[str]) -> list[dict[str, Any]]:
    columns = (balance.c.item, balance.c.lot, balance.c.owner, balance.c.status, balance.c.unit, balance.c.on_hand)
    query = select(*columns).where(balance.c.place == places.transit_of(site), balance.c.item.in_(items)).order_by(balance.c.item, balance.c.lot, balance.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def kit_builds(connection: Connection, *, site: str | None, kit: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Kits assembled and broken, newest first. Raises: BadCursorError."""
    query = select(kit_build)
    for column, value in ((kit_build.c.site, site), (kit_build.c.kit, kit)):
        if value is not None:
            query = query.where(column == value)
    return page(connection, query, [down(kit_build.c.made_at), down(kit_build.c.id)], after, limit)


def recalls(connection: Connection, state: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Recalls, newest first. Raises: BadCursorError."""
    query = select(recall)
    if state is not None:
        query = query.where(recall.c.state == state)
    return page(connection, query, [down(recall.c.opened_at), down(recall.c.number)], after, limit)


def recall_report(connection: Connection, row: RowMapping) -> dict[str, Any]:
    """A recall with what it found, and the lot's way up and down as it is now."""
    held = connection.execute(select(recall_hold).where(recall_hold.c.recall == row["number"]).order_by(recall_hold.c.id)).mappings()
    return {
        **row,
        "found": [dict(each) for each in held],
        "up": trace.trace_up(connection, row["item"], row["lot"]),
        "down": trace.trace_down(connection, row["item"], row["lot"]),
    }
