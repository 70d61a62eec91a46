# SPDX-License-Identifier: Apache-2.0
"""Received goods go to a storage place that takes them, else to the stage, on both databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.inbound import service
from central.inbound.documents import ShipNotice
from central.ledger.tables import balance
from contracts.events import ItemScanned
from contracts.readings import Identifiers
from tests.integration.warehouse import NOW, SITE, Warehouse

pytestmark = pytest.mark.requirement("R7", "R10", "R20")
SSCCS = [f"00614141{n:09d}" for n in range(1, 9)]


def with_check_digit(payload: str) -> str:
    odd, even = (sum(int(digit) for digit in payload[start::2]) for start in (0, 1))
    return payload + str(-(3 * odd + even) % 10)


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    """Two racks that come before rack-1: rack-0a for 50 pieces, rack-0b for 100 of one item at a time; paint burns, and only rack-0c may hold it."""
    house = Warehouse(engine)
    house.keep(
        catalog.Location(site=SITE, code="rack-0a", kind="storage", pick_rank=-3, capacity_units=50),
        catalog.Location(site=SITE, code="rack-0b", kind="storage", pick_rank=-2, capacity_units=100, mixed_items=False),
        catalog.Location(site=SITE, code="rack-0c", kind="storage", pick_rank=-1, locked="in", hazard_classes="3"),
    )
    house.keep(catalog.Item(code="paint", name="Paint", hazard_class="3"), catalog.Item(code="rice", name="Rice"))
    yield house
    house.assert_sound()


def come(house: Warehouse, n: int, **goods: int) -> None:
    """Pallet number n with these goods is announced, and its label scanned."""
    sscc = with_check_digit(SSCCS[n])
    lines: list[dict[str, Any]] = [{"item": item, "quantity": quantity} for item, quantity in goods.items()]
    notice = ShipNotice.model_validate({"number": f"ASN-{n}", "site": SITE, "supplier": "dairy", "pallets": [{"sscc": sscc, "lines": lines}]})
    house.do(lambda c: service.announce(c, house.fact("ShipNotice", notice, notice.number), notice, house.now))
    house.happen(ItemScanned(event_time=NOW, station="scan-1", text=sscc, identifiers=Identifiers(sscc=sscc)))


def lies(house: Warehouse) -> dict[str, int]:
    """Pieces by `code item`, all pallets together."""
    found: Counter[str] = Counter()
    for row in house.rows(balance):
        found[f"{row.place.partition('/')[2]} {row.item}"] += row.on_hand
    return dict(found)


def test_goods_go_on_to_the_next_place_when_one_is_full(house: Warehouse) -> None:
    come(house, 0, peas=30)
    come(house, 1, peas=30)
    come(house, 2, rice=20)
    come(house, 3, rice=20)
    come(house, 4, peas=70)

    assert lies(house) == {"rack-0a peas": 30, "rack-0a rice": 20, "rack-0b peas": 100, "rack-1 rice": 20}


def test_dangerous_goods_wait_at_the_stage_when_no_open_place_may_hold_them(house: Warehouse) -> None:
    come(house, 0, paint=4)
    house.keep(catalog.Location(site=SITE, code="rack-0c", kind="storage", pick_rank=-1, hazard_classes="3"))
    come(house, 1, paint=5)

    assert house.stock() == {"out paint": (4, 0), "rack-0c paint": (5, 0)}


def test_goods_of_one_pallet_stay_together_where_both_fit(house: Warehouse) -> None:
    come(house, 0, peas=60, rice=60)

    assert house.stock() == {"rack-1 peas": (60, 0), "rack-1 rice": (60, 0)}


def test_locked_places_and_a_house_without_storage_leave_goods_at_the_stage(house: Warehouse) -> None:
    locked = [catalog.Location(site=SITE, code=code, kind="storage", locked="both") for code in ("rack-0a", "rack-0b", "rack-1")]
    house.keep(*locked)

    come(house, 0, peas=3)

    assert house.stock() == {"out peas": (3, 0)}


def test_two_pallets_do_not_both_find_the_last_room(house: Warehouse) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: come(house, n, **{("peas", "rice")[n % 2]: 20}), range(8)))

    stock = lies(house)
    assert sum(stock.values()) == 160
    assert sum(on_hand for key, on_hand in stock.items() if key.startswith("rack-0a")) == 40
    assert len([key for key in stock if key.startswith("rack-0b")]) == 1
    assert sum(on_hand for key, on_hand in stock.items() if key.startswith("rack-0b")) <= 100
