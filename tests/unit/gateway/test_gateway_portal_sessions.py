# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.portal.door import Door
from gateway.portal.reads import Edge, Eye, Pass, Read, Window
from gateway.portal.sessions import BEFORE_S
from gateway.portal.settings import Settings
from gateway.portal.smoothing import Smoother
from tests.unit.gateway.portals import PlainPortal


def door(*standing: str, keep_s: float = 0.0, **settings: float) -> tuple[Door, PlainPortal]:
    portal = PlainPortal(standing, keep_s=keep_s)
    return Door({1: "inner", 2: "outer"}, Settings(**settings), portal=portal), portal  # type: ignore[arg-type]


def reads(epc: str, *seconds: float) -> list[Read]:
    return [Read(t_s, epc, 1, -60.0) for t_s in seconds]


def edges(*given: tuple[float, Eye, bool]) -> list[Edge]:
    return [Edge(*one) for one in given]


def run(one: Door, happenings: list[Read | Edge]) -> list[Pass]:
    passes: list[Pass] = []
    for happening in happenings:
        passes += one.read(happening) if isinstance(happening, Read) else one.edge(happening)
    return passes + one.finish()


def spans(portal: PlainPortal) -> list[tuple[float, float, str]]:
    return [(round(window.start_s, 3), round(window.end_s, 3), window.closed_by) for window in portal.windows]


@pytest.mark.requirement("E2")
def test_window_ends_when_nothing_that_moves_was_read_for_the_quiet_time() -> None:
    one, portal = door("STANDS")

    run(one, [*reads("A", 10, 11, 12), *reads("STANDS", 9, 10.5, 12.5, 13.2, 14.5, 16), *reads("A", 20)])

    assert spans(portal) == [(10, 13.5, "quiet"), (20, 21.5, "quiet")]
    assert [[read.t_s for read in window.reads] for window in portal.windows] == [[9, 10, 10.5, 11, 12, 12.5, 13.2], [16, 20]]


def test_standing_tags_alone_open_nothing_and_are_learnt() -> None:
    one, portal = door("STANDS")

    assert run(one, [*reads("STANDS", *range(100))]) == []
    assert portal.windows == []
    assert len(portal.learnt) == 100


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        pytest.param([(1, "outer", True), (2, "inner", True), (2.2, "outer", False), (3, "inner", False)], [(1, 3.4, "eyes")], id="through"),
        pytest.param(
            [(1, "outer", True), (1.01, "outer", False), (1.02, "outer", True), (1.9, "outer", False)], [(1.02, 3.4, "quiet")], id="bounce and one eye"
        ),
        pytest.param([(1, "outer", True), (1.01, "outer", False)], [], id="flicker"),
        pytest.param([(1, "outer", True), (2, "inner", True), (3, "inner", False)], [(1, 9.5, "quiet")], id="first eye stays dark"),
        pytest.param([(0, "inner", False), (1, "outer", True), (1.5, "outer", False), (2.5, "inner", False)], [(1, 2.9, "eyes")], id="cover missed"),
        pytest.param(
            [(1, "outer", True), (1.5, "outer", False), (1.6, "inner", True), (2, "inner", False), (2.2, "inner", True), (3, "inner", False)],
            [(1, 3.4, "eyes")],
            id="gap in the load",
        ),
        pytest.param(
            [
                *[(1, "outer", True), (1.5, "outer", False), (1.6, "inner", True), (2, "inner", False)],
                *[(2.2, "outer", True), (2.5, "outer", False), (2.6, "inner", True), (3, "inner", False)],
            ],
            [(1, 3.4, "eyes")],
            id="next goods at once, or the same that turn round",
        ),
        pytest.param([(1, "presence", True), (9, "presence", False)], [(1, 9.4, "presence")], id="presence"),
        pytest.param([(1, "presence", True)], [(1, 31, "longest")], id="presence stays"),
    ],
)
def test_eyes_open_and_close_windows(happened: list[tuple[float, Eye, bool]], expected: list[tuple[float, float, str]]) -> None:
    one, portal = door()

    passes = run(one, list(edges(*happened)))

    assert spans(portal) == expected
    assert len(passes) == len(expected), "an empty pass is one too"


@pytest.mark.parametrize("expected", [(0.5, 3.4, "eyes"), (0.5, 6.5, "presence")])
def test_goods_that_are_still_read_are_waited_for_a_moment_after_the_eyes_are_free(expected: tuple[float, float, str]) -> None:
    one, portal = door()
    happened = edges((1.0, "outer", True), (1.4, "outer", False), (1.5, "inner", True), (2.0, "inner", False))
    if expected[2] == "presence":
        happened = edges((1.0, "presence", True), (1.2, "presence", False), (1.5, "presence", True), (3.1, "presence", False))

    run(one, [*happened, *reads("A", *(0.5 + number / 10 for number in range(70)))])

    assert spans(portal)[0] == expected


def test_tail_of_goods_that_the_eyes_saw_through_opens_no_second_window_but_what_stays_is_learnt() -> None:
    one, portal = door()
    through = edges((1, "outer", True), (1.5, "outer", False), (1.6, "inner", True), (2, "inner", False))

    run(one, [*reads("A", 0.9, 1.2, 1.9), *through, *reads("A", *(2.6 + 0.5 * number for number in range(9)))])

    assert spans(portal) == [(0.9, 2.4, "eyes")]
    assert set(portal.learnt) == {"A"}


def test_what_is_read_on_and_on_and_goes_nowhere_is_learnt_and_keeps_no_window_open() -> None:
    one, portal = door(session_max_s=10.0)

    run(one, [*reads("STANDS", *(number / 2 for number in range(100))), *reads("A", 9.5, 10.5)])

    assert spans(portal) == [(0, 10, "longest"), (10.5, 12, "quiet")]
    assert set(portal.learnt) == {"STANDS"}


def test_what_has_not_ended_goes_on_in_the_next_window() -> None:
    one, portal = door(keep_s=2.0, session_max_s=10.0)

    run(one, [read for number in range(50) for read in reads(f"A{number // 8}", number / 2)])

    assert [(window.start_s, window.end_s, window.closed_by) for window in portal.windows] == [
        (0, 10, "longest"),
        (8, 20, "longest"),
        (18, 24.5 + 1.5, "quiet"),
    ]
    assert [window.reads[0].t_s for window in portal.windows] == [0, 8, 18]


def test_late_reads_find_their_window_and_reads_for_a_judged_one_open_none() -> None:
    one, portal = door()
    one.read_all(reads("A", 10, 12))
    one.read_all(reads("B", 10.9))
    one.advance(12)
    one.read_all(reads("C", 11.5))
    one.advance(14)

    one.read_all(reads("D", 11.7))
    one.read_all(reads("E", 2, 2.5))  # held back since long before
    one.advance(30)

    assert [[read.epc for read in window.reads] for window in portal.windows] == [["A", "B", "C", "A"], ["E", "E"]]


def _windows_by_definition(seconds: list[float], quiet_s: float) -> list[list[float]]:
    """Runs of moving reads without a longer gap, the slow way."""
    runs: list[list[float]] = []
    for t_s in sorted(seconds):
        if runs and t_s - runs[-1][-1] <= quiet_s:
            runs[-1].append(t_s)
        else:
            runs.append([t_s])
    return runs


@given(st.lists(st.floats(0, 60).map(lambda second: round(second, 2)), min_size=1, max_size=60), st.lists(st.floats(0, 60), max_size=20), st.randoms())
def test_every_moving_read_is_in_exactly_the_right_window_in_whatever_order_it_came(moving: list[float], standing: list[float], order: random.Random) -> None:
    one, portal = door("STANDS", session_max_s=600.0)
    happenings: list[Read | Edge] = [*(Read(t_s, f"T{number}", 1, -60.0) for number, t_s in enumerate(moving)), *reads("STANDS", *standing)]
    order.shuffle(happenings)

    run(one, happenings)

    expected = _windows_by_definition(moving, 1.5)
    assert [[read.t_s for read in window.reads if read.epc != "STANDS"] for window in portal.windows] == expected
    for window in portal.windows:
        assert all(window.start_s - BEFORE_S <= read.t_s <= window.end_s for read in window.reads)
    in_windows = Counter(read for window in portal.windows for read in window.reads)
    assert not in_windows - Counter(happening for happening in happenings if isinstance(happening, Read))


_HAPPENINGS = st.lists(
    st.one_of(
        st.builds(Read, st.floats(0, 100), st.sampled_from(["A", "B", "STANDS"]), st.sampled_from([1, 2]), st.one_of(st.none(), st.floats(-90, -30))),
        st.builds(Edge, st.floats(0, 100), st.sampled_from(["inner", "outer", "presence"]), st.booleans()),
        st.floats(0, 120),
    ),
    max_size=60,
)


@given(_HAPPENINGS, st.integers(1, 3), st.floats(0, 5))
@example([*reads("A", 0.0), *reads("B", 0.0), *reads("A", 2.0), 2.0, *reads("A", 0.0)], 2, 0.0)
def test_nothing_that_can_happen_breaks_the_cutter_or_puts_a_read_into_two_windows(happenings: list[Read | Edge | float], count: int, keep_s: float) -> None:
    one, portal = door("STANDS", keep_s=keep_s, observed_count_threshold=count, session_max_s=10.0)
    for happening in happenings:
        if isinstance(happening, Read):
            one.read(happening)
        elif isinstance(happening, Edge):
            one.edge(happening)
        else:
            one.advance(happening)
            assert (due_s := one.next_deadline_s()) is None or due_s > happening
    one.finish()

    assert one.next_deadline_s() is None
    ended: list[Window] = [window for window in portal.windows if window.closed_by != "longest"]
    counted = Counter(read for window in ended for read in window.reads)
    assert not counted - Counter(happening for happening in happenings if isinstance(happening, Read))
    for window in portal.windows:
        assert window.start_s <= window.end_s
        assert [read.t_s for read in window.reads] == sorted(read.t_s for read in window.reads)


@pytest.mark.parametrize(
    ("settings", "seconds", "observed"),
    [
        ({"observed_count_threshold": 3}, (0, 0.5, 1, 1.5), (1, 1.5)),
        ({"observed_count_threshold": 3, "glimpsed_timeout_s": 0.4}, (0, 0.5, 1, 1.5), ()),
        ({"observed_count_threshold": 2, "lost_timeout_s": 1.0}, (0, 0.5, 1.6, 1.7), (0.5, 1.7)),
        ({"observed_count_threshold": 99, "observed_time_threshold_s": 1.0}, (0, 0.5, 1, 1.5), (1, 1.5)),
        ({}, (0, 5), (0, 5)),
    ],
)
def test_smoothing_follows_the_states_of_ale(settings: dict[str, float], seconds: tuple[float, ...], observed: tuple[float, ...]) -> None:
    assert tuple(read.t_s for read in Smoother(Settings(**settings)).observe(reads("A", *seconds))) == observed  # type: ignore[arg-type]
