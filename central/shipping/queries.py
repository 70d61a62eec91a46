# SPDX-License-Identifier: Apache-2.0
"""Reading shipping: packages, cartons, loads, carriers' orders, and how far an order is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from central.catalog.tables import item as catalog_item
from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, order_line, pick_task
from central.paging import Page, down, page, up
from central.shipping.answers import AccountOut, CarrierOrderListed, CartonOut, LoadListed, PackageListed, ReturnListed, SiteOut
from central.shipping.packing import left_of
from central.shipping.tables import (
    carrier_account,
    carrier_order,
    carrier_step,
    carton_type,
    goods_return,
    load,
    load_package,
    package,
    package_line,
    return_decision,
    return_line,
    shipping_site,
)

_SECRETS = frozenset({"secret", "token", "push_token"})


def sites(connection: Connection, after: str | None, limit: int) -> Page[SiteOut]:
    """How sites ship, by their codes."""
    return page(connection, select(shipping_site), [up(shipping_site.c.site)], after, limit, SiteOut.model_validate)


def cartons(connection: Connection, after: str | None, limit: int) -> Page[CartonOut]:
    """Carton types by code."""
    return page(connection, select(carton_type), [up(carton_type.c.code)], after, limit, CartonOut.model_validate)


def packages(
    connection: Connection, *, order_id: str | None = None, site: str | None = None, state: str | None = None, after: str | None = None, limit: int = 100
) -> Page[PackageListed]:
    """Packages, newest first."""
    query: Select[Any] = select(package, customer_order.c.number.label("order")).join(customer_order, customer_order.c.id == package.c.order_id)
    for column, value in ((package.c.order_id, order_id), (package.c.site, site), (package.c.state, state)):
        if value is not None:
            query = query.where(column == value)
    return page(connection, query, [down(package.c.opened_at), down(package.c.sscc)], after, limit, PackageListed.model_validate)


def package_of(connection: Connection, sscc: str) -> dict[str, Any] | None:
    """One package with its lines, what its order still has to be packed, and its carrier's order; None when it is not known."""
    query = select(package, customer_order.c.number.label("order")).join(customer_order, customer_order.c.id == package.c.order_id)
    row = connection.execute(query.where(package.c.sscc == sscc)).mappings().one_or_none()
    if row is None:
        return None
    lines = connection.execute(select(package_line).where(package_line.c.sscc == sscc).order_by(package_line.c.item, package_line.c.lot)).mappings()
    left = left_of(connection, row["order_id"])
    return {
        **row,
        "lines": [{"item": line["item"], "lot": line["lot"], "quantity": line["quantity"], "serials": line["serials"]} for line in lines],
        "left": [{"item": item, "lot": lot, "quantity": quantity} for (item, lot), quantity in left.items()],
        "carrier_order": carrier_order_for(connection, sscc),
    }


def carrier_order_for(connection: Connection, sscc: str) -> dict[str, Any] | None:
    """The carrier's order of a package without its label; None when there is none."""
    columns = [column for column in carrier_order.c if column.name != "label"]
    row = connection.execute(select(*columns).where(carrier_order.c.sscc == sscc)).mappings().one_or_none()
    return None if row is None else dict(row)


def carrier_orders(connection: Connection, state: str | None, carrier: str | None, after: str | None, limit: int) -> Page[CarrierOrderListed]:
    """Carriers' orders without their labels, newest first."""
    columns = [column for column in carrier_order.c if column.name != "label"]
    query = select(*columns, customer_order.c.number.label("order")).join(customer_order, customer_order.c.id == carrier_order.c.order_id)
    query = query.where(carrier_order.c.state == state) if state is not None else query
    query = query.where(carrier_order.c.carrier == carrier) if carrier is not None else query
    return page(connection, query, [down(carrier_order.c.requested_at), down(carrier_order.c.id)], after, limit, CarrierOrderListed.model_validate)


def carrier_order_of(connection: Connection, carrier_order_id: str) -> dict[str, Any] | None:
    """One carrier's order with its steps, oldest first; None when it is not known."""
    columns = [column for column in carrier_order.c if column.name != "label"]
    row = connection.execute(select(*columns).where(carrier_order.c.id == carrier_order_id)).mappings().one_or_none()
    return None if row is None else {**row, "steps": steps_of(connection, carrier_order_id)}


def steps_of(connection: Connection, carrier_order_id: str) -> list[dict[str, Any]]:
    """What a carrier told of a package, oldest first."""
    query = select(carrier_step.c.at, carrier_step.c.code, carrier_step.c.state, carrier_step.c.text, carrier_step.c.place)
    rows = connection.execute(query.where(carrier_step.c.carrier_order_id == carrier_order_id).order_by(carrier_step.c.at, carrier_step.c.id)).mappings()
    return [dict(row) for row in rows]


def waybill_label(connection: Connection, carrier_order_id: str) -> tuple[bytes, str] | None:
    """The carrier's own label and its media type; None when there is none yet."""
    row = connection.execute(select(carrier_order.c.label, carrier_order.c.label_type).where(carrier_order.c.id == carrier_order_id)).one_or_none()
    return (row.label, row.label_type) if row is not None and row.label is not None else None


def accounts(connection: Connection, after: str | None, limit: int) -> Page[AccountOut]:
    """Carriers' accounts by their codes, without what is secret."""
    columns = [column for column in carrier_account.c if column.name not in _SECRETS]
    return page(connection, select(*columns), [up(carrier_account.c.code)], after, limit, AccountOut.model_validate)


def loads(connection: Connection, site: str | None, state: str | None, after: str | None, limit: int) -> Page[LoadListed]:
    """Loads, newest first, with how many packages they have and how many are loaded."""
    mine = load_package.c.load_id == load.c.id
    planned = select(func.count()).select_from(load_package).where(mine).scalar_subquery()
    loaded = select(func.count()).select_from(load_package).where(mine, load_package.c.loaded_at.is_not(None)).scalar_subquery()
    query = select(load, planned.label("packages"), loaded.label("loaded"))
    query = query.where(load.c.site == site) if site is not None else query
    query = query.where(load.c.state == state) if state is not None else query
    return page(connection, query, [down(load.c.created_at), down(load.c.id)], after, limit, LoadListed.model_validate)


def returns(connection: Connection, state: str | None, after: str | None, limit: int) -> Page[ReturnListed]:
    """Returns, newest first."""
    query = select(goods_return)
    query = query.where(goods_return.c.state == state) if state is not None else query
    return page(connection, query, [down(goods_return.c.created_at), down(goods_return.c.id)], after, limit, ReturnListed.model_validate)


def return_of(connection: Connection, return_id: str) -> dict[str, Any] | None:
    """One return with its lines and decisions; None when it is not known."""
    row = connection.execute(select(goods_return).where(goods_return.c.id == return_id)).mappings().one_or_none()
    if row is None:
        return None
    lines = connection.execute(select(return_line).where(return_line.c.return_id == return_id).order_by(return_line.c.n)).mappings()
    decided = connection.execute(select(return_decision).where(return_decision.c.return_id == return_id).order_by(return_decision.c.id)).mappings()
    return {**row, "lines": [dict(line) for line in lines], "decisions": [dict(each) for each in decided]}


def progress(connection: Connection, order_id: str) -> dict[str, Any] | None:
    """How far an order is, for sales and the customer: its state, counts, packages with their waybills, and all that happened; None when it is not known."""
    order = connection.execute(select(customer_order).where(customer_order.c.id == order_id)).mappings().one_or_none()
    if order is None:
        return None
    boxes = list(connection.execute(select(package).where(package.c.order_id == order_id, package.c.state != "void").order_by(package.c.sscc)).mappings())
    sent = _carried(connection, order_id)
    picks = _picks(connection, order_id)
    return {
        "order": order["id"],
        "number": order["number"],
        "state": _state(order, boxes, sent, picks),
        "picks": picks,
        "lines": _lines(connection, order_id),
        "packages": [_package_progress(box, sent) for box in boxes],
        "timeline": sorted(_timeline(order, _first_pick(connection, order_id), boxes, sent), key=lambda step: step["at"]),
    }


def _carried(connection: Connection, order_id: str) -> list[dict[str, Any]]:
    """The carriers' orders of an order's packages with their steps, by SSCC."""
    known = [carrier_order.c[name] for name in ("id", "sscc", "carrier", "waybill", "state", "placed_at")]
    query = select(*known).join(package, package.c.sscc == carrier_order.c.sscc).where(carrier_order.c.order_id == order_id, package.c.state != "void")
    carried = [dict(row) | {"steps": []} for row in connection.execute(query.order_by(carrier_order.c.sscc)).mappings()]
    by_id = {row["id"]: row["steps"] for row in carried}
    steps = select(carrier_step).join(carrier_order, carrier_order.c.id == carrier_step.c.carrier_order_id).where(carrier_order.c.order_id == order_id)
    for step in connection.execute(steps.order_by(carrier_step.c.at, carrier_step.c.id)).mappings():
        by_id.get(step["carrier_order_id"], []).append(step)
    return carried


def waybills_of(connection: Connection, order_id: str) -> list[str]:
    """Waybills of an order's packages, by SSCC."""
    query = select(carrier_order.c.waybill).join(package, package.c.sscc == carrier_order.c.sscc).where(package.c.state != "void")
    mine = (carrier_order.c.order_id == order_id) & carrier_order.c.waybill.is_not(None)
    return list(connection.execute(query.where(mine).order_by(carrier_order.c.sscc)).scalars())


def _picks(connection: Connection, order_id: str) -> dict[str, int]:
    rows = connection.execute(select(pick_task.c.state, func.count()).where(pick_task.c.order_id == order_id).group_by(pick_task.c.state))
    counted = {state: int(number) for state, number in rows}
    return {
        "tasks": sum(number for state, number in counted.items() if state != "cancelled"),
        "answered": sum(number for state, number in counted.items() if state not in (*OPEN_STATES, "cancelled")),
    }


def _lines(connection: Connection, order_id: str) -> list[dict[str, Any]]:
    known = (order_line.c.n, order_line.c.item, catalog_item.c.name, order_line.c.quantity, order_line.c.promised, order_line.c.picked)
    query = select(*known).join(catalog_item, catalog_item.c.code == order_line.c.item).where(order_line.c.order_id == order_id)
    return [dict(row) for row in connection.execute(query.order_by(order_line.c.n)).mappings()]


def _state(order: Any, boxes: list[Any], sent: list[dict[str, Any]], picks: dict[str, int]) -> str:
    """One word: accepted, released, picking, picked, packed, shipped, in_transit, delivered, or how it ended otherwise."""
    if order["state"] == "shipped":
        states = {row["state"] for row in sent}
        if sent and states == {"delivered"} and len(sent) == len(boxes):
            return "delivered"
        return "in_transit" if states & {"in_transit", "delivered"} else "shipped"
    if order["state"] == "picked":
        return "packed" if boxes and all(box["state"] != "open" for box in boxes) else "picked"
    if order["state"] == "released":
        return "picking" if picks["answered"] else "released"
    return "accepted" if order["state"] == "open" else str(order["state"])


def _package_progress(box: Any, sent: list[dict[str, Any]]) -> dict[str, Any]:
    carried = next((row for row in sent if row["sscc"] == box["sscc"]), None)
    return {
        "sscc": box["sscc"],
        "state": box["state"],
        "carrier": carried["carrier"] if carried else None,
        "waybill": carried["waybill"] if carried else None,
        "carrier_state": carried["state"] if carried else None,
    }


def _timeline(order: Any, first_pick: datetime | None, boxes: list[Any], sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    steps = [
        _step(order["created_at"], "accepted"),
        _step(order["released_at"], "released"),
        _step(first_pick, "picking"),
        _step(order["picked_at"], "picked"),
        _step(order["shipped_at"], "shipped"),
    ]
    steps += [_step(box["closed_at"], "packed", package=box["sscc"]) for box in boxes]
    for row in sent:
        steps.append(_step(row["placed_at"], "carrier_ordered", package=row["sscc"], text=f"{row['carrier']} {row['waybill'] or ''}".strip()))
        steps += [_step(told["at"], told["state"], package=row["sscc"], text=told["text"], place=told["place"]) for told in row["steps"]]
    return [step for step in steps if step["at"] is not None]


def _step(at: datetime | None, what: str, *, package: str = "", text: str = "", place: str = "") -> dict[str, Any]:
    return {"at": at, "what": what, "package": package, "text": text, "place": place}


def _first_pick(connection: Connection, order_id: str) -> datetime | None:
    at: datetime | None = connection.execute(select(func.min(pick_task.c.answered_at)).where(pick_task.c.order_id == order_id)).scalar()
    return at
