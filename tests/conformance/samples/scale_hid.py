# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_hid import frames
from tests.conformance.sample import OVER_PIPE, Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`; a scale that does not sleep, so that vanishing is a loss."""
    reports = st.builds(frames.WeightReport, st.integers(1, 8), st.integers(1, 12), st.integers(-9, 4), st.integers(0, 0xFFFF))
    return Entry(
        fields={"asleep_s_max": 0},
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("report", reports, frames.WeightReport.encode, frames.WeightReport.decode),),
        faults={"over_under_and_calibration": "7"},
        way=OVER_PIPE,
    )
