# SPDX-License-Identifier: Apache-2.0
"""The board in a real Chromium under the strictest content policy: live changes, buttons, staleness, layout, accessibility."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect
from sqlalchemy import Engine, insert, select, update

from central.coldchain.tables import alarm as alarm_table
from central.database import transaction
from central.fleet.tables import command, gateway
from central.web import live
from central.web.board import Board, WorkOrders, ready, with_headline
from tests.browser.board_service import Desk, desk_with, make_app, make_engine, serving
from tests.browser.sample_boards import alarm, busy_board, calm_board, empty_board, work_orders
from tests.unit.test_web_pages import hostile_board

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CHROMIUM = "/usr/bin/chromium"
WIDTHS = (360, 768, 1280, 1920)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Window:
    """A browser and what its console complained about."""

    browser: Browser
    complaints: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def page(self, width: int = 1280, **options: object) -> AsyncIterator[Page]:
        context: BrowserContext = await self.browser.new_context(viewport={"width": width, "height": 900}, locale="en-GB", **options)  # type: ignore[arg-type]
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        yield page
        await context.close()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
async def window() -> AsyncIterator[Window]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        made = Window(browser)
        yield made
        await browser.close()
    assert made.complaints == []


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(tmp_path)
    yield made
    made.dispose()


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    with desk_with(calm_board(utc_now()), engine, utc_now) as made:
        yield made


def with_alarm(board: Board) -> Board:
    return with_headline(replace(board, alarms=ready((alarm(raised_at=utc_now()),))))


async def test_alarm_appears_and_goes_without_reload(window: Window, desk: Desk) -> None:
    calm = desk.board
    async with window.page() as page:
        await page.goto(desk.url)
        await expect(page.locator("h1")).to_have_text("All normal")
        await page.evaluate("document.body.id = 'never-reloaded'")

        desk.show(with_alarm(calm))
        await expect(page.locator("h1")).to_contain_text("1 alarm to acknowledge")
        await expect(page.locator("#alarms .alarm")).to_contain_text("temperature too high")
        desk.show(calm)
        await expect(page.locator("h1")).to_have_text("All normal")

        await expect(page.locator("body#never-reloaded")).to_have_count(1)


async def test_ages_count_on_between_changes(window: Window, desk: Desk) -> None:
    async with window.page() as page:
        await page.goto(desk.url)
        age = page.locator("#gateways time[data-age]").first
        before = await age.text_content()

        await expect(age).not_to_have_text(before or "")


async def test_focus_stays_on_the_button_when_the_list_around_it_changes(window: Window, desk: Desk) -> None:
    now = utc_now()
    first, second, third = work_orders(now).first
    desk.board = with_headline(replace(calm_board(now), exceptions=ready(WorkOrders((first, second, third), 3))))
    async with window.page() as page:
        await page.goto(desk.url)
        await page.locator("#resolve-42").focus()

        desk.show(with_headline(replace(desk.board, exceptions=ready(WorkOrders((third, second), 2)))))
        await expect(page.locator("#order-41")).to_have_count(0)
        assert await page.locator(".order").evaluate_all("rows => rows.map(row => row.id)") == ["order-43", "order-42"]
        await expect(page.locator("#resolve-42")).to_be_focused()

        desk.show(with_headline(replace(desk.board, exceptions=ready(WorkOrders()))))
        await expect(page.locator("#exceptions-title")).to_be_focused()


@contextmanager
def standing_alarm(engine: Engine) -> Iterator[str]:
    """The service on a database in which one alarm of a known gateway stands; its address."""
    now = utc_now()
    row = {"id": "00000000-0000-4000-8000-000000000001", "site": "sh-1", "gateway": "gw-1", "station": "cold-1", "alarm_id": "cold-1.high"}
    row |= {"condition": "high", "quantity": "temperature_c", "state": "unacknowledged", "priority": 1, "value": -14.0, "limit": -18.0}
    with transaction(engine) as connection:
        connection.execute(insert(gateway).values(id="gw-1", site="sh-1", partition=1, enrolled_at=now, online=True, last_seen_at=now))
        connection.execute(insert(alarm_table).values(**row, raised_at=now, since=now))
    with serving(make_app(engine, utc_now)) as url:
        yield url


def commands_in(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(command.c.kind)).scalars())


@pytest.mark.requirement("R93")
async def test_acknowledge_button_sends_the_command_and_shows_the_answer(window: Window, engine: Engine) -> None:
    with standing_alarm(engine) as url:
        async with window.page() as page:
            await page.goto(url)
            await page.get_by_role("button", name="Acknowledge: Cold room 1, temperature too high").click()
            await expect(page.locator(".who")).to_contain_text("waiting for the gateway")
            assert commands_in(engine) == ["AcknowledgeAlarm"]

            with transaction(engine) as connection:
                connection.execute(update(alarm_table).values(state="acknowledged", acknowledged_by="Li Wei", acknowledged_at=utc_now()))
            await expect(page.locator("h1")).to_have_text("11 alarm acknowledged, not yet over")
            await expect(page.locator(".who")).to_contain_text("Li Wei")
            await expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)


async def test_acknowledge_button_works_without_script(window: Window, engine: Engine) -> None:
    with standing_alarm(engine) as url:
        async with window.page(java_script_enabled=False) as page:
            await page.goto(url)
            await page.get_by_role("button", name="Acknowledge").click()
            await expect(page.locator(".who")).to_contain_text("waiting for the gateway")

    assert commands_in(engine) == ["AcknowledgeAlarm"]


async def test_button_says_when_it_could_not_be_sent(window: Window, desk: Desk) -> None:
    desk.board = with_alarm(desk.board)
    async with window.page() as page:
        await page.goto(desk.url)
        # The alarm of this board is in no database: the service answers 404.
        button = page.get_by_role("button", name="Acknowledge")
        await button.click()

        await expect(page.locator("#unsent")).to_have_text("Not sent; press again.")
        await expect(button).to_be_enabled()
    assert len(window.complaints) == 1
    window.complaints.clear()


async def test_page_says_since_when_it_is_old_and_recovers_by_itself(window: Window, engine: Engine) -> None:
    async with window.page() as page:
        await page.clock.install()
        with desk_with(calm_board(utc_now()), engine, utc_now) as desk:
            port = urlsplit(desk.url).port or 0
            await page.goto(desk.url)
            await expect(page.locator("h1")).to_have_text("All normal")
            await expect(page.locator("#stale")).to_be_hidden()
        await page.clock.fast_forward(7000)
        await expect(page.locator("#stale")).to_contain_text("No data since ")

        # Another run of the service, with other news: the version that the page has says nothing to it.
        with desk_with(with_alarm(calm_board(utc_now())), engine, utc_now, port):
            await expect(page.locator("h1")).to_contain_text("1 alarm to acknowledge")
            await expect(page.locator("#stale")).to_be_hidden()
    assert all("ERR_" in complaint for complaint in window.complaints)
    window.complaints.clear()


async def test_hostile_names_run_nothing_on_the_page_or_by_the_stream(window: Window, desk: Desk) -> None:
    desk.board = hostile_board()
    async with window.page() as page:
        await page.goto(desk.url)
        desk.show(calm_board(utc_now()))
        await expect(page.locator("h1")).to_have_text("All normal")
        desk.show(hostile_board())
        await expect(page.locator("#alarms")).to_contain_text("<script>alert(1)</script>")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", ["/", "/help"])
async def test_nothing_is_wider_than_the_window(window: Window, desk: Desk, language: str, path: str) -> None:
    for board in (busy_board(utc_now()), empty_board()):
        desk.board = board
        desk.app.state.live_board.as_of = None
        async with window.page() as page:
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                await page.goto(f"{desk.url}{path}?lang={language}")
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, width


@pytest.mark.requirement("X11", "X13")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_page_has_no_accessibility_violation(window: Window, desk: Desk, language: str, theme: str) -> None:
    found: list[str] = []
    for board in (busy_board(utc_now()), empty_board(), Board()):
        desk.board = board
        desk.app.state.live_board.as_of = None
        for width in (360, 1280):
            async with window.page(width) as page:
                await page.goto(f"{desk.url}/?lang={language}&theme={theme}")
                results = await Axe().run(page)
                found += [results.generate_report()] if results.violations_count else []
    async with window.page() as page:
        await page.goto(f"{desk.url}/help?lang={language}&theme={theme}")
        results = await Axe().run(page)
        found += [results.generate_report()] if results.violations_count else []

    assert not found, "\n".join(found)


async def test_board_is_usable_by_keyboard(window: Window, desk: Desk) -> None:
    desk.board = with_headline(replace(busy_board(utc_now()), exceptions=ready(WorkOrders())))
    async with window.page() as page:
        await page.goto(desk.url)
        reached: list[str] = []
        for _ in range(24):
            await page.keyboard.press("Tab")
            reached.append(await page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))

    assert "Skip to the content" in reached[0]
    assert any(name.startswith("acknowledge-") for name in reached)


async def test_page_is_small(window: Window, desk: Desk) -> None:
    desk.board = busy_board(utc_now())
    sizes: list[int] = []
    async with window.page() as page:
        page.on("response", lambda response: sizes.append(int(response.headers.get("content-length", 0))))
        await page.goto(desk.url)
        await expect(page.locator("h1")).to_contain_text("alarm")

    # Everything but the stream, uncompressed; the aim is 120 kB compressed.
    assert sum(sizes) < 80_000


async def test_change_reaches_the_page_without_waiting_for_the_next_look(window: Window, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 3600.0)
    async with window.page() as page:
        await page.goto(desk.url)
        await expect(page.locator("h1")).to_have_text("All normal")
        desk.show(with_alarm(desk.board))
        await expect(page.locator("h1")).to_contain_text("1 alarm to acknowledge")
