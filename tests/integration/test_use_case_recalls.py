# SPDX-License-Identifier: Apache-2.0
"""Recalls hold a lot everywhere and replace it where it was reserved; the trace says where it came from and went."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from central.catalog import rules as catalog
from central.catalog.tables import kit_component
from central.catalog.tables import lot as lot_table
from central.database import reading
from central.errors import ConflictError, InsufficientStockError
from central.inbound import service as inbound
from central.inbound.documents import ShipNotice
from central.outbound import service as outbound
from central.outbound.documents import Order
from central.outbound.tables import customer_order, order_line, pick_task
from central.stock import kits, recalls, trace
from central.stock.kits import Build
from central.stock.recalls import Recall
from contracts.events import ItemScanned
from contracts.readings import Identifiers
from tests.integration.warehouse import NOW, PALLET, SITE, Warehouse

pytestmark = pytest.mark.requirement("X6", "R18")


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Ten milk of an early lot in A-01, ten of a later one in A-02, and some of the early one at another site."""
    house = Warehouse(engine)
    house.keep(catalog.Location(site="s2", code="A-01", kind="bin"), catalog.Location(site="s2", code="cool", kind="storage", condition="chilled"))
    house.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
    house.put("A-02", "milk", 10, "L2", date(2026, 12, 9))
    yield house
    house.assert_sound()


def recalled(house: Warehouse, number: str = "R-1", item: str = "milk", lot: str = "L1") -> bool:
    fact = house.fact("LotRecalled", ShipNotice.model_construct(number=number), number)
    return house.do(lambda c: recalls.recall_lot(c, fact, Recall(number, item, lot), house.now))


def released(house: Warehouse, number: str = "R-1") -> bool:
    return house.do(lambda c: recalls.release_recall(c, house.fact(), number, house.now))


def ordered(house: Warehouse, quantity: int, number: str = "1001") -> str:
    order = Order.model_validate({"number": number, "site": SITE, "partner": "shop", "lines": [{"item": "milk", "quantity": quantity}]})
    fact = house.fact("OrderTaken", order, f"{order.channel}/{number}")
    house.do(lambda c: outbound.take_order(c, fact, order, house.now))
    house.do(lambda c: outbound.release_order(c, house.fact(), fact.id, house.now))
    return fact.id


def delivered(house: Warehouse, lot: str = "L1", site: str = SITE) -> None:
    line = {"item": "milk", "lot": lot, "quantity": 6}
    notice = ShipNotice.model_validate({"number": "ASN-9", "site": site, "supplier": "dairy", "pallets": [{"sscc": PALLET, "lines": [line]}]})
    house.do(lambda c: inbound.announce(c, house.fact("ShipNotice", notice, "ASN-9"), notice, house.now))
    house.happen(ItemScanned(event_time=NOW, station="dock", text=PALLET, identifiers=Identifiers(sscc=PALLET)), site=site)


def traced(house: Warehouse, item: str = "milk", lot: str = "L1") -> tuple[dict[str, Any], dict[str, Any]]:
    with reading(house.engine) as connection:
        return trace.trace_up(connection, item, lot), trace.trace_down(connection, item, lot)


def test_recalled_lot_goes_on_hold_at_once_and_again_when_more_comes_in(house: Warehouse) -> None:
    assert recalled(house)
    assert not recalled(house)
    assert house.stock() == {"A-01 milk L1 hold": (10, 0), "A-02 milk L2": (10, 0)}

    delivered(house)

    assert house.stock()["cool-1 milk L1 hold"] == (6, 0)
    with pytest.raises(ConflictError) as twice:
        recalled(house, "R-2")
    assert twice.value.code == "recall_open"


@pytest.mark.requirement("R56")
def test_orders_get_other_goods_for_those_that_are_recalled(house: Warehouse) -> None:
    ordered(house, 8)
    assert [(row.bin, row.state) for row in house.rows(pick_task)] == [("A-01", "lit")]

    recalled(house)

    assert sorted((row.bin, row.state, row.requested) for row in house.rows(pick_task)) == [("A-01", "cancelled", 8), ("A-02", "lit", 8)]
    assert house.stock() == {"A-01 milk L1 hold": (10, 0), "A-02 milk L2": (10, 8)}
    assert house.asked() == []


def test_order_is_short_when_no_other_lot_is_there(house: Warehouse) -> None:
    ordered(house, 15)

    recalled(house)

    assert [row.short for row in house.rows(order_line)] == [5]
    assert "order_short" in house.asked()
    assert [row.state for row in house.rows(customer_order)] == ["released"]


def test_released_recall_makes_goods_available_but_not_those_held_before(house: Warehouse) -> None:
    from central.ledger.rules import Account
    from central.stock.losses import change_status

    house.do(lambda c: change_status(c, house.fact(), Account(f"{SITE}/A-01", "milk", "L1"), "hold", 3, "quality", house.now))
    house.do(lambda c: change_status(c, house.fact(), Account(f"{SITE}/A-01", "milk", "L1"), "inspect", 2, "quality", house.now))
    recalled(house)
    assert house.stock()["A-01 milk L1 hold"] == (10, 0)

    assert released(house)
    assert not released(house)

    assert house.stock() == {"A-01 milk L1 hold": (3, 0), "A-01 milk L1 inspect": (2, 0), "A-01 milk L1": (5, 0), "A-02 milk L2": (10, 0)}
    assert not next(row.held for row in house.rows(lot_table) if row.lot == "L1")
    ordered(house, 4)
    assert [row.lot for row in house.rows(pick_task)] == ["L1"]


def test_lot_that_was_never_seen_is_held_when_it_comes(house: Warehouse) -> None:
    recalled(house, lot="L9")

    delivered(house, lot="L9", site="s2")

    assert house.stock()["cool milk L9 hold"] == (6, 0)


def test_trace_names_supplier_notice_customer_and_where_it_is_now(house: Warehouse) -> None:
    delivered(house)
    ordered(house, 4)
    task = house.rows(pick_task)[0].id
    house.do(lambda c: outbound.confirm_from_list(c, house.fact(), task, 4, house.now))

    up, down = traced(house)

    assert (up["suppliers"], [(row["number"], row["sscc"], row["received"]) for row in up["ship_notices"]]) == (["dairy"], [("ASN-9", PALLET, 6)])
    assert {(row["kind"], row["place"], row["quantity"]) for row in up["entered"]} == {("Test", "@count_difference", 10), ("ItemScanned", "@vendor", 6)}
    assert [(row["order"], row["customer"], row["quantity"]) for row in down["customers"]] == [("1001", "shop", 4)]
    assert sum(row["on_hand"] for row in down["in_stock"]) == 16 - sum(row["quantity"] for row in down["left"])


@pytest.mark.requirement("X3")
def test_kits_made_of_a_recalled_lot_are_held_too_and_traced(house: Warehouse) -> None:
    house.keep(catalog.Item(code="breakfast", name="Breakfast"))
    house.put("rack-1", "peas", 5, "P1", date(2026, 11, 30))
    bill = [{"kit": "breakfast", "component": "milk", "quantity": 2}, {"kit": "breakfast", "component": "peas", "quantity": 1}]
    house.do(lambda c: c.execute(insert(kit_component), bill))
    house.do(lambda c: kits.assemble(c, house.fact(), Build("breakfast", f"{SITE}/rack-1", 3, "K1"), house.now))
    assert house.stock()["rack-1 breakfast K1"] == (3, 0)

    recalled(house)

    assert house.stock()["rack-1 breakfast K1 hold"] == (3, 0)
    up, _ = traced(house, "breakfast", "K1")
    _, down = traced(house)
    assert [(each["item"], each["lot"], each["quantity"]) for each in up["components"]] == [("milk", "L1", 6), ("peas", "P1", 3)]
    assert [(each["item"], each["lot"]) for each in down["kits"]] == [("breakfast", "K1")]
    with pytest.raises(ConflictError):
        house.do(lambda c: kits.assemble(c, house.fact(), Build("breakfast", f"{SITE}/rack-1", 1, "K1"), house.now))
    released(house)
    assert house.stock()["rack-1 breakfast K1"] == (3, 0)


@pytest.mark.requirement("X3", "R20")
def test_kits_last_as_long_as_their_first_component_and_come_apart_into_their_lots(house: Warehouse) -> None:
    house.keep(catalog.Item(code="breakfast", name="Breakfast"))
    house.put("rack-1", "peas", 5, "P1", date(2026, 11, 30))
    bill = [{"kit": "breakfast", "component": "milk", "quantity": 4}, {"kit": "breakfast", "component": "peas", "quantity": 1}]
    house.do(lambda c: c.execute(insert(kit_component), bill))
    with reading(house.engine) as connection:
        offer = kits.available_to_assemble(connection, SITE, "breakfast", NOW.date())
    assert (offer["kits"], offer["bottleneck"]) == (5, ["milk", "peas"])
    fact = house.fact()

    for _ in range(2):
        house.do(lambda c: kits.assemble(c, fact, Build("breakfast", f"{SITE}/B-01", 3, "K1"), house.now))

    assert next(row.expiry for row in house.rows(lot_table) if row.lot == "K1") == date(2026, 11, 30)
    assert house.stock() == {"A-02 milk L2": (8, 0), "rack-1 peas P1": (2, 0), "B-01 breakfast K1": (3, 0)}
    with pytest.raises(InsufficientStockError):
        house.do(lambda c: kits.assemble(c, house.fact(), Build("breakfast", f"{SITE}/B-01", 3, "K2"), house.now))
    house.do(lambda c: kits.break_kits(c, house.fact(), Build("breakfast", f"{SITE}/B-01", 2, "K1"), house.now))
    assert house.stock() == {
        "A-02 milk L2": (8, 0),
        "rack-1 peas P1": (2, 0),
        "B-01 breakfast K1": (1, 0),
        "B-01 milk L1": (8, 0),
        "B-01 peas P1": (2, 0),
    }
    house.do(lambda c: kits.break_kits(c, house.fact(), Build("breakfast", f"{SITE}/B-01", 1, "K1"), house.now))
    assert (house.stock()["B-01 milk L1"], house.stock()["B-01 milk L2"]) == ((10, 0), (2, 0))


@pytest.mark.slow
def test_goods_that_come_in_during_a_recall_are_held_whoever_is_first(house: Warehouse) -> None:
    gate = threading.Barrier(2)

    def receive(_: int) -> None:
        gate.wait(10)
        delivered(house, site="s2")

    def recall(_: int) -> None:
        gate.wait(10)
        recalled(house)

    with ThreadPoolExecutor(2) as pool:
        for each in (pool.submit(receive, 0), pool.submit(recall, 0)):
            each.result(30)

    assert {key: value for key, value in house.stock().items() if "L1" in key} == {"A-01 milk L1 hold": (10, 0), "cool milk L1 hold": (6, 0)}


@pytest.mark.requirement("X9")
def test_recall_is_told_to_webhooks_once(house: Warehouse) -> None:
    from central.webhooks.tables import webhook_endpoint, webhook_message, webhook_subscription

    endpoint = {"code": "erp", "url": "https://erp.example/hook", "secret": "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "made_at": NOW}
    house.do(lambda c: c.execute(insert(webhook_endpoint).values(**endpoint)))
    house.do(lambda c: c.execute(insert(webhook_subscription).values(endpoint="erp", type="lot.recalled")))

    recalled(house)
    recalled(house)

    assert [(row.type, row.subject) for row in house.rows(webhook_message)] == [("lot.recalled", "milk/L1")]
