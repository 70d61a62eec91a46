# SPDX-License-Identifier: Apache-2.0
"""The arbiter of a shared line: who has its turn, and when nobody has."""

from __future__ import annotations

import pytest

from drivers.base.line import PASSED_OVER_MAX, SILENCE_S, Arbiter, Priority, SharesLine

EXCHANGE_S = 0.01


class Talker:
    """Wants the line for one thing as long as `wishes` lasts; holds it until it is told that its exchange is over."""

    worst_reply_s = 0.5
    gap_s = 0.00175

    def __init__(self, priority: Priority, wishes: int = 1_000_000) -> None:
        self.priority, self.wishes = priority, wishes
        self.holds_line = False
        self.others = -1
        self.granted: list[float] = []

    @property
    def wants_line(self) -> Priority | None:
        return self.priority if self.wishes and not self.holds_line else None

    def shares_with(self, others: int) -> None:
        self.others = others

    def grant(self, now_s: float) -> None:
        self.granted.append(now_s)
        self.wishes -= 1
        self.holds_line = True


def _line(*talkers: Talker, opened_at_s: float = -10.0) -> Arbiter:
    line = Arbiter(opened_at_s)
    for talker in talkers:
        assert isinstance(talker, SharesLine)
        line.join(talker)
    return line


def _run(line: Arbiter, until_s: float) -> list[Talker]:
    """Exchanges one after the other; returns who had them."""
    now_s, order = 0.0, []
    while now_s < until_s:
        session = line.next_grant(now_s)
        now_s += EXCHANGE_S
        if isinstance(session, Talker):
            order.append(session)
            session.holds_line = False
    return order


def test_line_is_silent_at_first_for_as_long_as_the_slowest_device_may_answer() -> None:
    quick, slow = Talker(Priority.SENSOR), Talker(Priority.SENSOR)
    slow.worst_reply_s = 2.0
    line = _line(quick, opened_at_s=0.0)
    line.join(slow)

    assert line.next_grant(1.99) is None
    assert line.next_deadline_s() == 2.0
    assert line.next_grant(2.0) is quick
    assert (quick.others, slow.others) == (1, 1)


def test_nobody_else_has_a_turn_before_the_holder_gives_the_line_back() -> None:
    first, second = Talker(Priority.SENSOR), Talker(Priority.BUTTON)
    line = _line(first)
    assert line.next_grant(0.0) is first

    line.join(second)
    assert line.received(0.1) is first
    assert line.next_grant(5.0) is None
    assert line.next_deadline_s() is None
    first.holds_line = False

    assert line.next_grant(5.0) is second


def test_turns_are_fair_among_equals() -> None:
    talkers = [Talker(Priority.SENSOR) for _ in range(5)]

    order = _run(_line(*talkers), 1.0)

    assert [order.count(talker) for talker in talkers] == [20] * 5
    assert all(order[n] is order[n + 5] for n in range(90))


def test_button_goes_before_write_and_write_before_sensor() -> None:
    sensor, write, button = Talker(Priority.SENSOR, 1), Talker(Priority.WRITE, 1), Talker(Priority.BUTTON, 1)

    assert _run(_line(sensor, write, button), 0.1) == [button, write, sensor]


@pytest.mark.requirement("E9")
def test_nobody_starves_however_much_the_urgent_ones_want() -> None:
    buttons, sensors = [Talker(Priority.BUTTON) for _ in range(3)], [Talker(Priority.SENSOR) for _ in range(32)]

    order = _run(_line(*buttons, *sensors), 9.0)

    share = sum(talker in sensors for talker in order) / len(order)
    assert share == pytest.approx(1 / (PASSED_OVER_MAX + 1), abs=0.01)
    assert {order.count(sensor) for sensor in sensors} <= {3, 4}


def test_stray_bytes_keep_the_line_silent_for_the_slowest_reply() -> None:
    talker = Talker(Priority.SENSOR)
    line = _line(talker)

    assert line.received(1.0) is None
    assert line.next_grant(1.49) is None
    assert line.received(1.49) is None
    assert line.next_grant(1.49 + SILENCE_S / 2) is None

    assert line.next_grant(1.49 + SILENCE_S) is talker


def test_line_that_is_left_in_the_middle_of_an_exchange_drains() -> None:
    leaving, staying = Talker(Priority.SENSOR), Talker(Priority.SENSOR)
    line = _line(leaving, staying)
    assert line.next_grant(0.0) is leaving

    line.leave(leaving, 0.1)

    assert line.next_grant(0.59) is None
    assert line.received(0.59) is None
    assert line.next_grant(1.2) is staying
    assert staying.others == 0


def test_line_is_jammed_when_somebody_talks_unasked_for_ten_seconds() -> None:
    line = _line(Talker(Priority.SENSOR, 0))

    jammed = []
    for step in range(1100):
        line.received(step / 100)
        line.next_grant(step / 100)
        jammed.append(line.is_jammed())

    assert jammed.index(True) in range(1000, 1003)
