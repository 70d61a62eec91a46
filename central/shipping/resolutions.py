# SPDX-License-Identifier: Apache-2.0
"""What can be done at one touch about work orders of shipping."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from central.catalog.tables import partner
from central.exceptions.resolutions import Action, Case
from central.outbound.service import order_by_id
from central.shipping import delivery, loading, packing, placement, print_jobs, vehicles
from central.shipping.tables import carrier_order, package


def _carrier_order(case: Case) -> str:
    return case.about["carrier_order"]


def _send_again(connection: Connection, case: Case, _fact_id: str, now: datetime) -> str:
    placement.ask_again(connection, _carrier_order(case), now)
    return "sent to the carrier again"


def _take_customers_address(connection: Connection, case: Case, _fact_id: str, now: datetime) -> str:
    placement.ask_again(connection, _carrier_order(case), now, address=_customers_address(connection, case))
    return "sent again to the customer's own address"


def _customers_address(connection: Connection, case: Case) -> dict[str, object] | None:
    order = order_by_id(connection, case.about["order"])
    found: dict[str, object] | None = connection.execute(select(partner.c.address).where(partner.c.code == order.partner)).scalar()
    return found


def _has_another_address(connection: Connection, case: Case, _now: datetime) -> bool:
    theirs = _customers_address(connection, case)
    present = connection.execute(select(carrier_order.c.address).where(carrier_order.c.id == _carrier_order(case))).scalar()
    return not delivery.missing_of(theirs) and theirs != present


def _give_up(connection: Connection, case: Case, _fact_id: str, now: datetime) -> str:
    placement.want_cancelled(connection, _carrier_order(case), now)
    return "the carrier's order is taken back"


def _open_again(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    packing.open_again(connection, fact_id, case.subject, now)
    return "the package is open again"


def _still_here(connection: Connection, case: Case, _now: datetime) -> bool:
    return connection.execute(select(package.c.state).where(package.c.sscc == case.subject)).scalar() == "closed"


def _taken_out(connection: Connection, case: Case, _fact_id: str, now: datetime) -> str:
    vehicles.is_out(connection, case.subject, case.site, "taken out", now)
    return "the pallet is off the vehicle"


def _load_it(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    loading.load_all_the_same(connection, fact_id, case.about["load"], case.subject, now)
    return "the pallet is loaded"


def _can_be_loaded(connection: Connection, case: Case, _now: datetime) -> bool:
    return bool(case.about.get("load")) and loading.could_be_loaded(connection, case.about["load"], case.subject)


def _stayed(connection: Connection, case: Case, _fact_id: str, _now: datetime) -> str:
    return "the pallet was not loaded"


def _print_again(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    print_jobs.again(connection, fact_id, case.subject, f"work order {case.number}", now)
    return "it is printed again"


def _was_printed(connection: Connection, case: Case, _fact_id: str, now: datetime) -> str:
    print_jobs.found(connection, case.subject, now)
    return "the label was there"


ACTIONS = (
    Action("was_printed", "The label is there", ("label_doubtful",), _was_printed),
    Action("print_again", "Print it again", ("label_not_printed", "label_doubtful"), _print_again),
    Action("taken_out", "It is taken out again", vehicles.WRONG, _taken_out),
    Action("load_it", "It is right: load it", (*vehicles.WRONG, vehicles.UNCLEAR), _load_it, _can_be_loaded),
    Action("stayed", "It is not on the vehicle", (vehicles.UNCLEAR,), _stayed),
    Action("customers_address", "Send it to the customer's own address", ("carrier_address",), _take_customers_address, _has_another_address),
    Action("send_again", "Send it to the carrier again", ("carrier_refused", "carrier_unreachable"), _send_again),
    Action("take_back", "Take the carrier's order back", ("carrier_address", "carrier_refused", "carrier_unreachable", "carrier_trouble"), _give_up),
    Action("open_again", "Open the package and count", ("package_weight_wrong",), _open_again, _still_here),
)
