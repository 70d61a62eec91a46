# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_nci import frames
from tests.conformance.sample import Entry, RoundTrip


def _reply(status: str, digits: int, places: int, unit: str) -> frames.Reply:
    text = f"{digits:.{places}f}{unit}"
    return frames.Reply.decode(f"\n{text}\r\n{status}\r\x03".encode())


def sample() -> Entry:
    """See `Entry`."""
    last = st.sampled_from("0123456789:;<=>?")
    statuses = st.one_of(
        st.tuples(last, last),
        st.tuples(last, st.sampled_from("pqrstuvw"), last),
        st.tuples(last, st.sampled_from("pqrs"), st.sampled_from("ptx|"), last),
    ).map("".join)
    replies = st.one_of(
        st.builds(lambda status: frames.Reply(frames.Status(status)), statuses),
        st.builds(_reply, statuses, st.integers(-999, 99_999), st.integers(0, 3), st.sampled_from(["kg", "LB", "g", "oz"])),
        st.just(frames.Reply()),
    )
    return Entry(
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("answer", replies, frames.Reply.encode, frames.Reply.decode),),
        faults={"unknown_command_swapped": "?"},
    )
