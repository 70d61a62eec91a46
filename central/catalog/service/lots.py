# SPDX-License-Identifier: Apache-2.0
"""Lots: learned from documents and labels, corrected by people, held when they are recalled."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select, update

from central.catalog import listeners
from central.catalog.tables import lot
from central.database import insert_or_leave
from central.errors import NotFoundError


def learn_lot(connection: Connection, code: str, number: str, expiry: date | None) -> date | None:
    """Know a lot from now on; returns the expiry that the catalog had before if it differs from `expiry`, else None.

    What the catalog knows is never overwritten from a document or a label: a person decides.
    """
    if not number:
        return None
    insertion = insert_or_leave(connection, lot).values(item=code, lot=number, expiry=expiry).on_conflict_do_nothing().returning(lot.c.lot)
    if connection.execute(insertion).scalar() is not None:
        return None
    row = connection.execute(select(lot).where(lot.c.item == code, lot.c.lot == number)).one()
    if row.expiry is None and expiry is not None:
        change_expiry(connection, code, number, expiry)
        return None
    known: date | None = row.expiry
    return known if expiry is not None and known != expiry else None


def change_expiry(connection: Connection, code: str, number: str, expiry: date) -> None:
    """Set a lot's last day of use, and with it the order in which its stock leaves. Raises: NotFoundError."""
    if connection.execute(update(lot).where(lot.c.item == code, lot.c.lot == number).values(expiry=expiry)).rowcount == 0:
        raise NotFoundError("unknown_lot", f"lot {number} of item {code} is not known")
    listeners.lots_changed(connection, [(code, number)])


def held_lot(connection: Connection, code: str, number: str) -> bool:
    """Whether a lot is recalled, so that whatever comes in of it goes on hold; False for a lot that is not known."""
    return bool(number) and bool(connection.execute(select(lot.c.held).where(lot.c.item == code, lot.c.lot == number)).scalar())
