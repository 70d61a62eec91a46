# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scanner_serial import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    codes = st.builds(frames.CodeFrame, st.sampled_from(["]C1", "]E0", "]d2", "]Q3"]), st.binary(max_size=100))
    return Entry(
        stimulus=("scan", {"text": "00106141412345678908", "symbology": "]C1"}),
        reading="Scan",
        round_trips=(RoundTrip("code", codes, frames.CodeFrame.encode, frames.CodeFrame.decode),),
    )
