# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta

from gateway.clock import SystemClock, kernel_clock_is_synced
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
