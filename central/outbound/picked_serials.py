# SPDX-License-Identifier: Apache-2.0
"""Which numbered pieces were picked for an order (R19). They are named at the pick, at the pack station, or at shipping at the latest.

Each function runs inside the caller's transaction, with the fences of the goods held.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from central.bulk import among
from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.errors import ConflictError
from central.ledger import leaving, serials
from central.ledger.rules import CUSTOMER, Account
from central.ledger.tables import balance
from central.outbound.picking_tables import picked_serial
from central.outbound.tables import customer_order, pick_task

_IN_WORK = ("released", "picked")


@dataclass(frozen=True, slots=True)
class Naming:
    """Somebody says by a recorded fact which pieces of an item and lot are an order's."""

    fact_id: str
    order_id: str
    item: str
    lot: str
    numbers: tuple[str, ...]
    now: datetime


def keep_taken(connection: Connection, said: Naming, source: Account) -> None:
    """Remember the pieces that a pick is about to take from `source`; `bring` them when it is posted. The order's own already change nothing.

    Raises: ConflictError: a piece is elsewhere, or another order's.
    """
    new = sorted(set(said.numbers) - set(_named(connection, said.order_id, said.item)))
    _check_free(connection, said, new)
    serials.require_at(connection, source, new)
    _keep(connection, said, dict.fromkeys(new, source.owner))


def bring(connection: Connection, said: Naming) -> None:
    """The pieces of the order that are in stock stand at the stage."""
    order = connection.execute(select(customer_order).where(customer_order.c.id == said.order_id)).one()
    stage = catalog.stage_of(connection, order.site)
    for number, row in serials.pieces_of(connection, said.item, said.numbers).items():
        if row.state == "in_stock" and row.place != stage:
            unit = leaving.standing(connection, row.unit, stage)
            serials.move(connection, said.fact_id, said.item, [number], replace(serials.account_of(row), place=stage, unit=unit), said.now)


def name_picked(connection: Connection, said: Naming, kept: Collection[str] = ()) -> None:
    """Name pieces that were picked for an order without their numbers. When all have one, other pieces than `kept` are exchanged for those given.

    Raises: ConflictError: more than were picked, or a piece is elsewhere or another order's.
    """
    named = _named(connection, said.order_id, said.item)
    new = sorted(set(said.numbers) - set(named))
    if not new:
        return
    _check_free(connection, said, new)
    mine = sorted(number for number, lot in named.items() if lot == said.lot)
    too_many = len(mine) + len(new) - _picked(connection, said)
    given_up = [number for number in mine if number not in {*kept, *said.numbers}]
    if too_many > len(given_up):
        text = f"{len(said.numbers)} serials of item {said.item} lot {said.lot or '-'} are given, the order has {len(mine) - too_many} pieces without one"
        raise ConflictError("no_such_pieces", f"{text}; count again")
    for old, number in zip(given_up, new[: max(too_many, 0)], strict=False):
        _exchange(connection, said, old, number)
    _name_rest(connection, said, new[max(too_many, 0) :])


def _name_rest(connection: Connection, said: Naming, numbers: Sequence[str]) -> None:
    known = serials.pieces_of(connection, said.item, numbers)
    stages = _stage_accounts(connection, said)
    for number in numbers:
        row = known.get(number)
        same = [account for account in stages if row is None or account.owner == row.owner]
        if row is not None and row.state == "in_stock" and serials.account_of(row) in same:
            continue  # it stands there with its number already, and no other order has it
        # The unit it was picked off, if it came along whole; else wherever a piece without a number stands.
        unnamed = [account for account in same if serials.spare_at(connection, account) < 0] or same
        unnamed.sort(key=lambda account: row is not None and account.unit != row.unit)
        serials.name(connection, said.fact_id, unnamed[0] if unnamed else stages[0], [number], said.now)
    _keep(connection, said, {number: row.owner for number, row in serials.pieces_of(connection, said.item, numbers).items()})


def _exchange(connection: Connection, said: Naming, old: str, number: str) -> None:
    """The piece named `old` is really `number`, and the other way round."""
    known = serials.pieces_of(connection, said.item, [old, number])
    row, other = known[old], known.get(number)
    if other is None or other.state != "in_stock" or (other.lot, other.owner) != (row.lot, row.owner) or other.place.split("/")[0] != row.place.split("/")[0]:
        where = "not known" if other is None else f"at {other.place}"
        raise ConflictError("serial_elsewhere", f"serial {number} of item {said.item} is {where}, not at {row.place}; scan the piece again, or count the place")
    serials.move(connection, said.fact_id, said.item, [old], serials.account_of(other), said.now)
    serials.move(connection, said.fact_id, said.item, [number], serials.account_of(row), said.now)
    mine = (picked_serial.c.order_id == said.order_id) & (picked_serial.c.item == said.item) & (picked_serial.c.serial == old)
    connection.execute(update(picked_serial).where(mine).values(serial=number, named_by=said.fact_id))


def _keep(connection: Connection, said: Naming, owners: Mapping[str, str]) -> None:
    rows = [
        {"order_id": said.order_id, "item": said.item, "serial": number, "lot": said.lot, "owner": owner, "named_by": said.fact_id}
        for number, owner in owners.items()
    ]
    if rows:
        connection.execute(insert(picked_serial), rows)


def numbers_of(connection: Connection, order_id: str, item: str) -> list[str]:
    """The named pieces of an order."""
    return sorted(_named(connection, order_id, item))


def unnamed_of(connection: Connection, order_id: str) -> dict[tuple[str, str], int]:
    """How many picked pieces of an order are without their number, by item and lot; only those that are."""
    goods = (pick_task.c.item, pick_task.c.lot)
    taken = select(*goods, func.sum(pick_task.c.taken).label("taken")).join(catalog_item, catalog_item.c.code == pick_task.c.item)
    rows = connection.execute(taken.where(pick_task.c.order_id == order_id, catalog_item.c.tracking == "serial").group_by(*goods)).all()
    names = select(picked_serial.c.item, picked_serial.c.lot, func.count()).where(picked_serial.c.order_id == order_id)
    named = {(item, lot): int(number) for item, lot, number in connection.execute(names.group_by(picked_serial.c.item, picked_serial.c.lot))}
    left = {(row.item, row.lot): int(row.taken) - named.get((row.item, row.lot), 0) for row in rows}
    return {key: number for key, number in left.items() if number}


def _named(connection: Connection, order_id: str, item: str) -> dict[str, str]:
    query = select(picked_serial.c.serial, picked_serial.c.lot).where(picked_serial.c.order_id == order_id, picked_serial.c.item == item)
    return {row.serial: row.lot for row in connection.execute(query)}


def _check_free(connection: Connection, said: Naming, numbers: Sequence[str]) -> None:
    theirs = select(picked_serial.c.serial, customer_order.c.number).join(customer_order, customer_order.c.id == picked_serial.c.order_id)
    theirs = theirs.where(picked_serial.c.item == said.item, among(connection, picked_serial.c.serial, numbers), customer_order.c.state.in_(_IN_WORK))
    row = connection.execute(theirs.where(customer_order.c.id != said.order_id).limit(1)).one_or_none()
    if row is not None:
        raise ConflictError("serial_taken", f"serial {row.serial} of item {said.item} was picked for order {row.number}; scan the piece again")


def _picked(connection: Connection, said: Naming) -> int:
    mine = (pick_task.c.order_id == said.order_id) & (pick_task.c.item == said.item) & (pick_task.c.lot == said.lot)
    return int(connection.execute(select(func.coalesce(func.sum(pick_task.c.taken), 0)).where(mine)).scalar_one())


def _stage_accounts(connection: Connection, said: Naming) -> list[Account]:
    """Where the order's goods of an item and lot stand since they were picked."""
    mine = (pick_task.c.order_id == said.order_id) & (pick_task.c.item == said.item) & (pick_task.c.lot == said.lot) & (pick_task.c.taken > 0)
    rows = connection.execute(select(pick_task.c.site, pick_task.c.owner, pick_task.c.unit).distinct().where(mine)).all()
    stages = {row.site: catalog.stage_of(connection, row.site) for row in rows}
    accounts = [
        Account(stages[row.site], said.item, said.lot, row.owner, "available", leaving.standing(connection, row.unit, stages[row.site])) for row in rows
    ]
    return sorted(set(accounts))


def leave(connection: Connection, going: Sequence[tuple[str, Any]], taken: Mapping[str, Sequence[Any]], now: datetime) -> None:
    """The pieces of shipped orders, (fact id, order), went to the customer; `taken` are rows (item, lot, owner, quantity) by order id.

    What nobody named is named here where nothing else can be meant. Raises: ConflictError `serials_needed`: pieces without their number are left.
    """
    items = {row.item for rows in taken.values() for row in rows}
    tracked = select(catalog_item.c.code).where(among(connection, catalog_item.c.code, sorted(items)), catalog_item.c.tracking == "serial")
    numbered = set(connection.execute(tracked).scalars())
    for fact_id, order in going if numbered else ():
        quantities: dict[tuple[str, str, str], int] = defaultdict(int)
        for row in taken.get(order.id, ()):
            if row.item in numbered:
                quantities[row.item, row.lot, row.owner] += int(row.quantity)
        for (item, lot, owner), quantity in quantities.items():
            said = Naming(fact_id, order.id, item, lot, (), now)
            numbers = _all_numbers(connection, said, owner, quantity, order.number)
            serials.move(connection, fact_id, item, numbers, Account(CUSTOMER, item, lot, owner), now)


def _all_numbers(connection: Connection, said: Naming, owner: str, quantity: int, order: str) -> list[str]:
    mine = (picked_serial.c.order_id == said.order_id) & (picked_serial.c.item == said.item)
    query = select(picked_serial.c.serial).where(mine, picked_serial.c.lot == said.lot, picked_serial.c.owner == owner).order_by(picked_serial.c.serial)
    named = list(connection.execute(query).scalars())
    missing = quantity - len(named)
    found = _only_ones(connection, said, owner) if missing else []
    if len(found) != missing:
        text = f"order {order}: {missing} of {quantity} pieces of item {said.item} lot {said.lot or '-'} are without their serial"
        raise ConflictError("serials_needed", f"{text}; scan them at the pack station, or name them on their pick tasks")
    _keep(connection, said, dict.fromkeys(found, owner))
    return [*named, *found]


def _only_ones(connection: Connection, said: Naming, owner: str) -> list[str]:
    """Numbers left at accounts of which the order took the last piece."""
    mine = (pick_task.c.order_id == said.order_id) & (pick_task.c.item == said.item) & (pick_task.c.lot == said.lot) & (pick_task.c.owner == owner)
    rows = connection.execute(select(pick_task.c.place, pick_task.c.unit).distinct().where(mine, pick_task.c.taken > 0)).all()
    accounts = [Account(row.place, said.item, said.lot, owner, "available", row.unit) for row in rows]
    emptied = [account for account in accounts if not _on_hand(connection, account)]
    return [number for account in emptied for number in serials.at_account(connection, account)]


def _on_hand(connection: Connection, account: Account) -> int:
    mine = [getattr(balance.c, name) == getattr(account, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    return int(connection.execute(select(balance.c.on_hand).where(*mine)).scalar() or 0)
