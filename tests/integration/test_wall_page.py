# SPDX-License-Identifier: Apache-2.0
"""The page of a put-to-light wall, as a browser without a script uses it, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from central.app import create_app
from central.outbound.picking_tables import put_task
from central.outbound.tables import customer_order
from central.settings import Settings
from contracts.events import CommandAnswered, LightFailed
from tests.integration.picking_floor import PickingFloor, floor_on
from tests.integration.test_floor_pages import Browser, text
from tests.integration.test_use_case_walls_and_lamps import picked_batch, scan
from tests.integration.warehouse import NOW

pytestmark = pytest.mark.slow

PATH = "/wall/s1/w1"


@pytest.fixture
def floor(engine: Engine) -> Iterator[PickingFloor]:
    floor = floor_on(engine)
    yield floor
    floor.assert_sound()


@pytest.fixture
def browser(floor: PickingFloor) -> Browser:
    return Browser(create_app(Settings(database="sqlite:///unused.db"), clock=lambda: floor.now, engine=floor.engine))


def slot_of(page: str) -> str:
    found = re.search(r'<h1 class="bin-far">([^<]*)</h1>', page)
    return found[1] if found else ""


def task_of(page: str) -> str:
    found = re.search(r'name="task" value="([^"]*)"', page)
    assert found is not None
    return found[1]


def cells(page: str) -> list[str]:
    return [text(each) for each in re.findall(r'<li class="slot-cell.*?</li>', page, re.DOTALL)]


@pytest.mark.requirement("X7")
def test_goods_are_sorted_at_the_wall_and_complete_orders_go_to_packing(floor: PickingFloor, browser: Browser) -> None:
    picked_batch(floor)
    assert "s1" in text(browser.visit("/wall")[1])
    assert "Scan the goods in your hand" in browser.visit(PATH)[1]

    _, page = browser.visit(f"{PATH}/scan", {"text": "g11"})
    seen = []
    while slot_of(page):
        quantity = re.search(r'name="quantity" value="(\d+)"', page)
        assert quantity is not None
        seen.append((slot_of(page), quantity[1]))
        _, page = browser.visit(f"{PATH}/put", {"task": task_of(page), "quantity": quantity[1], "goods": "g11"})
    assert seen == [("S1", "1"), ("S2", "2"), ("S3", "3")]
    assert cells(page) == [f"S{n} waiting {n} 1 of 2 put" for n in (1, 2, 3)]

    _, page = browser.visit(f"{PATH}/scan", {"text": "g12"})
    _, page = browser.visit(f"{PATH}/put", {"task": task_of(page), "quantity": "1", "goods": "g12"})
    assert cells(page)[0].startswith("S1 complete 1")
    _, page = browser.visit(f"{PATH}/close", {"slot": "S1", "order": "1", "tote": "TOTE-9"})

    assert "to packing: 1" in text(page)
    assert cells(page)[0] == "S1 free"
    assert {row.number: (row.state, row.tote) for row in floor.rows(customer_order)}["1"] == ("picked", "TOTE-9")


@pytest.mark.requirement("X7")
def test_less_in_the_batch_than_wanted_is_answered_as_short(floor: PickingFloor, browser: Browser) -> None:
    picked_batch(floor)
    _, page = browser.visit(f"{PATH}/scan", {"text": "g11"})

    assert "say how many as a number" in text(browser.visit(f"{PATH}/put", {"task": task_of(page), "quantity": "some", "goods": "g11"})[1])
    assert "put although 1 are wanted" in text(browser.visit(f"{PATH}/put", {"task": task_of(page), "quantity": "3", "goods": "g11"})[1])
    _, page = browser.visit(f"{PATH}/put", {"task": task_of(page), "quantity": "0", "goods": "g11"})

    assert "somebody looks for the rest" in text(page)
    assert floor.asked() == ["put_short"]


@pytest.mark.requirement("X7")
def test_goods_that_nobody_wants_and_slots_that_are_not_complete_are_named(floor: PickingFloor, browser: Browser) -> None:
    picked_batch(floor)

    assert "no order waits for item g34" in text(browser.visit(f"{PATH}/scan", {"text": "g34"})[1])
    assert "rubbish" in text(browser.visit(f"{PATH}/scan", {"text": "rubbish"})[1])
    browser.visit(f"{PATH}/scan", {"text": "g11"})
    assert "goods of its order are still to come" in text(browser.visit(f"{PATH}/close", {"slot": "S1", "order": "1"})[1])
    assert browser.visit("/wall/s1/w9")[0] == 404


@pytest.mark.requirement("X7", "E8")
def test_slot_with_a_dead_lamp_is_named_and_answered_at_the_page(floor: PickingFloor, browser: Browser) -> None:
    picked_batch(floor)
    first, second, _ = scan(floor, "g11")

    for _ in range(2):
        floor.happen(LightFailed(event_time=NOW, station="wall-1", device="lights", node=2, bin="S1", task_ids=[first.id], reason="code 0A"))

    _, page = browser.visit(f"{PATH}?goods=g11")
    assert (slot_of(page), task_of(page)) == ("S1", first.id)
    assert "The light of this slot is dead" in page
    assert ["dead lamp" in each for each in cells(page)] == [True, False, False]
    assert [(row.id, row.state) for row in floor.rows(put_task) if row.lamp_dead] == [(first.id, "lit")]
    assert floor.asked() == ["lamp_dead"]
    _, page = browser.visit(f"{PATH}/put", {"task": first.id, "quantity": "1", "goods": "g11"})
    assert (task_of(page), "dead lamp" in page) == (second.id, False)


@pytest.mark.requirement("X7", "E8")
def test_puts_that_a_gateway_did_not_light_are_asked_for_at_the_page(floor: PickingFloor, browser: Browser) -> None:
    picked_batch(floor)
    puts = scan(floor, "g11")
    command = next(each for each in floor.commands("LightTasks") if each.station == "wall-1")

    floor.happen(CommandAnswered(event_time=NOW, station="wall-1", command_id=command.command_id, outcome="expired"))

    assert sorted(row.id for row in floor.rows(put_task) if row.lamp_dead) == sorted(each.id for each in puts)
    assert "The light of this slot is dead" in browser.visit(PATH)[1]


def test_page_of_a_wall_knows_when_it_is_old(floor: PickingFloor, browser: Browser) -> None:
    picked_batch(floor)
    _, before = browser.visit(f"{PATH}/state")

    scan(floor, "g11")

    _, page = browser.visit(PATH)
    shown = re.search(r'data-stop="([^"]*)"', page)
    assert shown is not None
    assert browser.visit(f"{PATH}/state?goods=g11")[1] == f'{{"now":"{shown[1]}"}}' != before
