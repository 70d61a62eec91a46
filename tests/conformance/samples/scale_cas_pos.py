# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_cas_pos import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    weight = st.one_of(st.integers(0, 99_999).map(lambda grams: f"{grams / 1000:06.3f}"), st.just("FFFFFF"))
    blocks = st.builds(
        frames.WeightBlock, st.sampled_from("SU"), st.sampled_from(" -F"), weight, st.sampled_from(["kg", "lb", "g"]), st.sampled_from([0, 1, 3])
    )
    return Entry(
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("block", blocks, frames.WeightBlock.encode, frames.WeightBlock.decode),),
        faults={"too_much": "F"},
    )
