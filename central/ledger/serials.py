# SPDX-License-Identifier: Apache-2.0
"""Serials (R19): where each numbered piece is. Every movement of an item tracked by serial names the pieces; the verifier compares them with the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.errors import ConflictError, DomainError
from central.ledger.rules import COUNT_DIFFERENCE, CUSTOMER, LOSS, PRODUCTION, VENDOR, Account
from central.ledger.tables import balance, event, serial, serial_move

_STATES = {VENDOR: "returned", CUSTOMER: "shipped", LOSS: "lost", COUNT_DIFFERENCE: "lost", PRODUCTION: "built_in"}


def is_tracked(connection: Connection, item: str) -> bool:
    """Whether every piece of the item has its number. Raises: UnknownItemError."""
    return str(catalog.item_by_code(connection, item).tracking) == "serial"


def follow(connection: Connection, fact_id: str, source: Account, target: Account, quantity: int, numbers: Sequence[str], now: datetime) -> None:
    """After a posting of `quantity` from one account to another: the pieces go along. Does nothing for items that are not tracked by serial.

    Raises: DomainError: not as many serials as pieces, or serials of an item that has none. ConflictError: a piece is not where it is taken from.
    """
    if not is_tracked(connection, source.item):
        if numbers:
            raise DomainError("serials_not_wanted", f"item {source.item} is not tracked by serial; leave the serials out")
        return
    if len(set(numbers)) != quantity or len(numbers) != quantity:
        text = f"{quantity} pieces of item {source.item} move and {len(set(numbers))} serials are given; scan each piece once"
        raise DomainError("serials_wanted", text)
    move(connection, fact_id, source.item, numbers, target, now, source=source)


def move(connection: Connection, fact_id: str, item: str, numbers: Sequence[str], account: Account, now: datetime, source: Account | None = None) -> None:
    """Pieces are at `account` now (a virtual place: they went there). Use it beside each posting that moves them; the fence is held.

    With `source` they must come from there: a piece that comes from a virtual place is new, or is not in stock.
    Raises: ConflictError: a piece is elsewhere.
    """
    known = {row.serial: row for row in _rows(connection, item, numbers)}
    for number in numbers:
        if source is not None:
            _must_come_from(item, number, known.get(number), source)
    values = {
        "place": account.place,
        "lot": account.lot,
        "owner": account.owner,
        "status": account.status,
        "unit": account.unit,
        "state": _STATES.get(account.place, "in_stock"),
        "changed_by": fact_id,
    }
    new = [number for number in numbers if number not in known]
    if new:
        connection.execute(insert(serial), [{"item": item, "serial": number, **values} for number in new])
    for start in range(0, len(numbers), 500):
        part = list(numbers[start : start + 500])
        connection.execute(update(serial).where(serial.c.item == item, serial.c.serial.in_(part)).values(**values))
    _remember(connection, fact_id, item, numbers, known, account, now)


def _rows(connection: Connection, item: str, numbers: Sequence[str]) -> Iterator[Any]:
    for start in range(0, len(numbers), 500):
        query = select(serial).where(serial.c.item == item, serial.c.serial.in_(list(numbers[start : start + 500])))
        yield from connection.execute(query.with_for_update())


def _must_come_from(item: str, number: str, row: Any, source: Account) -> None:
    if source.virtual:
        if row is not None and row.state == "in_stock":
            raise ConflictError("serial_in_stock", f"serial {number} of item {item} is at {row.place} already; one serial is one piece")
        return
    at = None if row is None else Account(row.place, item, row.lot, row.owner, row.status, row.unit)
    if at != source:
        where = "not known" if at is None else f"at {at}"
        raise ConflictError("serial_elsewhere", f"serial {number} of item {item} is {where}, not at {source}; scan the piece again, or count the place")


def _remember(connection: Connection, fact_id: str, item: str, numbers: Sequence[str], known: dict[str, Any], account: Account, now: datetime) -> None:
    n = connection.execute(select(func.coalesce(func.max(serial_move.c.n), -1) + 1).where(serial_move.c.event_id == fact_id)).scalar_one()
    rows = [
        {
            "item": item,
            "serial": number,
            "event_id": fact_id,
            "n": n,
            "from_place": known[number].place if number in known else "",
            "to_place": account.place,
            "status": account.status,
            "unit": account.unit,
            "moved_at": now,
        }
        for number in numbers
    ]
    connection.execute(insert(serial_move), rows)


def at_account(connection: Connection, account: Account) -> list[str]:
    """Serials of the pieces at an account, in order."""
    mine = [getattr(serial.c, name) == getattr(account, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    return list(connection.execute(select(serial.c.serial).where(*mine, serial.c.state == "in_stock").order_by(serial.c.serial)).scalars())


def follow_all(connection: Connection, fact_id: str, source: Account, target: Account, now: datetime) -> None:
    """Everything at an account went to another one: so did its pieces."""
    numbers = at_account(connection, source)
    if numbers:
        move(connection, fact_id, source.item, numbers, target, now)


def path_of(connection: Connection, item: str, number: str) -> list[dict[str, Any]]:
    """Where a piece has been, oldest first."""
    query = select(serial_move).join(event, event.c.id == serial_move.c.event_id).where(serial_move.c.item == item, serial_move.c.serial == number)
    query = query.order_by(event.c.position, serial_move.c.n)
    return [dict(row) for row in connection.execute(query).mappings()]


def check(connection: Connection) -> Iterator[str]:
    """Where the serials in stock and the balances of items tracked by serial differ, as lines.

    Pieces in inspection may still be without their numbers; more numbers than pieces are wrong everywhere.
    """
    account = ("place", "item", "lot", "owner", "status", "unit")
    held = select(*(balance.c[name] for name in account), balance.c.on_hand).join(catalog_item, catalog_item.c.code == balance.c.item)
    books = {tuple(row)[:6]: row.on_hand for row in connection.execute(held.where(catalog_item.c.tracking == "serial"))}
    counted = select(*(serial.c[name] for name in account), func.count().label("pieces")).where(serial.c.state == "in_stock")
    pieces = {tuple(row)[:6]: row.pieces for row in connection.execute(counted.group_by(*(serial.c[name] for name in account)))}
    for key in sorted({*books, *pieces}):
        unnumbered = books.get(key, 0) - pieces.get(key, 0)
        if unnumbered < 0 or (unnumbered > 0 and key[4] != "inspect"):
            yield f"{Account(*key)}: {books.get(key, 0)} on hand, {pieces.get(key, 0)} serials in stock"
