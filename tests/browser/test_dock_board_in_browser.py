# SPDX-License-Identifier: Apache-2.0
"""The dock doors in Chromium on the whole application: live, readable, usable with gloves, and a pass that is played."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import Engine

from central.app import create_app
from central.database import open_engine
from central.migrations import upgrade
from central.settings import Settings
from tests.browser.board_service import serving
from tests.browser.test_floor_pages_in_browser import faults, window
from tests.integration.dock_yard import Yard

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.requirement("R31", "E4")]

TARGETS = """[...document.querySelectorAll('main :is(a, button, select, input, summary)')].filter((e) => e.offsetHeight)
    .map((e) => `${Math.round(e.getBoundingClientRect().height)} ${e.outerHTML.slice(0, 90)}`)"""
CUT_OFF = "[...document.querySelectorAll('.dock')].filter((e) => e.scrollHeight > e.clientHeight + 1).map((e) => e.id)"


class Dock:
    """A running service over a yard; `tell` what changed as ingest does."""

    def __init__(self, yard: Yard, passes: dict[str, str]) -> None:
        self.yard, self.passes = yard, passes
        self.app = create_app(Settings(database=str(yard.engine.url), warm_up=False), clock=lambda: yard.now, engine=yard.engine)
        self.url = ""

    def tell(self) -> None:
        self.app.state.changes.tell()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path_factory.mktemp('docks') / 'docks.db'}")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def dock(engine: Engine) -> Iterator[Dock]:
    yard = Yard(engine)
    made = Dock(yard, yard.fill_doors())
    with serving(made.app) as made.url:
        yield made


async def too_low(page: Page) -> list[str]:
    return [each for each in await page.evaluate(TARGETS) if int(each.split()[0]) < 48]


@pytest.mark.requirement("X11", "X13")
@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 360), ("zh", "dark", 1280)])
async def test_pages_are_accessible_fit_the_window_and_are_pressed_with_gloves(dock: Dock, language: str, theme: str, width: int) -> None:
    paths = ["/docks", "/docks/door-3", *(f"/passes/{dock.passes[name]}" for name in ("in", "unknown", "away"))]
    found: list[str] = []
    async with window(viewport={"width": width, "height": 740}) as page:
        for path in paths:
            await page.goto(f"{dock.url}{path}?lang={language}&theme={theme}")
            found += await faults(page, path) + [f"{path}: too low for a glove: {each}" for each in await too_low(page)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_wall_shows_all_doors_at_once_and_cuts_nothing_off(dock: Dock, language: str) -> None:
    async with window(viewport={"width": 1920, "height": 1080}) as page:
        await page.goto(f"{dock.url}/docks?tv=1&lang={language}")

        assert await faults(page, "tv") == []
        assert await page.evaluate("document.documentElement.scrollHeight") <= 1080
        assert await page.evaluate(CUT_OFF) == []
        sizes = await page.evaluate("[...document.querySelectorAll('.dock h2, .dock-state, .amount b')].map((e) => parseFloat(getComputedStyle(e).fontSize))")
        assert min(sizes) >= 36


async def test_door_changes_while_one_looks_and_keeps_the_focus(dock: Dock) -> None:
    async with window(viewport={"width": 1280, "height": 800}) as page:
        await page.goto(f"{dock.url}/docks?lang=en")
        tile = page.locator("#dock-s1-door-6")
        await expect(tile).to_contain_text("free")
        await tile.locator("h2 a").focus()

        dock.yard.walk("door-6", 21, [], child_epcs=[])
        dock.tell()

        await expect(tile).to_contain_text(re.compile(r"waits for a person|receiving"))
        await expect(tile.locator("h2 a")).to_be_focused()
        await expect(page.locator("#stale")).to_be_hidden()


async def test_pass_is_played_from_its_capture(dock: Dock) -> None:
    async with window(viewport={"width": 1280, "height": 800}) as page:
        await page.goto(f"{dock.url}/passes/{dock.passes['in']}?lang=en")
        await expect(page.locator("#seen-outer")).to_have_text("12")
        await page.locator("#speed").select_option("3")
        slider = page.locator("#moment")

        await slider.fill("1000")
        await expect(page.locator("#time")).to_contain_text("1.0 of 5.9 s")
        await expect(page.locator("#seen-outer")).to_have_text(re.compile("^(9|10|11)$"))
        await expect(page.locator("#seen-inner")).to_have_text("0")
        assert await page.locator(".lane.outer .now").count() > 0
        drawn = await page.locator("#played-until").get_attribute("width")
        assert 150 < float(drawn or 0) < 190

        await page.get_by_role("button", name="Play").click()
        await expect(page.get_by_role("button", name="Pause")).to_be_visible()
        await expect(page.locator("#seen-inner")).to_have_text("12")
        await expect(page.get_by_role("button", name="Play")).to_be_visible()
        await expect(page.locator("#now")).to_have_attribute("visibility", "hidden")


async def test_pass_stands_there_whole_without_a_script(dock: Dock) -> None:
    async with window(java_script_enabled=False) as page:
        await page.goto(f"{dock.url}/passes/{dock.passes['in']}?lang=en")

        await expect(page.locator("#controls")).to_be_hidden()
        await expect(page.locator(".trace .line")).to_have_count(4)
        await expect(page.locator(".cells .seen")).to_have_count(24)
