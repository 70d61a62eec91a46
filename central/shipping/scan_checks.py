# SPDX-License-Identifier: Apache-2.0
"""What central makes of scans at scan points, by the plan of the moment in which it hears of them. Runs inside ingest's transaction.

Where goods are received or leave, the use case of the scan has told already what is wrong; here it is compared with what the lamps showed. Goods of pick
tasks are judged here: a lamp that promised something else, a list that had been overtaken, or goods taken at two places become a work order that says what
stands where and what to do. What lamp and plan agree on is only kept: a person has seen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select

from central.bulk import among
from central.catalog import service as catalog
from central.catalog.tables import lot
from central.exceptions import service as exceptions
from central.exceptions.messages import Message, message
from central.exceptions.tables import work_order
from central.ingest.registry import EventContext
from central.ledger.tables import entry
from central.outbound.rules import OPEN_STATES
from central.outbound.tables import customer_order, pick_task
from central.shipping import scan_points, scan_rules
from central.shipping.scan_rules import Goods, Judged
from central.shipping.tables import package_step, scan_check
from contracts.events import ItemScanned, WeightRecorded
from contracts.readings import Identifiers

_GTIN_DIGITS = 14


@dataclass(frozen=True, slots=True)
class _Seen:
    """A scan: where, of what, and what the lamps showed of which line."""

    context: EventContext
    station: str
    text: str
    said: Identifiers
    at: datetime
    checked: str
    version: int
    line: str

    @property
    def serial(self) -> str:
        """The piece's number, where the label says it."""
        return self.said.serial or ""


def item_scanned(connection: Connection, context: EventContext, event: ItemScanned) -> None:
    """Take a scan at a scan point that was set up."""
    line = event.line if event.checked == "expected" else ""
    _taken(connection, _Seen(context, event.station, event.text, event.identifiers, event.event_time, event.checked, event.work_version, line))


def weight_recorded(connection: Connection, context: EventContext, event: WeightRecorded) -> None:
    """Take the scan of what was weighed, likewise."""
    if event.subject_text:
        line = event.task if event.checked == "expected" else ""
        _taken(connection, _Seen(context, event.station, event.subject_text, event.subject, event.event_time, event.checked, event.work_version, line))


def _taken(connection: Connection, seen: _Seen) -> None:
    point = scan_points.point_at(connection, seen.context.site, seen.station)
    if point is None:
        return
    scan_points.learn_gateway(connection, point, seen.context.gateway)
    if point.purpose == "picking":
        _goods_scanned(connection, point, seen)
    elif point.purpose != "none":
        _unit_scanned(connection, seen)


# ---- what is received, and what leaves


def _unit_scanned(connection: Connection, seen: _Seen) -> None:
    """Its use case has done what is to be done, and asked a person where something is wrong; the lamps may have said otherwise."""
    fact_id = seen.context.fact_id
    asked = connection.execute(select(work_order.c.kind).where(work_order.c.event_id == fact_id).limit(1)).scalar()
    done = asked is None and _took_effect(connection, fact_id)
    if done and seen.checked == "unexpected":
        _tell_red(connection, seen, seen.said.sscc or seen.text)
    sscc = seen.said.sscc or ""
    verdict = "right" if done else "wrong" if asked is not None else "repeated"
    _keep(connection, seen, verdict, asked or "", line=seen.line or sscc, quantity=(seen.said.count or 1) if done else 0)


def _took_effect(connection: Connection, fact_id: str) -> bool:
    received = select(entry.c.n).where(entry.c.event_id == fact_id).exists()
    left = select(package_step.c.sscc).where(package_step.c.fact == fact_id).exists()
    return bool(connection.execute(select(or_(received, left))).scalar())


# ---- goods of pick tasks


def _goods_scanned(connection: Connection, point: Row[Any], seen: _Seen) -> None:
    named = _named(connection, seen)
    pieces = named.quantity * max(1, seen.said.count or 1) if named is not None else 0
    tasks = _tasks(connection, point, seen, named.item) if named is not None else []
    goods = _goods(connection, tasks)
    judged = scan_rules.judge(seen.line, goods, pieces, seen.serial)
    lamps = scan_rules.judge_lamps(seen.checked, right=not judged.wrong)
    if lamps == "red_wrong":
        _tell_red(connection, seen, seen.text)
    elif lamps != "agree":
        task = next((row for row in tasks if judged.goods is not None and row.id == judged.goods.task), None)
        _ask(connection, seen, judged, task, pieces)
    right = not judged.wrong
    line = judged.goods.task if judged.goods is not None else ""
    verdict = "right" if right else "repeated" if judged.wrong == "scan_twice" else "wrong"
    _keep(connection, seen, verdict, judged.wrong, line=line, quantity=pieces if right else 0)


def _named(connection: Connection, seen: _Seen) -> catalog.Named | None:
    """The item that a label names, and the pieces that it stands for; None: no item has this code."""
    codes = [code for code in ((seen.said.gtin or "").zfill(_GTIN_DIGITS) if seen.said.gtin else "", seen.text.strip()) if code]
    found = catalog.all_named(connection, codes)
    return next((found[code] for code in codes if code in found), None)


def _tasks(connection: Connection, point: Row[Any], seen: _Seen, item: str) -> Sequence[Row[Any]]:
    """Pick tasks of such goods, as this point sees them, the one that the lamps named among them. They are held, so that of two that scan the last piece
    at two places one is second.
    """
    mine = (pick_task.c.site == point.site) & (pick_task.c.item == item)
    if seen.said.lot is not None:
        mine &= pick_task.c.lot.in_(("", seen.said.lot))
    if point.zone:
        mine &= pick_task.c.zone == point.zone
    going = select(customer_order.c.id).where(customer_order.c.site == point.site, customer_order.c.state.in_(scan_rules.GOING))
    alive = pick_task.c.order_id.in_(going) & (pick_task.c.state != "cancelled")
    which = mine & or_(alive, pick_task.c.id == seen.line) if seen.line else mine & alive
    held = connection.execute(select(pick_task.c.id).where(which).order_by(pick_task.c.id).with_for_update()).scalars().all()
    columns = (pick_task, customer_order.c.number, customer_order.c.state.label("order_state"), lot.c.held)
    query = select(*columns).join(customer_order, customer_order.c.id == pick_task.c.order_id)
    query = query.outerjoin(lot, (lot.c.item == pick_task.c.item) & (lot.c.lot == pick_task.c.lot))
    return connection.execute(query.where(among(connection, pick_task.c.id, held)).order_by(pick_task.c.created_at, pick_task.c.place, pick_task.c.id)).all()


def _goods(connection: Connection, tasks: Sequence[Row[Any]]) -> list[Goods]:
    mine = among(connection, scan_check.c.line, [row.id for row in tasks]) & (scan_check.c.verdict == "right")
    sums = select(scan_check.c.line, func.sum(scan_check.c.quantity).label("pieces")).where(mine).group_by(scan_check.c.line)
    pieces = {row.line: int(row.pieces) for row in connection.execute(sums)}
    serials = connection.execute(select(scan_check.c.line, scan_check.c.serial).where(mine, scan_check.c.serial != "")).all()
    return [
        Goods(
            task=row.id,
            order=row.number,
            order_state=row.order_state,
            task_state=row.state,
            owed=row.requested if row.state in OPEN_STATES else row.taken,
            scanned=pieces.get(row.id, 0),
            lot_held=bool(row.held),
            serials={each.serial for each in serials if each.line == row.id},
        )
        for row in tasks
    ]


def _ask(connection: Connection, seen: _Seen, judged: Judged, task: Row[Any] | None, pieces: int) -> None:
    """Say what stands where and what to do, unless a person was asked about the same goods already."""
    if task is None:
        told = message("scan_unplanned", station=seen.station, text=seen.text)
        _raise(connection, seen, "scan_unplanned", f"{seen.station}/{seen.text}", told)
        return
    if judged.wrong != "scan_twice" and _is_asked(connection, seen, task):
        return
    _raise(connection, seen, judged.wrong, task.id, _words(connection, seen, judged, task, pieces))


def _words(connection: Connection, seen: _Seen, judged: Judged, task: Row[Any], pieces: int) -> Message:
    said: dict[str, str | int | float] = {"station": seen.station, "quantity": pieces, "item": task.item, "lot": task.lot or "-", "order": task.number}
    match judged.wrong:
        case "scan_after_cancel":
            return message("scan_after_cancel", bin=task.bin, **said)
        case "scan_lot_blocked":
            return message("scan_lot_blocked", **said)
        case "scan_twice":
            assert judged.goods is not None
            places = ", ".join(_places(connection, task.id)) or seen.station
            return message("scan_twice", scanned=judged.goods.scanned, owed=judged.goods.owed, places=places, bin=task.bin, **said)
        case _:
            return message("scan_task_moved", bin=task.bin, **said)


def _is_asked(connection: Connection, seen: _Seen, task: Row[Any]) -> bool:
    """Whether a work order already says that these goods are to be put back."""
    site = seen.context.site
    by_task = exceptions.open_about(connection, ("pick_after_cancel", "pick_after_move"), [task.id], site)
    return bool(by_task or exceptions.open_about(connection, ("order_cancelled_goods",), [task.number], site))


def _places(connection: Connection, task_id: str) -> list[str]:
    which = (scan_check.c.line == task_id) & (scan_check.c.verdict == "right")
    return sorted(connection.execute(select(scan_check.c.station).distinct().where(which)).scalars())


# ---- telling and keeping


def _tell_red(connection: Connection, seen: _Seen, subject: str) -> None:
    told = message("scan_lamp_red", station=seen.station, text=seen.text, had=seen.version)
    _raise(connection, seen, "scan_lamp_red", f"{seen.station}/{subject}", told, priority=4)


def _raise(connection: Connection, seen: _Seen, kind: str, subject: str, told: Message, priority: int = 2) -> None:
    context = seen.context
    exceptions.raise_work_order(connection, kind, subject, told, context.fact_id, context.now, site=context.site, station=seen.station, priority=priority)


def _keep(connection: Connection, seen: _Seen, verdict: str, reason: str, *, line: str, quantity: int) -> None:
    values = {"event_id": seen.context.fact_id, "site": seen.context.site, "station": seen.station, "scanned_at": seen.at, "text": seen.text}
    values |= {"line": line, "quantity": quantity, "serial": seen.serial, "checked": seen.checked, "work_version": seen.version}
    connection.execute(insert(scan_check).values(**values, verdict=verdict, reason=reason))
