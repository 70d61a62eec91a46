# SPDX-License-Identifier: Apache-2.0
"""Lots: learned from documents and labels, corrected by people, held when they are recalled."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, select, update

from central.bulk import among
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


def learn_lots(connection: Connection, said: Sequence[tuple[str, str, date | None]]) -> list[date | None]:
    """As `learn_lot` for each (item, lot, expiry) in turn, in few statements when little of it is a change of what was known."""
    named = sorted({(code, number) for code, number, _ in said if number})
    if not named:
        return [None] * len(said)
    known = _expiries(connection, named)
    new: dict[tuple[str, str], date | None] = {}
    for code, number, expiry in said:
        if number and (code, number) not in known:
            new.setdefault((code, number), expiry)
    known |= _keep_new(connection, new)
    answers: list[date | None] = []
    for code, number, expiry in said:
        before = known.get((code, number))
        if number and before is None and expiry is not None:
            change_expiry(connection, code, number, expiry)
            known[code, number] = expiry
        answers.append(before if expiry is not None and before != expiry else None)
    return answers


def _expiries(connection: Connection, named: Collection[tuple[str, str]]) -> dict[tuple[str, str], date | None]:
    query = select(lot.c.item, lot.c.lot, lot.c.expiry).where(among(connection, lot.c.lot, sorted({number for _, number in named})))
    mine = query.where(among(connection, lot.c.item, sorted({code for code, _ in named})))
    return {(row.item, row.lot): row.expiry for row in connection.execute(mine)}


def _keep_new(connection: Connection, new: Mapping[tuple[str, str], date | None]) -> dict[tuple[str, str], date | None]:
    """Returns what is known of them now: somebody else may have kept one in between."""
    if not new:
        return {}
    rows = [{"item": code, "lot": number, "expiry": new[code, number]} for code, number in sorted(new)]
    kept = connection.execute(insert_or_leave(connection, lot).on_conflict_do_nothing().returning(lot.c.item, lot.c.lot), rows).all()
    return dict(new) if len(kept) == len(new) else _expiries(connection, new.keys())


def change_expiry(connection: Connection, code: str, number: str, expiry: date) -> None:
    """Set a lot's last day of use, and with it the order in which its stock leaves. Raises: NotFoundError."""
    if connection.execute(update(lot).where(lot.c.item == code, lot.c.lot == number).values(expiry=expiry)).rowcount == 0:
        raise NotFoundError("unknown_lot", f"lot {number} of item {code} is not known")
    listeners.lots_changed(connection, [(code, number)])


def held_lot(connection: Connection, code: str, number: str) -> bool:
    """Whether a lot is recalled, so that whatever comes in of it goes on hold; False for a lot that is not known."""
    return bool(number) and bool(connection.execute(select(lot.c.held).where(lot.c.item == code, lot.c.lot == number)).scalar())
