# SPDX-License-Identifier: Apache-2.0
"""Use cases of carriers' orders: ask for one, take it back, correct its address, keep what the carrier says. Each runs inside the caller's transaction.

A row of `carrier_order` is the outbox: written in the transaction that ships the goods, worked on by `courier` until the carrier has answered.
One package has one row, and the row one reference, so that however often it is tried there is one waybill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from central.catalog.tables import partner
from central.database import insert_or_leave
from central.errors import ConflictError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.facts import document_id
from central.ledger import service as ledger
from central.outbound.service import order_by_id
from central.shipping import delivery
from central.shipping.carriers.faults import CarrierError
from central.shipping.carriers.protocol import Label, Placed, Step
from central.shipping.documents import CarrierAccount, DeliveryAddress
from central.shipping.tables import carrier_account, carrier_order, carrier_step, package, shipping_site
from central.webhooks.service import emit

ASKS = ("carrier_address", "carrier_refused", "carrier_unreachable")
"""Kinds of work orders that end once the carrier took the order."""
_PLACED = ("placed", "labelled", "in_transit")
NOT_COLLECTED = ("requested", "placed", "labelled")
"""States in which a carrier can still be told not to come."""


def keep_account(connection: Connection, account: CarrierAccount) -> None:
    """Set how we speak with a carrier."""
    values = account.model_dump()
    statement = insert_or_leave(connection, carrier_account).values(**values)
    others = {name: statement.excluded[name] for name in values if name != "code"}
    connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=others))


def account_of(connection: Connection, code: str) -> Row[Any]:
    """A carrier's account. Raises: NotFoundError."""
    row = connection.execute(select(carrier_account).where(carrier_account.c.code == code)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_carrier", f"carrier {code} has no account here; set it with PUT /api/v1/shipping/carriers")
    return row


def request_for_order(connection: Connection, order_id: str, now: datetime) -> None:
    """Ask for a waybill for each package of an order that has left; asked already changes nothing."""
    gone = select(package.c.sscc).where(package.c.order_id == order_id, package.c.state == "shipped").order_by(package.c.sscc)
    for sscc in connection.execute(gone).scalars().all():
        request(connection, order_id, sscc, now)


def request_when_packed(connection: Connection, order_id: str, sscc: str, now: datetime) -> None:
    """Ask for a waybill as soon as a package is closed, where the site wants it so."""
    order = order_by_id(connection, order_id)
    when = connection.execute(select(shipping_site.c.place_when).where(shipping_site.c.site == order.site)).scalar()
    if when == "packed":
        request(connection, order_id, sscc, now)


def request(connection: Connection, order_id: str, sscc: str, now: datetime) -> None:
    """Ask for a waybill for one package, where a carrier of ours carries it; asked already changes nothing.

    An address that lacks something is not sent: a person is asked first.
    """
    order = order_by_id(connection, order_id)
    customer = connection.execute(select(partner).where(partner.c.code == order.partner)).one_or_none()
    site_carrier = connection.execute(select(shipping_site.c.carrier).where(shipping_site.c.site == order.site)).scalar() or ""
    code = order.carrier or (customer.carrier if customer else "") or site_carrier
    if not code or connection.execute(select(carrier_account.c.active).where(carrier_account.c.code == code)).scalar() is not True:
        return
    values = {
        "id": document_id("CarrierOrder", sscc),
        "sscc": sscc,
        "order_id": order_id,
        "site": order.site,
        "carrier": code,
        "service": order.service,
        "reference": delivery.reference_of(sscc, 0),
        "address": address_of(connection, order_id),
        "next_try_at": now,
        "requested_at": now,
    }
    statement = insert_or_leave(connection, carrier_order).values(**values).on_conflict_do_nothing().returning(carrier_order.c.id)
    if connection.execute(statement).scalar() is not None:
        _hold_back_if_incomplete(connection, values["id"], now)


def address_of(connection: Connection, order_id: str) -> dict[str, Any] | None:
    """Where an order goes: its own address, else its customer's."""
    order = order_by_id(connection, order_id)
    given: dict[str, Any] | None = order.address or connection.execute(select(partner.c.address).where(partner.c.code == order.partner)).scalar()
    return given


def _hold_back_if_incomplete(connection: Connection, carrier_order_id: str, now: datetime) -> None:
    row = carrier_order_by_id(connection, carrier_order_id)
    missing = delivery.missing_of(row.address)
    if missing:
        refused(connection, row, f"the address has no {', no '.join(missing)}", now, address=True)


def carrier_order_by_id(connection: Connection, carrier_order_id: str) -> Row[Any]:
    """A carrier's order, held until the transaction ends. Raises: NotFoundError."""
    row = connection.execute(select(carrier_order).where(carrier_order.c.id == carrier_order_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError("unknown_carrier_order", f"carrier order {carrier_order_id} is not known")
    return row


def correct_address(connection: Connection, fact: ledger.Fact, carrier_order_id: str, address: DeliveryAddress, now: datetime) -> None:
    """Send a refused order again with another address; the same fact again changes nothing.

    Raises: NotFoundError. ConflictError: the carrier has it already; or the address still lacks something.
    """
    if ledger.record(connection, fact, now).already:
        return
    row = carrier_order_by_id(connection, carrier_order_id)
    if row.state not in ("refused", "requested"):
        raise ConflictError("carrier_has_it", f"package {row.sscc} is {row.state} at {row.carrier}; cancel it there first, then send it to another address")
    given = address.model_dump()
    missing = delivery.missing_of(given)
    if missing:
        raise ConflictError("address_incomplete", f"package {row.sscc}: the address has no {', no '.join(missing)}; add it")
    _ask_again(connection, row, now, address=given)


def try_again(connection: Connection, fact: ledger.Fact, carrier_order_id: str, now: datetime) -> None:
    """Send a refused or cancelled order again now; the same fact again changes nothing. Raises: NotFoundError. ConflictError: the carrier has it."""
    if ledger.record(connection, fact, now).already:
        return
    ask_again(connection, carrier_order_id, now)


def ask_again(connection: Connection, carrier_order_id: str, now: datetime, **changes: Any) -> None:
    """Send a refused or cancelled order again, with `changes` of its columns (an address). Raises: NotFoundError. ConflictError: the carrier has it."""
    row = carrier_order_by_id(connection, carrier_order_id)
    if row.state in ("delivered", *_PLACED):
        raise ConflictError("carrier_has_it", f"package {row.sscc} is {row.state} at {row.carrier} already; there is nothing to try again")
    _ask_again(connection, row, now, **changes)


def _ask_again(connection: Connection, row: Row[Any], now: datetime, **changes: Any) -> None:
    revision = row.revision + 1 if row.state == "cancelled" else row.revision
    values = {
        "state": "requested",
        "revision": revision,
        "reference": delivery.reference_of(row.sscc, revision),
        "waybill": None,
        "label": None,
        "attempts": 0,
        "fault": "",
        "cancel_wanted": False,
        "next_try_at": now,
        **changes,
    }
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**values))
    _hold_back_if_incomplete(connection, row.id, now)


def cancel(connection: Connection, fact: ledger.Fact, carrier_order_id: str, now: datetime) -> None:
    """Take a carrier's order back; done by the courier if the carrier has it. Cancelled already changes nothing.

    Raises: NotFoundError. ConflictError: delivered.
    """
    if not ledger.record(connection, fact, now).already:
        want_cancelled(connection, carrier_order_id, now)


def want_cancelled(connection: Connection, carrier_order_id: str, now: datetime) -> None:
    """Note that a carrier's order is to be taken back; the courier does it. Raises: NotFoundError. ConflictError: delivered."""
    row = carrier_order_by_id(connection, carrier_order_id)
    if row.state == "cancelled" or row.cancel_wanted:
        return
    if row.state == "refused":
        cancelled(connection, row, now)
        return
    if row.state == "delivered":
        raise ConflictError("delivered_already", f"package {row.sscc} is delivered; take the goods back as a return")
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(cancel_wanted=True, next_try_at=now))


def take_back(connection: Connection, sscc: str, now: datetime) -> None:
    """A package will not be sent: what a carrier was asked for it is taken back. Nothing asked, or taken back already, is fine."""
    asked = select(carrier_order.c.id).where(carrier_order.c.sscc == sscc, carrier_order.c.state.in_((*NOT_COLLECTED, "refused")))
    for carrier_order_id in connection.execute(asked).scalars().all():
        want_cancelled(connection, carrier_order_id, now)


def placed(connection: Connection, row: Row[Any], answer: Placed, now: datetime) -> None:
    """The carrier gave a waybill."""
    values = {"state": "placed", "waybill": answer.waybill, "placed_at": now, "attempts": 0, "fault": "", "next_try_at": now, "claimed_until": None}
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**values))
    exceptions.settle(connection, ASKS, row.sscc, row.site, f"{row.carrier} took it: {answer.waybill}", now)
    told = {"order": row.order_id, "carrier": row.carrier, "waybill": answer.waybill}
    emit(connection, "shipment.label_created", row.sscc, told, now, row.site)


def labelled(connection: Connection, row: Row[Any], label: Label | None, now: datetime) -> None:
    """The waybill can be printed; None: the carrier makes none, its number must do."""
    made = {"label": label.content, "label_type": label.media_type} if label else {}
    values = {"state": "labelled", "attempts": 0, "fault": "", "next_try_at": now + delivery.TRACK_EVERY, "claimed_until": None, **made}
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**values))


def cancelled(connection: Connection, row: Row[Any], now: datetime) -> None:
    """The carrier will not come for it."""
    values = {"state": "cancelled", "cancel_wanted": False, "attempts": 0, "fault": "", "claimed_until": None}
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**values))
    exceptions.settle(connection, (*ASKS, "carrier_cancel_refused"), row.sscc, row.site, "cancelled", now)


def refused(connection: Connection, row: Row[Any], why: str, now: datetime, *, address: bool) -> None:
    """The carrier says no, or would: a person must change something."""
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(state="refused", fault=why, claimed_until=None))
    number = order_by_id(connection, row.order_id).number
    if address:
        told = message("carrier_address", order=number, sscc=row.sscc, carrier=row.carrier, reason=why)
    else:
        told = message("carrier_refused", order=number, sscc=row.sscc, carrier=row.carrier, reason=why)
    exceptions.ask_person(connection, told, row.sscc, None, now, site=row.site, priority=2, about=_about(row))


def _about(row: Row[Any]) -> dict[str, str]:
    return {"carrier_order": row.id, "order": row.order_id, "package": row.sscc}


def cancel_refused(connection: Connection, row: Row[Any], why: str, now: datetime) -> None:
    """The carrier will not take it back: it is on its way."""
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(cancel_wanted=False, fault=why, claimed_until=None))
    told = message("carrier_cancel_refused", sscc=row.sscc, carrier=row.carrier, waybill=row.waybill or "-", reason=why)
    exceptions.ask_person(connection, told, row.sscc, None, now, site=row.site, priority=2, about=_about(row))


def failed(connection: Connection, row: Row[Any], error: CarrierError, now: datetime) -> None:
    """No clear answer: the same again later, and a person is told when it goes on for long."""
    attempts = row.attempts
    values = {"fault": error.message, "next_try_at": now + delivery.try_again_in(attempts), "claimed_until": None}
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**values))
    if attempts == delivery.COMPLAIN_AFTER and row.state in ("requested", "placed"):
        told = message("carrier_unreachable", sscc=row.sscc, carrier=row.carrier, attempts=attempts, reason=error.message)
        exceptions.ask_person(connection, told, row.sscc, None, now, site=row.site, about=_about(row))


def tracked(connection: Connection, row: Row[Any], steps: Sequence[Step], now: datetime) -> None:
    """Keep the steps that are new, and what they make of the order; trouble on the way becomes a work order."""
    new = [step for step in steps if _keep_step(connection, row.id, step)]
    state = delivery.state_after(row.state, {step.state for step in steps})
    values: dict[str, Any] = {"state": state, "attempts": 0, "fault": "", "next_try_at": now + delivery.TRACK_EVERY, "claimed_until": None}
    if state == "delivered" and row.delivered_at is None:
        values["delivered_at"] = max(step.at for step in steps if step.state == "delivered")
        exceptions.settle(connection, ("carrier_trouble",), row.sscc, row.site, "delivered", now)
    connection.execute(update(carrier_order).where(carrier_order.c.id == row.id).values(**values))
    for step in new:
        said = {"order": row.order_id, "carrier": row.carrier, "waybill": row.waybill, "state": step.state, "text": step.text, "at": step.at.isoformat()}
        emit(connection, "shipment.tracked", row.sscc, said, now, row.site)
        if step.state == "exception" and state != "delivered":
            told = message("carrier_trouble", sscc=row.sscc, carrier=row.carrier, waybill=row.waybill or "-", reason=step.text or step.code)
            exceptions.ask_person(connection, told, row.sscc, None, now, site=row.site, priority=2, about=_about(row))


def _keep_step(connection: Connection, carrier_order_id: str, step: Step) -> bool:
    values = {
        "carrier_order_id": carrier_order_id,
        "key": step.key,
        "code": step.code,
        "state": step.state,
        "text": step.text,
        "place": step.place,
        "at": step.at,
    }
    statement = insert_or_leave(connection, carrier_step).values(**values).on_conflict_do_nothing().returning(carrier_step.c.id)
    return connection.execute(statement).scalar() is not None


def pushed(connection: Connection, carrier: str, steps: Mapping[str, Sequence[Step]], now: datetime) -> None:
    """Keep steps that a carrier sent by itself; waybills that are not ours are left to whom they belong."""
    for waybill, told in sorted(steps.items()):
        query = select(carrier_order).where(carrier_order.c.waybill == waybill, carrier_order.c.carrier == carrier).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is not None:
            tracked(connection, row, told, now)
