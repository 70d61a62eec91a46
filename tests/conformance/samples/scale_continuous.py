# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.scale_continuous import frames
from tests.conformance.sample import Entry, RoundTrip

SHAPES = {shape.length: shape for shape in (frames.Shape(name, has_checksum=True) for name in ("long", "short", "cardinal"))}


def _frame(length: int, words: tuple[int, int, int], weight: int | None, tare: int) -> frames.WeightFrame:
    name = SHAPES[length].name
    shown = " " * 6 if weight is None else f"{weight:>6}"
    return frames.WeightFrame(*words, shown, None if name == "short" else f"{tare:>6}", ">" if name == "cardinal" else "")


def sample() -> Entry:
    """See `Entry`."""
    word = st.integers(0, 0x7F)
    digits = st.integers(0, 999_999)
    made = st.builds(_frame, st.sampled_from(sorted(SHAPES)), st.tuples(word, word, word), st.none() | digits, digits)
    return Entry(
        stimulus=("place", {"weight_g": 125_000}),
        reading="Weight",
        round_trips=(
            RoundTrip(
                "frame",
                made,
                lambda frame: bytes(frame.encode(with_checksum=True)),
                lambda sent: frames.WeightFrame.decode(sent, SHAPES[len(sent)]),
            ),
        ),
        faults={"limits_and_refusals": "Z"},
    )
