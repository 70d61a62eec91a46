# SPDX-License-Identifier: Apache-2.0
"""Use cases of lot recalls (X6, R18): hold a lot and the kits made of it at all sites at once, and release it. Each runs in the caller's transaction.

A lot that is held in the catalog goes on hold wherever more of it comes in. Every site's fence of the item is taken, also of sites that have nothing
of it: a receipt that is under way there either comes before the recall, which then finds the goods, or sees the held lot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, tuple_, update

from central.catalog import service as catalog
from central.catalog.tables import location
from central.catalog.tables import lot as catalog_lot
from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, NotFoundError
from central.ledger import claims, serials
from central.ledger import service as ledger
from central.ledger.rules import Account
from central.ledger.tables import balance
from central.stock import reasons, voids
from central.stock.listeners import Told
from central.stock.tables import kit_build, kit_build_component, recall, recall_hold
from central.webhooks.service import emit

Lot = tuple[str, str]


@dataclass(frozen=True)
class Recall:
    """Hold a lot everywhere: `number` is the natural key of the recall, `reason` one of kind hold."""

    number: str
    item: str
    lot: str
    reason: str = "recall"
    note: str = ""


def recall_lot(connection: Connection, fact: ledger.Fact, order: Recall, now: datetime) -> bool:
    """Put everything available or in inspection of a lot, and of kits made of it, on hold at all sites; returns False when done before.

    Reservations of it are given back, and others found for their orders. A lot that was never seen is held all the same when it comes.
    Raises: NotFoundError: the item is unknown. ConflictError: another recall of the lot is open. DomainError: no lot, or no such reason.
    """
    if ledger.record(connection, fact, now).already:
        return False
    catalog.item_by_code(connection, order.item)
    reasons.check_reason(connection, order.reason, ("hold",))
    if not order.lot:
        raise DomainError("lot_wanted", f"item {order.item}: a recall names a lot")
    lots = _fenced(connection, (order.item, order.lot))
    _must_be_first(connection, order)
    values = {"number": order.number, "item": order.item, "lot": order.lot, "reason": order.reason, "note": order.note}
    connection.execute(insert(recall).values(**values, opened_by=fact.actor, opened_at=now))
    told = Told(fact.id, now, "recalled")
    _hold_in_catalog(connection, lots, held=True)
    voided = [claim for item, lot in lots for claim in claims.on_lot(connection, item, lot)]
    voids.give_back(connection, told, voided)
    quantity = _hold(connection, told, order.number, lots)
    voids.find_others(connection, told, voided)
    data = {"recall": order.number, "item": order.item, "lot": order.lot, "reason": order.reason, "held": quantity, "reservations": len(voided)}
    emit(connection, "lot.recalled", f"{order.item}/{order.lot}", data, now)
    return True


def _fenced(connection: Connection, first: Lot) -> list[Lot]:
    """The lot and the kit lots made of it, with the fences of all their items at all sites held."""
    lots = made_of(connection, first)
    ledger.lock(connection, _everywhere(connection, lots))
    # A kit may have been assembled of it before the fences were ours.
    lots = made_of(connection, first)
    ledger.lock(connection, _everywhere(connection, lots))
    return lots


def _everywhere(connection: Connection, lots: Iterable[Lot]) -> set[tuple[str, str]]:
    sites = set(connection.execute(select(location.c.site).distinct()).scalars())
    sites |= set(connection.execute(select(balance.c.site).distinct().where(tuple_(balance.c.item, balance.c.lot).in_(list(lots)))).scalars())
    return {(site, item) for site in sites for item, _ in lots}


def made_of(connection: Connection, first: Lot) -> list[Lot]:
    """A lot, and the kit lots that it went into, directly or through other kits."""
    found, ahead = [first], [first]
    while ahead:
        component = tuple_(kit_build_component.c.item, kit_build_component.c.lot).in_(ahead)
        query = select(kit_build.c.kit, kit_build.c.kit_lot).distinct().join(kit_build_component, kit_build_component.c.build == kit_build.c.id)
        rows = connection.execute(query.where(component, kit_build.c.kind == "assembled").order_by(kit_build.c.kit, kit_build.c.kit_lot))
        ahead = [pair for row in rows if (pair := (row.kit, row.kit_lot)) not in found]
        found += ahead
    return found


def _must_be_first(connection: Connection, order: Recall) -> None:
    query = select(recall.c.number).where(recall.c.item == order.item, recall.c.lot == order.lot, recall.c.state == "open")
    other = connection.execute(query).scalar()
    if other is not None:
        raise ConflictError("recall_open", f"lot {order.lot} of item {order.item} is recalled already ({other}); add to that recall")


def _hold_in_catalog(connection: Connection, lots: Iterable[Lot], *, held: bool) -> None:
    for item, lot in lots:
        statement = insert_or_leave(connection, catalog_lot).values(item=item, lot=lot, held=held)
        connection.execute(statement.on_conflict_do_update(index_elements=[catalog_lot.c.item, catalog_lot.c.lot], set_={"held": held}))
        ledger.lots_changed(connection, [(item, lot)])


def _hold(connection: Connection, told: Told, number: str, lots: Sequence[Lot]) -> int:
    rows = _found(connection, lots)
    usable = [(ledger.account_of(row), int(row.on_hand)) for row in rows if row.status in ("available", "inspect")]
    moved = [(account, replace(account, status="hold"), quantity) for account, quantity in usable]
    if moved:
        ledger.post(connection, told.fact_id, [leg for source, to, quantity in moved for leg in (ledger.Leg(source, -quantity), ledger.Leg(to, quantity))])
    for source, to, _ in moved:
        serials.follow_all(connection, told.fact_id, source, to, told.now)
    nothing = set(lots) - {(row.item, row.lot) for row in rows}
    kept = [_kept(number, row.item, row.lot, row.place, row.owner, row.unit, row.status, row.on_hand) for row in rows]
    kept += [_kept(number, item, lot, "", "", "", "available", 0) for item, lot in sorted(nothing)]
    connection.execute(insert(recall_hold), kept)
    return sum(quantity for _, _, quantity in moved)


def _found(connection: Connection, lots: Sequence[Lot]) -> Sequence[Row[Any]]:
    return connection.execute(select(balance).where(tuple_(balance.c.item, balance.c.lot).in_(list(lots))).order_by(balance.c.id)).all()


def _kept(number: str, item: str, lot: str, place: str, owner: str, unit: str, status: str, quantity: int) -> dict[str, Any]:
    return {"recall": number, "item": item, "lot": lot, "place": place, "owner": owner, "unit": unit, "status": status, "quantity": quantity}


def recall_by_number(connection: Connection, number: str) -> Row[Any]:
    """A recall's row. Raises: NotFoundError."""
    row = connection.execute(select(recall).where(recall.c.number == number)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_recall", f"recall {number} is not known")
    return row


def release_recall(connection: Connection, fact: ledger.Fact, number: str, now: datetime) -> bool:
    """The lot is good after all: what is on hold of it is available again, or in inspection where it was; returns False when released before.

    What was on hold for another reason before the recall stays so, and so does a kit lot that another open recall holds. Raises: NotFoundError.
    """
    row = recall_by_number(connection, number)
    _fenced(connection, (row.item, row.lot))
    row = recall_by_number(connection, number)
    if row.state == "released" or ledger.record(connection, fact, now).already:
        return False
    connection.execute(update(recall).where(recall.c.number == number).values(state="released", closed_by=fact.actor, closed_at=now))
    kept = connection.execute(select(recall_hold).where(recall_hold.c.recall == number)).all()
    lots = sorted({(each.item, each.lot) for each in kept} - _held_by_others(connection, number))
    if not lots:
        return True
    _hold_in_catalog(connection, lots, held=False)
    moved = [part for each in _found(connection, lots) if each.status == "hold" for part in _given_back(ledger.account_of(each), int(each.on_hand), kept)]
    if moved:
        ledger.post(connection, fact.id, [leg for source, to, quantity in moved for leg in (ledger.Leg(source, -quantity), ledger.Leg(to, quantity))])
    for source, to, quantity in moved:
        numbers = serials.at_account(connection, source)[:quantity]
        if numbers:
            serials.move(connection, fact.id, source.item, numbers, to, now)
    return True


def _held_by_others(connection: Connection, number: str) -> set[Lot]:
    query = select(recall_hold.c.item, recall_hold.c.lot).distinct().join(recall, recall.c.number == recall_hold.c.recall)
    return {(row.item, row.lot) for row in connection.execute(query.where(recall.c.state == "open", recall.c.number != number))}


def _given_back(account: Account, on_hand: int, kept: Sequence[Row[Any]]) -> list[tuple[Account, Account, int]]:
    here = (account.item, account.lot, account.place, account.owner, account.unit)
    mine = [each for each in kept if (each.item, each.lot, each.place, each.owner, each.unit) == here]
    before = {status: sum(each.quantity for each in mine if each.status == status) for status in ("hold", "inspect")}
    free = max(on_hand - before["hold"], 0)
    inspect = min(free, before["inspect"])
    parts = (("inspect", inspect), ("available", free - inspect))
    return [(account, replace(account, status=status), quantity) for status, quantity in parts if quantity]  # type: ignore[arg-type]  # two known words
