# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.gpio_lines import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
    lines = st.builds(frames.Line, st.lists(words, min_size=1, max_size=6).map(tuple))
    return Entry(
        fields={
            "inputs": [
                {"input": 1, "line": "GPIO17", "active_low": True, "pull": "up", "debounce_ms": 50},
                {"input": 2, "line": 22, "debounce_ms": 0},
            ],
            "outputs": [{"output": 1, "line": 27, "active_low": True}, {"output": 2, "line": "GPIO24", "safe": "on"}],
        },
        stimulus=("pin", {"pin": 17, "high": False}),
        reading="InputChanged",
        round_trips=(RoundTrip("line", lines, frames.Line.encode, frames.decode),),
        faults={"output_refused": "EPERM"},
    )
