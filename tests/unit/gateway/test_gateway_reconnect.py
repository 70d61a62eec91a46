# SPDX-License-Identifier: Apache-2.0
"""When the uplink tries again: quickly at a line that was silent, patiently at a broker that was restarted under ten thousand gateways."""

from __future__ import annotations

import heapq
import random

import pytest

from gateway.reconnect import KNOCK_S, Outcome, Reconnect

pytestmark = pytest.mark.requirement("E12")


def known(welcome_s: float = 0.02, seed: int = 1) -> Reconnect:
    reconnect = Reconnect(random.Random(seed))
    reconnect.connected(welcome_s)
    reconnect.progress()
    return reconnect


@pytest.mark.parametrize("outage_s", [5.0, 20.0, 90.0])
def test_line_that_swallows_everything_is_tried_again_within_half_a_second_nearly_all_the_time(outage_s: float) -> None:
    reconnect, now_s, quick_s = known(), 0.0, 0.0
    delay_s = reconnect.ended("silent", now_s)
    while now_s < outage_s:
        took_s = delay_s + reconnect.patience_s()
        quick_s += took_s if took_s <= 0.4 else 0.0
        now_s += took_s
        delay_s = reconnect.ended("mute", now_s)

    assert quick_s / now_s > 0.3 if outage_s < 10 else quick_s / now_s > 0.7


def test_line_that_lets_nobody_through_is_knocked_at_without_a_pause() -> None:
    reconnect = known()

    delays = [reconnect.ended(outcome, now_s) for now_s, outcome in enumerate[Outcome](["silent", *["unreachable"] * 30])]

    assert set(delays) == {0.0}
    assert reconnect.knock_s(90.0) == KNOCK_S
    assert reconnect.knock_s(3600.0) > KNOCK_S


def test_welcome_of_a_slow_line_is_awaited() -> None:
    reconnect = known(welcome_s=0.7)
    reconnect.ended("silent", 0.0)

    assert reconnect.patience_s() == pytest.approx(2.1)


def test_line_that_became_slow_during_the_outage_gets_a_patient_attempt_now_and_then() -> None:
    reconnect, patience = known(), []
    reconnect.ended("silent", 0.0)
    for now_s in range(30):
        patience.append(reconnect.patience_s())
        reconnect.ended("mute", float(now_s))

    assert sorted(set(patience)) == [0.3, 3.0]


def test_broker_that_turns_a_gateway_away_is_left_alone_longer_and_longer() -> None:
    reconnect = known()

    delays = [reconnect.ended("turned_away", float(number)) for number in range(8)]

    assert delays[0] < 1
    assert delays[-1] > 5
    assert max(delays) <= 12


def test_connection_that_central_ignores_each_time_is_made_more_seldom() -> None:
    reconnect, delays = known(), []
    for number in range(8):
        delays.append(reconnect.ended("fruitless", float(number)))
        reconnect.connected(0.01)

    assert delays[0] < 0.3
    assert delays[-1] > 3


def test_ten_thousand_gateways_come_back_to_a_restarted_broker_within_thirty_seconds_without_asking_in_vain() -> None:
    """A broker that was away 5 s and then welcomes 1,800 a second one by one, as Mosquitto does; who waits in vain asks again, behind all others."""
    gateways, per_s, back_s = 10_000, 1_800, 5.0
    fleet = [known(seed=seed) for seed in range(gateways)]
    due = [(fleet[number].ended("closed", 0.0), number) for number in range(gateways)]
    heapq.heapify(due)
    free_s, asked, done_s = back_s, 0, []
    while due:
        now_s, number = heapq.heappop(due)
        reconnect = fleet[number]
        if now_s < back_s:
            heapq.heappush(due, (now_s + reconnect.ended("refused", now_s), number))
            continue
        asked += 1
        free_s = max(free_s, now_s) + 1 / per_s
        patience_s = reconnect.patience_s()
        if free_s - now_s <= patience_s:
            done_s.append(free_s)
        else:
            heapq.heappush(due, (now_s + patience_s + reconnect.ended("mute", now_s + patience_s), number))

    assert len(done_s) == gateways
    assert max(done_s) - back_s < 15
    assert asked < 1.5 * gateways
