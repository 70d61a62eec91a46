# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stations.reader_time import ReaderTime

YEAR_2000_US, TODAY_US = 946_684_800_000_000, 1_763_712_000_000_000


def fed(*stamps: tuple[int | None, float], into: ReaderTime | None = None) -> tuple[ReaderTime, list[float]]:
    time = into or ReaderTime()
    return time, [time.line_s(reader_us, at_s) for reader_us, at_s in stamps]


def live(start_us: int, from_s: int, to_s: int, delay_s: float = 0.02) -> list[tuple[int | None, float]]:
    return [(start_us + second * 1_000_000, second + delay_s) for second in range(from_s, to_s)]


@pytest.mark.requirement("R95")
@pytest.mark.parametrize("start_us", [0, YEAR_2000_US, TODAY_US])
def test_line_follows_the_readers_clock_whatever_year_it_has(start_us: int) -> None:
    time, lines = fed(*live(start_us, 1, 20))

    assert [round(line_s - lines[0], 6) for line_s in lines] == list(range(19))
    assert time.arrival_s(lines[-1]) == pytest.approx(19.02, abs=0.01)
    assert time.reader_us(lines[5]) == start_us + 6_000_000


def test_line_goes_on_when_the_readers_clock_is_set_forward_and_back() -> None:
    time, before = fed(*live(YEAR_2000_US, 1, 11))
    _, today = fed(*live(TODAY_US, 11, 21), into=time)
    _, back = fed(*live(TODAY_US - 3_600_000_000, 21, 31), into=time)

    assert [round(line_s - before[0], 1) for line_s in [*before, *today, *back]] == list(range(30))
    assert time.steps == 2
    assert time.reader_us(before[3]) == YEAR_2000_US + 4_000_000
    assert time.reader_us(today[3]) == TODAY_US + 14_000_000


def test_what_was_held_back_keeps_its_place_and_is_known_to_be_late() -> None:
    time, before = fed(*live(TODAY_US, 1, 11))
    _, held = fed(*((TODAY_US + second * 1_000_000, 700.0 + second / 1000) for second in range(100, 200)), into=time)

    assert [round(line_s - before[0]) for line_s in held] == [*range(99, 199)]
    assert time.steps == 0
    assert time.lag_s == pytest.approx(500, abs=2)
    assert time.arrival_s(held[0]) == pytest.approx(100.02, abs=0.2)


def test_restarted_reader_whose_clock_began_anew_later_than_before_is_believed_after_a_while() -> None:
    """Its clock counts from its start: 5 s when it was last heard, 100 s when it is heard again after 1000 s."""
    time, _ = fed(*live(0, 1, 6))
    _, lines = fed(*((100_000_000 + second * 1_000_000, 1000.0 + second) for second in range(60)), into=time)

    assert time.arrival_s(lines[-1]) == pytest.approx(1059, abs=0.2)
    assert time.lag_s < 0.5


def test_reader_without_a_clock_is_placed_by_arrival() -> None:
    time, lines = fed((None, 5.0), (None, 6.5))

    assert lines == [5.0, 6.5]
    assert time.reader_us(5.0) is None


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 2**64 - 1)), st.floats(0, 100)), max_size=50))
def test_nothing_that_a_reader_says_of_time_breaks_the_line(stamps: list[tuple[int | None, float]]) -> None:
    at_s = 0.0
    time = ReaderTime()
    for reader_us, pause_s in stamps:
        at_s += pause_s
        line_s = time.line_s(reader_us, at_s)
        assert time.arrival_s(line_s) <= at_s + 2.0


@pytest.mark.parametrize("ppm", [-100, -50, -20, 0, 20, 50, 100])
@pytest.mark.parametrize("quiet_h", [1, 10, 60])
def test_reads_after_a_quiet_night_keep_their_order_however_far_the_clocks_drifted_apart(ppm: int, quiet_h: int) -> None:
    time = ReaderTime()

    def line_s(second: float) -> float:
        return time.line_s(YEAR_2000_US + round(second * (1 + ppm * 1e-6) * 1e6), second + 0.02)

    for number in range(200):
        line_s(number * 0.05)
    lines_s = [line_s(quiet_h * 3600 + number * 0.05) for number in range(200)]

    assert [after - before for before, after in pairwise(lines_s)] == pytest.approx([0.05] * 199, abs=0.001)
    assert time.lag_s < 0.1
    assert time.now_s(quiet_h * 3600 + 10.0) == pytest.approx(lines_s[-1], abs=0.2)


@pytest.mark.parametrize("speed", [1.1, 1.3, 2.0, 20.0])
def test_what_was_held_back_before_the_first_connection_keeps_its_place_however_slowly_it_comes(speed: float) -> None:
    time, at_s = ReaderTime(), 5000.0
    seen_s = [40.0 * one + 0.01 * number for one in range(5) for number in range(300)]
    lines_s = []
    for second in seen_s:
        at_s += 0.01 / speed
        lines_s.append(time.line_s(YEAR_2000_US + round(second * 1e6), at_s))

    assert [line_s - lines_s[0] for line_s in lines_s] == pytest.approx(seen_s, abs=0.001)
