# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_8217 import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    values = st.decimals(0, 99_999, places=3, allow_nan=False, allow_infinity=False)
    answers = st.one_of(
        st.builds(frames.Answer, values, st.sampled_from(["", "kg", "lb"]), st.booleans()),
        st.builds(lambda status: frames.Answer(status=status), st.integers(0, frames.STATUS_BITS)),
        st.builds(lambda letter: frames.Answer(letter=letter), st.sampled_from(["", "?", "@", "E", "F"])),
    )
    return Entry(
        fields={"default_unit": "kg"},
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("answer", answers, frames.Answer.encode, frames.Answer.decode),),
        faults={"limits_and_refusals": "? 00"},
    )
