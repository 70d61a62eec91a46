# SPDX-License-Identifier: Apache-2.0
"""The picture of a pass and the sentences about it, without a database."""

from __future__ import annotations

import gettext
from datetime import UTC, datetime
from typing import Any

import pytest

from central.inbound.captures import Columns
from central.web.board import Message
from central.web.pass_chart import HEIGHT_PX, WIDTH, pass_chart, steps
from central.web.pass_words import percent, sure_in_words, sure_percent, verdict
from central.web.passes import Evidence, Led, PassShown

pytestmark = pytest.mark.requirement("R31", "E4")
SIDES = {"1": "inner", "3": "outer"}


def columns(reads: list[tuple[int, int, int, float | None]], edges: list[tuple[int, str, bool]] = []) -> Columns:  # noqa: B006  # never changed
    tags = max((tag for _, tag, _, _ in reads), default=-1) + 1
    epcs = [f"{n:024X}" for n in range(tags)]
    read_columns = [[read[n] for read in reads] for n in range(4)]
    edge_columns = [[edge[n] for edge in edges] for n in range(3)]
    return Columns(SIDES, epcs, ["moved_in"] * tags, [0.9] * tags, *read_columns, *edge_columns)  # type: ignore[arg-type]


def shown(direction: Any = "in", eyes: Any = "in", *, counts: tuple[int, int, int] = (42, 0, 2), reason: str = "", **others: int) -> PassShown:
    numbers = {"stayed": 0, "doubtful": 0, "neighbour": 0} | others
    evidence = Evidence(*counts, **numbers, eyes=eyes)
    at = datetime(2026, 11, 21, 8, tzinfo=UTC)
    return PassShown("p", "s1", "door-1", at, direction, 0.989, reason, "received", "", "", 0, None, Message("", ""), evidence, (), Led("", (), ()), None)


def told(one: PassShown) -> str:
    return " ".join(verdict(one, gettext.NullTranslations()))


def test_sides_are_drawn_apart_and_the_middle_lies_between_their_peaks() -> None:
    chart = pass_chart(columns([(1000, 0, 3, -50.0), (1100, 0, 3, -60.0), (3000, 0, 1, -48.0), (4000, 0, 1, -70.0)]), goods=[0])

    assert [(trace.antenna, trace.side, trace.reads) for trace in chart.traces] == [(1, "inner", 2), (3, "outer", 2)]
    assert (chart.crossing_s, chart.crossing) == (2.0, WIDTH / 2)
    assert chart.times_s == (0.0, 2.0, 4.0)


def test_many_reads_in_one_moment_are_one_mark_with_its_spread() -> None:
    chart = pass_chart(columns([(500, n % 7, 3, -50.0 - n % 11) for n in range(20_000)] + [(6000, 0, 3, -60.0)]))

    (trace,) = chart.traces
    assert trace.marks.count("M") == 2
    assert trace.spread.count("M") == 1
    assert trace.reads == 20_001


def test_pause_of_an_antenna_is_not_bridged() -> None:
    chart = pass_chart(columns([(0, 0, 3, -50.0), (100, 0, 3, -50.0), (5900, 0, 3, -50.0), (6000, 0, 3, -50.0)]))

    assert chart.traces[0].line.count("M") == 2


def test_reads_outside_of_the_pass_and_without_strength_break_nothing() -> None:
    chart = pass_chart(columns([(-40, 0, 3, -50.0), (10, 0, 9, -50.0), (20, 0, 1, None)]), goods=[0])

    assert [trace.side for trace in chart.traces] == ["outer", ""]
    assert (chart.unmeasured, chart.crossing) == (1, None)
    assert pass_chart(columns([])).traces == ()


def test_eyes_are_bars_from_edge_to_edge_and_to_the_border_where_one_is_missing() -> None:
    chart = pass_chart(columns([(4000, 0, 3, -50.0)], [(1000, "outer", True), (2000, "outer", False), (1000, "inner", False), (3000, "inner", True)]))

    assert [(lane.eye, lane.covered) for lane in chart.eyes] == [("outer", ((250.0, 250.0),)), ("inner", ((0.0, 250.0), (750.0, 250.0)))]
    assert chart.height > HEIGHT_PX


def test_steps_say_once_for_each_moment_when_a_side_reads_a_tag() -> None:
    played = steps(columns([(10, 0, 3, -50.0), (12, 0, 3, -51.0), (15, 0, 1, -51.0), (900, 0, 3, None)]))

    assert played == [(10, 0, "outer"), (15, 0, "inner"), (900, 0, "outer")]


@pytest.mark.parametrize(
    ("one", "sentences"),
    [
        (shown(), "Moved in, 98 % sure. 42 of 44 tags were read on the yard side first and inside afterwards. The photo-eyes agree."),
        (
            shown("out", "in", counts=(0, 5, 0)),
            "Moved out, 98 % sure. 5 of 5 tags were read inside first and on the yard side afterwards. The photo-eyes say the opposite.",
        ),
        (
            shown("unknown", "", counts=(3, 2, 1), reason="the antennas do not agree"),
            (
                "Not sure which way it went: the antennas do not agree. 3 tags were read on the yard side first, 2 inside first, 1 in no clear order. "
                "The photo-eyes tell no direction."
            ),
        ),
        (shown("in", "in", counts=(0, 0, 0)), "Moved in, 98 % sure. No tag went through with it. The photo-eyes agree."),
        (
            shown("in", "", counts=(1, 0, 0), stayed=2, doubtful=1, neighbour=3),
            (
                "Moved in, 98 % sure. 1 of 1 tags were read on the yard side first and inside afterwards. The photo-eyes tell no direction. "
                "Stood beside and left out: 2. Doubtful: 1; a person decides. Of the next door, which read them stronger: 3."
            ),
        ),
    ],
)
def test_decision_is_told_in_sentences(one: PassShown, sentences: str) -> None:
    assert told(one) == sentences


def test_nobody_is_told_more_certainty_than_there_is() -> None:
    assert [percent(share) for share in (0.999, 0.29, 1.0)] == ["99", "29", "100"]
    assert sure_percent(1.0) == "99"
    assert [sure_in_words("in", share) for share in (0.99, 0.95, 0.5)] == ["sure", "fairly sure", "not sure"]
    assert sure_in_words("unknown", 0.99) == "not sure"
