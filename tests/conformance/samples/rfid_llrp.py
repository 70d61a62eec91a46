# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.rfid_llrp import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    u32 = st.integers(0, 0xFFFF_FFFF)
    messages = st.builds(frames.Message, st.integers(0, 1023), u32, st.binary(max_size=300), st.sampled_from(frames.VERSIONS_READ))
    return Entry(
        fields={"power_dbm": 27.0, "antennas": [1, 2, 3, 4]},
        stimulus=("read", {"epc": "3074257BF7194E4000001A85", "antenna": 2, "peak_rssi_dbm": -51.0}),
        reading="TagRead",
        round_trips=(RoundTrip("message", messages, frames.Message.encode, frames.Message.decode),),
        faults={"four_port_output_refused": "401", "four_port_tag_access": "2 memory_locked"},
    )
