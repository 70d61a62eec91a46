# SPDX-License-Identifier: Apache-2.0
"""A floor for tests of picking: the small warehouse with coordinates, orders on it, and pickers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, select, update

from central.catalog import rules as catalog
from central.database import reading
from central.outbound import answers, pickers, service, tour_queries, tours
from central.outbound.documents import Order
from central.outbound.tables import customer_order, pick_task, tour, wave
from central.outbound.tour_rules import CARTS, Cart, Mode
from contracts.events import PickConfirmed
from contracts.quantities import Quantity
from tests.integration.warehouse import NOW, SITE, Warehouse


class PickingFloor(Warehouse):
    """Three aisles of four bins (P-<aisle>-<bin>) in the lit zones P1 to P3 and each a kind of goods (g11 to g34) with ten pieces; a start and a pack place.

    y 12  +-----+-----+      cross aisle
          |     |     |      aisles at x 0, 4, 8; bins at y 2, 4, 8, 10
    y 0   S-----+-----E      cross aisle; start at x 0, pack at x 8
    """

    def _furnish(self) -> None:
        super()._furnish()
        self.keep(*(catalog.Aisle(site=SITE, code=f"P{n}", x_m=4.0 * (n - 1), y_from_m=0, y_to_m=12) for n in (1, 2, 3)))
        self.keep(catalog.CrossAisle(site=SITE, code="front", y_m=0), catalog.CrossAisle(site=SITE, code="back", y_m=12))
        self.keep(catalog.Location(site=SITE, code="start", kind="start", x_m=0, y_m=0), catalog.Location(site=SITE, code="pack", kind="pack", x_m=8, y_m=0))
        for aisle in (1, 2, 3):
            for n, y_m in enumerate((2.0, 4.0, 8.0, 10.0), start=1):
                code, item = f"P-{aisle}-{n}", f"g{aisle}{n}"
                self.keep(catalog.Item(code=item, name=f"Goods {aisle}{n}", unit_weight_g=100))
                spot = catalog.Location(site=SITE, code=code, kind="bin", zone=f"P{aisle}", pick_rank=10 * aisle + n, aisle=f"P{aisle}", z_m=0.0)
                self.keep(spot.model_copy(update={"x_m": 4.0 * (aisle - 1) + 1, "y_m": y_m}))
                self.put(code, item, 10)
        self.keep(*(catalog.Zone(site=SITE, id=f"P{n}", gateway="gate-1", station=f"zone-p{n}") for n in (1, 2, 3)))

    def order(self, number: str, *lines: tuple[str, int], wave_id: int | None = None, release: bool = True, **changes: Any) -> str:
        """Take an order, put it on a wave and release it; returns its id."""
        document = {"number": number, "site": SITE, "partner": "shop", "ship_when": "asked", "tote": f"T-{number}"}
        order = Order.model_validate(document | {"lines": [{"item": item, "quantity": quantity} for item, quantity in lines]} | changes)
        fact = self.fact("OrderTaken", order, f"{order.channel}/{order.number}")
        self.do(lambda c: service.take_order(c, fact, order, self.now))
        if wave_id is not None:
            self.do(lambda c: c.execute(update(customer_order).where(customer_order.c.id == fact.id).values(wave_id=wave_id)))
        if release:
            self.do(lambda c: service.release_order(c, self.fact(), fact.id, self.now))
        return fact.id

    def wave(self, mode: Mode, cart: Cart | None = None) -> int:
        """A released wave without orders yet."""
        values = {"event_id": self.fact().id, "site": SITE, "mode": mode, "state": "released", "created_at": self.now}
        criteria = {"cart": {"totes": cart.totes, "weight_g": cart.weight_g}} if cart else {}
        return self.do(lambda c: int(c.execute(wave.insert().values(**values, criteria=criteria).returning(wave.c.id)).scalar_one()))

    def plan(self, wave_id: int) -> list[str]:
        """The tours of a wave."""
        return self.do(lambda c: tours.make_tours(c, self.fact().id, wave_id, self.now))

    def pool(self, mode: Mode, cart: Cart | None = None) -> list[str]:
        """Tours of what has none."""
        return self.do(lambda c: tours.plan(c, self.fact().id, SITE, mode, cart or CARTS[mode], self.now))

    def join(self, name: str, zone: str = "", *, auto: bool = False) -> tours.Picker:
        """A picker comes."""
        return self.do(lambda c: pickers.join(c, self.fact(), name, SITE, zone, self.now, auto=auto))

    def next(self, name: str, mode: Mode = "order") -> str | None:
        """A picker takes a walk."""

        def work(connection: Any) -> str | None:
            picker = pickers.session_of(connection, name)
            assert picker is not None
            return tours.next_tour(connection, self.fact().id, picker, self.now, mode)

        return self.do(work)

    def stop(self, tour_id: str) -> dict[str, Any] | None:
        """Where the picker of a walk has to go."""
        with reading(self.engine) as connection:
            return tour_queries.stop_of(connection, tour_id)

    def walk(self, tour_id: str) -> list[tuple[str, int]]:
        """Bin and quantity of each stop that is left, in order."""
        with reading(self.engine) as connection:
            return [(row.bin, row.requested) for row in tours.open_tasks(connection, tour_id)]

    def row(self, tour_id: str) -> Any:
        """A tour's row."""
        with reading(self.engine) as connection:
            return connection.execute(select(tour).where(tour.c.id == tour_id)).one()

    def tasks(self, **where: Any) -> list[Any]:
        """Pick tasks with these values, in the order of the walk."""
        with reading(self.engine) as connection:
            query = select(pick_task).where(*(pick_task.c[name] == value for name, value in where.items()))
            return list(connection.execute(query.order_by(pick_task.c.tour_id, pick_task.c.sequence, pick_task.c.id)))

    def answer(self, tour_id: str, quantity: int | None = None) -> str:
        """The picker answers the stop at hand from the screen; returns the verdict."""
        stop = self.stop(tour_id)
        assert stop is not None
        said = stop["quantity"] if quantity is None else quantity
        return self.do(lambda c: answers.confirm_on_tour(c, self.fact(), tour_id, stop["task"], said, self.now))

    def press(self, task: Any, quantity: int | None = None) -> None:
        """The light of a task is answered."""
        said = Quantity(task.requested if quantity is None else quantity)
        self.happen(PickConfirmed(event_time=NOW, station=task.station, task_id=task.id, quantity=said, requested=Quantity(task.requested)))


def floor_on(engine: Engine) -> PickingFloor:
    """A new floor."""
    return PickingFloor(engine)
