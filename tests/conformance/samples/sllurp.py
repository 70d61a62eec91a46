# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.sllurp import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    messages = st.builds(frames.Message, st.integers(0, 1023), st.integers(0, 0xFFFF_FFFF), st.binary(max_size=300), st.sampled_from([1, 2]))
    return Entry(
        fields={"antennas": [1, 2, 3, 4]},
        stimulus=("read", {"epc": "3074257BF7194E4000001A85", "antenna": 2, "peak_rssi_dbm": -51.0}),
        reading="TagRead",
        round_trips=(RoundTrip("message", messages, frames.Message.encode, frames.Message.decode),),
    )
