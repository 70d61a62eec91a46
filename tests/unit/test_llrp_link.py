# SPDX-License-Identifier: Apache-2.0
"""The LLRP session beside its usual way: versions, readers that refuse or say nothing, silence, damaged reports."""

from __future__ import annotations

import re
import struct

import pytest

from drivers.base.errors import LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import CommandFailed, FrameRejected, SessionReady
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.events import InputLevel, ReaderFault, TagsSeen
from drivers.rfid_llrp.session import LlrpSession
from drivers.rfid_llrp.setup import KnownReader, State
from tests.unit.test_llrp_session import ABLE, CONNECTED, NO, OK, TAG, Conversation, event, frame, running, split

pytestmark = pytest.mark.requirement("E1")

SPEAKS_1_1 = frame(56, b"\x01\x02" + OK)


def versions_sent(data: bytes) -> list[int]:
    """The version in the header of each message."""
    found = []
    while data:
        kind, length = struct.unpack_from("!HI", data)
        found.append(kind >> 10)
        data = data[length:]
    return found


def test_version_1_1_is_agreed_and_then_spoken_by_every_message() -> None:
    talk = Conversation({46: SPEAKS_1_1})

    (ready, *_) = talk.hear(CONNECTED)
    talk.session.receive_bytes(frame(62, message_id=7), 1.0)

    assert talk.asked[:3] == [46, 47, 1]
    assert isinstance(ready, SessionReady)
    assert ready.about.endswith("LLRP 1.1")
    assert versions_sent(talk.session.bytes_to_send()) == [2]


def test_question_for_the_version_goes_by_1_1_and_what_follows_a_refusal_by_1_0_1() -> None:
    session = LlrpSession(RfidLlrpConfig(host="reader"))
    session.advance_to(0.0)
    session.receive_bytes(CONNECTED, 0.0)
    question = session.bytes_to_send()

    session.receive_bytes(frame(100, bytes.fromhex("011f 0008 006d 0000"), message_id=1), 0.1)

    assert (versions_sent(question), versions_sent(session.bytes_to_send())) == ([2], [1])


@pytest.mark.parametrize("answer", [frame(56, b"\x01\x01" + OK), frame(56, b"\x01\x01" + NO), frame(100, NO)])
def test_reader_without_1_1_is_spoken_to_in_1_0_1(answer: bytes) -> None:
    talk = Conversation({46: answer})

    talk.hear(CONNECTED)

    assert 47 not in talk.asked
    assert talk.session.state is State.RUNNING


def test_refused_1_1_leaves_1_0_1() -> None:
    talk = Conversation({46: SPEAKS_1_1, 47: frame(57, NO)})

    (ready, *_) = talk.hear(CONNECTED)

    assert isinstance(ready, SessionReady)
    assert ready.about.endswith("LLRP 1.0.1")


def test_reader_that_speaks_1_1_already_is_not_told_to() -> None:
    talk = Conversation({46: frame(56, b"\x02\x02" + OK)})

    talk.hear(CONNECTED)

    assert 47 not in talk.asked


@pytest.mark.parametrize("answers", [{46: frame(100, NO)}, {46: frame(56, b"\x01\x01" + OK)}, {46: SPEAKS_1_1, 47: frame(57, NO)}])
def test_wanted_1_1_that_the_reader_lacks_is_told_with_the_key(answers: dict[int, bytes]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"LLRP 1\.1.*`llrp_version`"):
        Conversation(answers, llrp_version="1.1").hear(CONNECTED)


def test_reader_that_ignores_the_question_is_set_up_after_a_second_and_not_asked_again() -> None:
    known = KnownReader()
    session = LlrpSession(RfidLlrpConfig(host="reader"), known)
    session.advance_to(0.0)
    session.receive_bytes(CONNECTED, 10.0)
    session.bytes_to_send()
    assert session.next_deadline_s() == 11.0

    session.advance_to(11.0)
    assert [kind for kind, _, _ in split(session.bytes_to_send())] == [1]
    late = session.receive_bytes(frame(100, NO, message_id=1), 11.5)  # it takes its time

    assert (late, session.state) == ([], State.ASKING_CAPABILITIES)
    again = LlrpSession(RfidLlrpConfig(host="reader"), known)
    again.receive_bytes(CONNECTED, 20.0)
    assert [kind for kind, _, _ in split(again.bytes_to_send())] == [1]


def test_reader_that_hangs_up_on_the_question_is_not_asked_again() -> None:
    known = KnownReader()
    LlrpSession(RfidLlrpConfig(host="reader"), known).receive_bytes(CONNECTED, 0.0)

    again = LlrpSession(RfidLlrpConfig(host="reader"), known)
    again.receive_bytes(CONNECTED, 1.0)

    assert [kind for kind, _, _ in split(again.bytes_to_send())] == [1]


def test_reader_that_knows_1_1_but_never_sets_it_is_not_asked_again() -> None:
    known = KnownReader()
    session = LlrpSession(RfidLlrpConfig(host="reader"), known)
    session.receive_bytes(CONNECTED, 0.0)
    session.receive_bytes(SPEAKS_1_1[:6] + struct.pack("!I", 1) + SPEAKS_1_1[10:], 0.0)
    with pytest.raises(ReplyTimeout, match="SET_PROTOCOL_VERSION"):
        session.advance_to(5.0)

    again = LlrpSession(RfidLlrpConfig(host="reader"), known)
    again.receive_bytes(CONNECTED, 6.0)

    assert [kind for kind, _, _ in split(again.bytes_to_send())] == [1]


def test_version_1_0_1_is_spoken_without_asking_where_it_is_wanted() -> None:
    talk = Conversation(llrp_version="1.0.1")

    talk.hear(CONNECTED)

    assert talk.asked[0] == 1


class Refusing(Conversation):
    """A reader that refuses every SET_READER_CONFIG in which one of these headers occurs."""

    def __init__(self, *headers: str, **fields: object) -> None:
        super().__init__(**fields)  # type: ignore[arg-type]
        self.refused = [bytes.fromhex(header) for header in headers]

    def answer(self, kind: int, body: bytes) -> bytes:
        if kind == 3 and any(header in body for header in self.refused):
            return frame(13, NO)
        return self.answers.get(kind, frame(kind + 10, OK) if kind < 60 else b"")

    def play(self) -> None:
        self.events += self.session.receive_bytes(CONNECTED, 0.0)
        while said := split(self.session.bytes_to_send()):
            for kind, message_id, body in said:
                if answer := self.answer(kind, body):
                    self.events += self.session.receive_bytes(answer[:6] + struct.pack("!I", message_id) + answer[10:], 0.0)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (["00dc 0009"], "refuses the keepalive"),
        (["00e1 0008"], "refuses to enable its inputs"),
        (["00dc 0009", "00e1 0008"], "inputs.*; .*refuses the keepalive"),
    ],
)
def test_reader_that_refuses_a_part_of_its_configuration_stays_usable(headers: list[str], said: str) -> None:
    talk = Refusing(*headers)

    talk.play()

    (fault,) = [each for each in talk.events if isinstance(each, ReaderFault)]
    assert talk.session.state is State.RUNNING
    assert re.search(said, fault.text)


def test_reader_that_never_sees_the_input_that_starts_it_is_not_used() -> None:
    with pytest.raises(RemoteProtocolError, match="refuses to enable its inputs"):
        Refusing("00e1 0008", start="input").play()


def test_silent_reader_is_asked_once_and_its_answer_counts() -> None:
    talk = running(keepalive_s=1.0)
    assert talk.session.next_deadline_s() == pytest.approx(1.1)

    talk.session.advance_to(1.1)
    ((kind, message_id, _),) = split(talk.session.bytes_to_send())
    talk.session.advance_to(1.5)
    answered = talk.session.receive_bytes(frame(12, OK, message_id), 2.0)

    assert (kind, answered, talk.session.bytes_to_send()) == (2, [], b"")
    assert talk.session.next_deadline_s() == pytest.approx(3.1)


def test_refusal_of_the_question_whether_it_lives_is_life_as_well() -> None:
    talk = running(keepalive_s=1.0)
    talk.session.advance_to(1.1)
    ((_, message_id, _),) = split(talk.session.bytes_to_send())

    assert talk.session.receive_bytes(frame(100, NO, message_id), 1.2) == []


def test_mute_reader_is_lost_within_2_2_keepalives_of_its_last_byte() -> None:
    talk = running(keepalive_s=0.5)
    talk.hear(frame(62), now_s=10.0)
    deadline_s = talk.session.next_deadline_s()
    while deadline_s is not None and deadline_s < 11.0:
        talk.session.advance_to(deadline_s)
        deadline_s = talk.session.next_deadline_s()

    assert deadline_s == pytest.approx(11.1)
    with pytest.raises(ReplyTimeout):
        talk.session.advance_to(11.1)


def test_held_reports_of_another_client_are_asked_for() -> None:
    holds = ABLE + bytes.fromhex("008e 001c 08 00 0000 00000001 00000001 00000001 00000001 00000001")
    talk = Conversation({1: frame(11, holds)})

    talk.hear(CONNECTED)

    assert talk.asked[-1] == 64


def test_reader_that_is_triggered_may_stop_reading() -> None:
    talk = running(start="input", start_input=1, stop="input", stop_input=2, stop_after_s=5.0)

    assert 22 not in talk.asked
    assert talk.hear(event("00f9 000d 01 00000001 00000000")) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"start": "input", "start_input": 3}, "`start_input` names 3, but the reader has 2 inputs"),
        ({"stop": "input", "stop_input": 9}, "`stop_input` names 9"),
        ({"report_doppler": True, "antennas": (5,)}, "`antennas` names 5"),
    ],
)
def test_configuration_that_does_not_fit_the_reader_is_told_with_the_key(fields: dict[str, object], text: str) -> None:
    with pytest.raises(LocalProtocolError, match=text):
        Conversation(**fields).hear(CONNECTED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"antenna_powers_dbm": (20.0,)}, "one power for each"),
        ({"stop": "time"}, "`stop_after_s`"),
        ({"start": "periodic"}, "`stop` time"),
        ({"tari_ns": 6250}, "`reader_mode`"),
        ({"tls_name": "reader"}, "`tls`"),
        ({"tls": True, "tls_key_file": "key.pem"}, "`tls_certificate_file`"),
    ],
)
def test_configuration_that_makes_no_sense_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        RfidLlrpConfig(host="reader", **fields)  # type: ignore[arg-type]


def test_port_left_out_is_llrps_own() -> None:
    assert RfidLlrpConfig(host="reader").port == 5084
    assert RfidLlrpConfig(host="reader", tls=True).endpoint == "reader:5085"
    assert RfidLlrpConfig(host="[fe80::1%eth0]").endpoint == "[fe80::1%eth0]:5084"


def test_bogus_parameters_in_reports_are_skipped_by_their_length_and_counted() -> None:
    unknown = bytes.fromhex("0200 0006 abcd")
    zero = bytes.fromhex("0200 0000")
    short = bytes.fromhex("00f0 000a 8d 3074257bf7")
    custom = bytes.fromhex("00f0 0019 8d 3074257bf7194e4000001a85 03ff 0008 00006402")
    talk = running()

    events = talk.hear(frame(61, TAG + unknown + short + custom + TAG + zero + TAG))

    (seen,) = [each for each in events if isinstance(each, TagsSeen)]
    assert len(seen.tags) == 3
    assert [each.reason for each in events if isinstance(each, FrameRejected)] == ["truncated", "bad_length"]


def test_message_of_4_gigabytes_ends_the_link_at_its_header() -> None:
    talk = running()

    with pytest.raises(RemoteProtocolError, match="not the header of an LLRP message"):
        talk.hear(struct.pack("!HII", 1 << 10 | 61, 0xFFFF_FFFF, 1))


def test_new_connection_knows_nothing_of_the_half_message_before() -> None:
    known = KnownReader()
    broken = LlrpSession(RfidLlrpConfig(host="reader"), known)
    broken.receive_bytes(CONNECTED + frame(61, TAG)[:20], 0.0)

    again = LlrpSession(RfidLlrpConfig(host="reader"), known)
    again.receive_bytes(CONNECTED, 1.0)

    assert again.state is State.ASKING_CAPABILITIES


def test_clock_of_the_year_2000_and_of_no_utc_are_told_as_they_are() -> None:
    uptime = bytes.fromhex("00f6 0017 0081 000c 0000000000000005 00f8 0007 0001 80")
    talk = running()

    events = [*talk.hear(event("00f8 0007 0001 80", time_us=946_684_800_000_000)), *talk.hear(frame(63, uptime))]

    assert events == [InputLevel(1, True, 946_684_800_000_000), InputLevel(1, True, 5)]


def test_damaged_answers_fail_their_command_and_not_the_link() -> None:
    talk = running()
    talk.answers[3] = frame(13, b"\x01\x1f\x00\x00")

    talk.session.start_command("switch_output", {"output": 1, "on": True}, 1.0)
    (failed,) = talk.hear(b"", 1.0)
    (rejected,) = talk.hear(frame(100, b"\x01\x1f\x00\x00"), 1.0)

    assert isinstance(failed, CommandFailed)
    assert isinstance(failed.error, RemoteProtocolError)
    assert isinstance(rejected, FrameRejected)
    assert talk.session.state is State.RUNNING


def test_message_that_never_gets_whole_ends_the_conversation_although_keepalives_come() -> None:
    talk = running()
    talk.session.receive_bytes(bytes.fromhex("04 3d 00 02 00 2c 00 00 00 07"), 0.0)
    for second in range(2, 30, 2):
        talk.session.receive_bytes(frame(62), float(second))
        talk.session.advance_to(float(second))
    talk.session.receive_bytes(frame(62), 30.0)

    with pytest.raises(RemoteProtocolError, match="length is probably wrong"):
        talk.session.advance_to(30.0)


def test_long_message_in_many_pieces_is_no_reason_to_end_the_conversation_as_long_as_it_ends() -> None:
    talk = running()
    report = frame(61, bytes(600))
    for at, byte in enumerate(report * 3):
        talk.session.receive_bytes(bytes([byte]), at * 0.04)
        talk.session.advance_to(at * 0.04)

    assert talk.session.state is State.RUNNING
