# SPDX-License-Identifier: Apache-2.0
"""Opening stock, corrections and moves, posted through the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from central.catalog.service.goods import item_by_code
from central.catalog.service.lots import learn_lot
from central.catalog.service.places import location_by_place
from central.errors import ConflictError
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Status


@dataclass(frozen=True)
class Correction:
    """Stock that is there (positive) or not there (negative) against the books; `expiry` is taken over for a lot that is not known yet."""

    place: str
    item: str
    quantity: int
    lot: str = ""
    expiry: date | None = None
    status: Status = "available"


def correct_stock(connection: Connection, fact: ledger.Fact, corrections: Sequence[Correction], now: datetime) -> bool:
    """Post opening stock and corrections against the virtual place of count differences; returns False when the fact was posted before.

    Raises: NotFoundError: item or location unknown. ConflictError: a lot's expiry differs from the catalog. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    for each in corrections:
        item_by_code(connection, each.item)
        location_by_place(connection, each.place)
        _same_expiry(connection, each)
    ledger.lock(connection, {(each.place.partition("/")[0], each.item) for each in corrections})
    ledger.post(connection, fact.id, [leg for each in corrections for leg in _legs(each)])
    return True


def _same_expiry(connection: Connection, each: Correction) -> None:
    known = learn_lot(connection, each.item, each.lot, each.expiry)
    if known is not None:
        text = f"lot {each.lot} of item {each.item} is known with expiry {known}, not {each.expiry}; correct one of them"
        raise ConflictError("lot_expiry_differs", text)


def _legs(each: Correction) -> tuple[ledger.Leg, ledger.Leg]:
    account = ledger.Account(each.place, each.item, each.lot, status=each.status)
    return ledger.Leg(account.at(COUNT_DIFFERENCE), -each.quantity), ledger.Leg(account, each.quantity)


def move_stock(connection: Connection, fact: ledger.Fact, source: ledger.Account, target: ledger.Account, quantity: int, now: datetime) -> bool:
    """Move stock of one account to another place or status (put back, released from inspection, found damaged); returns False when done before.

    Raises: NotFoundError: the target's place is unknown. ConflictError: places of two sites. InsufficientStockError: less is there and free.
    """
    if ledger.record(connection, fact, now).already:
        return False
    location_by_place(connection, target.place)
    if source.site != target.site:
        raise ConflictError("two_sites", f"{source.place} and {target.place} are at two sites; that is a transfer and not a move")
    ledger.lock(connection, [(source.site, source.item)])
    ledger.post(connection, fact.id, [ledger.Leg(source, -quantity), ledger.Leg(target, quantity)])
    return True
