# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scanner_ssi import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    packets = st.builds(
        frames.Packet, st.integers(0x80, 0xFF), st.binary(max_size=frames.DATA_BYTES_MAX), st.integers(0, 255), st.sampled_from([frames.DECODER, frames.HOST])
    )
    return Entry(
        stimulus=("scan", {"text": "00106141412345678908", "symbology": "]C1"}),
        reading="Scan",
        round_trips=(RoundTrip("packet", packets, frames.Packet.encode, frames.Packet.decode),),
        faults={"busy_and_damaged": "02"},
    )
