# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from drivers.printer_zpl import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    counts = st.integers(0, 999)
    flags = st.booleans()
    first = st.builds(frames.Status1, flags, flags, st.integers(0, 32000), counts, flags, flags, flags, flags, flags, flags, st.integers(0, 511))
    second = st.builds(frames.Status2, flags, flags, flags, st.sampled_from("0123456"), flags, st.integers(0, 99_999_999), counts)
    third = st.builds(frames.Status3, st.text("0123456789", min_size=4, max_size=4), flags)
    bits = st.integers(0, 0xFFFFFFFFFFFFFFFF)
    words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", min_size=4, max_size=20).filter(lambda text: not text[:3].isdigit() and "ERRORS" not in text)
    identity = st.builds(frames.Identity, words, words, st.sampled_from(["6", "8", "12", "24"]))
    blocks = st.one_of(first, second, third, identity, st.builds(frames.Faults, bits, bits))
    settings = st.builds(frames.Setting, st.text("0123456789abc ?.-", max_size=40))
    return Entry(
        fields={"poll_interval_s": 0.2, "job_poll_interval_s": 0.1, "settle_s": 0.2},
        stimulus=("run_out_of_paper", {}),
        reading="ConditionChanged",
        round_trips=(
            RoundTrip("block", blocks, lambda frame: frame.encode(), _of_block),
            RoundTrip("setting", settings, frames.Setting.encode, frames.Setting.decode),
        ),
        faults={"zt411_out_of_paper": "~HS 1b"},
    )


def _of_block(line: bytes) -> Any:
    return frames.decode_block(line.removeprefix(b"\x02").removesuffix(b"\x03\r\n"))
