# SPDX-License-Identifier: Apache-2.0
"""Serials (R19): where each numbered piece is. Movements of an item tracked by serial name the pieces; the verifier compares them with the ledger.

A pick at a light names none: its pieces stand at the stage without a number, and their numbers stay where they were until somebody scans them, at
shipping at the latest. So an account from which pieces were picked may hold more numbers than pieces, and each of the numbers too many may be named as
a piece of the same goods (site, item, lot, owner) that stands somewhere without one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from central.catalog import service as catalog
from central.catalog.tables import item as catalog_item
from central.catalog.tables import location
from central.errors import ConflictError, DomainError
from central.ledger.postings import post
from central.ledger.rules import COUNT_DIFFERENCE, CUSTOMER, LOSS, PRODUCTION, VENDOR, Account, Leg
from central.ledger.tables import balance, event, serial, serial_move

_Goods = tuple[str, str, str, str]
"""Site, item, lot and owner."""
_ACCOUNT = ("place", "item", "lot", "owner", "status", "unit")
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
    known = pieces_of(connection, item, numbers)
    if source is not None:
        require_at(connection, source, numbers, account)
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


def require_at(connection: Connection, source: Account, numbers: Sequence[str], target: Account | None = None) -> None:
    """Pieces can be taken from `source`: they are there, or are of those that were picked without being named. From a virtual place only new ones come.

    `target` is where they stand in the balances already. Raises: ConflictError.
    """
    known = pieces_of(connection, source.item, numbers)
    spare: dict[Account, int] = {}
    for number in numbers:
        row = known.get(number)
        if source.virtual:
            if row is not None and row.state == "in_stock":
                text = f"serial {number} of item {source.item} is at {row.place} already; one serial is one piece"
                raise ConflictError("serial_in_stock", text)
            continue
        at = None if row is None else account_of(row)
        if at != source and (at is None or not _may_have_left(connection, at, source, target, spare)):
            where = "not known" if at is None else f"at {at}"
            text = f"serial {number} of item {source.item} is {where}, not at {source}; scan the piece again, or count the place"
            raise ConflictError("serial_elsewhere", text)


def _may_have_left(connection: Connection, at: Account, source: Account, target: Account | None, spare: dict[Account, int]) -> bool:
    """Whether a number of an account is one too many there, so that its piece may stand elsewhere; each is used once in `spare`."""
    if at.virtual or (at.site, at.lot, at.owner) != (source.site, source.lot, source.owner):
        return False
    if at not in spare:
        spare[at] = spare_at(connection, at)
    if at == target:  # put back to where its number stayed
        return spare[at] <= 0
    spare[at] -= 1
    return spare[at] >= 0


def spare_at(connection: Connection, account: Account) -> int:
    """How many numbers more than pieces an account has; negative: so many pieces are without one."""
    mine = [getattr(balance.c, name) == getattr(account, name) for name in _ACCOUNT]
    return len(at_account(connection, account)) - int(connection.execute(select(balance.c.on_hand).where(*mine)).scalar() or 0)


def account_of(row: Any) -> Account:
    """The account at which a row of `serial` says that its piece is."""
    return Account(row.place, row.item, row.lot, row.owner, row.status, row.unit)


def pieces_of(connection: Connection, item: str, numbers: Sequence[str]) -> dict[str, Any]:
    """The rows of `serial` of these numbers, as far as they are known; they are locked."""
    return {row.serial: row for row in _rows(connection, item, numbers)}


def name(connection: Connection, fact_id: str, account: Account, numbers: Sequence[str], now: datetime, *, new: bool = False) -> None:
    """Pieces that stand at an account without a number have these; with `new` they may be numbers that are not in stock. The fence is held.

    Raises: ConflictError: fewer pieces stand there without one, or a piece is elsewhere.
    """
    unnamed = max(-spare_at(connection, account), 0)
    if len(numbers) > unnamed or len(set(numbers)) < len(numbers):
        text = f"{account}: {unnamed} pieces wait for their serials, {len(set(numbers))} are given; count again"
        raise ConflictError("no_such_pieces", text)
    known = pieces_of(connection, account.item, numbers)
    here = [number for number, row in known.items() if account_of(row) == account]
    if here:
        text = f"serial {here[0]} of item {account.item} is at {account.place} already; one serial is one piece"
        raise ConflictError("serial_in_stock", text)
    require_at(connection, account, [number for number in numbers if not new or (number in known and known[number].state == "in_stock")])
    move(connection, fact_id, account.item, numbers, account, now)


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
    mine = [getattr(serial.c, name) == getattr(account, name) for name in _ACCOUNT]
    return list(connection.execute(select(serial.c.serial).where(*mine, serial.c.state == "in_stock").order_by(serial.c.serial)).scalars())


def follow_all(connection: Connection, fact_id: str, source: Account, target: Account, now: datetime) -> None:
    """Everything at an account went to another one: so did its pieces."""
    numbers = at_account(connection, source)
    if numbers:
        move(connection, fact_id, source.item, numbers, target, now)


def post_along(connection: Connection, fact_id: str, moved: Sequence[tuple[Account, Account, int]], now: datetime) -> None:
    """Post (source, target, quantity) of pieces that nobody has scanned. Of numbered ones as many numbers go along; which of them a scan says at the latest.

    The fences are held. Raises: InsufficientStockError.
    """
    post(connection, fact_id, [leg for source, target, quantity in moved for leg in (Leg(source, -quantity), Leg(target, quantity))])
    tracked = {item for item in {source.item for source, _, _ in moved} if is_tracked(connection, item)}
    for source, target, quantity in moved:
        if source.item in tracked and (numbers := at_account(connection, source)[:quantity]):
            move(connection, fact_id, source.item, numbers, target, now)


def path_of(connection: Connection, item: str, number: str) -> list[dict[str, Any]]:
    """Where a piece has been, oldest first."""
    query = select(serial_move).join(event, event.c.id == serial_move.c.event_id).where(serial_move.c.item == item, serial_move.c.serial == number)
    query = query.order_by(event.c.position, serial_move.c.n)
    return [dict(row) for row in connection.execute(query).mappings()]


def check(connection: Connection) -> Iterator[str]:
    """Where the serials in stock and the balances of items tracked by serial differ, as lines.

    Pieces in inspection, and those picked to a stage, may still be without their numbers. Numbers too many at an account must be theirs.
    """
    spare, staged, inspected = Counter[_Goods](), Counter[_Goods](), Counter[_Goods]()
    for account, at_stage, on_hand, numbers in _compared(connection):
        same = (account.site, account.item, account.lot, account.owner)
        if numbers > on_hand:
            spare[same] += numbers - on_hand
        elif account.status == "inspect":
            inspected[same] += on_hand - numbers
        elif at_stage:
            staged[same] += on_hand - numbers
        elif on_hand > numbers:
            yield f"{account}: {on_hand} on hand, {numbers} serials in stock"
    for same in sorted({*spare, *staged}):
        if not staged[same] <= spare[same] <= staged[same] + inspected[same]:
            site, item, lot, _ = same
            without = f"{staged[same]} pieces at the stage and {inspected[same]} in inspection without a serial"
            yield f"{site}: item {item} lot {lot or '-'}: {spare[same]} serials in stock without their piece, {without}"


def _compared(connection: Connection) -> Iterator[tuple[Account, bool, int, int]]:
    """(account, whether it is at a stage, pieces on hand, serials in stock) of items tracked by serial."""
    account = [balance.c[name] for name in _ACCOUNT]
    held = select(*account, balance.c.on_hand, location.c.kind).join(catalog_item, catalog_item.c.code == balance.c.item)
    held = held.outerjoin(location, location.c.place == balance.c.place)
    books = {account_of(row): row for row in connection.execute(held.where(catalog_item.c.tracking == "serial"))}
    mine = [serial.c[name] for name in _ACCOUNT]
    counted = select(*mine, func.count().label("pieces")).where(serial.c.state == "in_stock").group_by(*mine)
    pieces = {account_of(row): int(row.pieces) for row in connection.execute(counted)}
    for each in sorted({*books, *pieces}):
        row = books.get(each)
        yield each, row is not None and row.kind == "stage", row.on_hand if row is not None else 0, pieces.get(each, 0)
