# SPDX-License-Identifier: Apache-2.0
"""The fleet in Chromium on the whole application: live, readable, pressed with gloves and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import expect
from sqlalchemy import Engine

from central.app import create_app
from central.database import open_engine
from central.fleet.authority import make_authority
from central.fleet.tables import configuration
from central.migrations import upgrade
from central.settings import Settings
from tests.browser.board_service import serving
from tests.browser.test_dock_board_in_browser import too_low
from tests.browser.test_floor_pages_in_browser import faults, window
from tests.integration.fleet_yard import FleetYard
from tests.integration.warehouse import NOW

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.requirement("E14", "E16", "R105")]

PATHS = (
    "/gateways",
    "/gateways/gate-1",
    "/gateways/gate-1/configuration?version=2",
    "/gateways/gate-1/configurations/2",
    "/gateways/gate-1/devices/scanner-2/swap",
)


class Desk:
    """A running service over a fleet; `tell` what changed as ingest does."""

    def __init__(self, yard: FleetYard) -> None:
        self.yard = yard
        settings = Settings(database=str(yard.engine.url), warm_up=False, authority=yard.authority)
        self.app = create_app(settings, clock=lambda: yard.now, engine=yard.engine)
        self.url = ""

    def tell(self) -> None:
        self.app.state.changes.tell()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path_factory.mktemp('fleet') / 'fleet.db'}")
    upgrade(made)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def desk(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    yard = FleetYard(engine, make_authority(tmp_path_factory.mktemp("authority") / "files", "Test", NOW))
    yard.fill_fleet()
    made = Desk(yard)
    with serving(made.app) as made.url:
        yield made


@pytest.mark.requirement("X11", "X13")
@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 360), ("zh", "dark", 1280)])
async def test_pages_are_accessible_fit_the_window_and_are_pressed_with_gloves(desk: Desk, language: str, theme: str, width: int) -> None:
    found: list[str] = []
    async with window(viewport={"width": width, "height": 740}) as page:
        for path in PATHS:
            await page.goto(f"{desk.url}{path}{'&' if '?' in path else '?'}lang={language}&theme={theme}")
            found += await faults(page, path) + [f"{path}: too low for a glove: {each}" for each in await too_low(page)]

    assert not found, "\n".join(found)


async def test_list_changes_while_one_looks_and_keeps_the_focus(desk: Desk) -> None:
    async with window(viewport={"width": 1280, "height": 800}) as page:
        await page.goto(f"{desk.url}/gateways?lang=en")
        line = page.locator("#gateway-gate-4")
        await expect(line).to_contain_text("all well")
        await line.locator("h2 a").focus()

        desk.yard.set("gate-4", safe_mode=True)
        desk.tell()

        await expect(line).to_contain_text("Safe mode: it leaves its devices alone")
        await expect(line.locator("h2 a")).to_be_focused()
        await expect(page.locator("#stale")).to_be_hidden()


async def test_hardware_is_replaced_and_a_configuration_mended_by_keyboard(desk: Desk) -> None:
    async with window(viewport={"width": 1280, "height": 800}) as page:
        await page.goto(f"{desk.url}/gateways/gate-1?lang=en")
        await page.get_by_role("button", name="Take over serial 37-11-22").press("Enter")
        await expect(page.get_by_role("status").first).to_contain_text("The gateway was asked.")
        device = page.locator("#device-scanner-2")
        await expect(device).to_contain_text("the gateway has not answered yet")

        desk.yard.link("scanner-2", "connected")
        desk.yard.answer("SwapDevice")
        desk.tell()
        await expect(device).to_contain_text("works")

        await page.get_by_role("link", name="Mend this configuration").press("Enter")
        text = page.locator("textarea")
        await text.fill((await text.input_value()).replace("scanner-9", "scanner-3"))
        await page.get_by_role("button", name="Sign and send").press("Enter")
        await expect(page.get_by_role("status").first).to_contain_text("It was sent.")
        await expect(page.locator("#version-3")).to_contain_text("on its way")

        desk.yard.became(3, "applied", 3)
        desk.tell()
        await expect(page.locator("#version-3")).to_contain_text("in force")
        assert 'id = "scanner-3"' in desk.yard.rows(configuration)[-1].document


async def test_pages_do_their_work_without_a_script(desk: Desk) -> None:
    async with window(java_script_enabled=False) as page:
        await page.goto(f"{desk.url}/gateways/gate-1/devices/scanner-1/swap?lang=en")
        await page.get_by_label("Scan or type the serial number").fill("37-12-01")
        await page.get_by_role("button", name="The new one stands here now").click()

        await expect(page.locator("#device-scanner-1")).to_contain_text("the gateway has not answered yet")
