# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta

import pytest

from central.web import words
from central.web.board import Message
from central.web.languages import catalogue, choose
from tests.browser.sample_boards import NOW, alarm

EN, ZH = catalogue("en"), catalogue("zh")


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [(0, "0 s", "0 秒"), (89, "89 s", "89 秒"), (90, "1 min", "1 分钟"), (5399, "89 min", "89 分钟"), (5400, "1 h", "1 小时"), (172800, "2 d", "2 天")],
)
def test_age_steps_from_seconds_to_days(seconds: int, english: str, chinese: str) -> None:
    since = NOW - timedelta(seconds=seconds)

    assert words.age_text(since, NOW, EN) == english
    assert words.age_text(since, NOW, ZH) == chinese


def test_age_is_never_less_than_nothing_when_a_clock_runs_ahead() -> None:
    assert words.age_text(NOW + timedelta(seconds=5), NOW, EN) == "0 s"


def test_station_is_called_by_its_kind_and_number() -> None:
    assert words.station_name("door-1", EN) == "Dock door 1"
    assert words.station_name("door-1", ZH) == "1 号月台"
    assert words.station_name("zone-a", ZH) == "A 拣货区"


def test_station_with_a_name_of_its_own_keeps_it() -> None:
    assert words.station_name("east-ramp-north", ZH) == "east-ramp-north"


def test_alarm_says_what_is_wrong_in_the_reader_s_language() -> None:
    assert words.alarm_sentence(alarm(), EN) == "temperature too high"
    assert words.alarm_sentence(alarm(), ZH) == "温度过高"
    assert words.alarm_sentence(alarm(quantity="vibration_mm_s"), EN) == "value too high"


def test_number_has_a_true_minus_sign() -> None:
    assert words.number_text(-18) == "\N{MINUS SIGN}18.0"


def test_message_is_translated_by_its_code() -> None:
    known = Message.of("mispick", "english text", {"station": "zone-a", "node": 3, "device": "lights-1"})

    assert words.message_text(known, ZH) == "A 拣货区：lights-1 的 3 号灯没有亮却被按下；请检查是否从错误的库位取货"
    assert words.message_text(known, EN).startswith("Pick zone A: light 3 of lights-1")


def test_message_leaves_its_station_out_where_it_stands_above() -> None:
    known = Message.of("mispick", "english text", {"station": "zone-a", "node": 3, "device": "lights-1"})

    assert words.message_text(known, ZH, with_station=False).startswith("lights-1 的")
    assert words.message_text(known, EN, with_station=False).startswith("light 3")


def test_reason_that_a_station_gave_is_translated_too() -> None:
    told = Message.of("pallet_direction_unknown", "", {"station": "door-1", "sscc": "106141410000000064", "reason": "the antennas do not agree"})

    assert "各天线判断不一致" in words.message_text(told, ZH)


def test_reason_with_names_in_it_is_translated_around_them() -> None:
    assert words.reason_text("order SO-7 is cancelled", ZH) == "订单 SO-7 的状态为“已取消”"
    assert words.reason_text("order SO-7 is {state}", ZH) == "订单 SO-7 的状态为“{state}”"
    assert words.reason_text("a reason that nobody knows", ZH) == "a reason that nobody knows"


def test_message_of_an_unknown_code_stays_english() -> None:
    assert words.message_text(Message.of("unheard_of", "as the area wrote it"), ZH) == "as the area wrote it"


def test_message_with_a_missing_parameter_stays_english() -> None:
    assert words.message_text(Message.of("mispick", "as the area wrote it", {"station": "zone-a"}), ZH) == "as the area wrote it"


def test_parameter_with_braces_is_shown_as_it_is() -> None:
    hostile = Message.of("mispick", "", {"station": "zone-a", "node": "{device.__class__}", "device": "x"})

    assert "{device.__class__}" in words.message_text(hostile, EN)


@pytest.mark.parametrize(
    ("query", "cookie", "header", "language"),
    [
        (None, None, "", "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "zh-Hans-CN", "zh"),
        (None, None, "de-DE,de;q=0.9,en;q=0.8,zh;q=0.1", "en"),
        (None, None, "en;q=0.2, zh;q=0.7", "zh"),
        (None, None, "zh;q=0", "en"),
        (None, None, "zh;q=much", "en"),
        (None, "zh", "en", "zh"),
        ("en", "zh", "zh-CN", "en"),
        ("klingon", None, "zh", "zh"),
    ],
)
def test_language_is_asked_for_then_remembered_then_the_browser_s(query: str | None, cookie: str | None, header: str, language: str) -> None:
    assert choose(query, cookie, header) == language
