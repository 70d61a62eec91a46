# SPDX-License-Identifier: Apache-2.0
"""Receipt documents: what came of a pallet, where it was put, what differed; what is on an announced unit; goods that came damaged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from central.catalog.tables import item as catalog_item
from central.errors import ConflictError, NotFoundError
from central.exceptions.messages import message
from central.inbound import differences, notices, rules
from central.inbound.arrival import Spot
from central.inbound.tables import discrepancy, passage, receipt, ship_notice, ship_notice_line, ship_notice_nest, ship_notice_pallet
from central.ledger import claims, serials, units
from central.ledger import service as ledger
from central.ledger.tables import handling_unit
from central.paging import Page, down, page


def receipts(connection: Connection, site: str | None, notice: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Receipts of pallets, newest first. Raises: BadCursorError."""
    query = select(receipt, ship_notice.c.site, ship_notice.c.supplier).join(ship_notice, ship_notice.c.number == receipt.c.notice)
    for column, value in ((ship_notice.c.site, site), (receipt.c.notice, notice)):
        if value is not None:
            query = query.where(column == value)
    return page(connection, query, [down(receipt.c.received_at), down(receipt.c.sscc), down(receipt.c.notice)], after, limit)


def receipt_of(connection: Connection, sscc: str, notice: str | None = None) -> dict[str, Any]:
    """The receipt of a pallet (the newest one) with its lines, units, passes and discrepancies. Raises: NotFoundError."""
    query = select(receipt, ship_notice.c.site, ship_notice.c.supplier).join(ship_notice, ship_notice.c.number == receipt.c.notice)
    query = query.where(receipt.c.sscc == sscc)
    if notice is not None:
        query = query.where(receipt.c.notice == notice)
    row = connection.execute(query.order_by(receipt.c.received_at.desc(), receipt.c.notice.desc())).mappings().first()
    if row is None:
        raise NotFoundError("unknown_receipt", f"pallet {sscc} was not received; GET /api/v1/receipts lists what was")
    lines = _lines(connection, row["notice"], sscc)
    different = select(discrepancy).where(discrepancy.c.sscc == sscc, discrepancy.c.notice.in_((row["notice"], ""))).order_by(discrepancy.c.id)
    passed = select(passage).where(passage.c.sscc == sscc, passage.c.notice.in_((row["notice"], ""))).order_by(passage.c.passed_at, passage.c.event_id)
    stands = connection.execute(select(handling_unit.c.place).where(handling_unit.c.sscc == sscc)).scalar()
    return {
        **row,
        "stands_at": stands or "",
        "lines": lines,
        "discrepancies": [dict(each) for each in connection.execute(different).mappings()],
        "passages": [dict(each) for each in connection.execute(passed).mappings()],
    }


def _lines(connection: Connection, notice: str, sscc: str, inside: Collection[str] | None = None) -> list[dict[str, Any]]:
    query = (
        select(ship_notice_line, catalog_item.c.name)
        .join(catalog_item, catalog_item.c.code == ship_notice_line.c.item)
        .where(ship_notice_line.c.notice == notice, ship_notice_line.c.sscc == sscc)
        .order_by(ship_notice_line.c.id)
    )
    rows = connection.execute(query).mappings()
    return [dict(row) for row in rows if inside is None or row["unit"] in inside]


def announced_unit(connection: Connection, code: str) -> dict[str, Any]:
    """What the newest notice says is in a pallet or in a unit inside one, at any level. Raises: NotFoundError."""
    notice = notices.newest_of(connection, code)
    if notice is not None:
        sscc, parent, depth, inside = code, "", 0, None
    else:
        mine = select(ship_notice_nest).join(ship_notice, ship_notice.c.number == ship_notice_nest.c.notice).where(ship_notice_nest.c.code == code)
        row = connection.execute(mine.order_by(ship_notice.c.created_at.desc(), ship_notice.c.number.desc())).first()
        if row is None:
            raise NotFoundError("unknown_unit", f"no ship notice names unit {code}; GET /api/v1/stock/units has the units that are here")
        notice, sscc, parent, depth = row.notice, row.sscc, row.parent, row.depth
        inside = _below(connection, notice, sscc, code)
    nests = select(ship_notice_nest).where(ship_notice_nest.c.notice == notice, ship_notice_nest.c.sscc == sscc).order_by(ship_notice_nest.c.depth)
    units_in = [dict(each) for each in connection.execute(nests).mappings() if inside is None or (each["code"] in inside and each["code"] != code)]
    pallet = connection.execute(select(ship_notice_pallet).where(ship_notice_pallet.c.sscc == sscc, ship_notice_pallet.c.notice == notice)).one()
    return {
        "code": code,
        "notice": notice,
        "sscc": pallet.sscc,
        "parent": parent,
        "depth": depth,
        "units": units_in,
        "lines": _lines(connection, notice, sscc, inside),
    }


def _below(connection: Connection, notice: str, sscc: str, code: str) -> set[str]:
    mine = (ship_notice_nest.c.notice == notice) & (ship_notice_nest.c.sscc == sscc)
    rows = connection.execute(select(ship_notice_nest.c.code, ship_notice_nest.c.parent).where(mine).order_by(ship_notice_nest.c.depth)).all()
    found = {code}
    for row in rows:
        if row.parent in found:
            found.add(row.code)
    return found


@dataclass(frozen=True, slots=True)
class Damage:
    """So much of what came on a pallet is damaged, and why in words."""

    item: str
    quantity: int
    lot: str
    reason: str


def tell_damaged(connection: Connection, fact: ledger.Fact, sscc: str, damage: Damage, now: datetime) -> bool:
    """A person found goods of a received pallet damaged: they are kept apart where they are, and the supplier is to be asked. Returns False when told before.

    Raises: NotFoundError: the pallet was not received. ConflictError: numbered pieces, or not so much of it is on the pallet. StockReservedError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    kept = receipt_of(connection, sscc)
    if serials.is_tracked(connection, damage.item):
        raise ConflictError("serials_needed", f"pieces of item {damage.item} have numbers; change the state of each piece under /api/v1/stock/serials")
    units.lock_tree(connection, sscc)
    moved = _apart(connection, sscc, damage)
    claims.move(connection, fact.id, moved, along=False)
    place = moved[0][0].place
    told = message(
        "pallet_goods_damaged",
        place=place,
        quantity=damage.quantity,
        item=damage.item,
        lot=damage.lot or "-",
        sscc=sscc,
        notice=kept["notice"],
        reason=damage.reason,
    )
    line = next((each["id"] for each in kept["lines"] if (each["item"], each["lot"]) == (damage.item, damage.lot)), None)
    named = rules.NoticeLine(line, damage.item, "", damage.lot, damage.quantity) if line is not None else None
    damaged = rules.Discrepancy("damaged", damage.quantity, (), named, damage.item, damage.lot)
    spot = Spot(fact.id, kept["site"], kept["station"], now)
    evidence = {"reason": damage.reason, "actor": fact.actor}
    differences.keep(connection, spot, damaged, told, kept["notice"], sscc, place, evidence=evidence)
    return True


def _apart(connection: Connection, sscc: str, damage: Damage) -> list[tuple[ledger.Account, ledger.Account, int]]:
    left = damage.quantity
    moved = []
    for row in units.goods_in(connection, [sscc]):
        account = ledger.account_of(row)
        if (row.item, row.lot) == (damage.item, damage.lot) and account.status in ("available", "inspect", "hold") and left:
            part = min(left, int(row.on_hand))
            left -= part
            moved.append((account, replace(account, status="damaged"), part))
    if left:
        text = f"pallet {sscc} has {damage.quantity - left} of item {damage.item} lot {damage.lot or '-'} that are not damaged yet, not {damage.quantity}"
        raise ConflictError("not_so_much", text)
    return [each for each in moved if each[2]]
