# SPDX-License-Identifier: Apache-2.0
"""Before the first customer: one order goes from promise to shipment in a transaction that is undone.

A statement costs a hundred times more when it is compiled and prepared than afterwards; the first picker of the day should not wait for that (the first
answers took 130 ms, later ones 5).
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from sqlalchemy import Connection, Engine, insert
from sqlalchemy.exc import SQLAlchemyError

from central.catalog.tables import item, location
from central.database import transaction
from central.errors import DomainError
from central.ingest.registry import EventContext, collect_handlers
from central.ledger import service as ledger
from central.ledger.rules import VENDOR
from central.outbound import intake
from central.outbound.documents import Order
from central.outbound.release import Released, release_orders
from contracts.events import PickConfirmed
from contracts.quantities import Quantity

log = logging.getLogger(__name__)

_NAME = "warming-up"


class _Enough(Exception):  # it ends the rehearsal; nothing went wrong
    """Undoes the transaction."""


def warm_up(engine: Engine, now: datetime, rounds: int = 2) -> None:
    """Rehearse an order; nothing of it is kept. What goes wrong is logged and otherwise of no consequence."""
    try:
        for _ in range(rounds):
            _rehearse(engine, now)
    except (DomainError, SQLAlchemyError) as error:
        log.warning("warming up failed; the first requests will be slower", extra={"reason": str(error)})


def _rehearse(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection, connection.begin_nested() as everything:
        _order(connection, now)
        everything.rollback()


def _fact(kind: str, now: datetime) -> ledger.Fact:
    return ledger.Fact(str(uuid.uuid4()), _NAME, None, kind, b"{}", "dockline", now, _NAME)


def _order(connection: Connection, now: datetime) -> None:
    connection.execute(insert(item).values(code=_NAME, name=_NAME))
    places = [{"place": f"{_NAME}/{kind}", "site": _NAME, "code": kind, "kind": kind} for kind in ("bin", "stage")]
    connection.execute(insert(location), places)
    opening, asked, taken = _fact("Opening", now), _fact("OrderReleased", now), _fact("OrderTaken", now)
    ledger.record(connection, opening, now)
    ledger.lock(connection, [(_NAME, _NAME)])
    here = ledger.Account(f"{_NAME}/bin", _NAME)
    ledger.post(connection, opening.id, [ledger.Leg(here.at(VENDOR), -3), ledger.Leg(here, 3)])
    names = {"channel": _NAME, "number": _NAME, "site": _NAME, "partner": _NAME}
    order = Order.model_validate(names | {"lines": [{"item": _NAME, "quantity": 2}]})
    intake.take_order(connection, taken, order, now)
    (released,) = release_orders(connection, [(asked, taken.id)], now)
    for task in released.tasks if isinstance(released, Released) else ():
        _confirm(connection, task.id, task.requested, now)


def _confirm(connection: Connection, task_id: str, quantity: int, now: datetime) -> None:
    """As ingest hands a press over; the order is then shipped."""
    fact = _fact("PickConfirmed", now)
    ledger.record_new(connection, [fact], now)
    event = PickConfirmed(event_time=now, station=_NAME, task_id=task_id, quantity=Quantity(quantity), requested=Quantity(quantity), short=False)
    context = EventContext(fact.id, _NAME, _NAME, _NAME, "movements", 1, now)
    for handler in collect_handlers()[PickConfirmed]:
        handler(connection, context, event)
