# SPDX-License-Identifier: Apache-2.0
"""The page of a picker when an order on the cart is cancelled, as a browser without a script uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from central.app import create_app
from central.outbound import service
from central.settings import Settings
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.test_floor_pages import Browser, text


@pytest.fixture
def floor(engine: Engine) -> Iterator[PickingFloor]:
    floor = floor_on(engine)
    yield floor
    floor.assert_sound()


@pytest.mark.requirement("R51", "X7")
def test_picker_reads_what_to_take_out_of_the_cart_and_says_when_it_is_out(floor: PickingFloor) -> None:
    browser = Browser(create_app(Settings(database="sqlite:///unused.db"), clock=lambda: floor.now, engine=floor.engine))
    wave_id = floor.wave("cluster")
    first = floor.order("1", ("g11", 2), ("g34", 1), wave_id=wave_id)
    floor.order("2", ("g12", 3), wave_id=wave_id)
    (tour_id,) = floor.plan(wave_id)
    browser.visit("/name?back=/pick", {"name": "li"})
    browser.visit("/pick/join", {"where": "s1"})
    browser.visit("/pick/next", {"mode": "order"})
    assert floor.answer(tour_id) == "full"

    floor.do(lambda c: service.cancel_order(c, floor.fact(), first, floor.now))

    page = text(browser.visit("/pick")[1])
    assert "Order 1 was cancelled: take its goods out of the cart · slot A · T-1 2 × g11" in page
    assert "P-1-2" in page
    page = text(browser.visit("/pick/aside", {"tour_id": tour_id, "order": first})[1])
    assert "laid aside; go on" in page
    assert "was cancelled" not in page
