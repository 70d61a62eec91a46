# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from gateway.breaker import HELD_S, TURNS_MAX, WINDOW_S, Breaker

pytestmark = pytest.mark.requirement("E17")


def _flap(breaker: Breaker, turns: int, every_s: float = 1.0, from_s: float = 0.0) -> list[bool]:
    told = []
    for turn in range(turns):
        breaker.connected(from_s + turn * every_s)
        told.append(breaker.failed(from_s + turn * every_s + 0.1, by_driver=False))
    return told


def test_device_that_comes_and_goes_every_second_is_given_up_once() -> None:
    breaker = Breaker()

    told = _flap(breaker, TURNS_MAX + 3)

    assert (told.count(True), told.index(True), breaker.is_open) == (1, TURNS_MAX - 1, True)


def test_device_that_is_only_away_is_never_given_up() -> None:
    breaker = Breaker()

    assert not any(breaker.failed(float(second), by_driver=False) for second in range(10_000))
    assert breaker.delay_s == 0


def test_slow_comings_and_goings_are_not_given_up() -> None:
    assert not any(_flap(Breaker(), 200, every_s=WINDOW_S / (TURNS_MAX - 1) + 0.1))


def test_driver_that_fails_before_it_connects_is_given_up() -> None:
    breaker = Breaker()

    assert [breaker.failed(float(second), by_driver=True) for second in range(TURNS_MAX)] == [False] * (TURNS_MAX - 1) + [True]


def test_delay_of_one_given_up_doubles_to_five_minutes() -> None:
    breaker = Breaker()
    _flap(breaker, TURNS_MAX)
    delays_s = [breaker.delay_s]
    for turn in range(5):
        breaker.connected(100.0 * turn + 100)
        breaker.failed(100.0 * turn + 101, by_driver=False)
        delays_s.append(breaker.delay_s)

    assert delays_s == [30, 60, 120, 240, 300, 300]


def test_breaker_closes_by_itself_when_the_conversation_holds() -> None:
    breaker = Breaker()
    _flap(breaker, TURNS_MAX)
    breaker.connected(100.0)

    assert [breaker.held(100.0 + HELD_S - 0.1), breaker.held(100.0 + HELD_S), breaker.held(100.0 + HELD_S)] == [False, True, False]
    assert not breaker.failed(200.0, by_driver=False)
    assert not breaker.is_open


def test_silent_device_that_held_is_not_given_up_when_it_leaves() -> None:
    breaker = Breaker()
    _flap(breaker, TURNS_MAX)
    breaker.connected(100.0)
    breaker.failed(1000.0, by_driver=False)

    assert not breaker.is_open
