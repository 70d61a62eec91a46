# SPDX-License-Identifier: Apache-2.0
"""The simulated reader without any network, spoken to with hand-written requests (LLRP 1.0.1, chapter 16)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sims.rfid_llrp.codec import TABLE
from firmware_sims.rfid_llrp.rospecs import ACTIVE, DISABLED, INACTIVE
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin

pytestmark = pytest.mark.requirement("E15")

EPC = "3074257BF7194E4000001A85"


def request(kind: int, body: str = "", message_id: int = 9, version: int = 1) -> bytes:
    raw = bytes.fromhex(body)
    return struct.pack("!HII", version << 10 | kind, 10 + len(raw), message_id) + raw


def said(data: bytes) -> list[tuple[int, int, str]]:
    """Type, id and body of each message."""
    found = []
    while data:
        kind, length, message_id = struct.unpack_from("!HII", data)
        found.append((kind & 0x3FF, message_id, data[10:length].hex()))
        data = data[length:]
    return found


def rospec(start: str = "00b3 0005 00", stop: str = "00b6 0009 00 00000000", antennas: str = "0001 0000", report: str = "02 0001", number: int = 1) -> bytes:
    """ADD_ROSPEC with these triggers; antenna, RSSI, last seen and count are reported."""

    def tlv(kind: int, body: bytes) -> bytes:
        return struct.pack("!HH", kind, 4 + len(body)) + body

    boundary = tlv(178, bytes.fromhex(start + stop))
    ai = tlv(183, bytes.fromhex(antennas + "00b8 0009 00 00000000 00ba 0007 0001 01"))
    reports = tlv(237, bytes.fromhex(report + "00ee 0006 1580"))
    return request(20, tlv(177, struct.pack("!IBB", number, 0, 0) + boundary + ai + reports).hex())


OK = "011f000800000000"
ENABLE, START, STOP, DISABLE, DELETE_ALL = (
    request(kind, body) for kind, body in ((24, "00000001"), (22, "00000001"), (23, "00000001"), (25, "00000001"), (21, "00000000"))
)


def connected(**arguments: int) -> LlrpReaderTwin:
    twin = LlrpReaderTwin(**arguments)  # type: ignore[arg-type]
    twin.connected(0.0)
    return twin


def status(answer: bytes) -> int:
    return int.from_bytes(answer[14:16], "big")


def test_client_is_greeted_with_time_and_success() -> None:
    assert said(LlrpReaderTwin().connected(1.0)) == [(63, 1, "00f60016" + "0080000c00064748462f8240" + "010000060000")]


def test_second_client_hears_that_one_is_there_already() -> None:
    assert said(connected().turned_away(1.0))[0][2].endswith("010000060002")


def test_rospec_goes_from_disabled_over_inactive_to_active_and_back() -> None:
    twin = connected()

    states = []
    for message in (rospec(), ENABLE, START, STOP, DISABLE):
        assert status(twin.receive_bytes(message, 0.0)) == 0
        states.append(twin.rospecs[1].state)
    twin.receive_bytes(DELETE_ALL, 0.0)

    assert states == [DISABLED, INACTIVE, ACTIVE, INACTIVE, DISABLED]
    assert twin.rospecs == {}


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([], START),
        ([rospec()], START),
        ([rospec(), ENABLE, START], START),
        ([rospec(), ENABLE], STOP),
        ([rospec()], rospec()),
        ([], rospec(antennas="0001 0005")),
        ([], rospec(number=0)),
        ([], rospec(start="00b3 0005 02")),
        ([], request(20, "00b1 000a 00000001 00 00")),
        ([], request(20, "00b1 00ff 00000001 00 00")),
        ([], request(22, "0001")),
        ([], request(3, "00 00db 0007 0009 80")),
        ([], request(1, "63")),
        ([], request(999)),
        ([], request(1, "00", version=2)),
    ],
)
def test_impossible_requests_are_refused_with_a_status(before: list[bytes], message: bytes) -> None:
    twin = connected()
    for one in before:
        twin.receive_bytes(one, 0.0)

    assert status(twin.receive_bytes(message, 0.0)) >= 100


def test_tag_is_reported_only_while_reading_and_by_the_wanted_antennas() -> None:
    twin = connected()
    read = {"epc": EPC, "antenna": 2, "peak_rssi_dbm": -51.4}
    assert twin.stimulate("read", read, 1.0) == b""
    for message in (rospec(antennas="0001 0002"), ENABLE, START):
        twin.receive_bytes(message, 1.0)

    report = twin.stimulate("read", read, 2.0)

    assert said(report)[0][::2] == (61, "00f00022" + "8d" + EPC.lower() + "810002" + "86cd" + "8400064748463ec480" + "880001")
    assert twin.stimulate("read", {**read, "antenna": 1}, 2.1) == b""


def test_reads_of_one_tag_are_collected_into_one_report() -> None:
    twin = connected()
    for message in (rospec(report="02 0002"), ENABLE, START):
        twin.receive_bytes(message, 0.0)

    for at_s, rssi in ((1.0, -60.0), (1.1, -50.0), (1.2, -70.0)):
        assert twin.stimulate("read", {"epc": EPC, "antenna": 1, "peak_rssi_dbm": rssi}, at_s) == b""
    report = twin.stimulate("read", {"epc": EPC, "antenna": 2, "peak_rssi_dbm": -55.0}, 1.3)

    body = said(report)[0][2]
    assert body.count("00f0") == 2
    assert "86ce" in body  # the peak, -50
    assert body.index("880003") < body.index("880001")


def test_rest_is_reported_on_request_and_at_the_end() -> None:
    twin = connected()
    for message in (rospec(report="02 0000"), ENABLE, START):
        twin.receive_bytes(message, 0.0)
    read = {"epc": EPC, "antenna": 1, "peak_rssi_dbm": -50.0}

    assert twin.stimulate("read", read, 1.0) == b""
    assert [kind for kind, *_ in said(twin.receive_bytes(request(60), 1.0))] == [61]
    assert twin.stimulate("read", read, 2.0) == b""
    assert sorted(kind for kind, *_ in said(twin.receive_bytes(STOP, 2.0))) == [33, 61]


def test_keepalives_come_as_often_as_asked_and_answers_are_counted() -> None:
    twin = connected()
    twin.receive_bytes(request(3, "00 00dc 0009 01 000003e8"), 10.0)
    assert twin.next_deadline_s() == 11.0

    assert [kind for kind, *_ in said(twin.advance_to(11.0))] == [62]
    twin.receive_bytes(request(72), 11.1)

    assert twin.keepalive_acks == 1
    assert twin.next_deadline_s() == 12.0


def test_input_is_told_only_when_port_and_event_are_enabled() -> None:
    twin = connected()
    assert twin.stimulate("input", {"input": 1, "level": True}, 1.0) == b""
    twin.receive_bytes(request(3, "00 00f4 000b 00f5 0007 0001 80 00e1 0008 0001 80 00"), 1.0)

    event = twin.stimulate("input", {"input": 1, "level": False}, 2.0)

    assert said(event)[0][2].endswith("00f8" + "0007" + "0001" + "00")
    assert twin.stimulate("input", {"input": 1, "level": False}, 3.0) == b""


def test_rospec_starts_and_stops_by_its_input() -> None:
    twin = connected()
    start = "00b3 0010 03 00b5 000b 0002 80 00000000"
    stop = "00b6 0014 02 00000000 00b5 000b 0002 00 000007d0"
    for message in (request(3, "00 00e1 0008 0002 80 00"), rospec(start=start, stop=stop), ENABLE):
        twin.receive_bytes(message, 0.0)

    twin.stimulate("input", {"input": 2, "level": True}, 1.0)
    assert twin.rospecs[1].state == ACTIVE
    twin.stimulate("input", {"input": 2, "level": False}, 1.5)
    assert twin.rospecs[1].state == INACTIVE
    twin.stimulate("input", {"input": 2, "level": True}, 2.0)
    twin.advance_to(twin.next_deadline_s() or 0)
    assert (twin.rospecs[1].state, twin.next_deadline_s()) == (INACTIVE, None)


def test_immediate_rospec_begins_anew_after_its_duration() -> None:
    twin = connected()
    for message in (rospec(start="00b3 0005 01", stop="00b6 0009 01 000001f4", report="02 0000"), ENABLE):
        twin.receive_bytes(message, 0.0)
    twin.stimulate("read", {"epc": EPC, "antenna": 1, "peak_rssi_dbm": -50.0}, 0.1)

    assert [kind for kind, *_ in said(twin.advance_to(0.5))] == [61]
    assert (twin.rospecs[1].state, twin.next_deadline_s()) == (ACTIVE, 1.0)


def test_reports_wait_for_the_client_that_went_away() -> None:
    twin = connected()
    for message in (rospec(), ENABLE, START):
        twin.receive_bytes(message, 0.0)
    twin.disconnected(1.0)

    assert twin.stimulate("read", {"epc": EPC, "antenna": 1, "peak_rssi_dbm": -50.0}, 2.0) == b""

    assert [kind for kind, *_ in said(twin.connected(3.0))] == [63, 61]


def test_held_reports_wait_until_they_are_asked_for() -> None:
    twin = connected()
    for message in (request(3, "00 00e2 0005 80"), rospec(), ENABLE, START):
        twin.receive_bytes(message, 0.0)
    twin.disconnected(1.0)
    twin.stimulate("read", {"epc": EPC, "antenna": 1, "peak_rssi_dbm": -50.0}, 2.0)

    assert [kind for kind, *_ in said(twin.connected(3.0))] == [63]
    assert [kind for kind, *_ in said(twin.receive_bytes(request(64), 3.0))] == [61]


def test_reboot_forgets_everything_and_stays_silent_until_the_next_client() -> None:
    twin = connected()
    for message in (rospec(), request(3, "00 00db 0007 0001 80 00dc 0009 01 000003e8")):
        twin.receive_bytes(message, 0.0)
    assert twin.outputs[1]

    assert twin.stimulate("reboot", {}, 5.0) == b""

    assert twin.wants_close
    assert twin.receive_bytes(request(1, "00"), 5.0) == b""
    assert (twin.rospecs, twin.outputs[1], twin.next_deadline_s()) == ({}, False, None)
    assert twin.connected(6.0)
    assert not twin.wants_close


def test_close_is_answered_and_then_wanted() -> None:
    twin = connected()

    assert said(twin.receive_bytes(request(14), 0.0)) == [(4, 9, OK)]
    assert twin.wants_close


def _tlv(kind: int, body: bytes) -> bytes:
    return struct.pack("!HH", kind, 4 + len(body)) + body


KINDS = st.sampled_from([number for number, _ in TABLE.values()])
TREES = st.recursive(
    st.builds(_tlv, KINDS, st.binary(max_size=16)),
    lambda inner: st.builds(lambda kind, head, parts: _tlv(kind, head + b"".join(parts)), KINDS, st.binary(max_size=10), st.lists(inner, max_size=3)),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.sampled_from([2, 3, 20, 40]), st.binary(max_size=1), TREES), max_size=6))
def test_whatever_is_configured_the_reader_does_not_fall_over(asked: list[tuple[int, bytes, bytes]]) -> None:
    twin = connected()
    for kind, head, tree in asked:
        twin.receive_bytes(request(kind, (head + tree).hex()), 1.0)
        twin.receive_bytes(ENABLE, 1.0)
        twin.stimulate("read", {"epc": EPC, "antenna": 1, "peak_rssi_dbm": -50.0}, 2.0)
        twin.advance_to(3.0)


def test_parameters_nested_without_end_are_refused() -> None:
    twin = connected()
    body = b""
    for _ in range(5000):
        body = _tlv(178, body)

    assert status(twin.receive_bytes(request(20, body.hex()), 0.0)) == 100


@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from([1, 2, 3, 20, 21, 22, 24, 40, 41, 61, 64]))
def test_whatever_a_client_sends_the_reader_does_not_fall_over(pieces: list[bytes], kind: int) -> None:
    twin = connected()
    for piece in pieces:
        twin.receive_bytes(request(kind, piece.hex()), 1.0)
        twin.receive_bytes(piece, 1.0)
