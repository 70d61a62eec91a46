# SPDX-License-Identifier: Apache-2.0
"""Customers' returns, the same on SQLite and on PostgreSQL: nothing comes back that was not sent, and everything that does is decided on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from central.catalog import rules as catalog
from central.catalog.tables import lot as catalog_lot
from central.errors import ConflictError
from central.facts import fact_of
from central.ledger.tables import entry
from central.shipping import returns
from central.shipping.documents import ReturnArrived
from central.webhooks.tables import webhook_message
from tests.integration.test_areas_api import Http, got, sent
from tests.integration.test_shipping_packages import house, http, picked_order  # noqa: F401  # fixtures
from tests.integration.warehouse import SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R57", "X3")]


@pytest.fixture
def order_id(http: Http, house: Warehouse) -> str:  # noqa: F811
    """Four milk of lot L1 and two peas, shipped."""
    house.keep(catalog.Reason(code="not_wanted", kind="return", name="Not wanted"))
    order_id = picked_order(http, house, ("milk", 4), ("peas", 2))
    sent(http, f"orders/{order_id}/ship")
    return order_id


def announce(http: Http, order_id: str | None, *lines: dict[str, Any], number: str = "RMA-1", status: int = 200) -> Any:  # noqa: F811
    body = {"number": number, "site": SITE, "order_id": order_id, "reason": "not_wanted", "lines": list(lines)}
    return sent(http, "returns", body, status)


def stock_at_stage(house: Warehouse) -> dict[str, int]:  # noqa: F811
    return {key: quantity for key, (quantity, _) in house.stock().items() if key.startswith("out ")}


def test_return_goes_from_announcement_to_decision(http: Http, house: Warehouse, order_id: str) -> None:  # noqa: F811
    rma = announce(http, order_id, {"item": "milk", "quantity": 3, "refund_minor": 500}, {"item": "peas", "quantity": 2})
    assert announce(http, order_id, {"item": "milk", "quantity": 3, "refund_minor": 500}, {"item": "peas", "quantity": 2}) == rma
    assert announce(http, order_id, {"item": "milk", "quantity": 1}, status=409)["code"] == "identity_reused"
    path = f"returns/{rma['id']}"

    arrived = [sent(http, f"{path}/arrivals", {"n": 1, "quantity": 3, "lot": "L1"}, idempotency_key="a1") for _ in range(2)]
    assert arrived[0] == arrived[1]
    sent(http, f"{path}/arrivals", {"n": 2, "quantity": 2})
    assert stock_at_stage(house) == {"out milk L1 inspect": 3, "out peas inspect": 2}
    decisions = [(1, 1, "available", {"reason": "sealed cold box"}), (1, 1, "damaged", {}), (1, 1, "scrap", {}), (2, 1, "supplier", {})]
    for n, quantity, disposition, more in decisions:
        sent(http, f"{path}/inspections", {"n": n, "quantity": quantity, "disposition": disposition, **more})
    assert got(http, path)["state"] == "arrived"
    sent(http, f"{path}/inspections", {"n": 2, "quantity": 1, "disposition": "available", "place": f"{SITE}/B-01"})

    assert stock_at_stage(house) == {"out milk L1": 1, "out milk L1 damaged": 1}
    assert house.stock()["B-01 peas"] == (4, 0)
    done = got(http, path)
    assert (done["state"], [line["inspected"] for line in done["lines"]]) == ("inspected", [3, 2])
    assert [each["place"] for each in done["decisions"]] == [f"{SITE}/out", f"{SITE}/out", "@loss", "@vendor", f"{SITE}/B-01"]
    with house.engine.connect() as connection:
        gone = {row.place: row.quantity for row in connection.execute(select(entry).where(entry.c.place.in_(("@loss", "@vendor"))))}
    assert gone == {"@loss": 1, "@vendor": 1}
    assert sent(http, f"{path}/close")["state"] == "inspected"


def test_no_more_comes_back_than_was_sent(http: Http, house: Warehouse, order_id: str) -> None:  # noqa: F811
    assert announce(http, order_id, {"item": "milk", "quantity": 5}, status=409)["code"] == "return_over_shipped"
    assert announce(http, order_id, {"item": "milk", "lot": "L2", "quantity": 1}, status=409)["code"] == "return_over_shipped"
    first = announce(http, order_id, {"item": "milk", "quantity": 3})
    assert announce(http, order_id, {"item": "milk", "lot": "L1", "quantity": 2}, number="RMA-2", status=409)["code"] == "return_over_shipped"
    second = announce(http, order_id, {"item": "milk", "quantity": 1}, number="RMA-2")

    sent(http, f"returns/{first['id']}/arrivals", {"n": 1, "quantity": 4, "lot": "L1"})

    problem = sent(http, f"returns/{second['id']}/arrivals", {"n": 1, "quantity": 1, "lot": "L1"}, 409)
    assert problem["code"] == "return_over_shipped"
    assert "4 were sent and 4 of them are in returns already" in problem["detail"]
    assert sent(http, f"returns/{first['id']}/inspections", {"n": 1, "quantity": 5, "disposition": "scrap"}, 409)["code"] == "return_over_arrived"
    assert sent(http, f"returns/{second['id']}/close")["state"] == "cancelled"


def test_order_that_was_not_shipped_has_no_return(http: Http, house: Warehouse, order_id: str) -> None:  # noqa: F811
    other = picked_order(http, house, ("milk", 1), number="2")

    assert announce(http, other, {"item": "milk", "quantity": 1}, status=409)["code"] == "order_not_shipped"
    body = {"number": "RMA-9", "site": SITE, "order_id": order_id, "reason": "whim", "lines": [{"item": "milk", "quantity": 1}]}
    assert sent(http, "returns", body, 422)["code"] == "unknown_reason"


def test_goods_without_an_order_are_taken_blind(http: Http, house: Warehouse, order_id: str) -> None:  # noqa: F811
    rma = announce(http, None, {"item": "milk", "quantity": 1})
    path = f"returns/{rma['id']}"
    sent(http, f"{path}/arrivals", {"n": 1, "quantity": 1, "lot": "L7"})
    sent(http, f"{path}/arrivals", {"n": 1, "quantity": 2, "lot": "L8"})

    found = got(http, path)
    assert [(line["lot"], line["announced"], line["arrived"]) for line in found["lines"]] == [("L7", 1, 1), ("L8", 0, 2)]
    assert sent(http, f"{path}/close", status=409)["code"] == "return_waits"


def test_recalled_and_warm_goods_are_not_sold_again_just_so(http: Http, house: Warehouse, order_id: str) -> None:  # noqa: F811
    rma = announce(http, order_id, {"item": "milk", "quantity": 1}, {"item": "peas", "quantity": 1})
    path = f"returns/{rma['id']}"
    sent(http, f"{path}/arrivals", {"n": 1, "quantity": 1, "lot": "L1"})
    sell = {"n": 1, "quantity": 1, "disposition": "available"}

    assert sent(http, f"{path}/inspections", sell, 409)["code"] == "cold_chain_unproven"
    house.do(lambda c: c.execute(update(catalog_lot).where(catalog_lot.c.lot == "L1").values(held=True)))
    assert sent(http, f"{path}/inspections", sell | {"reason": "cold box"}, 409)["code"] == "lot_held"
    assert sent(http, f"{path}/inspections", sell | {"place": "s2/X", "disposition": "hold"}, 404)["code"] == "unknown_location"
    sent(http, f"{path}/inspections", sell | {"disposition": "hold"})
    assert stock_at_stage(house) == {"out milk L1 hold": 1}


@pytest.mark.requirement("R106")
def test_shop_is_told_with_the_refund(http: Http, house: Warehouse, order_id: str) -> None:  # noqa: F811
    answer = http.put("webhooks/endpoints/shop", json={"url": "https://shop.example/hook", "types": ["return.received"]})
    assert answer.status_code in (200, 201), answer.text
    rma = announce(http, order_id, {"item": "milk", "quantity": 2, "refund_minor": 450})
    sent(http, f"returns/{rma['id']}/arrivals", {"n": 1, "quantity": 2, "lot": "L1"})

    (told,) = house.rows(webhook_message)
    assert told.subject == "RMA-1"
    assert '"refund_minor":900' in str(told.body).replace(" ", "")


@pytest.mark.postgres
@pytest.mark.slow
def test_arrivals_at_two_docks_together_never_exceed_what_was_sent(http: Http, house: Warehouse, order_id: str, engine: Engine) -> None:  # noqa: F811
    first, second = (announce(http, order_id, {"item": "milk", "quantity": 2}, number=number)["id"] for number in ("RMA-1", "RMA-2"))

    def arrive(n: int) -> bool:
        body = ReturnArrived(n=1, quantity=1, lot="L1")
        fact = fact_of("ReturnArrived", (str(n),), body, "tester", house.now, SITE)
        try:
            house.do(lambda c: returns.arrive(c, fact, first if n % 2 else second, body, house.now))
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(arrive, range(12))) == 4
    assert stock_at_stage(house) == {"out milk L1 inspect": 4}
