# SPDX-License-Identifier: Apache-2.0
"""The page of a picker in Chromium, at the width of a phone, on a real service and database."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Page, async_playwright, expect

from central.app import create_app
from central.database import open_engine
from central.migrations import upgrade
from central.outbound.picking_tables import mispick
from central.outbound.tables import customer_order
from central.settings import Settings
from contracts.events import LightFailed
from tests.integration.picking_floor import PickingFloor
from tests.integration.test_use_case_walls_and_lamps import picked_batch
from tests.integration.warehouse import NOW, SITE

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.requirement("R50", "R51")]

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[PickingFloor]:
    engine = open_engine(f"sqlite:///{tmp_path / 'pick.db'}")
    upgrade(engine)
    yield PickingFloor(engine)
    engine.dispose()


@pytest.fixture
def url(floor: PickingFloor) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_app(Settings(database=str(floor.engine.url)), clock=lambda: NOW, engine=floor.engine)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    running = threading.Event()
    started = server.startup

    async def startup(sockets: list[socket.socket] | None = None) -> None:
        await started(sockets)
        running.set()

    server.startup = startup  # type: ignore[method-assign]  # the server says only by a flag when it listens
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert running.wait(30)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB", has_touch=True)
        made = await context.new_page()
        made.set_default_timeout(15_000)
        made.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        made.on("pageerror", lambda error: complaints.append(str(error)))
        yield made
        await browser.close()
    assert complaints == []


async def begin(page: Page, url: str, name: str = "li") -> None:
    await page.goto(f"{url}/pick")
    await page.fill("#name-field", name)
    # Each button is on a page of its own, and a click does not wait for the next page.
    for heading in ("Who picks?", "Where do you pick?", "No walk in work"):
        await expect(page.locator("h1")).to_have_text(heading)
        await page.click("button.wide")
    await expect(page.locator("form.confirm")).to_be_visible()


async def scan(page: Page, text: str) -> None:
    """Type as a scanner does, once the field waits for it."""
    await expect(page.locator("#scan")).to_be_focused()
    await page.keyboard.type(f"{text}\n")


async def test_walk_is_picked_by_touch_and_scanner_to_its_end(page: Page, url: str, floor: PickingFloor) -> None:
    wave_id = floor.wave("cluster")
    floor.order("1", ("g11", 2), ("g34", 1), wave_id=wave_id)
    floor.order("2", ("g12", 3), wave_id=wave_id)
    floor.plan(wave_id)
    await begin(page, url)
    await expect(page.locator("h1")).to_have_text("P-1-1")
    await expect(page.locator(".how-many")).to_have_text("2")
    await expect(page.locator(".slot .letter")).to_have_text("A")
    await expect(page.locator("svg.map .stop")).to_have_count(3)

    await scan(page, "P-1-2")
    await expect(page.locator("[role=alert]")).to_contain_text("another bin")
    await scan(page, "P-1-1")
    await expect(page.locator("[role=status]")).to_contain_text("the right bin")
    await page.click("text=Taken: 2")
    await expect(page.locator("h1")).to_have_text("P-1-2")
    await page.click("text=Less is there")
    await page.fill("input.number", "1")
    await page.click("text=That is all there is")
    await expect(page.locator("h1")).to_have_text("P-3-4")
    await page.click("text=Taken: 1")

    await expect(page.locator("h1")).to_have_text("No walk in work")
    assert sorted((row.number, row.state) for row in floor.rows(customer_order)) == [("1", "picked"), ("2", "picked")]
    assert [(row.kind, row.picker) for row in floor.rows(mispick)] == [("bin", "li")]


async def test_page_fits_a_phone_and_its_targets_fit_a_glove(page: Page, url: str, floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g34", 1))
    await begin(page, url)

    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = await page.evaluate("[...document.querySelectorAll('.pick button, .pick summary, .pick input:not([type=hidden])')].map((e) => e.offsetHeight)")
    assert min(size for size in sizes if size) >= 48
    assert await page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "60px"
    assert await page.evaluate("document.querySelector('.confirm button').getBoundingClientRect().bottom <= innerHeight")


async def test_dead_lamp_and_press_of_a_light_are_on_the_screen_at_once(page: Page, url: str, floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2), ("g34", 1))
    await begin(page, url)
    first, second = floor.tasks(state="lit")

    floor.happen(LightFailed(event_time=NOW, station=first.station, device="l", node=1, bin=first.bin, task_ids=[first.id], reason="code 0A"))
    await expect(page.locator(".said.wrong")).to_contain_text("The light here is dead")
    floor.press(first)
    await expect(page.locator("h1")).to_have_text(second.bin)


@pytest.mark.requirement("X7")
async def test_scanner_at_a_wall_is_faster_than_the_pages_and_loses_no_character(page: Page, url: str, floor: PickingFloor) -> None:
    picked_batch(floor)
    await page.goto(f"{url}/wall/{SITE}/w1")
    await scan(page, "none\ng11\nnothing")

    await expect(page.locator("[role=alert]")).to_contain_text("nothing")
    await expect(page.locator(".take .code")).to_have_text("g11")


async def test_page_works_without_a_script(url: str, floor: PickingFloor) -> None:
    floor.order("1", ("g11", 2))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
        page = await context.new_page()
        await begin(page, url)
        await page.click("text=Taken: 2")
        await expect(page.locator("h1")).to_have_text("No walk in work")
        await page.click("text=Go home")
        await expect(page.locator("h1")).to_have_text("Where do you pick?")
        await browser.close()
