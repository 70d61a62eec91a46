# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_sma import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    values = st.decimals(-99_999, 99_999, places=3, allow_nan=False, allow_infinity=False)
    weights = st.builds(
        frames.WeightMessage, st.sampled_from("ZOUEIT "), st.sampled_from("123"), st.sampled_from("GTNgn"), st.booleans(),
        st.one_of(values, st.none()), st.sampled_from(["kg", "lb", "oz", "g"]),
    )  # fmt: skip
    return Entry(
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("weight", weights, frames.WeightMessage.encode, frames.decode),),
        faults={"tare_and_zero_refused": "T"},
    )
