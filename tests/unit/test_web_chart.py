# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from central.web.chart import HEIGHT_PX, WIDTH, chart, thinned

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=10)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_line_spans_the_window_from_left_to_right() -> None:
    drawn = chart([(at(0), 2.0), (at(30), 4.0), (at(60), 3.0)], START, at(60), None, None)

    assert drawn.line == "M0 88 L500 8 L1000 48"
    assert drawn.last == (WIDTH, 48.0)


def test_line_has_a_gap_where_the_sensor_paused() -> None:
    samples = [(at(second), 3.0) for second in (*range(0, 100, 10), *range(400, 500, 10))]

    assert chart(samples, START, END, None, None).line.count("M") == 2


def test_excursion_is_shaded_from_where_the_line_crosses_the_limit() -> None:
    drawn = chart([(at(0), -20.0), (at(60), -16.0)], START, at(60), None, -18.0)

    # Half way the value is -18.0; from there to the right edge the area between line and limit is filled.
    assert drawn.excursion == "M0 48 L0 48 L500 48 L1000 8 L1000 48 Z"


def test_excursion_below_a_low_limit_is_shaded_too() -> None:
    assert chart([(at(0), 5.0), (at(60), 1.0)], START, END, 2.0, 8.0).excursion


def test_nothing_is_shaded_within_the_limits() -> None:
    assert chart([(at(0), 3.0), (at(600), 7.0)], START, END, 2.0, 8.0).excursion == ""


def test_band_reaches_the_edge_on_the_side_without_a_limit() -> None:
    drawn = chart([(at(0), -20.0), (at(600), -16.0)], START, END, None, -18.0)

    assert drawn.band == (48.0, HEIGHT_PX - 48.0)


def test_limits_keep_their_label_when_a_measured_extreme_lies_close() -> None:
    labels = chart([(at(0), 2.1), (at(600), 8.1)], START, END, 2.0, 8.0).labels

    assert [label.value for label in labels if label.limit] == [8.0, 2.0]
    assert all(later.y - earlier.y >= 14 for earlier, later in pairwise(labels))


def test_chart_without_samples_shows_its_limits_only() -> None:
    drawn = chart([], START, END, 2.0, 8.0)

    assert (drawn.line, drawn.excursion, drawn.last) == ("", "", None)
    assert len(drawn.limits) == 2


def test_noise_of_a_tenth_does_not_fill_the_plot() -> None:
    drawn = chart([(at(0), 4.0), (at(60), 4.1)], START, at(60), None, None)

    assert drawn.line == "M0 50 L1000 46"


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=900), st.integers(10, 200))
def test_thinning_keeps_order_size_and_extremes(values: list[float], points_max: int) -> None:
    run = [(float(second), value) for second, value in enumerate(values)]

    kept = thinned(run, points_max)

    assert kept == sorted(kept)
    assert len(kept) <= points_max + 2
    assert kept[-1] == run[-1]
    assert {min(values), max(values)} <= {value for _, value in kept}
