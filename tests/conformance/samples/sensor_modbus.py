# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.base.modbus import frames
from tests.conformance.sample import Entry, RoundTrip


def sample() -> Entry:
    """See `Entry`."""
    words, unit = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125).map(tuple), st.integers(1, 247)
    bits = st.integers(1, 20).flatmap(lambda count: st.lists(st.booleans(), min_size=8 * count, max_size=8 * count)).map(tuple)
    replies = st.one_of(
        st.builds(frames.Reply, unit, st.sampled_from(frames.READ_REGISTERS), words),
        st.builds(lambda unit_id, function, states: frames.Reply(unit_id, function, bits=states), unit, st.sampled_from(frames.READ_BITS), bits),
        st.builds(lambda unit_id, address, on: frames.Reply(unit_id, 5, bits=(on,), address=address), unit, st.integers(0, 0xFFFF), st.booleans()),
        st.builds(lambda unit_id, function, code: frames.Reply(unit_id, function, exception_code=code), unit, st.integers(1, 5), st.integers(1, 255)),
    )

    def from_rtu(adu: bytes) -> frames.Reply:
        return frames.decode_reply(*frames.decode_rtu(adu))

    def from_tcp(adu: bytes) -> frames.Reply:
        _, unit_id, pdu = frames.decode_tcp(adu)
        return frames.decode_reply(unit_id, pdu)

    return Entry(
        fields={"map": "xy_md02", "interval_s": 0.1},
        stimulus=("set", {"quantity": "temperature_c", "value": 7.5}),
        reading="Measured",
        round_trips=(
            RoundTrip("rtu", replies, lambda reply: frames.encode_rtu(reply.unit_id, reply.pdu()), from_rtu),
            RoundTrip("tcp", replies, lambda reply: frames.encode_tcp(7, reply.unit_id, reply.pdu()), from_tcp),
        ),
        faults={"xy_md02_rtu_illegal_address": "02"},
    )
