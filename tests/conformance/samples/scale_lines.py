# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.base.weighing import Weighed
from drivers.scale_lines.frames import read_line
from drivers.scale_lines.maps import load_map
from tests.conformance.sample import Entry, RoundTrip

_MAP = load_map("kern_gs")


def _line(event: Weighed) -> bytes:
    header = "ST" if event.state == "stable" else "US"
    return f"{header},{'NT' if event.net else 'GS'}{event.value:>9}{event.unit.upper()}".encode()


def _event(line: bytes) -> Weighed:
    event = read_line(_MAP, line.decode("latin-1"))
    if event is None:
        raise RemoteProtocolError("a line that is no weight", line)
    return Weighed(event.state, event.value, event.unit, "", event.net)


def sample() -> Entry:
    """See `Entry`; the round trip is that of a line through a map."""
    values = st.decimals(-9_999, 9_999, places=3, allow_nan=False, allow_infinity=False)
    lines = st.builds(lambda state, value, unit, net: Weighed(state, value, unit, "", net), st.sampled_from(["stable", "dynamic"]), values,
                      st.sampled_from(["kg", "g", "lb"]), st.booleans())  # fmt: skip
    return Entry(
        fields={"map": "kern_gs"},
        stimulus=("place", {"weight_g": 1250}),
        reading="Weight",
        round_trips=(RoundTrip("line", lines, _line, _event),),
        faults={"and_18_over": "OL"},
    )
