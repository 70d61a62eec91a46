# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scanner_evdev import frames
from tests.conformance.sample import OVER_PIPE, Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    events = st.builds(
        frames.InputEvent, st.integers(0, 2**32 - 1), st.integers(0, 999_999), st.sampled_from([0, 1, 4, 17]), st.integers(0, 255), st.integers(0, 2)
    )
    return Entry(
        fields={"record_format": "64-bit"},
        twin_arguments={"record_bytes": 24},
        stimulus=("scan", {"text": "00106141412345678908", "symbology": "]C1"}),
        reading="Scan",
        round_trips=(
            RoundTrip("record of 24 bytes", events, lambda event: event.encode(24), frames.InputEvent.decode),
            RoundTrip("record of 16 bytes", events, lambda event: event.encode(16), frames.InputEvent.decode),
        ),
        way=OVER_PIPE,
    )
