# SPDX-License-Identifier: Apache-2.0
"""The weigh check of packages: the same three answers as for totes (`outbound.weighing`), by the SSCC on the package."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from central.errors import ConflictError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.ingest.registry import EventContext
from central.ledger import service as ledger
from central.outbound import weighing
from central.outbound.service import order_by_id
from central.outbound.tables import weight_record
from central.shipping import dispatch, packing
from central.shipping.documents import Weighed
from central.shipping.tables import package
from contracts.events import WeightRecorded
from contracts.quantities import UnknownUnitError, milligrams

_MG_PER_G = 1000


@dataclass(frozen=True)
class _Weighing:
    """A weight as a scale showed it: `value` in `unit` with all its decimals, `weight_mg` converted."""

    value: str
    unit: str
    weight_mg: int
    net: bool
    station: str


def weight_recorded(connection: Connection, context: EventContext, event: WeightRecorded) -> None:
    """A gateway's scale weighed something: when its label is a package's, the record gets the package's verdict."""
    sscc = event.subject.sscc
    row = connection.execute(select(package).where(package.c.sscc == sscc)).one_or_none() if sscc else None
    if row is None or row.state == "void":
        return
    packing.hold_packing(connection, row.order_id, row.site, context.now)
    check = _judge(connection, context.fact_id, row.sscc, _Weighing(event.value, event.unit, event.weight_mg, event.net, event.station), context.now)
    connection.execute(update(weight_record).where(weight_record.c.event_id == context.fact_id).values(**_record(row, check)))


def weigh_package(connection: Connection, fact: ledger.Fact, sscc: str, body: Weighed, now: datetime) -> weighing.WeighCheck:
    """Take a weight that a person read off; the same fact again gives the present answer. Raises: NotFoundError. ConflictError: thrown away."""
    row = packing.held_package(connection, sscc, now)
    weight_mg = milligrams(Decimal(body.value), body.unit)
    seen = _Weighing(body.value, body.unit, weight_mg, body.net, body.station)
    if row.state == "void":
        raise ConflictError("package_gone", f"package {sscc} was thrown away; weigh the package that replaced it")
    if ledger.record(connection, fact, now).already:
        return _check(connection, row, seen)
    check = _judge(connection, fact.id, sscc, seen, now)
    values: dict[str, Any] = {
        "event_id": fact.id,
        "site": row.site,
        "gateway": "",
        "station": body.station,
        "weighed_at": now,
        "value": body.value,
        "unit": body.unit,
        "text": f"{body.value} {body.unit}",
        "net": body.net,
        "weight_mg": weight_mg,
        **_record(row, check),
    }
    connection.execute(insert(weight_record).values(**values))
    return check


def _record(row: Row[Any], check: weighing.WeighCheck) -> dict[str, Any]:
    return {
        "subject": row.sscc,
        "order_id": row.order_id,
        "expected_mg": check.expected_mg,
        "tolerance_mg": check.tolerance_mg,
        "verdict": check.verdict,
        "reason": check.reason,
    }


def _check(connection: Connection, row: Row[Any], seen: _Weighing) -> weighing.WeighCheck:
    try:
        division = weighing.division_mg(seen.value, seen.unit)
    except (UnknownUnitError, ArithmeticError):
        return weighing.WeighCheck("cannot_decide", reason="unit_unknown")
    if row.state == "open":
        return weighing.WeighCheck("cannot_decide", reason="not_closed_yet")
    packed = [weighing.Packed(*line) for line in packing.weight_by_item(connection, row.sscc)]
    return weighing.check_weight(seen.weight_mg, packed, 0 if seen.net else row.tare_g, division)


def _judge(connection: Connection, fact_id: str, sscc: str, seen: _Weighing, now: datetime) -> weighing.WeighCheck:
    """Keep the weight on the package, and ask a person when it is wrong."""
    row = packing.package_by_sscc(connection, sscc)
    check = _check(connection, row, seen)
    if row.state != "open":
        connection.execute(update(package).where(package.c.sscc == sscc).values(weight_mg=seen.weight_mg, verdict=check.verdict, weighed_at=now))
    if check.verdict == "wrong":
        order = order_by_id(connection, row.order_id)
        told = message(
            "package_weight_wrong",
            station=seen.station or "pack station",
            sscc=sscc,
            order=order.number,
            weight_g=seen.weight_mg // _MG_PER_G,
            expected_g=(check.expected_mg or 0) // _MG_PER_G,
            tolerance_g=(check.tolerance_mg or 0) // _MG_PER_G,
        )
        exceptions.ask_person(connection, told, sscc, fact_id, now, site=row.site, station=seen.station, priority=2)
    elif check.verdict == "right":
        exceptions.settle(connection, ("package_weight_wrong",), sscc, row.site, "weighed again: right", now)
        dispatch.ship_when_packed(connection, dispatch.Dock(fact_id, row.site, seen.station, now), row.order_id)
    return check
