# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.window import PROGRESS_TIMEOUT_S, WINDOW_EVENTS, LaneWindow


def test_window_closes_when_it_is_full_and_opens_with_an_acknowledgement() -> None:
    window = LaneWindow()
    window.on_sent(WINDOW_EVENTS, 0.0)
    assert not window.has_room

    window.on_ack(50, False, 0.1)

    assert window.has_room


def test_no_progress_sends_again_once_and_then_asks_for_a_new_connection() -> None:
    window = LaneWindow(acked=10, sent=10)
    window.on_sent(60, 0.0)
    assert window.overdue(1.4) == ""

    assert window.overdue(PROGRESS_TIMEOUT_S) == "resend"
    assert window.sent == 10
    window.on_sent(60, 1.5)

    assert window.overdue(3.0) == "reconnect"


def test_progress_forgives_the_first_strike() -> None:
    window = LaneWindow()
    window.on_sent(100, 0.0)
    window.overdue(1.5)
    window.on_sent(100, 1.5)
    window.on_ack(50, False, 2.0)

    assert window.overdue(3.5) == "resend"


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
