# SPDX-License-Identifier: Apache-2.0
"""Goods that are picked off a handling unit leave it; a unit that is taken whole from storage goes along, and is shipped with its goods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select, update

from central.bulk import among
from central.ledger.rules import CUSTOMER, Account
from central.ledger.tables import balance, handling_unit

Taken = tuple[Account, int, str]
"""So much of an account, to that place."""


def targets(connection: Connection, fact_id: str, taken: Sequence[Taken]) -> list[Account]:
    """Where goods are once they are taken, in turn; units that go along stand there afterwards. The fences are held.

    A unit that the register does not know is only a word on its goods and stays with them.
    """
    named = sorted({account.unit for account, quantity, to_place in taken if account.unit and quantity and to_place != account.place})
    if not named:
        return [account.at(to_place) for account, _, to_place in taken]
    known = set(connection.execute(select(handling_unit.c.sscc).where(handling_unit.c.sscc.in_(named))).scalars())
    along = _whole(connection, known, taken)
    for unit, place in along.items():
        state = {"place": "", "state": "shipped"} if place == CUSTOMER else {"place": place, "site": place.partition("/")[0]}
        connection.execute(update(handling_unit).where(handling_unit.c.sscc == unit).values(parent=None, changed_by=fact_id, **state))
    return [_target(account, to_place, known - along.keys()) for account, _, to_place in taken]


def _target(account: Account, to_place: str, left: Collection[str]) -> Account:
    there = account.at(to_place)
    return replace(there, unit="") if account.unit in left and to_place != account.place else there


def _whole(connection: Connection, known: Collection[str], taken: Sequence[Taken]) -> dict[str, str]:
    """Units whose goods all go to one place, out of storage, with no other unit in them."""
    gone: dict[str, int] = defaultdict(int)
    where: dict[str, set[str]] = defaultdict(set)
    for account, quantity, to_place in taken:
        gone[account.unit] += quantity
        where[account.unit].add(to_place)
    there: dict[str, int] = defaultdict(int)
    loose: set[str] = set(connection.execute(select(handling_unit.c.parent).where(handling_unit.c.parent.in_(known))).scalars())
    for row in connection.execute(select(balance.c.unit, balance.c.on_hand, balance.c.storage).where(balance.c.unit.in_(known))):
        there[row.unit] += row.on_hand
        if not row.storage:
            loose.add(row.unit)
    single = {unit: next(iter(where[unit])) for unit in known if len(where[unit]) == 1 and unit not in loose and gone[unit] == there[unit]}
    return {unit: place for unit, place in single.items() if place == CUSTOMER or not place.startswith("@")}


def standing(connection: Connection, unit: str, place: str) -> str:
    """The unit that goods picked off `unit` lie in at `place`: itself when it came along, or when the register does not know it; else none."""
    if not unit:
        return ""
    stands = connection.execute(select(handling_unit.c.place).where(handling_unit.c.sscc == unit)).scalar()
    return unit if stands in (None, place) else ""


def places_of(connection: Connection, units: Collection[str]) -> dict[str, str]:
    """Where units stand, those that the register does not know left out."""
    named = sorted(unit for unit in units if unit)
    if not named:
        return {}
    rows = connection.execute(select(handling_unit.c.sscc, handling_unit.c.place).where(among(connection, handling_unit.c.sscc, named)))
    return {row.sscc: row.place for row in rows}


def shipped(connection: Connection, fact_id: str, units: Collection[str]) -> None:
    """These units left with their goods."""
    left = {"place": "", "state": "shipped", "parent": None, "changed_by": fact_id}
    connection.execute(update(handling_unit).where(handling_unit.c.sscc.in_(units)).values(**left))
