# SPDX-License-Identifier: Apache-2.0
"""Pieces of items tracked by serial that come back: what of them is scanned at the dock, and that all are when they are decided on.

Each function runs inside the caller's transaction, with the fence of the goods held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from central.errors import ConflictError, DomainError
from central.ledger import serials
from central.ledger.rules import Account
from central.outbound import picked_serials
from central.shipping.documents import ReturnArrived, ReturnInspected


def arrived(connection: Connection, fact_id: str, row: Row[Any], account: Account, body: ReturnArrived, now: datetime) -> None:
    """The pieces that were scanned are back, at `account`; the balances say so already. Pieces without a number wait for it there.

    Raises: DomainError: the item has no serials, or more are given than pieces. ConflictError: a piece was not sent with the order, or is in stock.
    """
    if not body.serials:
        return
    if not serials.is_tracked(connection, account.item):
        raise DomainError("serials_not_wanted", f"item {account.item} is not tracked by serial; leave the serials out")
    if len(body.serials) > body.quantity:
        text = f"{body.quantity} pieces of item {account.item} came back and {len(body.serials)} serials are given; scan each piece once"
        raise DomainError("serials_wanted", text)
    _check_sent(connection, row, account.item, body.serials)
    serials.name(connection, fact_id, account, body.serials, now, new=True)


def inspected(connection: Connection, fact_id: str, row: Row[Any], source: Account, body: ReturnInspected, now: datetime) -> None:
    """Before pieces at `source` are decided on, those scanned only now are named. Items without serials pass.

    Raises: DomainError: not as many serials as pieces. ConflictError: as `arrived`.
    """
    if not serials.is_tracked(connection, source.item):
        return
    if len(set(body.serials)) != body.quantity:
        text = f"{body.quantity} pieces of item {source.item} are decided on and {len(set(body.serials))} serials are given; scan each piece once"
        raise DomainError("serials_wanted", text)
    known = serials.pieces_of(connection, source.item, body.serials)
    new = [number for number in body.serials if number not in known or known[number].state != "in_stock"]
    if new:
        _check_sent(connection, row, source.item, new)
        serials.name(connection, fact_id, source, new, now, new=True)


def _check_sent(connection: Connection, row: Row[Any], item: str, numbers: Sequence[str]) -> None:
    sent = picked_serials.numbers_of(connection, row.order_id, item) if row.order_id is not None else list(numbers)
    strange = sorted(set(numbers) - set(sent))
    if strange:
        text = f"return {row.number}: serial {strange[0]} of item {item} was not sent with its order; take it as a return without an order"
        raise ConflictError("serial_not_sent", text)
