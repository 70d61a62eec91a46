# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.light_ablepick import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    blocks = st.one_of(
        st.builds(frames.Frame, st.integers(0, 255), st.none(), st.just(b""), st.sampled_from([0x60, 0x61])),
        st.builds(frames.Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=504), st.sampled_from([0x60, 0x61])),
    )
    return Entry(
        stimulus=("press", {"node": 3}),
        reading="ButtonPressed",
        round_trips=(RoundTrip("ccb", blocks, frames.Frame.encode, frames.decode),),
        faults={"at500_malfunction": "0B", "at500_busy_too_often": "64-01", "at500_stuck_key": "0D"},
    )
