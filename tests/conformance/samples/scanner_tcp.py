# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scanner_tcp import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    detail = st.text("0123456789ABC-.,", max_size=20)
    keyence = st.builds(frames.KeyenceReply, st.booleans(), st.sampled_from(["LON", "LOFF", "KEYENCE"]), detail)
    dmcc = st.builds(frames.DmccReply, st.sampled_from(["0", "1", "102"]), st.binary(max_size=40), st.none() | st.integers(0, 99999), st.booleans())
    return Entry(
        fields={"make": "keyence_sr"},
        stimulus=("scan", {"text": "00106141412345678908", "symbology": "]C1"}),
        reading="Scan",
        round_trips=(
            RoundTrip("Keyence", keyence, frames.KeyenceReply.encode, frames.KeyenceReply.decode),
            RoundTrip("DMCC", dmcc, frames.DmccReply.encode, frames.DmccReply.decode),
        ),
        faults={"keyence_tuned_meanwhile": "20", "dataman_refusals": "104"},
    )
