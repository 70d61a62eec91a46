# SPDX-License-Identifier: Apache-2.0
"""Pages for people on the floor: counting and work orders, as a browser without a script uses them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, Engine

from central.app import create_app
from central.catalog import rules as catalog
from central.exceptions import service as exceptions
from central.settings import Settings
from central.stock import moves
from tests.integration import test_use_case_counting as counting
from tests.integration.test_use_case_orders import release
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.slow


class Browser:
    """Keeps its cookies and follows redirections; every form says that it stands on our own page."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._cookies = httpx.Cookies()

    def visit(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """The status and the page."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", cookies=self._cookies, follow_redirects=True) as client:
                if form is None:
                    answer = await client.get(path)
                else:
                    answer = await client.post(path, data=form, headers={"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"})
                self._cookies = client.cookies
                return answer

        answer = asyncio.run(ask())
        return answer.status_code, answer.text


@pytest.fixture
def house(engine: Engine) -> Iterator[Warehouse]:
    house = Warehouse(engine)
    house.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
    house.put("B-01", "peas", 5)
    yield house
    house.assert_sound()


@pytest.fixture
def browser(house: Warehouse) -> Browser:
    return Browser(create_app(Settings(database="sqlite:///unused.db"), clock=lambda: house.now, engine=house.engine))


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def form_of(place: str, *quantities: tuple[str, str, str], label: str = "") -> dict[str, Any]:
    form = {"place": f"{SITE}/{place}", "label": label}
    for n, (code, lot, quantity) in enumerate(quantities):
        form |= {f"code-{n}": code, f"lot-{n}": lot, f"quantity-{n}": quantity}
    return form


@pytest.mark.requirement("R40", "R37")
def test_person_counts_place_after_place_on_a_phone(house: Warehouse, browser: Browser) -> None:
    count_id = counting.plan(house, "asked", scope={"places": ["A-01", "B-01"]}, name="Evening")

    assert "Evening" in browser.visit("/count")[1]
    assert "Who counts?" in browser.visit(f"/count/{count_id}")[1]
    _, first = browser.visit(f"/name?back=/count/{count_id}", {"name": "li"})
    assert "A-01" in text(first)
    assert "books:" not in first
    _, second = browser.visit(f"/count/{count_id}", form_of("A-01", ("milk", "L1", "10")))
    assert "A-01: counted" in text(second)
    _, last = browser.visit(f"/count/{count_id}", form_of("B-01", ("peas", "", "4")))

    assert "somebody else counts it again" in text(last)
    assert "1 places are left that somebody else must count" in text(last)


@pytest.mark.requirement("R31")
@pytest.mark.parametrize(
    ("form", "told"),
    [
        (form_of("A-01", ("milk", "L1", "10"), label="B-01"), "the label says B-01, this count is of A-01"),
        (form_of("A-01", ("milk", "L1", "ten")), "milk: say how many there are as a number"),
        (form_of("A-01", ("", "", "3")), "row 1 has the number 3 and no goods"),
        (form_of("A-01", ("unheard-of", "", "3")), "unheard-of"),
        (form_of("Z-99", ("milk", "L1", "3")), "does not belong to count"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_booked(house: Warehouse, browser: Browser, form: dict[str, str], told: str) -> None:
    count_id = counting.plan(house, "asked", scope={"places": ["A-01"]})
    browser.visit("/name", {"name": "li"})

    status, page = browser.visit(f"/count/{count_id}", form)

    assert status == 422
    assert told in text(page)
    assert counting.places(house, count_id) == {f"{SITE}/A-01": "open"}


@pytest.mark.requirement("R19", "R40")
def test_numbered_pieces_are_scanned_one_by_one(house: Warehouse, browser: Browser) -> None:
    house.keep(catalog.Item(code="drill", name="Drill", tracking="serial"))
    correction = moves.Correction(f"{SITE}/A-02", "drill", 2, serials=("D1", "D2"))
    house.do(lambda c: moves.correct_stock(c, house.fact(), [correction], house.now))
    count_id = counting.plan(house, "asked", scope={"places": ["A-02"]})
    _, page = browser.visit(f"/name?back=/count/{count_id}", {"name": "li"})
    assert "Scan each piece" in text(page)
    drill = {"place": f"{SITE}/A-02", "label": "A-02", "code-0": "drill", "lot-0": ""}

    _, page = browser.visit(f"/count/{count_id}", drill | {"by": "enter"})
    assert 'name="serials-0" rows="3" autocomplete="off" spellcheck="false" autofocus' in page
    status, page = browser.visit(f"/count/{count_id}", drill)
    assert (status, "drill: say how many" in text(page)) == (422, True)
    _, page = browser.visit(f"/count/{count_id}", drill | {"serials-0": "D2\r\nD1\r\n"})

    assert "A-02: counted" in text(page)


@pytest.mark.requirement("R19", "R40")
def test_person_says_that_none_of_the_numbered_pieces_is_there(house: Warehouse, browser: Browser) -> None:
    house.keep(catalog.Item(code="drill", name="Drill", tracking="serial"))
    correction = moves.Correction(f"{SITE}/A-02", "drill", 2, serials=("D1", "D2"))
    house.do(lambda c: moves.correct_stock(c, house.fact(), [correction], house.now))
    count_id = counting.plan(house, "asked", scope={"places": ["A-02"]})
    browser.visit("/name", {"name": "li"})

    _, page = browser.visit(f"/count/{count_id}", {"place": f"{SITE}/A-02", "code-0": "drill", "lot-0": "", "none-0": "yes"})

    assert "somebody else counts it again" in text(page)


@pytest.mark.requirement("R56")
def test_work_order_is_taken_in_hand_and_settled_by_its_button(house: Warehouse, browser: Browser) -> None:
    release(house, ("peas", 9), ship_when="asked")
    browser.visit("/name", {"name": "wang"})

    _, page = browser.visit("/exceptions")
    assert "4 of 9 of item peas cannot be reserved" in text(page)
    number = re.search(r"/exceptions/(\d+)/take", page)
    assert number is not None
    _, taken = browser.visit(f"/exceptions/{number[1]}/take", {})
    assert "wang has it" in text(taken)
    _, done = browser.visit(f"/exceptions/{number[1]}/resolve", {})

    assert f"case-{number[1]}" not in done
    assert "wang was first" not in done


def test_most_urgent_work_orders_are_shown_when_there_are_too_many(house: Warehouse, browser: Browser) -> None:
    def raise_some(connection: Connection) -> int:
        first = exceptions.raise_work_order(connection, "scale_fault", "urgent", "the oldest and most urgent", None, house.now, priority=1)
        for number in range(100):
            exceptions.raise_work_order(connection, "scale_fault", str(number), f"number {number}", None, house.now)
        return first

    first = house.do(raise_some)
    _, page = browser.visit("/exceptions")

    assert f"case-{first}" in page
    assert "Only the 100 most urgent are shown." in text(page)


def test_page_of_another_site_cannot_press_the_buttons(browser: Browser) -> None:
    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(browser._app), base_url="http://127.0.0.1") as client:
            return (await client.post("/exceptions/1/resolve", headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})).status_code

    assert asyncio.run(ask()) == 403


def test_name_form_does_not_lead_away_from_our_pages(browser: Browser) -> None:
    for away in ("//evil.example", "/\\evil.example", "https://evil.example"):
        status, _ = browser.visit(f"/name?back={away}", {"name": "li"})
        assert status == 200
