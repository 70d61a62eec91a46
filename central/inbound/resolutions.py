# SPDX-License-Identifier: Apache-2.0
"""What can be done at one touch about work orders of receiving."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from central.errors import ConflictError
from central.exceptions.resolutions import Action, Case
from central.inbound import habits, notices, service, taking_back
from central.inbound.arrival import Spot
from central.inbound.seen import event_of
from central.inbound.tables import discrepancy, passage
from central.ledger.tables import handling_unit

_NOT_THERE = ("pallet_cases_missing", "pallet_cases_unread", "pallet_cases_doubtful")
_SURPLUS = ("pallet_cases_unexpected", "receipt_over_notice", "scan_wrong_lot")
_REFUSED = (
    "pallet_unknown",
    "pallet_direction_unknown",
    "pallet_labels_many",
    "pallet_not_expected",
    "pallet_other_door",
    "pallet_label_unread",
    "pallet_notice_late",
)
_TOLD = ("pallet_wrong_door", "pallet_goods_expired", "pallet_goods_damaged", "pallet_left")


def _open(connection: Connection, case: Case) -> list[Row[Any]]:
    mine = (discrepancy.c.work_order == case.number) & (discrepancy.c.state == "open")
    return list(connection.execute(select(discrepancy).where(mine).order_by(discrepancy.c.id)))


def _spot(connection: Connection, case: Case, fact_id: str, now: datetime) -> Spot:
    rows = _open(connection, case)
    return Spot(fact_id, case.site, rows[0].station if rows else str(case.params.get("station", "")), now)


def _settle(connection: Connection, case: Case, fact_id: str, now: datetime, *, found: bool) -> int:
    """The quantity of all that the work order is about."""
    rows = [service.locked_discrepancy(connection, row.id, book=found) for row in _open(connection, case)]
    rows = [row for row in rows if row.state == "open"]  # somebody may have answered one of them while we waited for it
    for row in rows:
        service.settle(connection, Spot(fact_id, row.site, row.station, now), row, found=found and bool(row.item), actor="", now=now)
    return sum(int(row.quantity) for row in rows)


def _book(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    return f"{_settle(connection, case, fact_id, now, found=True)} booked"


def _leave(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    _settle(connection, case, fact_id, now, found=False)
    return "the books stay as they are"


def _can_book(connection: Connection, case: Case, _now: datetime) -> bool:
    return any(row.item and row.place and row.quantity for row in _open(connection, case))


def _pallets(connection: Connection, case: Case) -> list[str]:
    """The pallets in question; a notice that came since may say that some of the labels are of units on another one."""
    labels = case.about.get("pallets", "").split(",") if case.about.get("pallets") else [case.subject]
    return notices.pallets_of(connection, case.site, labels)[0]


def _announced_here(connection: Connection, case: Case, _now: datetime) -> bool:
    """All of its pallets are announced to this site, and one at least waits to be received."""
    pallets = _pallets(connection, case)
    announced = [service.announced_of(connection, sscc) for sscc in pallets]
    here = all(each is not None and each.site == case.site for each in announced)
    return here and not all(service.is_received(connection, sscc) for sscc in pallets)


def _receive(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    pallets, spot = _pallets(connection, case), _spot(connection, case, fact_id, now)
    event_id = case.about.get("event") or case.event_id or ""
    for sscc in pallets:
        outcome = service.receive_as_seen(connection, spot, sscc, event_id).outcome
        if outcome == "not_received":
            raise ConflictError("action_not_possible", f"work order {case.number}: pallet {sscc} cannot be received here; read what was asked since")
    _settle(connection, case, fact_id, now, found=False)
    return f"received as seen: {', '.join(pallets)}"


def _not_received(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    _settle(connection, case, fact_id, now, found=False)
    return "not received"


def _at_first(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    return _stands_at(connection, case, fact_id, now, case.about["first"])


def _at_second(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    return _stands_at(connection, case, fact_id, now, case.about["second"])


def _stands_at(connection: Connection, case: Case, fact_id: str, now: datetime, door: str) -> str:
    """The pallet stands at the door that a person names; it is received there if it was not."""
    spot = Spot(fact_id, case.site, door, now)
    announced = service.announced_of(connection, case.subject)
    if announced is None:
        raise ConflictError("action_not_possible", f"work order {case.number}: no ship notice names pallet {case.subject}; enter it first")
    events = [case.about[name] for name in ("event", "other_event")]
    mine = next((each for each in events if (event := event_of(connection, each)) is not None and event.station == door), events[0])
    if service.is_received(connection, case.subject):
        service.bring(connection, spot, case.subject, announced.notice)
    else:
        service.receive_as_seen(connection, spot, case.subject, mine)
    for event_id in events:
        outcome = "received" if event_id == mine else "other_door"
        connection.execute(update(passage).where(passage.c.event_id == event_id).values(outcome=outcome, notice=announced.notice))
    _settle(connection, case, fact_id, now, found=False)
    place = connection.execute(select(handling_unit.c.place).where(handling_unit.c.sscc == case.subject)).scalar()
    at_door = place == habits.staging_of(connection, case.site, door)
    return f"it stands at {door}" if at_door else f"it came by {door} and stands at {place or 'no place'}"


def _was_received(connection: Connection, case: Case, _now: datetime) -> bool:
    return service.is_received(connection, case.subject)


def _take_back(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    taking_back.undo(connection, fact_id, case.subject, now)
    return "its receipt is taken back"


ACTIONS = (
    Action("book_found", "They came: book them", _NOT_THERE, _book, _can_book),
    Action("accept_missing", "They did not come: leave the books as they are", _NOT_THERE, _leave),
    Action("book_surplus", "Keep them: book them", _SURPLUS, _book, _can_book),
    Action("refuse_surplus", "Set them aside: leave the books as they are", _SURPLUS, _leave),
    Action("receive_as_seen", "Receive it as seen", _REFUSED, _receive, _announced_here),
    Action("not_received", "Not received: it is not here", (*_REFUSED, "pallet_label_missing", "pallet_wrong_site"), _not_received),
    Action("first_door", "It stands at the door named first", ("pallet_two_doors",), _at_first),
    Action("second_door", "It stands at the door named second", ("pallet_two_doors",), _at_second),
    Action("take_back", "It is gone for good: take its receipt back", ("pallet_left",), _take_back, _was_received),
    Action("noted", "Noted: it stays as it is", _TOLD, _leave),
)
