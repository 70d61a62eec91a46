# SPDX-License-Identifier: Apache-2.0
"""What balances copy from the catalog follows it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_

from central.ledger import service
from central.ledger.tables import balance

_CHUNK = 400


def places_changed(connection: Connection, places: Sequence[str]) -> None:
    """Copy pick rank and kind to the balances at these places, if there are any."""
    held: list[str] = []
    for start in range(0, len(places), _CHUNK):
        held += connection.execute(select(balance.c.place).distinct().where(balance.c.place.in_(places[start : start + _CHUNK]))).scalars()
    for start in range(0, len(held), _CHUNK):
        service.places_changed(connection, held[start : start + _CHUNK])


def lots_changed(connection: Connection, lots: Sequence[tuple[str, str]]) -> None:
    """Copy the last day of use to the balances of these lots, if there are any."""
    held: list[tuple[str, str]] = []
    for start in range(0, len(lots), _CHUNK):
        query = select(balance.c.item, balance.c.lot).distinct().where(tuple_(balance.c.item, balance.c.lot).in_(lots[start : start + _CHUNK]))
        held += [(row.item, row.lot) for row in connection.execute(query)]
    for code, lot in sorted(held):
        service.lot_changed(connection, code, lot)
