# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta

from gateway.clock import SystemClock, kernel_clock_is_synced
from gateway.stations.reader_time import ReaderTime
from tests.unit.gateway.virtual_time import instant


def test_instant_of_another_second_moves_both_clocks() -> None:
    now = instant(100.0)

    assert now.at(98.5).utc == now.utc - timedelta(seconds=1.5)
    assert now.at(98.5).stamp()["monotonic_s"] == 98.5


def test_clock_that_lost_its_source_is_in_holdover() -> None:
    answers = [False, True, False]
    qualities = []
    clock = SystemClock(lambda: answers.pop(0))
    for _ in range(3):
        clock._asked_s = float("-inf")
        qualities.append(clock().clock)

    assert qualities == ["unsynced", "synced", "holdover"]


def test_quality_is_not_asked_for_every_instant() -> None:
    asked: list[int] = []
    clock = SystemClock(lambda: bool(asked.append(1)))
    for _ in range(5):
        clock()

    assert len(asked) == 1


def test_kernel_answers_whether_the_clock_is_synced() -> None:
    assert kernel_clock_is_synced() in (True, False)


def test_reader_that_sets_its_clock_back_is_believed_again() -> None:
    time = ReaderTime()
    assert time.line_s(1_000_000_000, 1000.0) == 1000.0
    assert time.line_s(990_000_000, 1001.0) == 990.0

    for second in range(1002, 1140):
        line_s = time.line_s((second - 11) * 1_000_000, float(second))

    assert line_s == pytest.approx(1139.0, abs=0.01)


def test_reader_without_time_stamps_is_placed_by_arrival() -> None:
    assert ReaderTime().line_s(None, 12.5) == 12.5
