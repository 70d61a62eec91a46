# SPDX-License-Identifier: Apache-2.0
"""Use cases of customers' returns: announce (RMA), arrive, inspect, cancel. Each runs inside the caller's transaction.

Goods that come back enter the stage with the status `inspect` out of the virtual place of customers; a person's decision moves them on. Of an order never
more comes back than was sent with it, however many returns it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.catalog import service as catalog
from central.errors import ConflictError, NotFoundError
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import CUSTOMER, LOSS, VENDOR, Status
from central.outbound.service import order_by_id
from central.outbound.tables import pick_task
from central.shipping import packing, returned_serials
from central.shipping.documents import ReturnAnnounced, ReturnArrived, ReturnInspected
from central.shipping.tables import goods_return, return_decision, return_line
from central.webhooks.service import emit

_GONE: dict[str, str] = {"scrap": LOSS, "supplier": VENDOR}
_KEPT: dict[str, Status] = {"available": "available", "hold": "hold", "damaged": "damaged"}


def announce(connection: Connection, fact: ledger.Fact, body: ReturnAnnounced, now: datetime) -> str:
    """Take a return in hand; its id is the fact's. The same return again changes nothing, another one under its number is refused.

    Raises: NotFoundError: order, item or reason unknown. ConflictError: the order is not shipped, or less was sent than shall come back.
    """
    if ledger.record(connection, fact, now).already:
        return fact.id
    catalog.reason_of(connection, body.reason, "return")
    order = order_by_id(connection, body.order_id) if body.order_id else None
    if order is not None:
        packing.hold_packing(connection, order.id, order.site, now)
        if order_by_id(connection, order.id).state != "shipped":
            raise ConflictError("order_not_shipped", f"order {order.number} is {order.state}; only what was shipped can come back, else cancel the order")
    values = body.model_dump(include={"channel", "number", "site", "order_id", "reason", "note"})
    partner = order.partner if order is not None else body.partner
    connection.execute(insert(goods_return).values(id=fact.id, partner=partner, created_at=now, **values))
    for n, line in enumerate(body.lines, start=1):
        item = catalog.named(connection, line.item or line.gtin or "").item
        if order is not None:
            _check_within_shipped(connection, order, item, line.lot, line.quantity, return_line.c.announced)
        row = {"return_id": fact.id, "n": n, "item": item, "lot": line.lot, "announced": line.quantity, "refund_minor": line.refund_minor}
        connection.execute(insert(return_line).values(**row, owner=_owner_of(connection, order, item, line.lot)))
    return fact.id


def _check_within_shipped(connection: Connection, order: Row[Any], item: str, lot: str, quantity: int, counted: Any) -> None:
    """Raises: ConflictError: with what other returns of the order have, more would come back than was sent, of the item or of its lot."""
    for each in ("", lot) if lot else ("",):
        shipped = _shipped(connection, order.id, item, each)
        before = _in_returns(connection, order.id, item, each, counted)
        if before + quantity > shipped:
            what = f"item {item} lot {each}" if each else f"item {item}"
            text = f"order {order.number}: {quantity} of {what} to come back, {shipped} were sent and {before} of them are in returns already"
            raise ConflictError("return_over_shipped", f"{text}; check the order, or take the rest as a return without an order")


def _in_returns(connection: Connection, order_id: str, item: str, lot: str, counted: Any) -> int:
    mine = (goods_return.c.order_id == order_id) & (goods_return.c.state != "cancelled") & (return_line.c.item == item)
    if lot:
        mine &= return_line.c.lot == lot
    query = select(func.coalesce(func.sum(counted), 0)).join(goods_return, goods_return.c.id == return_line.c.return_id)
    return int(connection.execute(query.where(mine)).scalar_one())


def _shipped(connection: Connection, order_id: str, item: str, lot: str) -> int:
    query = select(func.coalesce(func.sum(pick_task.c.taken), 0)).where(pick_task.c.order_id == order_id, pick_task.c.item == item)
    return int(connection.execute(query.where(pick_task.c.lot == lot) if lot else query).scalar_one())


def _owner_of(connection: Connection, order: Row[Any] | None, item: str, lot: str) -> str:
    """Whose goods were sent."""
    if order is None:
        return ""
    query = select(pick_task.c.owner).where(pick_task.c.order_id == order.id, pick_task.c.item == item, pick_task.c.taken > 0)
    owner: str | None = connection.execute((query.where(pick_task.c.lot == lot) if lot else query).limit(1)).scalar()
    return owner or str(order.owner)


def _held(connection: Connection, return_id: str, now: datetime) -> Row[Any]:
    """A return's row, with its order held where it has one. Raises: NotFoundError."""
    query = select(goods_return).where(goods_return.c.id == return_id)
    seen = connection.execute(query).one_or_none()
    if seen is None:
        raise NotFoundError("unknown_return", f"return {return_id} is not known")
    if seen.order_id is not None:
        packing.hold_packing(connection, seen.order_id, seen.site, now)
    return connection.execute(query.with_for_update()).one()


def arrive(connection: Connection, fact: ledger.Fact, return_id: str, body: ReturnArrived, now: datetime) -> None:
    """Goods of a return stand at the dock: they wait for inspection at the stage. The same fact again changes nothing.

    Raises: NotFoundError: no such return or line. ConflictError: cancelled, or more than was sent.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = _held(connection, return_id, now)
    if row.state == "cancelled":
        raise ConflictError("return_cancelled", f"return {row.number} was cancelled; announce a new one for these goods")
    line = _line(connection, row, body.n)
    lot = line.lot if body.lot is None else body.lot
    if row.order_id is not None:
        order = order_by_id(connection, row.order_id)
        _check_within_shipped(connection, order, line.item, lot, body.quantity, return_line.c.arrived)
        owner = _owner_of(connection, order, line.item, lot)
    else:
        owner = line.owner
        catalog.learn_lot(connection, line.item, lot, None)
    target = _line_for_lot(connection, row, line, lot, owner)
    ledger.lock(connection, {(row.site, line.item)})
    account = ledger.Account(catalog.stage_of(connection, row.site), line.item, lot, owner, "inspect")
    ledger.post(connection, fact.id, [ledger.Leg(account.at(CUSTOMER), -body.quantity), ledger.Leg(account, body.quantity)])
    returned_serials.arrived(connection, fact.id, row, account, body, now)
    mine = (return_line.c.return_id == return_id) & (return_line.c.n == target)
    connection.execute(update(return_line).where(mine).values(arrived=return_line.c.arrived + body.quantity))
    connection.execute(update(goods_return).where(goods_return.c.id == return_id).values(state="arrived", arrived_at=row.arrived_at or now, closed_at=None))
    _tell_received(connection, row, line, lot, body.quantity, now)


def _line(connection: Connection, row: Row[Any], n: int) -> Row[Any]:
    line = connection.execute(select(return_line).where(return_line.c.return_id == row.id, return_line.c.n == n)).one_or_none()
    if line is None:
        raise NotFoundError("unknown_return_line", f"return {row.number} has no line {n}")
    return line


def _line_for_lot(connection: Connection, row: Row[Any], line: Row[Any], lot: str, owner: str) -> int:
    """The line that counts goods of this lot: the one announced, or one more for a lot that nobody announced."""
    if lot == line.lot and owner == line.owner:
        return int(line.n)
    lines = connection.execute(select(return_line).where(return_line.c.return_id == row.id).order_by(return_line.c.n)).all()
    for other in lines:
        if (other.item, other.lot, other.owner) == (line.item, lot, owner):
            return int(other.n)
    if not line.lot and not line.arrived:
        mine = (return_line.c.return_id == row.id) & (return_line.c.n == line.n)
        connection.execute(update(return_line).where(mine).values(lot=lot, owner=owner))
        return int(line.n)
    n = int(lines[-1].n) + 1
    values = {"return_id": row.id, "n": n, "item": line.item, "lot": lot, "owner": owner, "announced": 0, "refund_minor": line.refund_minor}
    connection.execute(insert(return_line).values(**values))
    return n


def _tell_received(connection: Connection, row: Row[Any], line: Row[Any], lot: str, quantity: int, now: datetime) -> None:
    order = order_by_id(connection, row.order_id).number if row.order_id else ""
    refund = None if line.refund_minor is None else line.refund_minor * quantity
    told = {"order": order, "order_id": row.order_id, "item": line.item, "lot": lot, "quantity": quantity, "reason": row.reason, "refund_minor": refund}
    emit(connection, "return.received", row.number, told, now, row.site)


def inspect(connection: Connection, fact: ledger.Fact, return_id: str, body: ReturnInspected, now: datetime) -> None:
    """Decide on returned goods after a look at them; when all are decided on, the return is done. The same fact again changes nothing.

    Raises: NotFoundError. ConflictError: more than waits for inspection; or goods that may not be sold shall be.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = _held(connection, return_id, now)
    line = _line(connection, row, body.n)
    waiting = int(line.arrived - line.inspected)
    if body.quantity > waiting:
        text = f"return {row.number} line {line.n}: {body.quantity} of item {line.item} decided on, {waiting} wait for inspection; count again"
        raise ConflictError("return_over_arrived", text)
    if body.disposition == "available":
        _check_sellable(connection, row, line, body)
    ledger.lock(connection, {(row.site, line.item)})
    stage = catalog.stage_of(connection, row.site)
    source = ledger.Account(stage, line.item, line.lot, line.owner, "inspect")
    target = _target(connection, row, source, body)
    returned_serials.inspected(connection, fact.id, row, source, body, now)
    ledger.post(connection, fact.id, [ledger.Leg(source, -body.quantity), ledger.Leg(target, body.quantity)])
    serials.follow(connection, fact.id, source, target, body.quantity, body.serials, now)
    mine = (return_line.c.return_id == return_id) & (return_line.c.n == line.n)
    connection.execute(update(return_line).where(mine).values(inspected=return_line.c.inspected + body.quantity))
    decided = body.model_dump(include={"n", "quantity", "disposition", "reason", "actor"})
    connection.execute(insert(return_decision).values(event_id=fact.id, return_id=return_id, place=target.place, at=now, **decided))
    _close_when_done(connection, return_id, now)


def _check_sellable(connection: Connection, row: Row[Any], line: Row[Any], body: ReturnInspected) -> None:
    if line.lot and catalog.held_lot(connection, line.item, line.lot):
        raise ConflictError("lot_held", f"return {row.number}: lot {line.lot} of item {line.item} is recalled; put it on hold, scrap it or send it back")
    condition = catalog.item_by_code(connection, line.item).condition
    if condition != "ambient" and not body.reason:
        text = f"return {row.number}: item {line.item} is {condition} and nobody knows how warm it was; write as reason who vouches for it, or scrap it"
        raise ConflictError("cold_chain_unproven", text)


def _target(connection: Connection, row: Row[Any], source: ledger.Account, body: ReturnInspected) -> ledger.Account:
    if body.disposition in _GONE:
        return source.at(_GONE[body.disposition])
    place = source.place
    if body.place is not None:
        location = catalog.location_by_place(connection, body.place)
        if location.site != row.site:
            raise ConflictError("two_sites", f"return {row.number} is at {row.site}, place {body.place} is not; transfer the goods afterwards")
        place = body.place
    return ledger.Account(place, source.item, source.lot, source.owner, _KEPT[body.disposition])


def _close_when_done(connection: Connection, return_id: str, now: datetime) -> None:
    lines: Sequence[Row[Any]] = connection.execute(select(return_line).where(return_line.c.return_id == return_id)).all()
    decided = all(line.inspected == line.arrived for line in lines)
    # Lots that nobody announced stand in lines of their own, so items are compared, not lines.
    arrived, announced = (sum(getattr(line, name) for line in lines) for name in ("arrived", "announced"))
    if decided and arrived >= announced:
        connection.execute(update(goods_return).where(goods_return.c.id == return_id).values(state="inspected", closed_at=now))


def close(connection: Connection, fact: ledger.Fact, return_id: str, now: datetime) -> None:
    """End a return of which no more will come: cancelled when nothing did, else inspected. Ended already changes nothing.

    Raises: NotFoundError. ConflictError: goods of it wait for inspection.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = _held(connection, return_id, now)
    if row.state in ("inspected", "cancelled"):
        return
    lines = connection.execute(select(return_line).where(return_line.c.return_id == return_id)).all()
    waiting = sum(line.arrived - line.inspected for line in lines)
    if waiting:
        raise ConflictError("return_waits", f"return {row.number}: {waiting} pieces wait for inspection; decide on them first")
    state = "inspected" if any(line.arrived for line in lines) else "cancelled"
    connection.execute(update(goods_return).where(goods_return.c.id == return_id).values(state=state, closed_at=now))
