# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.tower_patlite import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    commands = st.builds(frames.Command, st.sampled_from([b"AB", b"XX"]), st.sampled_from(list(frames.Identifier)), st.binary(max_size=7))
    patterns = st.lists(st.integers(0, 9), min_size=6, max_size=6).map(tuple)
    inputs = st.lists(st.booleans(), min_size=8, max_size=8).map(tuple)
    states = st.one_of(
        st.builds(frames.Status, patterns, st.one_of(st.just(()), inputs)),
        st.builds(lambda levels, group: frames.Status((), levels, group), inputs, st.integers(1, 31)),
    )
    return Entry(
        fields={"watchdog_s": 0.1},
        stimulus=("input", {"number": 2}),
        reading="InputChanged",
        round_trips=(
            RoundTrip("command", commands, frames.Command.encode, frames.decode),
            RoundTrip("status", states, frames.Status.encode, frames.decode_status),
        ),
        faults={"la6_refused": "15", "la6_lamp_stuck": "G"},
    )
