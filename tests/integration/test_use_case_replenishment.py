# SPDX-License-Identifier: Apache-2.0
"""Replenishment by minimum and maximum, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, event

from central.catalog.rules import Item, Location, StockLevel
from central.errors import ConflictError, NotFoundError
from central.inbound.queries import incoming
from central.inbound.tables import purchase_line
from central.ledger.tables import serial
from central.outbound import service as outbound
from central.outbound.documents import Order
from central.outbound.tables import pick_task
from central.planning import service
from central.planning.queries import figures, proposals
from central.planning.tables import proposal
from central.stock import moves
from contracts.events import PickConfirmed
from contracts.quantities import Quantity
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R62")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Bin A-01 wants 5 to 12 milk, the site 30 to 100; six milk are in the bin, twenty of two lots in storage."""
    house = Warehouse(engine)
    house.keep(StockLevel(site=SITE, location="A-01", item="milk", minimum=5, maximum=12), StockLevel(site=SITE, item="milk", minimum=30, maximum=100))
    house.put("A-01", "milk", 6, "L1", date(2026, 12, 1))
    house.put("cool-1", "milk", 15, "L3", date(2026, 12, 20))
    house.put("cool-1", "milk", 5, "L2", date(2026, 12, 9))
    yield house
    house.assert_sound()


def pick(house: Warehouse, quantity: int, number: str = "1") -> None:
    order = Order.model_validate({"number": number, "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": quantity}]})
    fact = house.fact("OrderTaken", order, number)
    house.do(lambda c: outbound.take_order(c, fact, order, house.now))
    house.do(lambda c: outbound.release_order(c, house.fact(), fact.id, house.now))
    task = next(row for row in house.rows(pick_task) if row.state == "lit")
    house.happen(PickConfirmed(event_time=NOW, station="zone-a", task_id=task.id, quantity=Quantity(quantity), requested=Quantity(quantity)))


def open_proposals(house: Warehouse) -> dict[str, int]:
    return {row["kind"]: row["quantity"] for row in house.do(proposals).items}


@pytest.mark.requirement("R26")
def test_pick_below_the_minimum_proposes_to_fill_the_shelf_and_says_why(house: Warehouse) -> None:
    pick(house, 1)
    assert open_proposals(house) == {"purchase": 75}

    pick(house, 1, "2")

    assert open_proposals(house) == {"shelf": 8, "purchase": 76}
    why = next(row["why"] for row in house.do(proposals).items if row["kind"] == "shelf")
    assert why == {
        "on_hand": 4,
        "reserved": 0,
        "incoming": 0,
        "minimum": 5,
        "maximum": 12,
        "projected": 4,
        "wanted": 8,
        "sources": [{"place": "s1/cool-1", "lot": "L2", "quantity": 5}, {"place": "s1/cool-1", "lot": "L3", "quantity": 3}],
    }
    assert house.do(figures) == {"replenishment_proposals": 2}


@pytest.mark.requirement("R62", "R24")
def test_accepted_shelf_proposal_moves_the_first_expiring_goods(house: Warehouse) -> None:
    pick(house, 2)
    number = next(row["id"] for row in house.do(proposals).items if row["kind"] == "shelf")

    answers = [house.do(lambda c: service.accept(c, house.fact(), number, "li", house.now)) for _ in range(2)]

    assert answers == ["moved 8 to s1/A-01", "accepted before"]
    assert house.stock() == {"A-01 milk L1": (4, 0), "A-01 milk L2": (5, 0), "A-01 milk L3": (3, 0), "cool-1 milk L3": (12, 0)}
    assert list(open_proposals(house)) == ["purchase"]


@pytest.mark.requirement("R19")
def test_numbered_pieces_go_to_the_shelf_under_their_numbers(house: Warehouse) -> None:
    house.keep(Item(code="drill", name="Drill", tracking="serial"))
    house.keep(StockLevel(site=SITE, location="B-01", item="drill", minimum=1, maximum=2))
    correction = moves.Correction(f"{SITE}/rack-1", "drill", 3, serials=("D1", "D2", "D3"))
    house.do(lambda c: moves.correct_stock(c, house.fact(), [correction], house.now))
    house.do(lambda c: service.propose(c, SITE, ["drill"], house.now))

    house.do(lambda c: service.accept(c, house.fact(), house.rows(proposal)[0].id, "li", house.now))

    assert Counter(row.place for row in house.rows(serial)) == {f"{SITE}/B-01": 2, f"{SITE}/rack-1": 1}


def test_accepted_purchase_counts_as_incoming_and_is_not_proposed_again(house: Warehouse) -> None:
    house.do(lambda c: service.propose(c, SITE, None, house.now))
    number = next(row["id"] for row in house.do(proposals).items if row["kind"] == "purchase")

    house.do(lambda c: service.accept(c, house.fact(), number, "li", house.now))

    assert [(row.supplier, row.item, row.quantity) for row in house.rows(purchase_line)] == [("dairy", "milk", 74)]
    assert house.do(lambda c: incoming(c, SITE, ["milk", "peas"])) == {"milk": 74}
    assert house.do(lambda c: service.propose(c, SITE, None, house.now)) == 0


def test_proposal_is_withdrawn_when_the_need_is_gone(house: Warehouse) -> None:
    house.do(lambda c: service.propose(c, SITE, None, house.now))
    house.put("cool-1", "milk", 30, "L4", date(2027, 1, 5))

    house.do(lambda c: service.propose(c, SITE, ["milk"], house.now))

    assert open_proposals(house) == {}
    assert [row.state for row in house.rows(proposal)] == ["withdrawn"]
    with pytest.raises(ConflictError, match="withdrawn already"):
        house.do(lambda c: service.accept(c, house.fact(), house.rows(proposal)[0].id, "li", house.now))


def test_rejected_proposal_is_made_again_by_the_next_run(house: Warehouse) -> None:
    house.do(lambda c: service.propose(c, SITE, None, house.now))
    number = house.rows(proposal)[0].id

    for _ in range(2):
        house.do(lambda c: service.reject(c, number, "li", house.now))

    assert open_proposals(house) == {}
    assert house.do(lambda c: service.propose(c, SITE, None, house.now)) == 1
    assert [(row.state, row.decided_by) for row in house.rows(proposal)] == [("rejected", "li"), ("open", "")]


def test_purchase_of_an_item_without_a_supplier_is_refused(house: Warehouse) -> None:
    house.keep(StockLevel(site=SITE, item="peas", minimum=1, maximum=10))
    house.do(lambda c: service.propose(c, SITE, ["peas"], house.now))
    number = house.rows(proposal)[0].id

    with pytest.raises(ConflictError, match="item peas names no supplier"):
        house.do(lambda c: service.accept(c, house.fact(), number, "li", house.now))


def test_unknown_proposal_is_told(house: Warehouse) -> None:
    with pytest.raises(NotFoundError, match="proposal 99 is not known"):
        house.do(lambda c: service.reject(c, 99, "li", house.now))


def test_run_over_a_whole_site_asks_the_database_no_more_often_when_more_places_have_limits(house: Warehouse) -> None:
    def statements() -> int:
        said: list[str] = []

        def count(*arguments: Any) -> None:
            said.append(arguments[2])

        event.listen(house.engine, "before_cursor_execute", count)
        house.do(lambda c: service.propose(c, SITE, None, house.now))
        event.remove(house.engine, "before_cursor_execute", count)
        return len(said)

    statements()
    few = statements()
    house.keep(*(Location(site=SITE, code=f"full-{n}", kind="bin") for n in range(40)))
    house.keep(*(StockLevel(site=SITE, location=f"full-{n}", item="milk", minimum=0, maximum=5) for n in range(40)))

    assert statements() <= few + 2
