# SPDX-License-Identifier: Apache-2.0
import pytest

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.modbus.exchange import State
from drivers.base.modbus.frames import encode_rtu, encode_tcp
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionReady
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.maps import load_map
from drivers.sensor_modbus.session import SensorModbusSession, ValueFailed, ValueRead

GOOD_PDU = bytes.fromhex("04 04 01 31 02 22")
ASKED_RTU = bytes.fromhex("01 04 00 01 00 02 20 0b")


def _session(map_name="xy_md02", framing="rtu", **fields):
    settings = {"interval_s": 10.0, "reply_timeout_s": 0.5, "worst_reply_s": 1.0, **fields}
    at = {"path": "/dev/null"} if framing == "rtu" else {"host": "sensor"}
    return SensorModbusSession(SensorModbusConfig(map=map_name, framing=framing, **at, **settings), load_map(map_name))


def _asked(session, at_s=1.0):
    """Past the quiet second in which a serial line may still say something to somebody else."""
    session.advance_to(0.0)
    session.advance_to(at_s)
    return session.bytes_to_send()


def _reasons(events):
    return [event.reason for event in events if isinstance(event, FrameRejected)]


def test_serial_line_is_quiet_before_the_first_request():
    session = _session()

    session.advance_to(0.0)
    assert session.bytes_to_send() == b""
    assert session.next_deadline_s() <= 1.0
    session.receive_bytes(encode_rtu(1, GOOD_PDU), 0.4)  # a reply to somebody who asked before us
    session.advance_to(0.99)
    assert session.bytes_to_send() == b""

    events = session.advance_to(1.0)
    assert session.bytes_to_send() == ASKED_RTU
    assert _reasons(events) == ["late"]


@pytest.mark.requirement("E9")
def test_reply_becomes_values_in_their_units():
    session = _session()
    assert _asked(session) == ASKED_RTU

    events = session.receive_bytes(encode_rtu(1, GOOD_PDU), 1.1)

    assert [*events][1:] == [ValueRead("temperature_c", 30.5), ValueRead("humidity_pct", 54.6)]
    assert isinstance(events[0], SessionReady)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("another unit", encode_rtu(2, GOOD_PDU), "garbled"),
        ("another function", encode_rtu(1, bytes.fromhex("03 04 01 31 02 22")), "garbled"),
        ("another count", encode_rtu(1, bytes.fromhex("04 02 01 31")), "garbled"),
        ("a wrong checksum", encode_rtu(1, GOOD_PDU)[:-1] + b"\x00", "crc"),
        ("an exception to another function", encode_rtu(1, bytes.fromhex("83 02")), "garbled"),
        ("our own echo", ASKED_RTU, "garbled"),
    ],
)
def test_rtu_reply_that_does_not_fit_is_never_accepted(name, data, reason):
    session = _session()
    _asked(session)

    events = session.receive_bytes(data, 1.1)

    assert not [event for event in events if isinstance(event, ValueRead)], name
    assert _reasons(events) == [reason]
    assert session.state is State.DRAINING
    session.receive_bytes(encode_rtu(1, GOOD_PDU), 1.2)
    session.advance_to(1.99)
    assert session.bytes_to_send() == b""


@pytest.mark.parametrize(
    ("name", "adu", "reason"),
    [
        ("another unit", encode_tcp(1, 2, GOOD_PDU), "mismatch"),
        ("another function", encode_tcp(1, 1, bytes.fromhex("03 04 01 31 02 22")), "mismatch"),
        ("another count", encode_tcp(1, 1, bytes.fromhex("04 02 01 31")), "mismatch"),
        ("another transaction", encode_tcp(2, 1, GOOD_PDU), "stale_transaction"),
    ],
)
def test_tcp_reply_that_does_not_fit_is_never_accepted(name, adu, reason):
    session = _session(framing="tcp")
    session.advance_to(0.0)
    session.bytes_to_send()

    events = session.receive_bytes(adu, 0.1)

    assert not [event for event in events if isinstance(event, ValueRead)], name
    assert _reasons(events) == [reason]


def test_gateway_that_numbers_nothing_is_understood():
    session = _session(framing="tcp", interval_s=1.0)
    session.advance_to(0.0)
    session.bytes_to_send()

    events = session.receive_bytes(encode_tcp(0, 1, GOOD_PDU), 0.1)

    assert ValueRead("temperature_c", 30.5) in events


def test_late_reply_without_number_is_not_taken_for_the_next_one():
    session = _session(framing="tcp", interval_s=0.6)
    session.advance_to(0.0)
    session.bytes_to_send()
    session.advance_to(0.5)

    late = session.receive_bytes(encode_tcp(0, 1, bytes.fromhex("04 04 00 63 00 63")), 0.9)
    events = [*late, *session.advance_to(1.0)]
    assert session.bytes_to_send()[:2] == b"\x00\x02"
    events += session.receive_bytes(encode_tcp(0, 1, GOOD_PDU), 1.1)

    assert [event.value for event in events if isinstance(event, ValueRead)] == [30.5, 54.6]


def test_number_0_is_stale_once_the_device_has_numbered_a_reply():
    session = _session(framing="tcp", interval_s=1.0)
    session.advance_to(0.0)
    session.receive_bytes(encode_tcp(1, 1, GOOD_PDU), 0.1)
    session.advance_to(1.0)

    events = session.receive_bytes(encode_tcp(0, 1, GOOD_PDU), 1.1)

    assert _reasons(events) == ["stale_transaction"]
    assert not [event for event in events if isinstance(event, ValueRead)]


def test_serial_line_with_framing_of_tcp_is_a_mistake():
    with pytest.raises(ValueError, match="set `framing` to rtu"):
        SensorModbusConfig(path="/dev/ttyUSB0", map="xy_md02")


def test_stale_transaction_does_not_hide_the_true_reply():
    session = _session(framing="tcp")
    session.advance_to(0.0)
    session.bytes_to_send()

    events = session.receive_bytes(encode_tcp(0xFFFF, 1, bytes.fromhex("04 04 00 00 00 00")) + encode_tcp(1, 1, GOOD_PDU), 0.1)

    assert ValueRead("temperature_c", 30.5) in events
    assert ValueRead("temperature_c", 0.0) not in events


@pytest.mark.parametrize("head", ["00 01 00 01 00 06 01", "00 01 00 00 00 02 01", "00 01 00 00 ff ff 01", "01 04 04 01 31 02 22 2a ce"])
def test_tcp_stream_without_headers_ends_the_conversation(head):
    session = _session(framing="tcp")
    session.advance_to(0.0)

    with pytest.raises(RemoteProtocolError, match="no Modbus TCP header"):
        session.receive_bytes(bytes.fromhex(head), 0.1)


def test_reply_before_damaged_bytes_is_told_before_the_link_ends():
    session = _session(framing="tcp")
    session.advance_to(0.0)

    events = session.receive_bytes(encode_tcp(1, 1, GOOD_PDU) + b"HTTP/1.1", 0.1)

    assert ValueRead("temperature_c", 30.5) in events
    assert session.next_deadline_s() < 0
    with pytest.raises(RemoteProtocolError, match="no Modbus TCP header"):
        session.advance_to(0.1)


def test_turnaround_noise_before_the_reply_is_skipped():
    session = _session()
    _asked(session)

    events = session.receive_bytes(b"\xff\x00\xaa" + encode_rtu(1, GOOD_PDU), 1.1)

    assert ValueRead("temperature_c", 30.5) in events


def test_echo_of_the_adapter_is_taken_off_when_configured():
    session = _session(echoes=True)
    _asked(session)

    assert not session.receive_bytes(ASKED_RTU, 1.01)
    events = session.receive_bytes(encode_rtu(1, GOOD_PDU), 1.1)

    assert ValueRead("temperature_c", 30.5) in events


def test_echo_that_differs_means_a_collision_and_is_drained():
    session = _session(echoes=True)
    _asked(session)

    events = session.receive_bytes(ASKED_RTU[:3] + b"\xee" + ASKED_RTU[4:] + encode_rtu(1, GOOD_PDU), 1.01)

    assert _reasons(events) == ["garbled"]
    assert session.state is State.DRAINING


def test_nothing_is_sent_until_the_worst_reply_time_and_silence_have_passed():
    session = _session(worst_reply_s=2.0)
    _asked(session, 2.0)

    events = session.advance_to(2.5)
    assert [event.quantity for event in events] == ["temperature_c", "humidity_pct"]
    session.receive_bytes(encode_rtu(1, GOOD_PDU)[:5], 3.98)
    token = session.start_command("read", {}, 3.99)
    session.advance_to(4.0)
    assert session.bytes_to_send() == b""  # 2 s have passed, 50 ms of silence have not

    events = session.advance_to(4.04)
    assert session.bytes_to_send() == ASKED_RTU
    assert _reasons(events) == ["late"]
    events = session.receive_bytes(encode_rtu(1, GOOD_PDU), 4.1)
    assert CommandDone(token, {"temperature_c": 30.5, "humidity_pct": 54.6}) in events


def test_line_that_is_never_silent_is_lost():
    session = _session()
    _asked(session)

    def chatter(until_s):
        for step in range(75, int(until_s * 50)):
            session.advance_to(step / 50)
            session.receive_bytes(b"\x55", step / 50)

    chatter(11.0)
    with pytest.raises(RemoteProtocolError, match="not silent"):
        chatter(13.0)


def test_silent_unit_fails_each_reading_and_is_lost_after_some():
    session = _session(interval_s=2.0, silent_polls_max=3)
    failed, lost_at_s, now_s, reason = [], None, 0.0, ""
    while lost_at_s is None:
        try:
            failed += [(event.quantity, now_s) for event in session.advance_to(now_s) if isinstance(event, ValueFailed)]
        except ReplyTimeout as error:
            lost_at_s, reason = now_s, str(error)
        else:
            now_s = max(now_s, session.next_deadline_s())

    assert [at_s for quantity, at_s in failed if quantity == "temperature_c"] == [1.5, 2.5, 4.5]
    assert lost_at_s == 4.5
    assert "unit 1 in 3 readings" in reason


def test_readings_lie_on_the_grid_of_the_interval():
    session = _session(framing="tcp", interval_s=1.0)
    asked_at_s, now_s, delay_s = [], 0.0, 0.3
    while now_s < 20.0:
        session.advance_to(now_s)
        if sent := session.bytes_to_send():
            asked_at_s.append(now_s)
            session.receive_bytes(encode_tcp(int.from_bytes(sent[:2], "big"), 1, GOOD_PDU), now_s + delay_s)
        now_s = max(session.next_deadline_s(), now_s + delay_s if sent else now_s)

    assert asked_at_s == pytest.approx([float(second) for second in range(20)], abs=1e-9)


def test_exception_reply_fails_the_reading_but_keeps_the_link():
    session = _session()
    _asked(session)

    events = session.receive_bytes(encode_rtu(1, bytes.fromhex("84 02")), 1.1)

    assert [type(event) for event in events] == [SessionReady, ValueFailed, ValueFailed]
    assert "illegal data address" in events[1].reason
    assert session.state is State.IDLE


def test_two_blocks_of_a_map_are_read_one_after_the_other_with_silence_between():
    session = _session(map_name="comet_tx5xx")
    assert _asked(session)[:6] == bytes.fromhex("01 03 10 34 00 02")
    session.receive_bytes(encode_rtu(1, bytes.fromhex("03 04 20 96 01 27")), 1.05)
    assert session.serial == "20960127"
    session.advance_to(session.next_deadline_s())
    assert session.bytes_to_send() == bytes.fromhex("01 03 00 30 00 02 c4 04")

    session.receive_bytes(encode_rtu(1, bytes.fromhex("03 04 00 32 02 58")), 1.1)
    assert session.bytes_to_send() == b""
    session.advance_to(session.next_deadline_s())

    assert session.bytes_to_send()[:6] == bytes.fromhex("01 03 00 34 00 01")


def test_switched_output_must_be_echoed_exactly():
    session = _session(map_name="waveshare_relay", framing="tcp")
    session.advance_to(0.0)
    first = session.bytes_to_send()
    session.receive_bytes(encode_tcp(int.from_bytes(first[:2], "big"), 1, bytes.fromhex("01 01 00")), 0.01)

    token = session.start_command("switch_output", {"output": 3, "on": True}, 0.1)
    session.advance_to(0.1)
    sent = session.bytes_to_send()
    assert sent[7:] == bytes.fromhex("05 00 02 ff 00")
    events = session.receive_bytes(sent[:7] + bytes.fromhex("05 00 02 00 00"), 0.2)

    failed = [event for event in events if isinstance(event, CommandFailed)]
    assert [event.token for event in failed] == [token]
    assert isinstance(failed[0].error, RemoteProtocolError)
    assert "check `unit_id` and the map (got 00 02" in str(failed[0].error)


def test_exception_to_a_command_carries_the_code_of_the_standard():
    session = _session(map_name="waveshare_relay", framing="tcp")
    session.advance_to(0.0)
    first = session.bytes_to_send()
    session.receive_bytes(encode_tcp(int.from_bytes(first[:2], "big"), 1, bytes.fromhex("01 01 00")), 0.01)

    session.start_command("switch_output", {"output": 3, "on": True}, 0.1)
    session.advance_to(0.1)
    sent = session.bytes_to_send()
    (failed,) = session.receive_bytes(sent[:7].replace(b"\x06\x01", b"\x03\x01") + bytes.fromhex("85 04"), 0.2)

    assert isinstance(failed.error, DeviceFault)
    assert failed.error.code == "04"


@pytest.mark.parametrize("map_name", ["xy_md02", "waveshare_relay"])
def test_unknown_output_is_refused_with_those_there_are(map_name):
    session = _session(map_name=map_name)

    with pytest.raises(LocalProtocolError, match=r"has no output 9; it has: (none|1, 2, 3, 4, 5, 6, 7, 8)"):
        session.start_command("switch_output", {"output": 9, "on": True}, 0.0)
