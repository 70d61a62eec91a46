# SPDX-License-Identifier: Apache-2.0
"""What can be done at one touch about work orders of outbound: short orders, broken promises, late orders, orders that could not be shipped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, exists, func, insert, select, update

from central.catalog import service as catalog
from central.errors import ConflictError, DomainError
from central.exceptions.resolutions import Action, Case
from central.facts import document_id
from central.ledger.rules import Fact
from central.ledger.tables import balance
from central.outbound import atp_rules, backorders, broken_promises, order_rows, promise, service
from central.outbound.intake import SiteShelf
from central.outbound.promise import Goods
from central.outbound.release import release_orders
from central.outbound.tables import customer_order, order_line
from central.outbound.tables import promise as promise_table
from central.stock import transfers

SHORT = ("order_short",)
BROKEN = (broken_promises.KIND,)
MISSING = (*SHORT, *BROKEN)
LATE = ("order_at_risk", "order_late")
_AT_WORK = ("released", "picked", "unfilled")


class _Missing(NamedTuple):
    """A line of an order with how much of it is missing: short after the release, or promised before it and not there any more."""

    order: Row[Any]
    line: Row[Any]
    quantity: int

    @property
    def is_open(self) -> bool:
        """Whether the order is not released yet."""
        return bool(self.order.state == "open")


def _missing(connection: Connection, case: Case) -> _Missing | None:
    """What a work order asks about; None when it names no line, or nothing of it is missing any more."""
    if "line" not in case.about:
        return None
    line = connection.execute(select(order_line).where(order_line.c.id == case.about["line"])).one_or_none()
    if line is None:
        return None
    order = order_rows.order_of(connection, line.order_id)
    if case.kind in BROKEN:
        broken = select(promise_table.c.broken).where(promise_table.c.line_id == line.id)
        quantity = connection.execute(broken).scalar() if order.state == "open" else 0
    else:
        quantity = line.short if order.state in _AT_WORK else 0
    return _Missing(order, line, quantity) if quantity else None


def _is_missing(connection: Connection, case: Case, _now: datetime) -> bool:
    return _missing(connection, case) is not None


def _locked(connection: Connection, case: Case, now: datetime, *more: tuple[str, str]) -> _Missing:
    """As `_missing`, with the fences held and of a promise as much as is broken now. Raises: ConflictError: nothing is missing."""
    order_rows.lock_orders(connection, [case.about["order"]], *more)
    found = _missing(connection, case)
    if found is not None and found.is_open:
        found = found._replace(quantity=broken_promises.missing_of(connection, found.order, found.line, now))
    if found is None or not found.quantity:
        raise ConflictError("not_short", f"nothing of {case.subject} is missing any more; read the order again")
    return found


def _is_all(connection: Connection, found: _Missing) -> bool:
    """Whether nothing of the order would be left without what is missing."""
    total = connection.execute(select(func.sum(order_line.c.quantity)).where(order_line.c.order_id == found.order.id)).scalar_one()
    return int(total) == found.quantity


def _backorder_rest(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    found = _locked(connection, case, now)
    if found.order.state == "unfilled":
        backorders.reopen(connection, found.order, now)
        return "the order waits for goods"
    if found.is_open and _is_all(connection, found):
        return _wait(connection, found.order, now)
    return f"follows with {backorders.make_backorder(connection, found.order, [(found.line, found.quantity)], now)}"


def _wait(connection: Connection, order: Row[Any], now: datetime) -> str:
    backorders.wait_for_goods(connection, order, now)
    day = connection.execute(select(func.max(promise_table.c.on_day)).where(promise_table.c.order_id == order.id)).scalar()
    return "the order waits for goods" if day is None else f"promised for {day.isoformat()}"


def _promise_anew(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    return _wait(connection, _locked(connection, case, now).order, now)


def _drop_rest(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    found = _locked(connection, case, now)
    all_of_it = _is_all(connection, found)
    backorders.drop(connection, found.order, [(found.line, found.quantity)], now)
    if all_of_it:
        service.cancel_released(connection, fact_id, found.order.id, now)
    elif found.is_open:
        backorders.promise_anew(connection, found.order.id, now)
    return f"{found.quantity} of item {found.line.item} dropped"


def _try_again(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    order, line, _ = _locked(connection, case, now)
    _release(connection, case, order.id, now)
    left = connection.execute(select(order_line.c.short).where(order_line.c.id == line.id)).scalar_one()
    if left == line.short:
        raise ConflictError("still_short", f"{case.subject}: nothing that may be picked has come; {left} are still short")
    return f"{line.short - left} of {line.short} reserved"


def _release(connection: Connection, case: Case, order_id: str, now: datetime) -> None:
    fact = Fact(document_id("OrderReleasedByWorkOrder", str(case.number), order_id), "api", None, "OrderReleased", b"{}", "dockline", now, case.site)
    (done,) = release_orders(connection, [(fact, order_id)], now)
    if isinstance(done, DomainError):
        raise done


def _substitute_for(connection: Connection, missing: _Missing, now: datetime) -> tuple[str, int] | None:
    """The best substitute of which something can leave now, and how many."""
    order, line, quantity = missing
    items = catalog.substitutes_of(connection, line.item) if order.substitutes else []
    if not items:
        return None
    book = promise.book_of(connection, {Goods(order.site, item, order.owner) for item in items}, now)
    shelf = SiteShelf(book, order.site, order.owner, book.today[order.site])
    able = ((item, min(quantity, shelf.can(item, line.min_expiry_days))) for item in items)
    return next(((item, can) for item, can in able if can), None)


def _has_substitute(connection: Connection, case: Case, now: datetime) -> bool:
    found = _missing(connection, case)
    return found is not None and _substitute_for(connection, found, now) is not None


def _substitute(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    seen = _missing(connection, case)
    items = catalog.substitutes_of(connection, seen.line.item) if seen else []
    missing = _locked(connection, case, now, *((case.site, item) for item in items))
    order, line, _ = missing
    found = _substitute_for(connection, missing, now)
    if found is None:
        raise ConflictError("no_substitute", f"{case.subject}: no substitute that the customer takes is there any more")
    item, quantity = found
    n = connection.execute(select(func.max(order_line.c.n)).where(order_line.c.order_id == order.id)).scalar_one() + 1
    values = {"id": f"{order.id}/{n}", "order_id": order.id, "n": n, "item": item, "quantity": quantity, "promised": 0, "ordered_item": line.item}
    connection.execute(insert(order_line).values(**values, parent_line=line.id, min_expiry_days=line.min_expiry_days))
    backorders.take_off(connection, order, [(line, quantity)], "moved", f"{quantity} of item {item} instead", now)
    if missing.is_open:
        backorders.promise_anew(connection, order.id, now)
    else:
        _release(connection, case, order.id, now)
    return f"{quantity} of item {item} instead"


def _source_of(connection: Connection, missing: _Missing, now: datetime) -> tuple[str, int] | None:
    """The site that can spare most of what is missing, and how many."""
    order, line, quantity = missing
    goods = {site.code: Goods(site.code, line.item, order.owner) for site in catalog.sites(connection) if site.code != order.site}
    book = promise.book_of(connection, set(goods.values()), now)
    spare = {
        code: atp_rules.promisable(book.supplies[mine], book.claims[mine], book.today[code], line.min_expiry_days)
        for code, mine in goods.items()
        if mine in book.supplies
    }
    best = max(sorted(spare), key=lambda code: spare[code], default=None)
    return None if best is None or spare[best] <= 0 else (best, min(spare[best], quantity))


def _has_source(connection: Connection, case: Case, _now: datetime) -> bool:
    """Whether another site has any of it free; whether it can spare it is looked at when somebody asks for it."""
    found = _missing(connection, case)
    if found is None:
        return False
    order, line, _ = found
    elsewhere = (balance.c.item == line.item) & (balance.c.owner == order.owner) & (balance.c.site != order.site) & (balance.c.status == "available")
    return bool(connection.execute(select(exists().where(elsewhere, balance.c.on_hand > balance.c.reserved))).scalar())


def _transfer(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    """Ask another site for what is missing. The line stays as it is: goods that come serve it by themselves."""
    missing = _locked(connection, case, now)
    order, line, _ = missing
    found = _source_of(connection, missing, now)
    if found is None:
        raise ConflictError("no_source", f"{case.subject}: no other site can spare item {line.item} any more")
    site, quantity = found
    number = f"{order.number.replace('/', '-')}-{line.n}-{case.number}"
    wanted = transfers.Request(number, site, order.site, (transfers.Wanted(line.item, quantity, order.owner),), reason=f"order {order.number} is short")
    fact = Fact(document_id("TransferForOrder", str(case.number)), "api", None, "TransferRequested", number.encode(), "dockline", now, site)
    transfers.request_transfer(connection, fact, wanted, now)
    return f"transfer {number}: {quantity} from {site}"


def _order_of(connection: Connection, case: Case) -> Row[Any]:
    return order_rows.order_of(connection, case.about["order"])


def _can_release(connection: Connection, case: Case, now: datetime) -> bool:
    order = _order_of(connection, case)
    return bool(order.state == "open" and not order_rows.refusals(connection, [order], now))


def _release_now(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    order_rows.lock_orders(connection, [case.about["order"]])
    _serve_first(connection, case, fact_id, now)
    _release(connection, case, case.about["order"], now)
    return "released, and served first"


def _can_hurry(connection: Connection, case: Case, _now: datetime) -> bool:
    order = _order_of(connection, case)
    return bool(order.state in ("open", "released", "unfilled") and order.priority > 1)


def _serve_first(connection: Connection, case: Case, _fact_id: str, _now: datetime) -> str:
    connection.execute(update(customer_order).where(customer_order.c.id == case.about["order"]).values(priority=1))
    return "served first from now on"


def _can_cancel(connection: Connection, case: Case, _now: datetime) -> bool:
    return _order_of(connection, case).state in ("open", "released", "unfilled")


def _cancel(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    order = _order_of(connection, case)
    fact = Fact(document_id("OrderCancelledByWorkOrder", str(case.number)), "api", None, "OrderCancelled", b"{}", "dockline", now, order.site)
    service.cancel_order(connection, fact, order.id, now)
    return "cancelled"


def _is_picked(connection: Connection, case: Case, _now: datetime) -> bool:
    return "order" in case.about and _order_of(connection, case).state == "picked"


def _ship_again(connection: Connection, case: Case, fact_id: str, now: datetime) -> str:
    service.ship_again(connection, fact_id, case.about["order"], now)
    return "shipped"


ACTIONS: Sequence[Action] = (
    Action("try_again", "Look for the goods again", SHORT, _try_again, _is_missing),
    Action("promise_anew", "Promise it for when the goods come", BROKEN, _promise_anew, _is_missing),
    Action("backorder_rest", "Send the rest later", MISSING, _backorder_rest, _is_missing),
    Action("drop_rest", "Leave the rest out", MISSING, _drop_rest, _is_missing),
    Action("substitute", "Send a substitute", MISSING, _substitute, _has_substitute),
    Action("transfer_from_site", "Get it from another site", MISSING, _transfer, _has_source),
    Action("release_now", "Release it now, first of all", LATE, _release_now, _can_release),
    Action("serve_first", "Serve it first", LATE, _serve_first, _can_hurry),
    Action("cancel_order", "Cancel it", (*LATE, *BROKEN), _cancel, _can_cancel),
    Action("ship_again", "Try to ship it again", ("ship_refused",), _ship_again, _is_picked),
)
