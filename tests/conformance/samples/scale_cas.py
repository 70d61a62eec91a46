# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_cas import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    header, kind, unit = st.sampled_from(["ST", "US", "OL"]), st.sampled_from(["GS", "NT"]), st.sampled_from(["kg", "g", "t", "lb"])
    data = st.integers(0, 9_999).map(lambda digits: f"+{digits:05d}.5")
    long = st.builds(frames.WeightFrame, header, kind, data, unit, st.integers(0, 255), st.integers(0, 255))
    short = st.builds(frames.WeightFrame, header, kind, data, unit)
    return Entry(
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("weight", st.one_of(long, short), frames.WeightFrame.encode, frames.WeightFrame.decode),),
        faults={"command_mode": "!"},
    )
