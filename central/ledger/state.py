# SPDX-License-Identifier: Apache-2.0
"""One number for the state of the ledger: the same entries and reservations always give the same hash, whoever replays them and wherever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from central.ledger.queries import rebuilt
from central.ledger.rules import Account
from central.ledger.tables import balance, reservation

Holdings = Mapping[Account, tuple[int, int]]


def state_hash(holdings: Holdings) -> str:
    """SHA-256 over (account, on hand, reserved) in the order of the accounts, as 64 hexadecimal digits; accounts that hold nothing are left out."""
    digest = hashlib.sha256()
    for account, (on_hand, reserved) in sorted(holdings.items()):
        if on_hand or reserved:
            fields = (account.place, account.item, account.lot, account.owner, account.status, account.unit, str(on_hand), str(reserved))
            digest.update("\x1f".join(fields).encode() + b"\x1e")
    return digest.hexdigest()


def kept(connection: Connection) -> dict[Account, tuple[int, int]]:
    """On hand and reserved by account, as the balances say."""
    rows = connection.execute(select(balance))
    return {Account(row.place, row.item, row.lot, row.owner, row.status, row.unit): (row.on_hand, row.reserved) for row in rows}


def replayed(connection: Connection) -> dict[Account, tuple[int, int]]:
    """The same from nothing: all entries summed, and what pending reservations still claim."""
    claimed = func.sum(reservation.c.quantity - reservation.c.taken)
    columns = (reservation.c.place, reservation.c.item, reservation.c.lot, reservation.c.owner, reservation.c.unit)
    pending = select(*columns, claimed).where(reservation.c.state == "pending").group_by(*columns)
    found = {Account(row.place, row.item, row.lot, row.owner, row.status, row.unit): (int(row.quantity), 0) for row in rebuilt(connection)}
    for place, item, lot, owner, unit, reserved in connection.execute(pending):
        account = Account(place, item, lot, owner, "available", unit)
        found[account] = (found.get(account, (0, 0))[0], int(reserved))
    return found
