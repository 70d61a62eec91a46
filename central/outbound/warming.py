# SPDX-License-Identifier: Apache-2.0
"""Before the first customer: one order goes from promise to shipment in a transaction that is undone, and each floor is walked once.

A statement costs a hundred times more when it is compiled and prepared than afterwards; the first picker of the day should not wait for that (the first
answers took 130 ms, later ones 5).
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from central.catalog.tables import cross_aisle, item, location
from central.database import reading, transaction
from central.errors import DomainError
from central.ledger import service as ledger
from central.ledger.rules import VENDOR
from central.outbound import intake, pickers, tour_queries, tours
from central.outbound.confirmations import Confirmation, confirm_together
from central.outbound.documents import Order
from central.outbound.release import Released, release_orders
from central.outbound.walks import Floor

log = logging.getLogger(__name__)

_NAME = "warming-up"
_STOPS = 60
"""Of a long walk."""


class _Enough(Exception):  # it ends the rehearsal; nothing went wrong
    """Undoes the transaction."""


def warm_up(engine: Engine, now: datetime, rounds: int = 2) -> None:
    """Rehearse an order; nothing of it is kept. What goes wrong is logged and otherwise of no consequence."""
    try:
        for _ in range(rounds):
            _rehearse(engine, now)
        _walk(engine)
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
    picker = pickers.join(connection, _fact("PickerJoined", now), _NAME, _NAME, "", now)
    tour_id = tours.next_tour(connection, str(uuid.uuid4()), picker, now)
    if tour_id is not None:
        tour_queries.stop_of(connection, tour_id)
    for task in released.tasks if isinstance(released, Released) else ():
        # The order is then shipped.
        confirm_together(connection, [Confirmation(_fact("PickConfirmed", now), task.id, task.requested, tour_id)])


def _walk(engine: Engine) -> None:
    """One walk on the floor of each site: the first on one with many cross aisles takes twice as long as those after it."""
    with reading(engine) as connection:
        for site in connection.execute(select(cross_aisle.c.site).distinct()).scalars().all():
            floor = Floor.of(connection, site)
            bins = [each.place for each in floor.layout.places if each.kind == "bin"]
            floor.walk(bins[:: max(1, len(bins) // _STOPS)])
