# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.round_trip import TIMEOUT_S
from gateway.window import WINDOW_EVENTS, LaneWindow

LEAST_S, MOST_S = TIMEOUT_S


def drained(window: LaneWindow, central_s: float, per_event_s: float, rounds: int) -> list[int]:
    """The sizes that a window takes when central needs so long for what is on its way."""
    now_s, sizes = 0.0, []
    for _ in range(rounds):
        while window.has_room:
            window.on_sent(window.sent + 50, now_s)
        now_s += central_s + per_event_s * (window.sent - window.acked)
        window.on_ack(window.sent, False, now_s)
        sizes.append(window.size)
    return sizes


def test_window_closes_when_it_is_full_and_opens_with_an_acknowledgement() -> None:
    window = LaneWindow()
    window.on_sent(window.size, 0.0)
    assert not window.has_room

    window.on_ack(50, False, 0.1)

    assert window.has_room


def test_window_grows_while_nothing_queues_and_shrinks_when_central_is_behind() -> None:
    window = LaneWindow()

    grown = drained(window, 0.01, 0.000_001, 30)
    shrunk = drained(window, 0.01, 0.001, 20)

    assert grown == sorted(grown)
    assert grown[-1] == WINDOW_EVENTS[1]
    assert shrunk[-1] == WINDOW_EVENTS[0]


def test_lane_that_sends_little_keeps_its_window() -> None:
    window, size = LaneWindow(), LaneWindow().size
    for number in range(1, 100):
        window.on_sent(number, number / 10)
        window.on_ack(number, False, number / 10 + 0.001)

    assert window.size == size


def test_no_progress_sends_one_batch_again_and_waits_twice_as_long_each_time() -> None:
    window = LaneWindow(acked=10, sent=10)
    window.on_sent(60, 0.0)
    window.on_sent(110, 0.1)
    assert not window.overdue(LEAST_S - 0.1)

    assert window.overdue(LEAST_S) == 1
    assert (window.sent, window.has_room) == (10, True)
    window.on_sent(60, LEAST_S)
    assert not window.has_room, "one batch asks whether central is back, no more"

    assert window.overdue(2 * LEAST_S) == 2
    assert not window.overdue(3.9 * LEAST_S)
    assert window.overdue(4 * LEAST_S) == 3


def test_second_time_out_comes_within_three_seconds_although_nothing_could_be_sent_in_between() -> None:
    window = LaneWindow()
    window.on_sent(50, 7.0)

    assert [window.overdue(7.0 + LEAST_S), window.overdue(7.0 + 2 * LEAST_S)] == [1, 2]
    assert 2 * LEAST_S < 3.0


def test_partial_progress_begins_the_wait_anew() -> None:
    window = LaneWindow()
    window.on_sent(100, 0.0)
    window.overdue(LEAST_S)
    window.on_sent(50, LEAST_S)
    window.on_ack(50, False, 2.0)
    window.on_sent(100, 2.0)

    assert not window.overdue(2.0 + LEAST_S - 0.1)
    assert window.overdue(2.0 + LEAST_S) == 1


def test_slow_line_is_given_the_time_that_it_was_seen_to_need() -> None:
    window, now_s = LaneWindow(), 0.0
    for number in range(1, 20):
        window.on_sent(number * 50, now_s)
        now_s += 0.6 if number % 4 else 2.1  # each fourth round trip has a segment in it that was lost twice
        window.on_ack(number * 50, False, now_s)
    window.on_sent(1000, now_s)

    assert not window.overdue(now_s + 2.1)
    assert window.overdue(now_s + MOST_S)


def test_acknowledgement_of_what_was_sent_twice_is_no_sample_of_the_round_trip() -> None:
    window = LaneWindow()
    window.on_sent(50, 0.0)
    window.overdue(LEAST_S)
    window.on_sent(50, LEAST_S)
    window.on_ack(50, False, LEAST_S + 0.001)

    assert window.trip.smoothed_s == 0.0


def test_disk_of_central_that_is_slow_for_each_commit_does_not_close_the_window() -> None:
    window = LaneWindow()
    drained(window, 0.002, 0.000_01, 20)

    assert drained(window, 0.1, 0.000_01, 200)[-1] > 1000


def test_gap_goes_back_once_however_often_central_names_it() -> None:
    window = LaneWindow()
    window.on_sent(200, 0.0)

    assert window.on_ack(50, True, 0.1)
    window.on_sent(200, 0.1)

    assert not window.on_ack(50, True, 0.2)
    assert window.sent == 200
    assert window.on_ack(50, True, 0.8)


def test_late_acknowledgement_of_an_old_number_changes_nothing() -> None:
    window = LaneWindow(acked=50, sent=100)

    assert not window.on_ack(20, True, 1.0)
    assert (window.acked, window.sent) == (50, 100)


@given(st.lists(st.tuples(st.sampled_from(["send", "ack", "gap", "time", "connect"]), st.integers(0, 500)), max_size=60))
def test_window_never_claims_more_than_was_acknowledged(steps: list[tuple[str, int]]) -> None:
    window, now_s, highest = LaneWindow(), 0.0, 0
    for step, value in steps:
        now_s += value / 100
        if step == "send" and window.has_room:
            window.on_sent(window.sent + 1 + value % 50, now_s)
        elif step in ("ack", "gap"):
            upto = min(value, window.sent)
            highest = max(highest, upto)
            window.on_ack(upto, step == "gap", now_s)
        elif step == "connect":
            window.reconnected()
        else:
            window.overdue(now_s)
        assert window.acked == highest <= window.sent
        assert WINDOW_EVENTS[0] <= window.size <= WINDOW_EVENTS[1]
