# SPDX-License-Identifier: Apache-2.0
"""Use cases of the totes that a tour picks into. Each runs inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from central.errors import ConflictError, NotFoundError
from central.outbound.picking_tables import tour_tote
from central.outbound.tables import pick_task, tour
from central.outbound.tours import OPEN, locked


def set_tote(connection: Connection, tour_id: str, slot: str, tote: str) -> None:
    """Say which tote stands in a slot. Raises: NotFoundError: no such slot. ConflictError: the tote stands elsewhere, or the slot is done."""
    locked(connection, tour_id)
    row = _tote(connection, tour_id, slot)
    if row.tote == tote:
        return
    if row.state == "done":
        raise ConflictError("tote_done", f"slot {slot or '-'} of this tour is complete; its tote cannot be changed")
    other = select(tour_tote.c.slot).join(tour, tour.c.id == tour_tote.c.tour_id)
    taken = connection.execute(other.where(tour_tote.c.tote == tote, tour_tote.c.state == "open", tour.c.state.in_(("ready", "picking")))).first()
    if taken is not None:
        raise ConflictError("tote_in_use", f"tote {tote} is in use on another slot or tour; take another one")
    connection.execute(update(tour_tote).where(tour_tote.c.tour_id == tour_id, tour_tote.c.slot == slot).values(tote=tote))
    connection.execute(update(pick_task).where(pick_task.c.tour_id == tour_id, pick_task.c.slot == slot, OPEN).values(tote=tote))


def tote_full(connection: Connection, tour_id: str, slot: str, next_tote: str, now: datetime) -> str:
    """A tote is full before its picks are done: what is left goes into another tote on a slot of its own; returns that slot.

    Again with the same tote changes nothing. Raises: NotFoundError. ConflictError: nothing is left to pick into it.
    """
    locked(connection, tour_id)
    row = _tote(connection, tour_id, slot)
    follows = connection.execute(select(tour_tote).where(tour_tote.c.tour_id == tour_id).order_by(tour_tote.c.slot)).all()
    if row.state == "done":
        again: str | None = next((each.slot for each in follows if each.tote == next_tote and each.order_id == row.order_id and each.slot != slot), None)
        if again is None:
            raise ConflictError("tote_done", f"slot {slot or '-'} of this tour is complete; there is nothing left to pick into it")
        return again
    base = slot or "A"
    taken = {each.slot for each in follows}
    fresh = next(name for n in range(2, len(taken) + 3) if (name := f"{base}-{n}") not in taken)
    connection.execute(update(tour_tote).where(tour_tote.c.tour_id == tour_id, tour_tote.c.slot == slot).values(state="done", done_at=now))
    connection.execute(insert(tour_tote).values(tour_id=tour_id, slot=fresh, order_id=row.order_id, tote=next_tote))
    connection.execute(update(pick_task).where(pick_task.c.tour_id == tour_id, pick_task.c.slot == slot, OPEN).values(slot=fresh, tote=next_tote))
    return fresh


def _tote(connection: Connection, tour_id: str, slot: str) -> Row[Any]:
    row = connection.execute(select(tour_tote).where(tour_tote.c.tour_id == tour_id, tour_tote.c.slot == slot)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_slot", f"tour {tour_id} has no slot {slot or '-'}")
    return row
