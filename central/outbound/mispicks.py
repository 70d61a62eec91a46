# SPDX-License-Identifier: Apache-2.0
"""Scans that check a pick, and the mispicks that they stop. Each function runs inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select

from central.catalog import service as catalog
from central.database import insert_or_leave
from central.errors import ConflictError, NotFoundError
from central.ingest.registry import EventContext
from central.ledger import service as ledger
from central.outbound.picking_tables import mispick
from central.outbound.scanned_text import Scanned, read_scan
from central.outbound.tables import pick_task, tour
from contracts.events import UnexpectedPress

Match = Literal["bin", "item", "tote"]


@dataclass(frozen=True, slots=True)
class Check:
    """What a scan says about a task: `matches` its bin, item or tote; else `wrong` says what it contradicts. `quantity`: units that the code stands for."""

    matches: Match | None = None
    wrong: Literal["", "bin", "item", "lot", "tote"] = ""
    expected: str = ""
    quantity: int = 0


class WrongScanError(ConflictError):
    """What was scanned is not what the task asks for. Code wrong_bin, wrong_item, wrong_lot or wrong_tote."""

    def __init__(self, what: str, expected: str, scanned: str) -> None:
        super().__init__(f"wrong_{what}", f"this is not the right {what}: {scanned} was scanned, {expected} is asked for; put it back and go there")


def check(connection: Connection, task: Row[Any], text: str) -> Check:
    """Compare a scanned text with a task: its bin, its tote or slot, its item (any code of it) and lot. Nothing is stored."""
    said = read_scan(text)
    if text in (task.bin, task.place):
        return Check("bin")
    if text and text in (task.tote, task.slot):
        return Check("tote")
    named = _named(connection, said)
    if named is None:
        return Check(wrong=_kind_of(connection, task.site, text), expected=task.bin if _is_place(connection, task.site, text) else task.item)
    if named.item != task.item:
        return Check(wrong="item", expected=task.item)
    if said.lot and task.lot and said.lot != task.lot:
        return Check(wrong="lot", expected=task.lot)
    return Check("item", quantity=named.quantity)


def _named(connection: Connection, said: Scanned) -> catalog.Named | None:
    try:
        return catalog.named(connection, said.gtin or said.text)
    except NotFoundError:
        return None


def _is_place(connection: Connection, site: str, text: str) -> bool:
    try:
        catalog.location_by_place(connection, text if text.startswith(f"{site}/") else f"{site}/{text}")
    except NotFoundError:
        return False
    return True


def _kind_of(connection: Connection, site: str, text: str) -> Literal["bin", "item", "tote"]:
    if _is_place(connection, site, text):
        return "bin"
    tote = select(pick_task.c.id).where(pick_task.c.site == site, pick_task.c.tote == text).limit(1)
    return "tote" if connection.execute(tote).scalar() is not None else "item"


def note(connection: Connection, fact: ledger.Fact, task: Row[Any], found: Check, scanned: str) -> None:
    """Count a wrong scan once, however often the request comes."""
    if ledger.record(connection, fact, fact.occurred_at).already:
        return
    picker = connection.execute(select(tour.c.picker).where(tour.c.id == task.tour_id)).scalar() if task.tour_id else None
    values = {"site": task.site, "picker": picker or fact.actor, "task_id": task.id, "kind": found.wrong, "expected": found.expected, "scanned": scanned}
    connection.execute(insert(mispick).values(event_id=fact.id, at=fact.occurred_at, **values))


def pressed(connection: Connection, context: EventContext, event: UnexpectedPress) -> None:
    """A dark light was pressed: a mispick of whoever it was."""
    values = {"event_id": context.fact_id, "site": context.site, "picker": "", "kind": "press", "expected": "", "scanned": f"{event.device}/{event.node}"}
    connection.execute(insert_or_leave(connection, mispick).values(**values, at=context.now).on_conflict_do_nothing())
