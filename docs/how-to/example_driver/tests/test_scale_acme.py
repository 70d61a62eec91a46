# SPDX-License-Identifier: Apache-2.0
"""The driver keeps all rules that Dockline has for drivers."""

from pathlib import Path

from hypothesis import strategies as st
from scale_acme import frames

from firmware_sims.engine.servers import TcpTwinServer
from gateway.conformance.kit import for_drivers
from gateway.conformance.rules import *  # noqa: F403  # the rules are the tests
from gateway.conformance.sample import Entry, RoundTrip, over_tcp


def sample() -> Entry:
    """What the rules have to know of this driver."""
    weights = st.builds(frames.WeightFrame, st.decimals(-9999, 9999, places=2), st.sampled_from(["kg", "lb"]), st.booleans())
    errors = st.builds(frames.ErrorFrame, st.sampled_from(sorted(frames.ERRORS)))
    return Entry(
        fields={"interval_s": 0.05},
        stimulus=("place", {"weight_kg": 12.5}),
        reading="Weight",
        round_trips=(RoundTrip("line", st.one_of(weights, errors), lambda frame: frame.encode(), frames.decode),),
        faults={"overload": "07"},
        way=over_tcp(TcpTwinServer),
    )


pytest_generate_tests = for_drivers({"scale_acme": sample}, captures=Path(__file__).parent / "captures")
