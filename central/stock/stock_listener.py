# SPDX-License-Identifier: Apache-2.0
"""What transfers have to say about stock: the names of their lines, and other goods for what was taken from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection

from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ledger import service as ledger
from central.ledger.claims import Claim
from central.stock.listeners import Listener, Told
from central.stock.transfers import LINE_PREFIX, lines_of, transfer_by_number


def name_line(_connection: Connection, line_id: str) -> str | None:
    """`transfer T-1` for its lines."""
    return f"transfer {line_id.removeprefix(LINE_PREFIX).rpartition('/')[0]}" if line_id.startswith(LINE_PREFIX) else None


def claims_voided(connection: Connection, told: Told, claims: Sequence[Claim]) -> None:
    """Reserve other goods for the transfer's lines; what is short is told to a person."""
    taken: dict[str, int] = defaultdict(int)
    for claim in claims:
        if claim.line_id.startswith(LINE_PREFIX):
            taken[claim.line_id] += claim.left
    for line_id, quantity in taken.items():
        _reserve_others(connection, told, line_id, quantity)


def _reserve_others(connection: Connection, told: Told, line_id: str, quantity: int) -> None:
    number = line_id.removeprefix(LINE_PREFIX).rpartition("/")[0]
    row = transfer_by_number(connection, number)
    line = next(each for each in lines_of(connection, number) if each.id == line_id)
    demand = ledger.Demand(line_id, row.from_site, line.item, quantity, line.min_expiry, owner=line.owner)
    made = ledger.reserve(connection, told.fact_id, [demand], told.now, pickable_only=False)
    short = quantity - sum(each.quantity for each in made)
    if short:
        said = message("transfer_short", transfer=number, short=short, item=line.item, site=row.from_site, reason=told.reason)
        exceptions.ask_person(connection, said, f"{number}/{line.item}", told.fact_id, told.now, site=row.from_site)


LISTENER = Listener(name_line=name_line, claims_voided=claims_voided)
