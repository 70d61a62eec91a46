# SPDX-License-Identifier: Apache-2.0
"""Goods that must not be used although they are reserved: the reservations are given back, and whoever made them finds other goods."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from central.ledger import claims
from central.ledger import service as ledger
from central.stock.listeners import Told, listeners


def give_back(connection: Connection, told: Told, voided: Sequence[claims.Claim]) -> None:
    """Void these reservations. Their goods are free then, so move them before `find_others`. The fences are held."""
    for each in voided:
        ledger.release(connection, each.id, told.fact_id)


def find_others(connection: Connection, told: Told, voided: Sequence[claims.Claim]) -> None:
    """Tell those who had reserved: they reserve other goods or ask a person."""
    for listener in listeners() if voided else ():
        listener.claims_voided(connection, told, voided)
