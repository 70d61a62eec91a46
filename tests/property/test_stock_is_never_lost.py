# SPDX-License-Identifier: Apache-2.0
"""Whatever the floor and the office do in whatever order, the ledger stays sound and orders say what happened to them."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from central.coldchain import service as coldchain
from central.coldchain.tables import hold
from central.database import open_engine
from central.errors import DomainError
from central.inbound import service as inbound
from central.ledger.tables import balance, entry, reservation
from central.migrations import upgrade
from central.outbound import backorders, order_changes
from central.outbound import service as outbound
from central.outbound.documents import Order, OrderChange
from central.outbound.tables import customer_order, order_line, pick_task, promise
from central.planning import service as planning
from central.planning.tables import proposal
from contracts.events import AlarmChanged, PickConfirmed
from contracts.quantities import Quantity
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E12", "R31")]

STEPS = ("put", "order", "release", "pick", "pick again", "cancel", "ship", "alarm", "back", "release holds", "replenish", "serve", "change", "buy")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of an empty database."""
    folder = tmp_path_factory.mktemp("property")
    engine = open_engine(f"sqlite:///{folder / 'template.db'}")
    upgrade(engine)
    engine.dispose()

    def copy() -> Path:
        target = folder / "copy"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for part in folder.glob("template.db*"):
            shutil.copy(part, target / part.name)
        return target / "template.db"

    return copy


class Floor:
    """Does steps; `n` picks which thing, `quantity` how much. What the rules refuse is no step."""

    def __init__(self, house: Warehouse) -> None:
        self.house = house
        self.put = Counter[str]()
        self.ordered: dict[str, int] = {}

    def do(self, step: str, n: int, quantity: int) -> None:
        """One step."""
        with contextlib.suppress(DomainError):
            getattr(self, f"_{step.replace(' ', '_')}")(n, quantity)

    def _put(self, n: int, quantity: int) -> None:
        place = ("A-01", "A-02", "cool-1")[n % 3]
        self.house.put(place, "milk", quantity, f"L{n % 2}", date(2026, 12, 1 + n % 2))
        self.put["milk"] += quantity

    def _order(self, n: int, quantity: int) -> None:
        ship_when = ("picked", "asked")[n % 2]
        document = {"number": str(n), "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": quantity}], "ship_when": ship_when}
        document |= {"backorders": ("backorder", "drop", "wait")[n % 3], "priority": 1 + n}
        order = Order.model_validate(document)
        fact = self.house.fact("OrderTaken", order, str(n))
        self.house.do(lambda c: outbound.take_order(c, fact, order, self.house.now))
        self.ordered.setdefault(fact.id, quantity)

    def _chosen(self, n: int) -> str:
        orders = self.house.rows(customer_order)
        if not orders:
            raise DomainError("nothing", "no order")
        return str(orders[n % len(orders)].id)

    def _release(self, n: int, quantity: int) -> None:
        self.house.do(lambda c: outbound.release_order(c, self.house.fact(), self._chosen(n), self.house.now))

    def _pick(self, n: int, quantity: int, *, open_only: bool = True) -> None:
        tasks = [row for row in self.house.rows(pick_task) if row.state == "lit" or not open_only]
        if tasks:
            task = tasks[n % len(tasks)]
            taken = task.requested if n % 3 else min(quantity, task.requested + 1)
            self.house.happen(PickConfirmed(event_time=NOW, station="zone-a", task_id=task.id, quantity=Quantity(taken), requested=Quantity(task.requested)))

    def _pick_again(self, n: int, quantity: int) -> None:
        self._pick(n, quantity, open_only=False)

    def _cancel(self, n: int, quantity: int) -> None:
        self.house.do(lambda c: outbound.cancel_order(c, self.house.fact(), self._chosen(n), self.house.now))

    def _ship(self, n: int, quantity: int) -> None:
        self.house.do(lambda c: outbound.ship_order(c, self.house.fact(), self._chosen(n), self.house.now))

    def _serve(self, n: int, quantity: int) -> None:
        self.house.do(lambda c: backorders.serve(c, SITE, self.house.now))

    def _change(self, n: int, quantity: int) -> None:
        change = OrderChange.model_validate({"lines": [{"item": "milk", "quantity": quantity}]})
        self.house.do(lambda c: order_changes.change_order(c, self.house.fact(), self._chosen(n), change, self.house.now))
        self.ordered[self._chosen(n)] = quantity

    def _buy(self, n: int, quantity: int) -> None:
        day = NOW.date() + timedelta(days=1 + n)
        self.house.do(lambda c: inbound.order_purchase(c, "dairy", "milk", SITE, quantity, self.house.now, day))

    def _alarm(self, n: int, quantity: int, state: str = "unacknowledged") -> None:
        room = ("cold-1", "cold-2")[n % 2]
        event = AlarmChanged(event_time=NOW, station=room, alarm_id=f"{room}.high", state=state, condition="high", quantity="temperature_c")  # type: ignore[arg-type]
        self.house.happen(event)

    def _back(self, n: int, quantity: int) -> None:
        self._alarm(n, quantity, "normal")

    def _release_holds(self, n: int, quantity: int) -> None:
        numbers = [row.id for row in self.house.rows(hold)]
        if numbers:
            self.house.do(lambda c: coldchain.release_holds(c, self.house.fact(), numbers, "li", self.house.now))

    def _replenish(self, n: int, quantity: int) -> None:
        for row in self.house.rows(proposal):
            if row.state == "open":
                self.house.do(lambda c, number=row.id: planning.accept(c, self.house.fact(), number, "li", self.house.now))


def assert_orders_say_what_happened(house: Warehouse) -> None:
    tasks = house.rows(pick_task)
    pending = {row.id for row in house.rows(reservation) if row.state == "pending"}
    assert {task.reservation_id for task in tasks if task.state in ("lit", "listed")} == pending
    for line in house.rows(order_line):
        mine = [task for task in tasks if task.line_id == line.id]
        assert line.picked == sum(task.taken for task in mine)
        assert line.picked + sum(task.requested for task in mine if task.state in ("lit", "listed")) <= line.quantity


def assert_every_ordered_piece_is_accounted_for(house: Warehouse, ordered: dict[str, int]) -> None:
    """What was ordered is wanted, dropped, or cancelled somewhere in the order's family; promises stand for open orders alone, within what they want."""
    orders, lines = {row.id: row for row in house.rows(customer_order)}, house.rows(order_line)
    for root, quantity in ordered.items():
        family = {row.id for row in orders.values() if _root(orders, row.id) == root}
        assert sum(line.quantity + line.dropped for line in lines if line.order_id in family) == quantity
    by_id = {line.id: line for line in lines}
    for row in house.rows(promise):
        assert orders[row.order_id].state == "open"
        assert row.quantity == by_id[row.line_id].promised <= by_id[row.line_id].quantity


def _root(orders: dict[str, Any], order_id: str) -> str:
    while orders[order_id].parent_id is not None:
        order_id = orders[order_id].parent_id
    return order_id


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 7), st.integers(1, 9)), min_size=5, max_size=25))
def test_nothing_is_lost_whatever_happens_in_whatever_order(template: Callable[[], Path], steps: list[tuple[str, int, int]]) -> None:
    engine = open_engine(f"sqlite:///{template()}")
    try:
        house = Warehouse(engine)
        floor = Floor(house)
        floor.do("put", 0, 9)
        for step, n, quantity in steps:
            floor.do(step, n, quantity)

        house.assert_sound()
        assert_orders_say_what_happened(house)
        assert_every_ordered_piece_is_accounted_for(house, floor.ordered)
        shipped = sum(row.quantity for row in house.rows(entry) if row.place == "@customer")
        assert sum(row.on_hand for row in house.rows(balance)) + shipped == floor.put["milk"]
    finally:
        engine.dispose()
