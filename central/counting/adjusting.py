# SPDX-License-Identifier: Apache-2.0
"""Booking what a count found: a loss is taken from what is free first, then claims of orders are given up, youngest first; doubted stock is confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, select

from central.counting import rules
from central.counting.rules import Goods, Stock
from central.errors import DomainError
from central.exceptions import service as exceptions
from central.ledger import claims, serials
from central.ledger import service as ledger
from central.ledger.rules import COUNT_DIFFERENCE, Account
from central.ledger.service import account_of
from central.ledger.tables import balance
from central.stock.listeners import Told, listeners

_LOSS_ORDER = {"inspect": 0, "available": 1, "expired": 2, "damaged": 3, "hold": 4}
"""A short pick has put what is doubted into inspection, so a loss is found there first."""


def book_difference(connection: Connection, fact_id: str, place: str, goods: Goods, difference: int, now: datetime) -> None:
    """Post a difference against the place of count differences. The fences are held.

    Raises: DomainError: more is missing than the books have there.
    """
    rows = _balances(connection, place, goods)
    if difference > 0:
        account = next((account_of(row) for row in rows if row.status == "available"), Account(place, goods.item, goods.lot, goods.owner))
        ledger.post(connection, fact_id, [ledger.Leg(account.at(COUNT_DIFFERENCE), -difference), ledger.Leg(account, difference)])
    elif difference < 0:
        _book_loss(connection, fact_id, place, goods, -difference, now)


def _book_loss(connection: Connection, fact_id: str, place: str, goods: Goods, missing: int, now: datetime) -> None:
    taken, beyond = rules.take_from(missing, _stocks(_balances(connection, place, goods)))
    accounts = [account_of(row) for row in _balances(connection, place, goods)]
    voided = _give_up_claims(connection, fact_id, accounts, beyond)
    if voided:
        taken, beyond = rules.take_from(missing, _stocks(_balances(connection, place, goods)))
    if beyond:
        raise DomainError("more_missing_than_booked", f"{place}: {beyond} more of item {goods.item} is missing than the books have there; count it again")
    legs: list[ledger.Leg] = []
    for row in _balances(connection, place, goods):
        if quantity := taken.get(row.id, 0):
            account = account_of(row)
            legs += [ledger.Leg(account, -quantity), ledger.Leg(account.at(COUNT_DIFFERENCE), quantity)]
    ledger.post(connection, fact_id, legs)
    _tell_voided(connection, fact_id, voided, now)


def post_giving_up_claims(connection: Connection, fact_id: str, needs: Mapping[Account, int], legs: Sequence[ledger.Leg], now: datetime) -> None:
    """Post legs that take so much of accounts, of which orders may have reserved some: these are served elsewhere afterwards."""
    held = ledger.holdings(connection, needs)
    beyond = {account: needed - (held[account].on_hand - held[account].reserved) for account, needed in needs.items() if account in held}
    voided = [claim for account, missing in sorted(beyond.items()) for claim in _give_up_claims(connection, fact_id, [account], missing)]
    ledger.post(connection, fact_id, legs)
    _tell_voided(connection, fact_id, voided, now)


def _tell_voided(connection: Connection, fact_id: str, voided: Sequence[claims.Claim], now: datetime) -> None:
    for listener in listeners() if voided else ():
        listener.claims_voided(connection, Told(fact_id, now, "count"), voided)


def _stocks(rows: Sequence[Row[Any]]) -> list[Stock]:
    return [Stock(row.id, row.on_hand - row.reserved) for row in rows]


def _give_up_claims(connection: Connection, fact_id: str, accounts: Sequence[Account], wanted: int) -> list[claims.Claim]:
    """Void pending reservations there, youngest first, until `wanted` more is free."""
    voided: list[claims.Claim] = []
    for claim in reversed(claims.on_accounts(connection, accounts) if wanted > 0 else []):
        if wanted <= 0:
            break
        ledger.release(connection, claim.id, fact_id)
        wanted -= claim.left
        voided.append(claim)
    return voided


def _balances(connection: Connection, place: str, goods: Goods) -> Sequence[Row[Any]]:
    query = select(balance).where(balance.c.place == place, balance.c.item == goods.item, balance.c.lot == goods.lot, balance.c.owner == goods.owner)
    return connection.execute(query.order_by(case(_LOSS_ORDER, value=balance.c.status), balance.c.id)).all()


def _release(connection: Connection, fact_id: str, account: Account, quantity: int, now: datetime) -> None:
    """Pieces may be sold again; numbered ones under their numbers, those without one still wait for theirs."""
    if serials.is_tracked(connection, account.item):
        quantity = len(serials.at_account(connection, account))
    found = replace(account, status="available")
    if quantity:
        ledger.post(connection, fact_id, [ledger.Leg(account, -quantity), ledger.Leg(found, quantity)])
        serials.follow_all(connection, fact_id, account, found, now)


def confirm_doubted(connection: Connection, fact_id: str, site: str, place: str, lines: Sequence[Row[Any]], now: datetime) -> None:
    """After a count a short pick's doubt about a place is over: what it put into inspection is there, and may be sold again."""
    for line in lines:
        subject = f"{place}/{line.item}/{line.lot}"
        if not exceptions.is_open(connection, "pick_short", subject, site):
            continue
        doubted = [row for row in _balances(connection, place, Goods(line.item, line.lot, line.owner)) if row.status == "inspect"]
        ledger.lock(connection, [(site, line.item)])
        for row in doubted:
            _release(connection, fact_id, account_of(row), row.on_hand, now)
        exceptions.settle(connection, ("pick_short",), subject, site, "counted", now)
