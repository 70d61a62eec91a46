# SPDX-License-Identifier: Apache-2.0
"""The courier: carries the outbox of carriers' orders to the carriers, and their answers back.

Each order is claimed in a transaction, spoken about with the carrier outside of any, and answered in another. A courier that dies in between leaves a
claim that runs out; whoever comes next says the same reference again, and the carrier answers with the waybill that it gave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, or_, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from central.changes import Changes
from central.database import in_transaction, reading
from central.errors import BusyError
from central.shipping import catching_up, packing, placement, print_jobs
from central.shipping.carriers import http
from central.shipping.carriers.faults import AddressRefusedError, CarrierError, CarrierUnreachableError
from central.shipping.carriers.protocol import Cargo, Carrier, Contact, Shipment
from central.shipping.carriers.registry import carrier_of
from central.shipping.tables import OPEN_STATES, carrier_account, carrier_order, carton_type, shipping_site

log = logging.getLogger(__name__)

_CLAIM = timedelta(seconds=90)
"""Longer than all that one order's conversation can take."""
_AT_ONCE_MAX = 20
_IDLE_S = 5.0
_GRAMS_MIN = 1
_PACE_S = 0.5
"""The outbox is looked at no oftener than this, however much is committed."""


def work_once(engine: Engine, client: httpx.Client, now: Callable[[], datetime]) -> int:
    """Work on the orders that are due, each once and so many at most; returns how many there were."""
    _catch_up(engine, now)
    done: list[str] = []
    while len(done) < _AT_ONCE_MAX and (row := _claim_next(engine, now(), done)) is not None:
        _work(engine, client, row, now)
        done.append(row.id)
    return len(done)


def _catch_up(engine: Engine, now: Callable[[], datetime]) -> None:
    """Orders that left elsewhere take their packages along, those that are loaded leave, and for cancelled ones no carrier comes.

    And labels of which their gateway says nothing are given to a person.
    """
    with reading(engine) as connection:
        left, waiting = catching_up.shipped(connection, _AT_ONCE_MAX), catching_up.loaded(connection, _AT_ONCE_MAX)
        cancelled = catching_up.cancelled(connection, _AT_ONCE_MAX)
        silent = print_jobs.silent(connection, now(), _AT_ONCE_MAX)
    _each(engine, catching_up.take_packages_along, left, now)
    _each(engine, catching_up.leave, waiting, now)
    _each(engine, placement.want_cancelled, cancelled, now)
    _each(engine, print_jobs.give_up, silent, now)


def _each(engine: Engine, work: Callable[[Connection, str, datetime], None], ids: Sequence[str], now: Callable[[], datetime]) -> None:
    """Do it for each, in a transaction of its own."""

    def on(which: str) -> Callable[[Connection], None]:
        return lambda connection: work(connection, which, now())

    for each in ids:
        in_transaction(engine, on(each))


def _due(now: datetime) -> ColumnElement[bool]:
    free = or_(carrier_order.c.claimed_until.is_(None), carrier_order.c.claimed_until <= now)
    # The states as text and not as parameters: only so is the index over what is open used by every plan.
    return and_(carrier_order.c.next_try_at <= now, free, text(OPEN_STATES))


def _claim_next(engine: Engine, now: datetime, done: Sequence[str]) -> Row[Any] | None:
    """The next order that is due and not `done`, for this courier alone as long as its conversation can take; None: nothing is due."""
    query = select(carrier_order).where(_due(now), carrier_order.c.id.not_in(done)).order_by(carrier_order.c.next_try_at, carrier_order.c.id).limit(1)

    def claim(connection: Connection) -> Row[Any] | None:
        row = connection.execute(query.with_for_update(skip_locked=True)).one_or_none()
        if row is not None:
            tried = {"claimed_until": now + _CLAIM, "attempts": carrier_order.c.attempts + 1}
            connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**tried))
        return row

    with reading(engine) as connection:
        if connection.execute(query).first() is None:
            return None
    return in_transaction(engine, claim)


def _work(engine: Engine, client: httpx.Client, row: Row[Any], now: Callable[[], datetime]) -> None:
    with reading(engine) as connection:
        account = connection.execute(select(carrier_account).where(carrier_account.c.code == row.carrier)).one()
        shipment = _shipment(connection, row)
    try:
        keep = _speak(carrier_of(account, client, now), row, shipment, now)
    except CarrierError as error:
        keep = _keep_fault(error, row, now)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        # Peer data: an answer of another shape than documented must not end the courier.
        log.warning("carrier's answer not understood", exc_info=error, extra={"sscc": row.sscc, "carrier": row.carrier})
        keep = _keep_fault(CarrierUnreachableError(f"{row.carrier} answers in a form that is not understood ({error})"), row, now)

    def store(connection: Connection) -> None:
        keep(connection, placement.carrier_order_by_id(connection, row.id))

    in_transaction(engine, store)


_Keep = Callable[[Connection, Row[Any]], None]


def _speak(carrier: Carrier, row: Row[Any], shipment: Shipment, now: Callable[[], datetime]) -> _Keep:
    """One conversation about an order; returns what to keep of it. Raises: CarrierError."""
    if row.cancel_wanted:
        # Without a waybill nobody knows whether a try reached the carrier; only what was never tried needs no word to it.
        if row.waybill or row.attempts:
            carrier.cancel(row.reference, row.waybill or "")
        return lambda connection, held: placement.cancelled(connection, held, now())
    if row.state == "requested":
        answer = carrier.create(shipment)
        return lambda connection, held: placement.placed(connection, held, answer, now())
    if row.state == "placed":
        label = carrier.label(row.reference, row.waybill)
        return lambda connection, held: placement.labelled(connection, held, label, now())
    steps = carrier.track(row.waybill, shipment.sender.phone)
    return lambda connection, held: placement.tracked(connection, held, steps, now())


def _keep_fault(error: CarrierError, row: Row[Any], now: Callable[[], datetime]) -> _Keep:
    log.info("carrier said no", extra={"sscc": row.sscc, "carrier": row.carrier, "reason": error.message})

    def keep(connection: Connection, held: Row[Any]) -> None:
        if error.retry:
            placement.failed(connection, held, error, now())
        elif row.cancel_wanted:
            _cancel_refused(connection, held, error, now())
        elif row.state == "requested":
            placement.refused(connection, held, error.message, now(), address=isinstance(error, AddressRefusedError))
        elif row.state == "placed":
            placement.labelled(connection, held, None, now())
        else:
            placement.failed(connection, held, error, now())

    return keep


def _cancel_refused(connection: Connection, held: Row[Any], error: CarrierError, now: datetime) -> None:
    if held.waybill is None:
        placement.cancelled(connection, held, now)
    else:
        placement.cancel_refused(connection, held, error.message, now)


def _shipment(connection: Connection, row: Row[Any]) -> Shipment:
    service = row.service or connection.execute(select(carrier_account.c.service).where(carrier_account.c.code == row.carrier)).scalar_one()
    return _as_shipment(connection, packing.package_by_sscc(connection, row.sscc), row.reference, row.address, service)


def shipment_for_quote(connection: Connection, sscc: str, carrier: str) -> tuple[Row[Any], Shipment]:
    """The carrier's account, and the package as it would be handed over. Raises: NotFoundError."""
    box, account = packing.package_by_sscc(connection, sscc), placement.account_of(connection, carrier)
    return account, _as_shipment(connection, box, sscc, placement.address_of(connection, box.order_id), account.service)


def _as_shipment(connection: Connection, box: Row[Any], reference: str, receiver: dict[str, Any] | None, service: str) -> Shipment:
    sides = connection.execute(select(carton_type).where(carton_type.c.code == box.carton_type)).one_or_none()
    sender = connection.execute(select(shipping_site.c.sender).where(shipping_site.c.site == box.site)).scalar()
    lines = packing.contents_of(connection, box.sscc)
    return Shipment(
        reference=reference,
        sender=_contact(sender),
        receiver=_contact(receiver),
        cargo=tuple(Cargo(line.name_zh or line.name, int(line.quantity)) for line in lines),
        weight_g=weight_of(box, lines),
        service=service,
        length_mm=sides.outer_length_mm if sides else 0,
        width_mm=sides.outer_width_mm if sides else 0,
        height_mm=sides.outer_height_mm if sides else 0,
    )


def weight_of(box: Row[Any], lines: Sequence[Row[Any]]) -> int:
    """Grams of a package: as weighed, else what its contents and the carton should weigh, at least one."""
    if box.weight_mg is not None:
        return max(_GRAMS_MIN, int(box.weight_mg) // 1000)
    contents_g = sum(int(line.quantity) * int(line.unit_weight_g or 0) for line in lines)
    return max(_GRAMS_MIN, int(box.tare_g or 0) + contents_g)


def _contact(address: dict[str, Any] | None) -> Contact:
    given = {name: str((address or {}).get(name) or "") for name in ("name", "phone", "province", "city", "district", "street", "postcode")}
    return Contact(**given, country=str((address or {}).get("country") or "CN"))


async def work_for_ever(engine: Engine, changes: Changes, now: Callable[[], datetime]) -> None:
    """Work whenever something was committed, and every few seconds; runs until cancelled."""
    with httpx.Client(timeout=http.TIMEOUT_S, headers={"user-agent": "dockline"}) as client:
        while True:
            seen = changes.count
            try:
                worked = await asyncio.to_thread(work_once, engine, client, now)
            except (BusyError, SQLAlchemyError) as error:
                worked = 0
                log.warning("carriers' orders wait for the database", extra={"reason": str(error)})
            if worked:
                changes.tell()
            else:
                await changes.wait(seen, _IDLE_S)
                await asyncio.sleep(_PACE_S)
