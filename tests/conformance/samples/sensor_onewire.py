# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.sensor_onewire import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    roms = st.sampled_from(["28-0316a2791e0b", "10-000802b4c3aa", "-"])
    lines = st.builds(frames.Line, st.sampled_from(frames.REQUESTS + frames.ANSWERS), roms, st.text(st.characters(max_codepoint=127), max_size=100))
    pads = st.builds(frames.Scratchpad, st.binary(min_size=9, max_size=9), st.integers(-127_000, 125_000).map(lambda millidegrees: millidegrees / 1000))
    return Entry(
        fields={"interval_s": 0.1, "probes": {"28-0316a2791e0b": "shelf_temperature_c"}},
        twin_arguments={"hasty": True, "bulk": False},
        stimulus=("set", {"temperature_c": 7.5}),
        reading="Measured",
        round_trips=(
            RoundTrip("line", lines, frames.Line.encode, frames.decode),
            RoundTrip("w1_slave", pads, frames.Scratchpad.encode, frames.decode_scratchpad),
        ),
        faults={"no_answer": "EIO", "power_cut": "POR85", "bus_shorted": "ZERO", "damaged": "CRC"},
    )
