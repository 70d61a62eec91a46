# SPDX-License-Identifier: Apache-2.0
"""Use cases of damage and loss (R32): change a status with a reason, report a loss, approve or refuse a large one. Each runs in the caller's transaction.

A loss above the limit of its site or item waits for a second person. Until then the goods are on hold: nobody sells what may be gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from central.errors import ConflictError, DomainError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ledger import serials
from central.ledger import service as ledger
from central.ledger.rules import LOSS, Account, Status
from central.ledger.tables import entry
from central.stock import reasons, rules
from central.stock.moves import move_goods
from central.stock.tables import loss_report

_STATUS_REASONS = ("damage", "hold", "adjustment", "loss", "return")


@dataclass(frozen=True)
class Loss:
    """Goods that are gone or useless: so much of an account, why, and what else is to be said."""

    account: Account
    quantity: int
    reason: str
    note: str = ""
    serial_numbers: tuple[str, ...] = ()


def change_status(
    connection: Connection, fact: ledger.Fact, account: Account, to: Status, quantity: int, reason: str, now: datetime, serial_numbers: Sequence[str] = ()
) -> bool:
    """Goods turn out damaged, held, inspected, good again; returns False when done before.

    Raises: NotFoundError: the reason is unknown. DomainError: it is their status already. ConflictError: reserved. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return False
    reasons.check_reason(connection, reason, _STATUS_REASONS)
    if account.status == to:
        raise DomainError("nothing_moves", f"{account}: the goods are {to} already")
    ledger.lock(connection, [(account.site, account.item)])
    target = replace(account, status=to)
    move_goods(connection, fact.id, [(account, target, quantity)], with_reservations=False)
    serials.follow(connection, fact.id, account, target, quantity, serial_numbers, now)
    return True


def report_loss(connection: Connection, fact: ledger.Fact, loss: Loss, now: datetime) -> str:
    """Write goods off, or, above the limit, put them on hold until a second person decides; returns the state `posted` or `waiting`.

    Raises: NotFoundError: the reason is unknown. ConflictError: the goods are reserved. InsufficientStockError.
    """
    if ledger.record(connection, fact, now).already:
        return str(_report(connection, fact.id).state)
    reasons.check_reason(connection, loss.reason, ("loss", "damage"))
    account = loss.account
    ledger.lock(connection, [(account.site, account.item)])
    value_minor = worth_minor(connection, account.item, loss.quantity)
    waiting = rules.needs_second_person(reasons.limits_of(connection, account.site, account.item), loss.quantity, value_minor)
    target = replace(account, status="hold") if waiting else _lost(account)
    if target != account:
        move_goods(connection, fact.id, [(account, target, loss.quantity)], with_reservations=False)
        serials.follow(connection, fact.id, account, target, loss.quantity, loss.serial_numbers, now)
    state = "waiting" if waiting else "posted"
    connection.execute(insert(loss_report).values(**_report_row(fact, loss, value_minor, state, now)))
    if waiting:
        told = message("loss_waits", place=account.place, quantity=loss.quantity, item=account.item, lot=account.lot or "-", actor=fact.actor)
        exceptions.ask_person(connection, told, fact.id, fact.id, now, site=account.site, priority=3)
    return state


def _lost(account: Account) -> Account:
    return replace(account, place=LOSS, unit="")


def worth_minor(connection: Connection, item: str, quantity: int) -> int:
    """What `quantity` of an item is worth at its mean cost now, in minor units of money; 0 while nothing of it has a value."""
    here = (entry.c.item == item) & ~entry.c.place.startswith("@")
    total, value = connection.execute(select(func.sum(entry.c.quantity), func.sum(entry.c.value_minor)).where(here)).one()
    return rules.mean_value_minor(int(value or 0), int(total or 0), quantity)


def _report_row(fact: ledger.Fact, loss: Loss, value_minor: int, state: str, now: datetime) -> dict[str, Any]:
    account = loss.account
    return {
        "id": fact.id,
        "site": account.site,
        "place": account.place,
        "item": account.item,
        "lot": account.lot,
        "owner": account.owner,
        "status": account.status,
        "unit": account.unit,
        "quantity": loss.quantity,
        "value_minor": value_minor,
        "serials": list(loss.serial_numbers),
        "reason": loss.reason,
        "note": loss.note,
        "state": state,
        "reported_by": fact.actor,
        "reported_at": now,
    }


def decide_loss(connection: Connection, fact: ledger.Fact, report_id: str, now: datetime, *, approve: bool) -> str:
    """A second person approves a waiting loss (the goods are written off) or refuses it (they get their status back); returns the new state.

    The same decision again changes nothing. Raises: NotFoundError. ConflictError: decided otherwise, or by who reported it. InsufficientStockError.
    """
    row = _report(connection, report_id)
    ledger.lock(connection, [(row.site, row.item)])
    row = _report(connection, report_id)
    state = "approved" if approve else "refused"
    if row.state == state:
        return state
    if row.state != "waiting":
        raise ConflictError("loss_decided", f"loss report {report_id} is {row.state} already")
    if fact.actor == row.reported_by:
        raise ConflictError("same_person", f"loss report {report_id} was made by {row.reported_by}; a second person must decide")
    ledger.record(connection, fact, now)
    before = Account(row.place, row.item, row.lot, row.owner, row.status, row.unit)
    held = replace(before, status="hold")
    target = _lost(before) if approve else before
    if target != held:
        move_goods(connection, fact.id, [(held, target, row.quantity)], with_reservations=False)
        serials.follow(connection, fact.id, held, target, row.quantity, row.serials, now)
    decided = {"state": state, "decided_by": fact.actor, "decided_at": now}
    connection.execute(update(loss_report).where(loss_report.c.id == report_id).values(**decided))
    exceptions.settle(connection, ("loss_waits",), report_id, row.site, f"{state} by {fact.actor}", now)
    return state


def _report(connection: Connection, report_id: str) -> Row[Any]:
    row = connection.execute(select(loss_report).where(loss_report.c.id == report_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_loss_report", f"loss report {report_id} is not known")
    return row
