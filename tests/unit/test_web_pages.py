# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from central.changes import Changes
from central.web.board import BinCell, Board, Door, GatewayRow, Message, Passage, Region, WorkOrder, WorkOrders, Zone, as_rack, ready, with_headline
from central.web.device_conditions import DeviceCondition
from central.web.live import LiveBoard
from central.web.visitor import tidy_name
from tests.browser.board_service import make_app, make_engine, pages_of
from tests.browser.sample_boards import NOW, alarm, busy_board, calm_board, empty_board

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg/onload=alert(3)>{{7*7}}"


class Showing:
    """A client of the pages and the board that they show."""

    def __init__(self, folder: Path) -> None:
        self.board = calm_board()
        self.engine = make_engine(folder)
        app = make_app(self.engine, lambda: NOW)

        async def read() -> Board:
            return self.board

        app.state.live_board = LiveBoard(read, lambda: NOW, Changes())
        self.client = pages_of(app)

    async def page(self, board: Board, path: str = "/", **headers: str) -> str:
        self.board = board
        response = await self.client.get(path, headers=headers)
        assert response.status_code == 200
        return response.text


@pytest.fixture
async def showing(tmp_path: Path) -> AsyncIterator[Showing]:
    made = Showing(tmp_path)
    async with made.client:
        yield made
    made.engine.dispose()


def text_of(html: str) -> str:
    """What a reader sees, without tags, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


async def test_board_says_in_english_what_is_wrong_where_since_when_and_who_has_it(showing: Showing) -> None:
    text = text_of(await showing.page(busy_board(), "/?lang=en"))

    assert "1 alarm to acknowledge" in text
    assert "Cold room 1 temperature too high critical · unacknowledged −14.1 °C limit −18.0 °C since 16:24:48 5 min nobody has it yet 2 lots on hold" in text
    assert "Li Wei has it" in text


@pytest.mark.requirement("X11")
async def test_board_says_the_same_in_chinese(showing: Showing) -> None:
    text = text_of(await showing.page(busy_board(), "/?lang=zh"))

    assert "1 条报警待确认" in text
    assert "1 号冷库 温度过高 紧急 · 未确认 −14.1 °C 限值 −18.0 °C 16:24:48 起 5 分钟 无人 尚未处理 2 个批次已冻结" in text
    assert "托盘 006141411234567890 已入库，应到 24 箱，有 2 箱未读到" in text
    assert "原味酸奶 500 克" in text


async def test_page_follows_the_browser_s_language_and_says_so(showing: Showing) -> None:
    assert '<html lang="zh-Hans">' in await showing.page(calm_board(), **{"accept-language": "zh-CN"})
    assert '<html lang="en">' in await showing.page(calm_board(), **{"accept-language": "de"})


async def test_language_once_asked_for_is_remembered(showing: Showing) -> None:
    await showing.page(calm_board(), "/?lang=zh")

    assert "一切正常" in await showing.page(calm_board(), **{"accept-language": "en"})


async def test_theme_once_asked_for_is_remembered(showing: Showing) -> None:
    await showing.page(calm_board(), "/?theme=dark")

    assert 'data-theme="dark"' in await showing.page(calm_board())


async def test_nonsense_in_the_address_changes_nothing(showing: Showing) -> None:
    assert "data-theme" not in await showing.page(calm_board(), '/?theme="><script>&lang=xx')


async def test_normal_board_is_quiet(showing: Showing) -> None:
    html = await showing.page(calm_board())

    assert "All normal" in html
    assert "No alarm is active." in html
    assert "priority-" not in html


async def test_every_region_says_what_it_waits_for_when_it_is_empty(showing: Showing) -> None:
    assert (await showing.page(empty_board())).count('class="note empty"') == 7


async def test_every_region_says_that_it_waits_before_the_first_data(showing: Showing) -> None:
    html = await showing.page(Board())

    assert html.count("Waiting for the first data.") == 8
    assert "All normal" not in html


async def test_region_that_cannot_be_read_is_not_shown_as_normal(showing: Showing) -> None:
    html = await showing.page(with_headline(replace(calm_board(), alarms=Region("failed"))))

    assert "could not be read from the database" in html
    assert "State not fully known" in html
    assert "All normal" not in html


async def test_offline_gateway_makes_its_door_unknown_not_idle(showing: Showing) -> None:
    board = with_headline(replace(calm_board(), doors=ready((Door("door-1", "gw-1", False),)), gateways=ready((GatewayRow("gw-1", False),))))

    text = text_of(await showing.page(board))

    assert "1 gateway offline" in text
    assert "gateway offline, state not known" in text


async def test_printer_without_paper_is_on_the_board_with_what_to_do(showing: Showing) -> None:
    empty = DeviceCondition("printer-1", "paper_out", "in the words of the gateway", NOW)
    board = with_headline(replace(calm_board(), gateways=ready((GatewayRow("gw-1", True, NOW, 0, 1, (), 0, (empty,)),))))

    text = text_of(await showing.page(board))

    assert "1 device wants somebody" in text
    assert "printer-1: out of labels: put in a roll and close the head" in text
    assert "All normal" not in text


async def test_alarm_whose_gateway_has_not_answered_says_who_asked(showing: Showing) -> None:
    text = text_of(await showing.page(with_headline(replace(calm_board(), alarms=ready((alarm(asked_by="Li Wei"),))))))

    assert "Li Wei waiting for the gateway" in text


def hostile_board() -> Board:
    passage = Passage(NOW, "in", "not_received", HOSTILE, 1, 2, HOSTILE, Message.of("x", HOSTILE))
    return with_headline(
        replace(
            busy_board(),
            alarms=ready((alarm(occurrence=HOSTILE, alarm_id=HOSTILE, station=HOSTILE, condition=HOSTILE, quantity=HOSTILE, acknowledged_by=HOSTILE),)),
            doors=ready((Door(HOSTILE, HOSTILE, True, (passage, passage)),)),
            zones=ready((Zone(HOSTILE, True, as_rack((BinCell(HOSTILE, "lit", HOSTILE, HOSTILE, 1, 1, HOSTILE, HOSTILE, NOW),))),)),
            exceptions=ready(WorkOrders((WorkOrder(HOSTILE, Message.of("mispick", "", dict.fromkeys(("station", "node", "device"), HOSTILE)), NOW),), 1)),
            gateways=ready((GatewayRow(HOSTILE, True, NOW, 0, 1, (HOSTILE,), 1, (DeviceCondition(HOSTILE, HOSTILE, HOSTILE, NOW),)),)),
        )
    )


class Markup(HTMLParser):
    """The elements and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_hostile_names_stay_text_everywhere(showing: Showing, language: str) -> None:
    html = await showing.page(hostile_board(), f"/?lang={language}")
    markup = Markup(html)

    assert markup.tags.count("script") == 1
    assert "img" not in markup.tags
    assert "onload" not in {name for _, name, _ in markup.attributes}
    assert "onerror" not in {name for _, name, _ in markup.attributes}
    assert "{{7*7}}" in html
    assert html.count("&lt;script&gt;") > 10


@pytest.mark.parametrize("path", ["/", "/help"])
async def test_page_has_no_inline_script_or_style_and_nothing_from_elsewhere(showing: Showing, path: str) -> None:
    markup = Markup(await showing.page(busy_board(), path))

    assert not [row for row in markup.attributes if row[1] == "style" or row[1].startswith("on")]
    assert "style" not in markup.tags
    links = [value or "" for _, name, value in markup.attributes if name in ("src", "href", "action")]
    assert all(link.startswith(("/", "?", "#")) and not link.startswith("//") for link in links)
    assert len([row for row in markup.attributes if row[0] == "script" and row[1] == "src"]) == markup.tags.count("script")


async def test_ids_on_the_page_are_unique(showing: Showing) -> None:
    ids = [value for _, name, value in Markup(await showing.page(busy_board())).attributes if name == "id"]

    assert len(ids) == len(set(ids))


async def test_page_without_script_reloads_itself_and_has_plain_forms(showing: Showing) -> None:
    html = await showing.page(busy_board())

    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in html
    assert '<form method="post" action="/alarms/0f1e/acknowledge" data-act>' in html


async def test_assets_may_be_kept_for_ever_under_the_address_of_their_content(showing: Showing) -> None:
    for link in re.findall(r'"(/assets/[^"]+)"', await showing.page(calm_board())):
        response = await showing.client.get(link)

        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-type"].startswith(("text/css", "text/javascript", "image/svg+xml"))


@pytest.mark.parametrize("name", ["../pages.py", "..%2fpages.py", "pages.py", "%2e%2e/board.py"])
async def test_nothing_but_the_assets_is_served(showing: Showing, name: str) -> None:
    assert (await showing.client.get(f"/assets/{name}")).status_code == 404


async def test_help_is_there_in_both_languages(showing: Showing) -> None:
    assert "Grey is normal." in await showing.page(calm_board(), "/help?lang=en")
    assert "灰色表示正常" in await showing.page(calm_board(), "/help?lang=zh")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://testserver"},
        {"sec-fetch-site": "none"},
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/alarms/0f1e/acknowledge", "/work-orders/41/resolve", "/name"])
async def test_buttons_refuse_requests_from_other_origins(showing: Showing, path: str, headers: dict[str, str]) -> None:
    assert (await showing.client.post(path, headers=headers)).status_code == 403


async def test_name_once_said_stands_on_the_page_and_is_forgotten_when_cleared(showing: Showing) -> None:
    ours = {"sec-fetch-site": "same-origin"}

    await showing.client.post("/name", data={"name": "  李 伟\n<b> "}, headers=ours)
    assert "李 伟 &lt;b&gt;" in await showing.page(calm_board())

    await showing.client.post("/name", data={"name": " "}, headers=ours)
    assert ">Your name<" in await showing.page(calm_board())


def test_name_is_one_short_line_of_visible_characters() -> None:
    assert tidy_name("\x00 Li\u2028Wei\u200b " + "x" * 99) == "Li Wei xxxxxxxxxxxxxxxxx"


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://testserver"}])
async def test_button_for_something_unknown_answers_not_found(showing: Showing, headers: dict[str, str]) -> None:
    assert (await showing.client.post("/alarms/none-such/acknowledge", headers=headers)).status_code == 404
    assert (await showing.client.post("/work-orders/41/resolve", headers=headers)).status_code == 404
