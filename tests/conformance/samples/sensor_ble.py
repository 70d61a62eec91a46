# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.sensor_ble import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    addresses = st.binary(min_size=6, max_size=6).map(lambda data: data.hex(":"))
    reports = st.builds(frames.Report, addresses, st.binary(max_size=243), st.one_of(st.none(), st.integers(-127, 20)))
    return Entry(
        fields={
            "sample_interval_s": 0,
            "stale_s_min": 1.0,
            "interval_s": 2.0,
            "first_heard_s": 30.0,
            "tags": {
                "shelf": {"mac": "CB:B8:33:4C:88:4F"},
                "door": {"mac": "a4:c1:38:3e:b3:93", "contact_input": 3, "button_input": 4},
                "freezer": {"mac": "a4:c1:38:56:53:84"},
                "safe": {"mac": "54:48:e6:8f:80:a5", "bindkey": "231d39c1d7cc1ab1aee224cd096db932"},
            },
        },
        twin_arguments={"interval_s": 0.1},
        stimulus=("door", {}),
        reading="InputChanged",
        round_trips=(RoundTrip("report", reports, frames.Report.encode, lambda packet: frames.decode(packet)[0]),),
        faults={"sensor_broken": "8000", "encrypted_without_key": "KEY", "tag_falls_silent": "SILENT"},
    )
