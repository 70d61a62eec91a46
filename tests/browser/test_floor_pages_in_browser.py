# SPDX-License-Identifier: Apache-2.0
"""Pages for people who stand, in Chromium on the whole application: its gate, a real database, and browsers with a keyboard, a scanner or no script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, async_playwright, expect
from sqlalchemy import Engine

from central.app import create_app
from central.catalog import rules as catalog
from central.counting.tables import count_place
from central.database import open_engine
from central.exceptions.tables import work_order
from central.migrations import upgrade
from central.outbound.picking_tables import mispick
from central.outbound.tables import customer_order
from central.settings import Settings
from central.stock import moves
from tests.browser.board_service import serving
from tests.integration import test_use_case_counting as counting
from tests.integration.picking_floor import PickingFloor
from tests.integration.warehouse import NOW, SITE

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CHROMIUM = "/usr/bin/chromium"
_TABS_MAX = 60


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'floor.db'}")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def floor(engine: Engine) -> PickingFloor:
    """A walk of two bins, a count of two places, and an order that is short."""
    floor = PickingFloor(engine)
    floor.put("A-01", "milk", 10, "L1", date(2026, 12, 1))
    floor.put("B-01", "peas", 5)
    floor.order("short", ("peas", 9), release=True)
    wave_id = floor.wave("cluster")
    floor.order("1", ("g11", 2), ("g34", 1), wave_id=wave_id)
    floor.plan(wave_id)
    return floor


@pytest.fixture
def count_id(floor: PickingFloor) -> str:
    return counting.plan(floor, "asked", name="Evening", scope={"places": ["A-01", "A-02"]})


@pytest.fixture
def url(floor: PickingFloor) -> Iterator[str]:
    with serving(create_app(Settings(database=str(floor.engine.url), warm_up=False), clock=lambda: NOW, engine=floor.engine)) as address:
        yield address


@asynccontextmanager
async def window(**options: Any) -> AsyncIterator[Page]:
    """A new browser of its own; its console must have had nothing to complain about but answers that say no."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(**{"viewport": {"width": 360, "height": 740}, "locale": "en-GB"} | options)
        page = await context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        await browser.close()
    assert [text for text in complaints if "the server responded with a status of 4" not in text] == []


async def type_into(field: Locator, text: str) -> None:
    """Type as a person does who sees the page: when its field waits. The page before must look different, or its focus would be taken for the new one's."""
    await expect(field).to_be_focused()
    await field.page.keyboard.type(text)


async def press_key(page: Page, key: str, then: Locator) -> None:
    """Press a key that moves the focus on the page."""
    await page.keyboard.press(key)
    await expect(then).to_be_focused()


async def say_name(page: Page, url: str) -> None:
    await page.goto(f"{url}/help")
    await page.fill("#name-field", "li")
    await page.get_by_role("button", name="Keep").click()
    await expect(page.locator(".whoever")).to_have_text("li")


async def faults(page: Page, what: str) -> list[str]:
    """What axe finds, whether something sticks out, and targets too small for a glove."""
    found = []
    await page.wait_for_load_state()
    results = await Axe().run(page)
    if results.violations_count:
        found.append(f"{what}: {results.generate_report()}")
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{what}: wider than the window")
    sizes = """[...document.querySelectorAll('.floor-page :is(button, summary, select, input, textarea, .choice, .tabs a)')]
        .filter((e) => e.type !== 'hidden' && !e.matches('.unseen') && e.offsetHeight).map((e) => `${e.offsetHeight} ${e.outerHTML.slice(0, 60)}`)"""
    found += [f"{what}: too low for a glove: {each}" for each in await page.evaluate(sizes) if int(each.split()[0]) < 48]
    return found


@pytest.mark.requirement("X11", "X13")
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh", "dark")])
@pytest.mark.parametrize("width", [360, 1280])
async def test_pages_have_no_accessibility_violation_and_fit_the_window(url: str, count_id: str, language: str, theme: str, width: int) -> None:
    found: list[str] = []
    async with window(viewport={"width": width, "height": 740}) as page:
        await page.goto(f"{url}/pick?lang={language}&theme={theme}")
        await page.goto(f"{url}/pick?theme={theme}")
        found += await faults(page, "pick, nobody")
        for path in ("/count", f"/count/{count_id}", "/exceptions", "/exceptions?shown=mine", "/wall", "/count/none", "/errors/unknown_count", "/help"):
            await page.goto(f"{url}{path}")
            found += await faults(page, path)
        await page.goto(f"{url}/pick")
        await page.fill("#name-field", "a rather long name of 24")
        for state in ("pick, where", "pick, no walk", "pick, walking"):
            await page.click("button.wide")
            await expect(page.locator({"pick, where": "[name=where]", "pick, no walk": "[name=mode]", "pick, walking": "#scan"}[state])).to_be_visible()
            found += await faults(page, state)
        await page.goto(f"{url}/count/{count_id}")
        await page.click("summary")
        found += await faults(page, "count, a place")
        await page.goto(f"{url}/pick?said=unknown_task&about=pick+task+7+is+not+known")
        found += await faults(page, "pick, wrong")

    assert not found, "\n".join(found)


@pytest.mark.requirement("R50")
async def test_walk_is_picked_with_the_keyboard_alone(url: str, floor: PickingFloor) -> None:
    async with window() as page:
        await page.goto(f"{url}/pick")
        await type_into(page.locator("#name-field"), "li\n")
        await expect(page.locator("[name=where]")).to_be_focused()
        await press_key(page, "Tab", page.get_by_role("button", name="Begin"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Next walk")).to_be_focused()
        await page.keyboard.press("Enter")
        for bin_code in ("P-1-1", "P-3-4"):
            await expect(page.locator("h1")).to_have_text(bin_code)
            await type_into(page.locator("#scan"), f"{bin_code}\n")
            await expect(page.locator("[role=status]")).to_contain_text("the right bin")
            await expect(page.locator("#scan")).to_be_focused()
            await press_key(page, "Shift+Tab", page.get_by_role("button", name="Taken"))
            await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("No walk in work")

    assert [row.state for row in floor.rows(customer_order) if row.number == "1"] == ["picked"]


@pytest.mark.requirement("R40")
@pytest.mark.parametrize("script", [True, False])
async def test_place_is_counted_with_a_scanner_and_digits_only(url: str, floor: PickingFloor, count_id: str, script: bool) -> None:
    async with window(java_script_enabled=script) as page:
        label = page.locator("input[name=label]")
        await page.goto(f"{url}/count/{count_id}")
        await type_into(page.locator("#name-field"), "li\n")
        await expect(page.locator("h1")).to_have_text("A-01")
        await type_into(label, "B-01\n")
        await expect(page.locator("[role=alert]")).to_contain_text("the label says B-01")
        await type_into(label, "A-01\n")
        await expect(page.locator("[role=status]")).to_contain_text("the right place")
        await type_into(page.locator("[name=quantity-0]"), "10\n")
        await expect(page.locator("[role=status]")).to_contain_text("A-01: counted")

    assert {row.place: row.state for row in floor.rows(count_place)} == {f"{SITE}/A-01": "settled", f"{SITE}/A-02": "open"}


@pytest.mark.requirement("R40")
async def test_scanner_that_is_faster_than_the_pages_loses_no_character(url: str, floor: PickingFloor, count_id: str) -> None:
    async with window() as page:
        await page.goto(f"{url}/count/{count_id}")
        await type_into(page.locator("#name-field"), "li\nA-01\n10\n")
        await expect(page.locator("[role=status]")).to_contain_text("A-01: counted")
        await expect(page.locator("h1")).to_have_text("A-02")
        await type_into(page.locator("input[name=label]"), "A-02\n")
        await expect(page.locator("[role=status]")).to_contain_text("the right place")
        await page.reload()
        await expect(page.locator("h1")).to_have_text("A-02")

    assert {row.place: row.state for row in floor.rows(count_place)} == {f"{SITE}/A-01": "settled", f"{SITE}/A-02": "open"}


@pytest.mark.requirement("R50")
async def test_scanner_at_a_stop_is_faster_than_the_pages_and_loses_no_character(url: str, floor: PickingFloor) -> None:
    async with window() as page:
        await page.goto(f"{url}/pick")
        await type_into(page.locator("#name-field"), "li\n")
        await expect(page.locator("[name=where]")).to_be_focused()
        await page.get_by_role("button", name="Begin").click()
        await page.get_by_role("button", name="Next walk").click()
        await type_into(page.locator("#scan"), "P-1-2\nP-3-4\nP-1-1\n")
        await expect(page.locator("[role=status]")).to_contain_text("the right bin")
        await page.get_by_role("button", name="Taken: 2").click()
        await page.keyboard.type("P-3-4\n")
        await expect(page.locator("h1")).to_have_text("P-3-4")
        await expect(page.locator("[role=status]")).to_contain_text("the right bin")

    assert sorted(row.scanned for row in floor.rows(mispick)) == ["P-1-2", "P-3-4"]


@pytest.mark.requirement("R19", "R40")
@pytest.mark.parametrize("script", [True, False])
async def test_numbered_pieces_are_scanned_one_after_the_other(url: str, floor: PickingFloor, script: bool) -> None:
    floor.keep(catalog.Item(code="drill", name="Drill", tracking="serial"))
    correction = moves.Correction(f"{SITE}/A-02", "drill", 2, serials=("D1", "D2"))
    floor.do(lambda c: moves.correct_stock(c, floor.fact(), [correction], floor.now))
    job = counting.plan(floor, "asked", scope={"places": ["A-02"]})
    async with window(java_script_enabled=script) as page:
        await say_name(page, url)
        await page.goto(f"{url}/count/{job}")
        await type_into(page.locator("input[name=label]"), "A-02\n")
        await expect(page.locator("[role=status]")).to_contain_text("the right place")
        await type_into(page.locator("[name=serials-0]"), "D2\nD1\n")
        assert not script or await faults(page, "count, pieces") == []
        await page.get_by_role("button", name="This place is counted").click()
        await expect(page.locator("[role=status]")).to_contain_text("A-02: counted")

    assert [row.state for row in floor.rows(count_place)] == ["settled"]


async def test_scan_of_an_empty_place_counts_nothing_until_somebody_says_so(url: str, floor: PickingFloor) -> None:
    job = counting.plan(floor, "asked", scope={"places": ["A-02"]})
    async with window() as page:
        await say_name(page, url)
        await page.goto(f"{url}/count/{job}")
        await type_into(page.locator("input[name=label]"), "A-02\n")
        await expect(page.locator("[role=status]")).to_contain_text("the right place")
        assert [row.state for row in floor.rows(count_place)] == ["open"]
        await page.get_by_role("button", name="This place is counted").click()
        await expect(page.locator("h1")).to_have_text("Nothing is left for you here")

    assert [row.state for row in floor.rows(count_place)] == ["settled"]


@pytest.mark.requirement("R56")
@pytest.mark.parametrize("script", [True, False])
async def test_exception_is_taken_and_resolved_with_the_keyboard_alone(url: str, floor: PickingFloor, script: bool) -> None:
    (case, *_) = [row for row in floor.rows(work_order) if row.kind == "order_short"]
    async with window(java_script_enabled=script) as page:
        await say_name(page, url)
        await page.goto(f"{url}/exceptions")
        await press(page, page.locator(f"#case-{case.id}").get_by_role("button", name="I take it"))
        await expect(page.locator(f"#case-{case.id}")).to_contain_text("li has it")
        await press(page, page.locator(f"#case-{case.id}").get_by_role("button", name="Resolve"))
        await expect(page.locator(f"#case-{case.id}")).to_have_count(0)

    assert [row.resolved_by for row in floor.rows(work_order) if row.id == case.id] == ["li"]


async def press(page: Page, button: Any) -> None:
    """Reach a button by Tab, from the beginning of a page that is there whole, and press Enter on it."""
    await page.wait_for_load_state()
    for _ in range(_TABS_MAX):
        await page.keyboard.press("Tab")
        if await button.evaluate("(e) => e === document.activeElement"):
            await page.keyboard.press("Enter")
            return
    pytest.fail("the button cannot be reached with the keyboard")


async def test_exception_is_resolved_on_the_board_without_a_script(url: str, floor: PickingFloor) -> None:
    before = [row.id for row in floor.rows(work_order) if row.resolved_at is None]
    async with window(java_script_enabled=False) as page:
        await page.goto(url)
        await page.get_by_role("button", name="Resolve").first.click()
        await expect(page.locator("#exceptions .order")).to_have_count(len(before) - 1)


async def test_what_stands_against_a_press_is_said_in_the_readers_language(url: str, floor: PickingFloor) -> None:
    (case, *_) = [row for row in floor.rows(work_order) if row.kind == "order_short"]
    async with window(locale="zh-CN") as page, window(locale="zh-CN") as other:
        for each in (page, other):
            await each.goto(f"{url}/exceptions")
        await other.locator(f"#case-{case.id} form[action*=resolve] button").click()
        await expect(other.locator(f"#case-{case.id}")).to_have_count(0)
        await page.locator(f"#case-{case.id} form[action*=take] button").click()
        await expect(page.locator("[role=alert]")).to_have_text(f"工单 {case.id} 已由 board 解决：在页面上解决")

        await page.goto(f"{url}/count/none")
        await expect(page.locator("[role=alert]")).to_have_text("没有盘点单 none")
