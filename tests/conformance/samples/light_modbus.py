# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.base.modbus import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    words, unit, address = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=8).map(tuple), st.integers(1, 247), st.integers(0, 0xFFFF)
    replies = st.one_of(
        st.builds(frames.Reply, unit, st.just(4), words),
        st.builds(lambda unit_id, at, word: frames.Reply(unit_id, 6, (word,), address=at), unit, address, st.integers(0, 0xFFFF)),
        st.builds(
            lambda unit_id, function, at, n: frames.Reply(unit_id, function, address=at, count=n),
            unit,
            st.sampled_from([15, 16]),
            address,
            st.integers(1, 123),
        ),
    )
    return Entry(
        fields={"map": "generic_tag", "nodes": 5, "scan_interval_s": 0.2, "worst_reply_s": 0.2},
        twin_arguments={"nodes": 5, "reply_delay_s": 0.0},
        stimulus=("press", {"node": 3}),
        reading="ButtonPressed",
        round_trips=(
            RoundTrip("rtu", replies, lambda reply: frames.encode_rtu(reply.unit_id, reply.pdu()), lambda adu: frames.decode_reply(*frames.decode_rtu(adu))),
        ),
        faults={"generic_tag_refuses": "03"},
    )
