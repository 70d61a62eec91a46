# SPDX-License-Identifier: Apache-2.0
"""Labels in Chromium on the whole application: what became of each, and one printed again with a glove; a printer without paper on the gateway's page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.async_api import expect

from central.app import create_app
from central.database import in_transaction, open_engine
from central.migrations import upgrade
from central.settings import Settings
from central.shipping import print_jobs
from contracts.events import DeviceConditionChanged, LabelPrinted
from tests.browser.board_service import serving
from tests.browser.test_floor_pages_in_browser import faults, window
from tests.integration.fleet_yard import FleetYard

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.requirement("R53", "E11")]

POINT = print_jobs.LabelPoint("gate-1", "labels-1")
JOBS = (
    ("C-01-04", "printed", ""),
    ("106141410000000019", "failed", "its counter says that it printed 0 of 1 labels and it has nothing left; look at the printer before it is printed again"),
    ("106141410000000026", "unknown", "the link was lost after it was sent, and its counter tells nothing; look at the printer before it is printed again"),
)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetYard]:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('labels') / 'labels.db'}")
    upgrade(engine)
    yard = FleetYard(engine, None)  # type: ignore[arg-type]  # no configuration is pushed here
    yard.born("gate-1")
    yard.link("printer-1", "connected")
    for title, outcome, reason in JOBS:
        job = _ask(yard, title)
        yard.happen(LabelPrinted(event_time=yard.now, station="labels-1", command_id=job, device="printer-1", outcome=outcome, reason=reason))  # type: ignore[arg-type]
        yard.now += timedelta(minutes=4)
    _ask(yard, "A-01-02 ... A-09-04 (36)")
    yard.happen(DeviceConditionChanged(event_time=yard.now, device="printer-1", condition="paper_out", active=True, reason="put in a roll"))
    yield yard
    engine.dispose()


def _ask(yard: FleetYard, title: str) -> str:
    wanted = print_jobs.Wanted(b"^XA^FDx^FS^XZ", title, actor="Wang")
    return in_transaction(yard.engine, lambda connection: print_jobs.ask(connection, title, POINT, wanted, yard.now))


@pytest.fixture(scope="module")
def url(yard: FleetYard) -> Iterator[str]:
    with serving(create_app(Settings(database=str(yard.engine.url), warm_up=False), clock=lambda: yard.now, engine=yard.engine)) as address:
        yield address


@pytest.mark.requirement("X11", "X13")
@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 360), ("zh", "dark", 1280)])
async def test_labels_page_is_accessible_and_fits_the_window(url: str, language: str, theme: str, width: int) -> None:
    async with window(viewport={"width": width, "height": 740}) as page:
        await page.goto(f"{url}/labels?lang={language}&theme={theme}")

        assert not await faults(page, "/labels")


async def test_label_that_was_not_printed_is_printed_again_at_one_touch(url: str) -> None:
    async with window() as page:
        await page.goto(f"{url}/labels?shown=failed&lang=en")
        await page.get_by_role("button", name="Print 106141410000000019 again").click()

        await expect(page.locator(".case")).to_have_count(5)
        await expect(page.locator(".case").first).to_contain_text("with the printer")
        await expect(page.get_by_text("somebody had it printed again")).to_be_visible()


async def test_person_sees_what_the_printer_waits_for(url: str) -> None:
    async with window(viewport={"width": 1280, "height": 740}) as page:
        await page.goto(f"{url}/labels?shown=sent&lang=en")
        await page.get_by_role("link", name="What the printer waits for").last.click()

        await expect(page.get_by_text("out of labels: put in a roll and close the head").first).to_be_visible()
