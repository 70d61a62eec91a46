# SPDX-License-Identifier: Apache-2.0
"""Use case: pieces that came in without their serials wait in inspection until somebody scans them. It runs inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from central.catalog import service as catalog
from central.errors import ConflictError, DomainError
from central.exceptions import service as exceptions
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import VENDOR, Account
from central.ledger.tables import balance


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
    mine = [getattr(balance.c, name) == getattr(waiting, name) for name in ("place", "item", "lot", "owner", "status", "unit")]
    unnumbered = (connection.execute(select(balance.c.on_hand).where(*mine)).scalar() or 0) - len(serials.at_account(connection, waiting))
    if len(numbers) > unnumbered:
        raise ConflictError("no_such_pieces", f"{waiting}: {unnumbered} pieces wait for their serials, {len(numbers)} are given; count again")
    target = replace(account, status="hold" if catalog.held_lot(connection, account.item, account.lot) else "available")
    serials.follow(connection, fact.id, Account(VENDOR, account.item, account.lot, account.owner), target, len(numbers), numbers, now)
    ledger.post(connection, fact.id, [ledger.Leg(waiting, -len(numbers)), ledger.Leg(target, len(numbers))])
    if len(numbers) == unnumbered:
        exceptions.settle(connection, ("serials_missing",), f"{account.place}/{account.item}", account.site, "scanned", now)
    return len(numbers)
