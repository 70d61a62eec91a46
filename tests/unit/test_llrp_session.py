# SPDX-License-Identifier: Apache-2.0
"""The LLRP conversation without any network: a reader of a few hand-written lines answers, time is an argument."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import DeviceFault, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandDone, CommandFailed, FrameRejected, SessionEvent, SessionReady
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.events import InputLevel, ReaderFault, TagsSeen
from drivers.rfid_llrp.session import LlrpSession
from drivers.rfid_llrp.setup import State

pytestmark = pytest.mark.requirement("E1")

OK = bytes.fromhex("011f 0008 0000 0000")
NO = bytes.fromhex("011f 000e 0065 0006 62726f6b656e")  # M_FieldError "broken"
ABLE = OK + bytes.fromhex("0089 001a 0004 4000 0000651a 001e8a4a 0000 008d 0008 0002 0003 008f 0014 0348 0001 0090 000c 0091 0008 0005 07d0")
TAG = bytes.fromhex("00f0 0011 8d 3074257bf7194e4000001a85")
SETUP = [46, 1, 21, 41, 3, 2, 20, 24, 22]
UNSUPPORTED = bytes.fromhex("011f 0008 006e 0000")  # M_UnsupportedVersion


def frame(kind: int, body: bytes = b"", message_id: int = 0) -> bytes:
    return struct.pack("!HII", 1 << 10 | kind, 10 + len(body), message_id) + body


def event(parts: str, time_us: int = 1_000_000) -> bytes:
    inner = bytes.fromhex("0080 000c") + time_us.to_bytes(8, "big") + bytes.fromhex(parts)
    return frame(63, struct.pack("!HH", 246, 4 + len(inner)) + inner)


CONNECTED = event("0100 0006 0000")


def split(data: bytes) -> list[tuple[int, int, bytes]]:
    """What the session sent: type, id, body."""
    found = []
    while data:
        kind, length, message_id = struct.unpack_from("!HII", data)
        found.append((kind & 0x3FF, message_id, data[10:length]))
        data = data[length:]
    return found


class Conversation:
    """A session and its reader; `answers` replaces what the reader says to a request type."""

    def __init__(self, answers: dict[int, bytes] | None = None, **fields: object) -> None:
        self.session = LlrpSession(RfidLlrpConfig(host="reader", **fields))  # type: ignore[arg-type]
        self.answers = {1: frame(11, ABLE), 46: frame(100, UNSUPPORTED)} | (answers or {})
        self.asked: list[int] = []
        self.events: list[SessionEvent] = [*self.session.advance_to(0.0)]

    def hear(self, data: bytes, now_s: float = 0.0) -> Sequence[SessionEvent]:
        """The reader speaks, and answers what it is asked."""
        before = len(self.events)
        self.events += self.session.receive_bytes(data, now_s)
        while said := split(self.session.bytes_to_send()):
            for kind, message_id, _ in said:
                self.asked.append(kind)
                answer = self.answers.get(kind, frame(kind + 10, OK) if kind < 60 else b"")
                if answer:
                    self.events += self.session.receive_bytes(answer[:6] + struct.pack("!I", message_id) + answer[10:], now_s)
        return self.events[before:]


def running(**fields: object) -> Conversation:
    talk = Conversation(**fields)
    talk.hear(CONNECTED)
    assert talk.session.state is State.RUNNING
    return talk


def test_session_says_nothing_before_the_reader_has() -> None:
    talk = Conversation()

    assert talk.session.bytes_to_send() == b""
    assert talk.session.farewell() == b""


def test_setup_asks_clears_configures_and_starts_in_order() -> None:
    talk = Conversation()

    events = talk.hear(CONNECTED)

    assert talk.asked == SETUP
    assert events == [
        SessionReady(
            "Impinj model 2001482, firmware , 4 antennas, 2 inputs, 3 outputs, UTC clock; 20 to 20 dBm in 1 steps; US FCC part 15, country 840; LLRP 1.0.1"
        )
    ]


@pytest.mark.parametrize(("status", "text"), [(1, "reader itself opened"), (2, "another client is connected"), (3, "gives no reason"), (9, "reason 9")])
def test_refused_connection_says_why(status: int, text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=text):
        Conversation().hear(event(f"0100 0006 {status:04x}"))


@pytest.mark.parametrize("request_type", [1, 3, 20, 24, 22])
def test_refused_setup_names_request_and_status(request_type: int) -> None:
    talk = Conversation({request_type: frame(request_type + 10, NO)})

    with pytest.raises(RemoteProtocolError, match=r"the reader refuses \w+: M_FieldError \(101\): broken"):
        talk.hear(CONNECTED)

    assert talk.session.next_deadline_s() is None


def test_error_message_in_setup_counts_as_refusal() -> None:
    with pytest.raises(RemoteProtocolError, match="refuses ADD_ROSPEC: M_FieldError"):
        Conversation({20: frame(100, NO)}).hear(CONNECTED)


def test_reader_with_nothing_to_delete_may_say_so() -> None:
    talk = Conversation({21: frame(31, NO), 2: frame(100, NO)})

    talk.hear(CONNECTED)

    assert talk.session.state is State.RUNNING


def test_wrong_answer_in_setup_is_a_protocol_error() -> None:
    with pytest.raises(RemoteProtocolError, match="expected the answer to ADD_ROSPEC, got ENABLE_ROSPEC_RESPONSE"):
        Conversation({20: frame(34, OK)}).hear(CONNECTED)


def test_readers_own_message_with_the_number_of_our_request_is_no_answer() -> None:
    custom = frame(1023, bytes.fromhex("0000651a 15"))
    talk = Conversation()

    for number in range(1, len(SETUP) + 1):
        talk.events += talk.session.receive_bytes(custom[:6] + struct.pack("!I", number) + custom[10:], 0.0)
    talk.hear(CONNECTED + b"".join(custom[:6] + struct.pack("!I", number) + custom[10:] for number in range(1, len(SETUP) + 1)))

    assert talk.session.state is State.RUNNING
    assert {event.reason for event in talk.events if isinstance(event, FrameRejected)} == {"unknown_message"}


def test_error_without_the_number_of_its_request_ends_the_setup_at_once() -> None:
    able = OK + bytes.fromhex("0089 0012 0004 4000 0000651a 001e8a4a 0000")
    talk = Conversation({1: frame(11, able), 20: b""})
    talk.hear(CONNECTED)

    with pytest.raises(RemoteProtocolError, match="refuses ADD_ROSPEC: M_FieldError"):
        talk.hear(frame(100, NO))


@pytest.mark.parametrize("end", [event("0101 0004"), b"HTTP/1.1 400"])
def test_tags_before_the_end_of_the_link_are_told_first(end: bytes) -> None:
    talk = running()

    told = talk.hear(frame(61, TAG) + end)

    assert [type(each) for each in told] == [TagsSeen]
    deadline_s = talk.session.next_deadline_s()
    assert deadline_s is not None
    assert deadline_s < 0
    with pytest.raises(RemoteProtocolError):
        talk.session.advance_to(0.0)


def test_reader_that_refuses_to_enable_its_inputs_reads_tags_without_them() -> None:
    talk = Conversation()
    talk.session.receive_bytes(CONNECTED, 0.0)
    answers = {1: frame(11, ABLE), 46: frame(100, UNSUPPORTED)}
    settings: list[bytes] = []
    events: list[SessionEvent] = []
    while said := split(talk.session.bytes_to_send()):
        for kind, message_id, body in said:
            settings += [body] if kind == 3 else []
            refused = kind == 3 and bytes.fromhex("00e1 0008") in body
            answer = frame(13, NO) if refused else answers.get(kind, frame(kind + 10, OK))
            events += talk.session.receive_bytes(answer[:6] + struct.pack("!I", message_id) + answer[10:], 0.0)

    assert talk.session.state is State.RUNNING
    assert len(settings) == 2
    assert next(each.text for each in events if isinstance(each, ReaderFault)).startswith("the reader refuses to enable its inputs (M_FieldError")


def test_power_without_a_table_says_to_leave_it_out() -> None:
    able = OK + bytes.fromhex("0089 0012 0004 4000 0000651a 001e8a4a 0000")

    with pytest.raises(LocalProtocolError, match="leave them out"):
        Conversation({1: frame(11, able)}, power_dbm=10.0).hear(CONNECTED)


def test_antenna_that_the_reader_lacks_is_told_with_the_key() -> None:
    with pytest.raises(LocalProtocolError, match="`antennas` names 5, but the reader has 4"):
        Conversation(antennas=(1, 5)).hear(CONNECTED)


def test_power_below_the_table_is_told_with_the_key() -> None:
    with pytest.raises(LocalProtocolError, match=r"`power_dbm` 10 .*is below the reader's lowest step \(20.0 dBm\)"):
        Conversation(power_dbm=10.0).hear(CONNECTED)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"power_dbm": 30.0}, "`power_dbm` asks for 30 dBm, but the reader's highest step, which is used, is 20 dBm"),
        ({"antennas": (1, 2), "antenna_powers_dbm": (20.0, 23.5)}, "`antenna_powers_dbm` asks for 23.5 dBm"),
    ],
)
def test_power_above_the_table_is_told_with_the_key_and_the_reader_reads(fields: dict[str, object], said: str) -> None:
    talk = running(**fields)

    (fault,) = [each for each in talk.events if isinstance(each, ReaderFault)]
    (ready,) = [each for each in talk.events if isinstance(each, SessionReady)]
    assert fault.text.startswith(said)
    assert ready.about.endswith(f"LLRP 1.0.1; {fault.text}")


def test_power_of_the_table_is_no_fault() -> None:
    assert not [each for each in running(power_dbm=20.0).events if isinstance(each, ReaderFault)]


def test_levels_of_the_inputs_are_told_once_the_session_is_ready() -> None:
    talk = Conversation({2: frame(12, OK + bytes.fromhex("00e1 0008 0001 80 01 00e1 0008 0002 80 00"))})

    events = talk.hear(CONNECTED)

    assert isinstance(events[0], SessionReady)
    assert events[1:] == [InputLevel(1, True), InputLevel(2, False)]


def test_input_that_changes_during_the_setup_is_not_undone_by_its_older_level() -> None:
    talk = Conversation({2: frame(12, OK + bytes.fromhex("00e1 0008 0001 80 00")), 20: b""})
    talk.hear(CONNECTED)
    talk.hear(event("00f8 0007 0001 80"))

    talk.answers[20] = frame(30, OK)
    events = talk.hear(frame(30, OK, message_id=talk.asked.index(20) + 1))

    assert [(level.input, level.level) for level in events if isinstance(level, InputLevel)] == [(1, True)]


def test_reader_that_never_speaks_times_out() -> None:
    session = LlrpSession(RfidLlrpConfig(host="reader", reply_timeout_s=3.0))
    session.advance_to(10.0)
    assert session.next_deadline_s() == 13.0

    with pytest.raises(ReplyTimeout, match="no connection event within 3 s"):
        session.advance_to(13.0)


def test_request_without_answer_times_out_by_name() -> None:
    talk = Conversation({20: b""})
    talk.hear(CONNECTED, now_s=1.0)

    with pytest.raises(ReplyTimeout, match="no answer to ADD_ROSPEC within 5 s"):
        talk.session.advance_to(6.0)


def test_mute_link_is_lost_after_a_little_more_than_two_keepalives() -> None:
    talk = running(keepalive_s=1.0)
    talk.hear(frame(62, message_id=5), now_s=4.0)
    talk.session.advance_to(6.1)

    with pytest.raises(ReplyTimeout, match=r"no keepalive within 2\.2 s"):
        talk.session.advance_to(talk.session.next_deadline_s() or 0)


def test_reports_prove_life_as_well_as_keepalives() -> None:
    talk = running(keepalive_s=1.0)

    for now_s in (2, 4, 6):
        talk.hear(frame(61, TAG), now_s=float(now_s))
        talk.session.advance_to(float(now_s))

    assert talk.session.next_deadline_s() == pytest.approx(7.1)  # when it is asked, for the case that it says nothing


def test_keepalive_is_acknowledged_with_its_id() -> None:
    session = running().session

    session.receive_bytes(frame(62, message_id=77), 1.0)

    assert session.bytes_to_send() == frame(72, message_id=77)


def test_reports_count_in_every_state_once_connected() -> None:
    talk = Conversation({20: b""})
    talk.hear(CONNECTED)

    events = talk.hear(frame(61, TAG))

    assert isinstance(events[0], TagsSeen)


def test_collected_reports_are_fetched_in_time() -> None:
    talk = running(report_every_n_tags=20, report_within_s=0.5)
    assert talk.session.next_deadline_s() == 0.5

    talk.session.advance_to(0.5)

    assert [kind for kind, _, _ in split(talk.session.bytes_to_send())] == [60]
    assert talk.session.next_deadline_s() == 1.0


def test_output_is_switched_and_answered() -> None:
    talk = running()

    token = talk.session.start_command("switch_output", {"output": 3, "on": True}, 1.0)
    events = talk.hear(b"", 1.0)

    assert events == [CommandDone(token, {"output": 3, "on": True})]


@pytest.mark.parametrize("kind", [13, 100])
def test_refused_output_is_a_device_fault_and_the_session_lives(kind: int) -> None:
    talk = running()
    talk.answers[3] = frame(kind, NO)

    talk.session.start_command("switch_output", {"output": 1, "on": False}, 1.0)
    (failed,) = talk.hear(b"", 1.0)

    assert isinstance(failed, CommandFailed)
    assert isinstance(failed.error, DeviceFault)
    assert (failed.error.code, str(failed.error)) == ("101", "switch_output: the reader refuses: M_FieldError (101): broken (code 101)")
    assert talk.session.state is State.RUNNING


def test_unanswered_output_fails_alone() -> None:
    talk = running(reply_timeout_s=1.0, keepalive_s=60.0)
    token = talk.session.start_command("switch_output", {"output": 1, "on": True}, 1.0)
    assert talk.session.next_deadline_s() == 2.0

    (failed,) = talk.session.advance_to(2.0)

    assert isinstance(failed, CommandFailed)
    assert failed.token == token
    assert isinstance(failed.error, ReplyTimeout)


@pytest.mark.parametrize("output", [0, 4])
def test_output_that_the_reader_lacks_is_refused_at_once(output: int) -> None:
    with pytest.raises(LocalProtocolError, match="outputs 1 to 3"):
        running().session.start_command("switch_output", {"output": output, "on": True}, 1.0)


def test_command_before_the_setup_is_done_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="still being set up"):
        Conversation().session.start_command("switch_output", {"output": 1, "on": True}, 1.0)


def test_closing_reader_ends_the_session_with_its_reason() -> None:
    with pytest.raises(RemoteProtocolError, match="the reader closes the connection"):
        running().hear(event("0101 0004"))


@pytest.mark.parametrize(("change", "number", "ends"), [(0, 1, False), (1, 1, True), (2, 1, True), (1, 7, False)])
def test_reader_that_stops_reading_is_not_taken_for_a_quiet_one(change: int, number: int, ends: bool) -> None:
    talk = running()
    ended = event(f"00f9 000d {change:02x} {number:08x} 00000000")

    if ends:
        with pytest.raises(RemoteProtocolError, match="has stopped reading tags"):
            talk.hear(ended)
    else:
        assert talk.hear(ended) == []


def test_end_of_the_reading_before_does_not_disturb_the_setup() -> None:
    talk = Conversation({20: b""})
    talk.hear(CONNECTED)

    talk.hear(event("00f9 000d 01 00000001 00000000"))

    assert talk.session.state is State.ADDING


def test_second_client_at_the_door_is_reported_not_fatal() -> None:
    (fault,) = running().hear(event("0100 0006 0004"))

    assert fault == ReaderFault("reader", "another client tried to connect while this connection is open")


def test_unknown_and_unexpected_messages_are_counted_and_what_follows_is_read() -> None:
    talk = running()

    events = talk.hear(frame(900, b"new") + frame(34, OK, 4711) + frame(63, b"\0\xf6\0\0") + frame(61, TAG))

    assert [one.reason for one in events[:3] if isinstance(one, FrameRejected)] == ["unknown_message", "unexpected_message", "bad_notification"]
    assert isinstance(events[3], TagsSeen)


def test_farewell_stops_reading_and_closes() -> None:
    talk = running()

    assert [kind for kind, _, _ in split(talk.session.farewell())] == [21, 14]


STREAM = (
    CONNECTED
    + frame(100, UNSUPPORTED, 1)
    + frame(11, ABLE, 2)
    + frame(31, OK, 3)
    + frame(51, OK, 4)
    + frame(13, OK, 5)
    + frame(12, OK + bytes.fromhex("00e1 0008 0001 80 01"), 6)
    + frame(30, OK, 7)
    + frame(34, OK, 8)
    + frame(32, OK, 9)
    + frame(61, TAG * 3)
    + frame(62)
    + frame(901, b"?")
    + event("00f8 0007 0001 00")
)


def play(pieces: Sequence[bytes]) -> tuple[list[SessionEvent], bytes]:
    session = LlrpSession(RfidLlrpConfig(host="reader"))
    events, said = [*session.advance_to(0.0)], b""
    for piece in pieces:
        events += session.receive_bytes(piece, 1.0)
        said += session.bytes_to_send()
    return events, said


@given(st.lists(st.integers(1, len(STREAM) - 1), unique=True).map(sorted))
def test_every_cutting_of_the_stream_gives_the_same_events_and_answers(cuts: list[int]) -> None:
    pieces = [STREAM[start:end] for start, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True)]

    assert play(pieces) == play([STREAM])


@given(at=st.integers(0, len(STREAM)), noise=st.binary(min_size=1, max_size=12))
def test_damaged_stream_raises_nothing_but_protocol_errors(at: int, noise: bytes) -> None:
    try:
        play([STREAM[:at] + noise + STREAM[at + len(noise) // 2 :]])
    except (RemoteProtocolError, LocalProtocolError):
        return
