# SPDX-License-Identifier: Apache-2.0
"""Use cases of transfers between sites (R25, R61): request, approve, reserve, ship, lose, cancel. Each runs inside the caller's transaction.

What is shipped stands in the books of the receiving site at its place TRANSIT until its own dock door receives it: shipping announces a ship notice
there with the pallets' SSCCs, and inbound's ordinary receipt takes the goods from the transit place. What does not arrive stays in transit until
somebody finds it (the discrepancy is settled) or writes it off with a reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.catalog import service as catalog
from central.errors import ConflictError, DomainError, NotFoundError
from central.inbound import notices
from central.inbound.tables import ship_notice_line
from central.ledger import claims, serials, units
from central.ledger import service as ledger
from central.ledger.rules import LOSS, Account
from central.ledger.tables import balance
from central.stock import places, reasons, rules
from central.stock.handling import check_code, follow_serials
from central.stock.numbers import next_sscc
from central.stock.tables import transfer, transfer_line, transfer_step
from central.webhooks.service import emit

LINE_PREFIX = "transfer:"


@dataclass(frozen=True)
class Wanted:
    """So much of an item and owner, expiring on `min_expiry` or later."""

    item: str
    quantity: int
    owner: str = ""
    min_expiry: date | None = None


@dataclass(frozen=True)
class Request:
    """A transfer: goods wanted at one site from another. `number` is its natural key."""

    number: str
    from_site: str
    to_site: str
    lines: tuple[Wanted, ...]
    reason: str = ""
    needs_approval: bool = False
    expected_at: datetime | None = None


@dataclass(frozen=True)
class Load:
    """What is put on the truck: all that is reserved. Goods that are not a whole handling unit by themselves go on the pallet `sscc` (made if empty)."""

    sscc: str = ""
    serial_numbers: Mapping[str, Sequence[str]] = field(default_factory=dict)


def request_transfer(connection: Connection, fact: ledger.Fact, wanted: Request, now: datetime) -> bool:
    """Ask for goods of another site; returns False when asked before.

    Raises: UnknownItemError. NotFoundError: a site has no locations. DomainError: from a site to itself, or a line twice.
    """
    if ledger.record(connection, fact, now).already:
        return False
    _check_request(connection, wanted)
    state = "requested" if wanted.needs_approval else "approved"
    values = {"number": wanted.number, "from_site": wanted.from_site, "to_site": wanted.to_site, "state": state, "reason": wanted.reason}
    connection.execute(insert(transfer).values(**values, expected_at=wanted.expected_at, requested_by=fact.actor, created_at=now))
    rows = [
        {
            "id": f"{LINE_PREFIX}{wanted.number}/{n}",
            "transfer": wanted.number,
            "n": n,
            "item": line.item,
            "owner": line.owner,
            "min_expiry": line.min_expiry,
            "quantity": line.quantity,
        }
        for n, line in enumerate(wanted.lines, start=1)
    ]
    connection.execute(insert(transfer_line), rows)
    _note(connection, fact, wanted.number, "requested", now)
    return True


def _check_request(connection: Connection, wanted: Request) -> None:
    if wanted.from_site == wanted.to_site:
        raise DomainError("same_site", f"transfer {wanted.number} goes from {wanted.from_site} to itself; move the goods from bin to bin instead")
    known = {each.code for each in catalog.sites(connection)}
    for site in (wanted.from_site, wanted.to_site):
        if site not in known:
            raise NotFoundError("unknown_site", f"site {site} has no locations; add them first")
    for line in wanted.lines:
        catalog.item_by_code(connection, line.item)
    keys = [(line.item, line.owner) for line in wanted.lines]
    if len(set(keys)) != len(keys):
        raise DomainError("line_twice", f"transfer {wanted.number} names an item of one owner twice; put it on one line")


def _note(connection: Connection, fact: ledger.Fact, number: str, step: str, now: datetime, notice: str = "", **params: Any) -> None:
    values = {"transfer": number, "event_id": fact.id, "step": step, "actor": fact.actor, "notice": notice, "params": params, "at": now}
    connection.execute(insert(transfer_step).values(**values))


def transfer_by_number(connection: Connection, number: str) -> Row[Any]:
    """A transfer's row. Raises: NotFoundError."""
    row = connection.execute(select(transfer).where(transfer.c.number == number)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_transfer", f"transfer {number} is not known")
    return row


def lines_of(connection: Connection, number: str) -> Sequence[Row[Any]]:
    """A transfer's lines in their order."""
    return connection.execute(select(transfer_line).where(transfer_line.c.transfer == number).order_by(transfer_line.c.n)).all()


def _locked(connection: Connection, number: str) -> tuple[Row[Any], Sequence[Row[Any]]]:
    """The transfer and its lines, with the fences of its goods and units at both sites held."""
    row, lines = transfer_by_number(connection, number), lines_of(connection, number)
    sites = (row.from_site, row.to_site)
    units.lock(connection, sites, {(site, line.item) for site in sites for line in lines})
    return transfer_by_number(connection, number), lines_of(connection, number)


def _must_be(row: Row[Any], *states: str) -> None:
    if row.state not in states:
        raise ConflictError("transfer_state", f"transfer {row.number} is {row.state}; that can only be done while it is {' or '.join(states)}")


def approve(connection: Connection, fact: ledger.Fact, number: str, now: datetime) -> bool:
    """Agree to a requested transfer; returns False when it was agreed to before. Raises: NotFoundError. ConflictError: by who asked, or cancelled."""
    row, _ = _locked(connection, number)
    if row.state not in ("requested", "cancelled"):
        return False
    _must_be(row, "requested")
    if fact.actor == row.requested_by:
        raise ConflictError("same_person", f"transfer {number} was asked for by {row.requested_by}; a second person must approve it")
    ledger.record(connection, fact, now)
    connection.execute(update(transfer).where(transfer.c.number == number).values(state="approved"))
    _note(connection, fact, number, "approved", now)
    return True


def reserve(connection: Connection, fact: ledger.Fact, number: str, now: datetime) -> dict[str, int]:
    """Reserve what is still wanted at the source, strictly by first expiry, in bins and storage; returns what is short by item.

    It may be done again: what was short is tried once more. Raises: NotFoundError. ConflictError: not approved, or done.
    """
    if ledger.record(connection, fact, now).already:
        return _short(connection, number)
    row, lines = _locked(connection, number)
    _must_be(row, "approved", "reserved", "in_transit")
    waiting = _pending(connection, lines)
    demand = [
        ledger.Demand(line.id, row.from_site, line.item, left, line.min_expiry, owner=line.owner)
        for line in lines
        if (left := line.quantity - line.cancelled - line.shipped - sum(each.left for each in waiting if each.line_id == line.id))
    ]
    made = ledger.reserve(connection, fact.id, demand, now, pickable_only=False) if demand else []
    if row.state == "approved" and made:
        connection.execute(update(transfer).where(transfer.c.number == number).values(state="reserved"))
    short = _short(connection, number)
    _note(connection, fact, number, "reserved", now, reserved=sum(each.quantity for each in made), short=short)
    return short


def _pending(connection: Connection, lines: Sequence[Row[Any]]) -> list[claims.Claim]:
    return claims.of_line(connection, [line.id for line in lines])


def reserved_of(connection: Connection, number: str) -> dict[str, int]:
    """What is reserved and not shipped yet, by the id of the line."""
    reserved: dict[str, int] = defaultdict(int)
    for claim in _pending(connection, lines_of(connection, number)):
        reserved[claim.line_id] += claim.left
    return dict(reserved)


def _short(connection: Connection, number: str) -> dict[str, int]:
    lines = lines_of(connection, number)
    waiting = _pending(connection, lines)
    short: dict[str, int] = defaultdict(int)
    for line in lines:
        short[line.item] += line.quantity - line.cancelled - line.shipped - sum(each.left for each in waiting if each.line_id == line.id)
    return {item: quantity for item, quantity in short.items() if quantity}


def ship(connection: Connection, fact: ledger.Fact, number: str, load: Load, now: datetime) -> str:
    """What is reserved leaves the source and is in transit to the other site, announced there by a ship notice; returns the notice's number.

    Handling units that go whole keep their SSCC; the rest goes on one pallet. What is not reserved yet can be shipped later (partial).
    Raises: NotFoundError. ConflictError: nothing is reserved, or cancelled. DomainError: serials are missing.
    """
    recorded = ledger.record(connection, fact, now)
    if recorded.already:
        return (recorded.answer or b"").decode()
    row, lines = _locked(connection, number)
    _must_be(row, "approved", "reserved", "in_transit")
    waiting = _pending(connection, lines)
    if not waiting:
        raise ConflictError("nothing_reserved", f"transfer {number}: nothing is reserved at {row.from_site}; reserve it first")
    transit = places.make_transit(connection, row.to_site)
    for claim in waiting:
        # Taken where it lies: the reservation is posted, and the goods are free for the posting that puts them on the truck.
        ledger.take(connection, claim.id, claim.left, claim.account.place, fact.id)
    loaded = _load(connection, fact, row, waiting, transit, load, now)
    notice = _announce(connection, fact, row, transit, loaded, now)
    for line in lines:
        shipped = sum(each.left for each in waiting if each.line_id == line.id)
        connection.execute(update(transfer_line).where(transfer_line.c.id == line.id).values(shipped=transfer_line.c.shipped + shipped))
    connection.execute(update(transfer).where(transfer.c.number == number).values(state="in_transit"))
    ledger.keep_answer(connection, fact.id, notice.encode())
    data = {"from_site": row.from_site, "to_site": row.to_site, "state": "sent", "notice": notice}
    emit(connection, "stock.transferred", number, data, now, row.to_site)
    return notice


def _load(
    connection: Connection, fact: ledger.Fact, row: Row[Any], waiting: Sequence[claims.Claim], transit: str, load: Load, now: datetime
) -> dict[str, list[tuple[Account, int]]]:
    """Move the goods to the transit place; returns what stands there now by the SSCC of its outermost unit."""
    asked: dict[Account, int] = defaultdict(int)
    for claim in waiting:
        asked[claim.account] += claim.left
    loaded: dict[str, list[tuple[Account, int]]] = {}
    for root in _whole_units(connection, asked):
        rows = [(ledger.account_of(each), int(each.on_hand)) for each in units.goods_in(connection, [root])]
        units.move(connection, fact.id, root, transit, "in_transit")
        moved = [(account, account.at(transit), quantity) for account, quantity in rows]
        follow_serials(connection, fact.id, moved, now)
        loaded[root] = [(target, quantity) for _, target, quantity in moved]
        for account, _ in rows:
            del asked[account]
    if asked:
        sscc = _pallet_for(connection, fact, row, transit, load.sscc, now)
        loaded[sscc] = _load_loose(connection, fact, asked, transit, sscc, load, now)
    return loaded


def _whole_units(connection: Connection, asked: Mapping[Account, int]) -> list[str]:
    """Outermost units all of whose goods are asked for."""
    roots: dict[str, None] = {}
    for account in asked:
        if account.unit:
            roots[(units.ancestors(connection, account.unit) or [account.unit])[-1]] = None
    whole = []
    for root in sorted(roots):
        rows = units.goods_in(connection, [root])
        if all(asked.get(ledger.account_of(each)) == each.on_hand for each in rows):
            whole.append(root)
    return whole


def _pallet_for(connection: Connection, fact: ledger.Fact, row: Row[Any], transit: str, sscc: str, now: datetime) -> str:
    code = check_code(sscc) if sscc else next_sscc(connection, row.from_site)
    units.make(connection, fact.id, code, "pallet", transit, now)
    units.set_place(connection, fact.id, [code], transit, "in_transit")
    return code


def _load_loose(
    connection: Connection, fact: ledger.Fact, asked: Mapping[Account, int], transit: str, sscc: str, load: Load, now: datetime
) -> list[tuple[Account, int]]:
    left = {item: list(numbers) for item, numbers in load.serial_numbers.items()}
    totals: dict[Account, int] = defaultdict(int)
    for source, quantity in asked.items():
        target = units.in_unit(source.at(transit), sscc)
        ledger.post(connection, fact.id, [ledger.Leg(source, -quantity), ledger.Leg(target, quantity)])
        there = set(serials.at_account(connection, source)) if source.item in left else set()
        mine = [number for number in left.get(source.item, []) if number in there][:quantity]
        left[source.item] = [number for number in left.get(source.item, []) if number not in mine]
        serials.follow(connection, fact.id, source, target, quantity, mine, now)
        totals[target] += quantity
    return list(totals.items())


def _announce(
    connection: Connection, fact: ledger.Fact, row: Row[Any], transit: str, loaded: Mapping[str, Sequence[tuple[Account, int]]], now: datetime
) -> str:
    sent = select(func.count()).select_from(transfer_step).where(transfer_step.c.transfer == row.number, transfer_step.c.step == "shipped")
    notice = f"{row.number}-{connection.execute(sent).scalar_one() + 1}"
    pallets = {sscc: [notices.Sent(account.item, account.lot, quantity) for account, quantity in goods] for sscc, goods in loaded.items()}
    expected_at = row.expected_at or now + timedelta(days=1)
    notices.announce_transfer(connection, notice, row.to_site, row.from_site, transit, pallets, expected_at, now)
    quantity = sum(each for goods in loaded.values() for _, each in goods)
    _note(connection, fact, row.number, "shipped", now, notice, quantity=quantity, ssccs=sorted(loaded))
    return notice


def received_of(connection: Connection, number: str) -> dict[str, int]:
    """What of a transfer the receiving site has received, by item."""
    shipped = select(transfer_step.c.notice).where(transfer_step.c.transfer == number, transfer_step.c.step == "shipped")
    query = select(ship_notice_line.c.item, func.sum(ship_notice_line.c.received).label("received")).where(ship_notice_line.c.notice.in_(shipped))
    return {row.item: int(row.received) for row in connection.execute(query.group_by(ship_notice_line.c.item))}


def lose(connection: Connection, fact: ledger.Fact, number: str, goods: Account, reason: str, now: datetime, serial_numbers: Sequence[str] = ()) -> bool:
    """Everything of an account at the transit place of this transfer is given up: it goes to loss with a reason. Returns False when done before.

    Raises: NotFoundError: the transfer or the reason is unknown. ConflictError: nothing of it is in transit. DomainError: serials are missing.
    """
    if ledger.record(connection, fact, now).already:
        return False
    reasons.check_reason(connection, reason, ("loss", "damage"))
    row, lines = _locked(connection, number)
    quantity = _in_transit(connection, row, lines, goods)
    target = Account(LOSS, goods.item, goods.lot, goods.owner, goods.status)
    ledger.post(connection, fact.id, [ledger.Leg(goods, -quantity), ledger.Leg(target, quantity)])
    numbers = serial_numbers or serials.at_account(connection, goods)
    serials.follow(connection, fact.id, goods, target, quantity, numbers, now)
    mine = (transfer_line.c.transfer == number) & (transfer_line.c.item == goods.item) & (transfer_line.c.owner == goods.owner)
    connection.execute(update(transfer_line).where(mine).values(lost=transfer_line.c.lost + quantity))
    _note(connection, fact, number, "lost", now, item=goods.item, lot=goods.lot, quantity=quantity, reason=reason)
    notices.write_off(connection, number_of_notices(connection, number), goods.item, goods.lot, fact.actor, now)
    return True


def _in_transit(connection: Connection, row: Row[Any], lines: Sequence[Row[Any]], goods: Account) -> int:
    if goods.place != places.transit_of(row.to_site):
        raise DomainError("not_in_transit", f"{goods.place} is not the transit place of {row.to_site}")
    held = [getattr(balance.c, name) == getattr(goods, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    there = connection.execute(select(balance.c.on_hand).where(*held)).scalar() or 0
    mine = sum(line.shipped - line.lost for line in lines if (line.item, line.owner) == (goods.item, goods.owner))
    quantity = min(int(there), int(mine) - received_of(connection, row.number).get(goods.item, 0))
    if quantity <= 0:
        raise ConflictError("nothing_in_transit", f"{goods}: nothing of transfer {row.number} is on its way there")
    return quantity


def number_of_notices(connection: Connection, number: str) -> list[str]:
    """The ship notices of a transfer, in the order in which they were sent."""
    query = select(transfer_step.c.notice).where(transfer_step.c.transfer == number, transfer_step.c.step == "shipped").order_by(transfer_step.c.id)
    return list(connection.execute(query).scalars())


def cancel(connection: Connection, fact: ledger.Fact, number: str, now: datetime) -> bool:
    """Give back what is reserved and not shipped. Nothing shipped: the transfer is cancelled; else it ends with what was shipped.

    Returns False when there was nothing left to cancel. Raises: NotFoundError.
    """
    row, lines = _locked(connection, number)
    left = {line.id: line.quantity - line.cancelled - line.shipped for line in lines}
    if row.state == "cancelled" or not any(left.values()) or ledger.record(connection, fact, now).already:
        return False
    for claim in _pending(connection, lines):
        ledger.release(connection, claim.id, fact.id)
    if not any(line.shipped for line in lines):
        connection.execute(update(transfer).where(transfer.c.number == number).values(state="cancelled"))
    for line in lines:
        connection.execute(update(transfer_line).where(transfer_line.c.id == line.id).values(cancelled=line.cancelled + left[line.id]))
    _note(connection, fact, number, "cancelled", now, quantity=sum(left.values()))
    return True


def state_of(connection: Connection, row: Row[Any]) -> str:
    """The state of a transfer as the dock doors made it: received once all that was wanted was shipped and has arrived or was written off."""
    received = received_of(connection, row.number)
    lines = lines_of(connection, row.number)
    by_item: dict[str, list[int]] = {}
    for line in lines:
        sums = by_item.setdefault(line.item, [0, 0, received.get(line.item, 0), 0])
        sums[0], sums[1], sums[3] = sums[0] + line.quantity - line.cancelled, sums[1] + line.shipped, sums[3] + line.lost
    if row.state != "in_transit":
        return str(row.state)
    return rules.transfer_state([(asked, shipped, came, lost) for asked, shipped, came, lost in by_item.values()])
