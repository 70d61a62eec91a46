# SPDX-License-Identifier: Apache-2.0
"""Rules of cold rooms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.coldchain.rules import Stock, holds_goods, split_for_hold, thin_out
from contracts.events import AlarmCondition, AlarmState

pytestmark = pytest.mark.requirement("R93")


@pytest.mark.parametrize(
    ("state", "condition", "holds"),
    [
        ("unacknowledged", "high", True),
        ("unacknowledged", "low", True),
        ("unacknowledged", "stale", False),
        ("acknowledged", "high", False),
        ("rtn_unacknowledged", "high", False),
        ("normal", "high", False),
    ],
)
def test_goods_are_held_while_nobody_has_the_alarm_in_hand(state: AlarmState, condition: AlarmCondition, holds: bool) -> None:
    assert holds_goods(state, condition) is holds


def test_free_part_is_held_and_reserved_part_is_told() -> None:
    stock = [Stock("p", "milk", lot, "", "", on_hand, reserved) for lot, on_hand, reserved in (("L1", 10, 0), ("L2", 10, 4), ("L3", 3, 3))]

    free, reserved = split_for_hold(stock)

    assert [(each.lot, each.free) for each in free] == [("L1", 10), ("L2", 6)]
    assert [(each.lot, each.reserved) for each in reserved] == [("L2", 4), ("L3", 3)]


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=200), st.integers(2, 20))
def test_thinned_chart_keeps_its_ends_and_extremes(values: list[float], points_max: int) -> None:
    points = thin_out([(float(second), value) for second, value in enumerate(values)], points_max)

    assert 1 <= len(points) <= points_max
    assert min(point.low for point in points) == min(values)
    assert max(point.high for point in points) == max(values)
    assert [point.at_s for point in points] == sorted({point.at_s for point in points})


def test_chart_without_samples_is_empty() -> None:
    assert thin_out([], 10) == ()
