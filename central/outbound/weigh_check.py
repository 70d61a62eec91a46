# SPDX-License-Identifier: Apache-2.0
"""Use case of the weigh point: keep every weight, and compare it with what should be on the scale when the subject is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select

from central.catalog.tables import item as catalog_item
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.inbound.queries import pallet_contents
from central.ingest.registry import EventContext
from central.outbound import service, weighing
from central.outbound.tables import customer_order, order_line, weight_record
from contracts.events import WeightRecorded
from contracts.quantities import UnknownUnitError

_MG_PER_G = 1000


@dataclass(frozen=True)
class _Subject:
    """What stands on the scale: its name, its order if it is one, and the check's answer."""

    name: str
    order: Row[Any] | None
    check: weighing.WeighCheck | None


def weight_recorded(connection: Connection, context: EventContext, event: WeightRecorded) -> None:
    """Keep a weight with its verdict; a wrong one becomes a work order, a right one ships the order that waits for it."""
    subject = _subject_of(connection, event)
    check = subject.check
    values = {
        "event_id": context.fact_id,
        "site": context.site,
        "gateway": context.gateway,
        "station": event.station,
        "weighed_at": event.event_time,
        "subject": subject.name,
        "order_id": subject.order.id if subject.order else None,
        "value": event.value,
        "unit": event.unit,
        "text": event.text,
        "net": event.net,
        "weight_mg": event.weight_mg,
        "expected_mg": check.expected_mg if check else None,
        "tolerance_mg": check.tolerance_mg if check else None,
        "verdict": check.verdict if check else "",
        "reason": check.reason if check else "",
    }
    connection.execute(insert(weight_record).values(**values))
    if check and check.verdict == "wrong":
        _tell_wrong(connection, context, event, subject.name, check)
    if check and check.verdict == "right":
        exceptions.settle(connection, ("weight_wrong",), subject.name, context.site, "weighed again: right", context.now)
        if subject.order and subject.order.ship_when == "weighed" and subject.order.state == "picked":
            service.ship_or_tell(connection, context.fact_id, subject.order.id, context.now)


def _tell_wrong(connection: Connection, context: EventContext, event: WeightRecorded, subject: str, check: weighing.WeighCheck) -> None:
    told = message(
        "weight_wrong",
        station=event.station,
        subject=subject,
        weight_g=event.weight_mg // _MG_PER_G,
        expected_g=(check.expected_mg or 0) // _MG_PER_G,
        tolerance_g=(check.tolerance_mg or 0) // _MG_PER_G,
    )
    exceptions.ask_person(connection, told, subject, context.fact_id, context.now, site=context.site, station=event.station, priority=2)


def _subject_of(connection: Connection, event: WeightRecorded) -> _Subject:
    names = [name for name in (event.subject.sscc, event.subject_text) if name]
    order = _order_named(connection, names)
    if order is not None:
        return _Subject(order.tote or order.number, order, _check_order(connection, event, order))
    contents = pallet_contents(connection, event.subject.sscc) if event.subject.sscc else None
    if contents is not None:
        return _Subject(names[0], None, _check(event, [weighing.Packed(*row) for row in contents.packed], contents.tare_g))
    return _Subject(names[0] if names else "", None, None)


def _order_named(connection: Connection, names: Sequence[str]) -> Row[Any] | None:
    """The youngest order whose tote or number was scanned and that is not away yet, else one that is."""
    if not names:
        return None
    named = or_(customer_order.c.tote.in_(names), customer_order.c.number.in_(names))
    query = select(customer_order).where(named, customer_order.c.state.in_(("released", "picked", "shipped")))
    away = customer_order.c.state == "shipped"
    return connection.execute(query.order_by(away, customer_order.c.created_at.desc()).limit(1)).one_or_none()


def _check_order(connection: Connection, event: WeightRecorded, order: Row[Any]) -> weighing.WeighCheck:
    if order.state == "released":
        return weighing.WeighCheck("cannot_decide", reason="not_picked_yet")
    rows = connection.execute(
        select(order_line.c.item, func.sum(order_line.c.picked), catalog_item.c.unit_weight_g)
        .join(catalog_item, catalog_item.c.code == order_line.c.item)
        .where(order_line.c.order_id == order.id)
        .group_by(order_line.c.item, catalog_item.c.unit_weight_g)
    )
    return _check(event, [weighing.Packed(code, int(quantity), weight_g) for code, quantity, weight_g in rows], order.tare_g)


def _check(event: WeightRecorded, packed: Sequence[weighing.Packed], tare_g: int | None) -> weighing.WeighCheck:
    try:
        division = weighing.division_mg(event.value, event.unit)
    except (UnknownUnitError, ArithmeticError):
        return weighing.WeighCheck("cannot_decide", reason="unit_unknown")
    return weighing.check_weight(event.weight_mg, packed, 0 if event.net else tare_g, division)
