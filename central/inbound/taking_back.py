# SPDX-License-Identifier: Apache-2.0
"""Receipts that were wrong: a pallet was received that is not here, or not ours. Its goods leave the books again, and it can be received anew.

The receipt's own postings stay as they are; a correcting fact posts them back to the supplier.
What was counted of tags stays: the door has read them, whosever the pallet was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from central.bulk import among
from central.errors import ConflictError
from central.inbound import differences
from central.inbound.receipts import receipt_of
from central.inbound.tables import discrepancy, passage, receipt, ship_notice, ship_notice_case, ship_notice_line
from central.ledger import serials, units
from central.ledger import service as ledger
from central.ledger.rules import VENDOR, Account
from central.ledger.tables import balance

Goods = tuple[str, str]


def take_back(connection: Connection, fact: ledger.Fact, sscc: str, now: datetime) -> bool:
    """Take back the newest receipt of a pallet that stands where it was received, with all that came on it. Returns False when it was done before.

    Raises: NotFoundError: it was not received. ConflictError: it or its goods have moved on (and where to), are reserved, have numbers, or came in a transfer.
    """
    if ledger.record(connection, fact, now).already:
        return False
    undo(connection, fact.id, sscc, now)
    return True


def undo(connection: Connection, fact_id: str, sscc: str, now: datetime) -> None:
    """As `take_back`, under a fact that is recorded."""
    kept = receipt_of(connection, sscc)
    notice = connection.execute(select(ship_notice).where(ship_notice.c.number == kept["notice"])).one()
    if notice.source_place:
        raise ConflictError("unit_elsewhere", f"pallet {sscc} came from {notice.source_place} on {notice.number}; send it back there by a transfer")
    tree = units.lock_tree(connection, sscc)
    kept = receipt_of(connection, sscc)  # with the fences held nobody else takes it back
    if tree[0].place != kept["place"]:
        text = f"pallet {sscc} stands at {tree[0].place or 'no place'} and was received at {kept['place']}; bring it back there, then take its receipt back"
        raise ConflictError("unit_elsewhere", text)
    rows = [row for row in units.goods_in(connection, [sscc]) if row.on_hand]
    _check_all_there(connection, sscc, rows, _came(connection, kept), kept["site"])
    legs = []
    for row in rows:
        account = ledger.account_of(row)
        legs += [ledger.Leg(account, -int(row.on_hand)), ledger.Leg(Account(VENDOR, account.item, account.lot), int(row.on_hand))]
    if legs:
        ledger.post(connection, fact_id, legs)
    for each in tree[1:]:
        units.nest(connection, fact_id, each.sscc, None)
    units.set_place(connection, fact_id, [each.sscc for each in tree], "", "dissolved")
    _open_again(connection, kept)
    _answer(connection, kept, now)


def _came(connection: Connection, kept: Mapping[str, Any]) -> Counter[Goods]:
    """What the receipt has put on the pallet: of its lines, and surplus that a person has booked."""
    came = Counter[Goods]()
    for line in kept["lines"]:
        came[line["item"], line["lot"]] += line["received"]
    mine = (discrepancy.c.sscc == kept["sscc"]) & (discrepancy.c.notice == kept["notice"]) & (discrepancy.c.state == "found")
    for row in connection.execute(select(discrepancy).where(mine, discrepancy.c.kind.in_(("over", "unexpected")))):
        came[row.item, row.lot] += row.quantity
    return +came


def _check_all_there(connection: Connection, sscc: str, rows: Sequence[Row[Any]], came: Counter[Goods], site: str) -> None:
    there = Counter[Goods]()
    for row in rows:
        there[row.item, row.lot] += int(row.on_hand)
        if row.reserved:
            text = f"pallet {sscc}: {row.reserved} of item {row.item} are reserved for orders; release those orders, then take its receipt back"
            raise ConflictError("stock_reserved", text)
        if serials.is_tracked(connection, row.item):
            raise ConflictError("serials_needed", f"pieces of item {row.item} have numbers; give back each piece under /api/v1/stock/serials")
    for item, lot in sorted(set(came) | set(there)):
        now, then = there[item, lot], came[item, lot]
        if now != then:
            others = _elsewhere(connection, site, item, lot, sscc)
            text = f"pallet {sscc} came with {then} of item {item} lot {lot or '-'} and has {now} now; others: {others}; put that right first"
            raise ConflictError("not_so_much", text)


def _elsewhere(connection: Connection, site: str, item: str, lot: str, sscc: str) -> str:
    mine = (balance.c.site == site) & (balance.c.item == item) & (balance.c.lot == lot) & (balance.c.unit != sscc) & (balance.c.on_hand > 0)
    rows = connection.execute(select(balance.c.place, balance.c.on_hand).where(mine).order_by(balance.c.id.desc()).limit(3)).all()
    return ", ".join(f"{row.place} ({row.on_hand})" for row in rows) or "-"


def _open_again(connection: Connection, kept: Mapping[str, Any]) -> None:
    """The notice waits for the pallet as before."""
    lines = [line["id"] for line in kept["lines"]]
    connection.execute(update(ship_notice_line).where(among(connection, ship_notice_line.c.id, lines)).values(received=0))
    connection.execute(update(ship_notice_case).where(among(connection, ship_notice_case.c.line, lines)).values(seen=False))
    connection.execute(delete(receipt).where(receipt.c.sscc == kept["sscc"], receipt.c.notice == kept["notice"]))
    connection.execute(update(ship_notice).where(ship_notice.c.number == kept["notice"], ship_notice.c.state == "received").values(state="open"))
    mine = (passage.c.sscc == kept["sscc"]) & (passage.c.notice == kept["notice"])
    connection.execute(update(passage).where(mine).values(outcome="not_received", notice=""))


def _answer(connection: Connection, kept: Mapping[str, Any], now: datetime) -> None:
    """What was asked about the pallet since it came is answered."""
    mine = (discrepancy.c.sscc == kept["sscc"]) & (discrepancy.c.state == "open") & (discrepancy.c.site == kept["site"])
    rows = connection.execute(update(discrepancy).where(mine).values(state="accepted").returning(discrepancy.c.work_order)).scalars()
    for number in sorted({each for each in rows if each is not None}):
        differences.close_when_answered(connection, number, f"the receipt of {kept['sscc']} was taken back", "dockline", now)
