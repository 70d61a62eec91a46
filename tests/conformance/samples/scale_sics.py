# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_sics import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    values = st.decimals(-99_999, 99_999, places=3, allow_nan=False, allow_infinity=False)
    replies = st.one_of(
        st.builds(frames.Reply, st.sampled_from(["S", "SI", "T", "TA"]), st.sampled_from("SDA"), values, st.sampled_from(["g", "kg", "lb"])),
        st.builds(frames.Reply, st.sampled_from(["S", "Z", "T", "TA"]), st.sampled_from("AIL+-")),
        st.builds(lambda serial: frames.Reply("I4", "A", detail=serial), st.text("0123456789ABC-", min_size=1, max_size=20)),
        st.builds(lambda code: frames.Reply(code, ""), st.sampled_from(sorted(frames.GLOBAL_ERRORS))),
    )
    return Entry(
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("line", replies, frames.Reply.encode, lambda line: frames.Reply.decode(line.removesuffix(b"\r\n"))),),
        faults={"bench_refusals": "Z +"},
    )
