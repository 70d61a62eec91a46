# SPDX-License-Identifier: Apache-2.0
"""Use case: pieces that came in without their serials wait in inspection until somebody scans them. It runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from central.catalog import service as catalog
from central.errors import DomainError
from central.exceptions import service as exceptions
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import Account


def name_pieces(connection: Connection, fact: ledger.Fact, account: Account, numbers: Sequence[str], now: datetime) -> int:
    """Give pieces in inspection their serials and make them available (or hold them, when their lot is recalled); returns how many now.

    Raises: DomainError: the item has no serials. ConflictError: fewer pieces wait there without a serial, or a serial is in stock already.
    """
    if ledger.record(connection, fact, now).already:
        return 0
    if not serials.is_tracked(connection, account.item):
        raise DomainError("serials_not_wanted", f"item {account.item} is not tracked by serial; leave the serials out")
    ledger.lock(connection, [(account.site, account.item)])
    waiting = replace(account, status="inspect")
    unnumbered = -serials.spare_at(connection, waiting)
    serials.name(connection, fact.id, waiting, numbers, now, new=True)
    target = replace(account, status="hold" if catalog.held_lot(connection, account.item, account.lot) else "available")
    ledger.post(connection, fact.id, [ledger.Leg(waiting, -len(numbers)), ledger.Leg(target, len(numbers))])
    serials.follow(connection, fact.id, waiting, target, len(numbers), numbers, now)
    if len(numbers) == unnumbered:
        exceptions.settle(connection, ("serials_missing",), f"{account.place}/{account.item}", account.site, "scanned", now)
    return len(numbers)
