# SPDX-License-Identifier: Apache-2.0
"""What the standard says that a reader has to answer, and what the simulated one says of itself (LLRP 1.0.1, chapters 9 to 14)."""

from __future__ import annotations

import struct

import pytest

from firmware_sims.rfid_llrp import capabilities
from firmware_sims.rfid_llrp.codec import encode
from firmware_sims.rfid_llrp.rospecs import ACTIVE, INACTIVE
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from tests.unit.test_llrp_twin import ENABLE, EPC, OK, START, STOP, connected, request, rospec, said, status

pytestmark = pytest.mark.requirement("E15")

M_FIELD, M_OVERFLOW, M_UNSUPPORTED_MESSAGE, M_UNSUPPORTED_VERSION, M_UNSUPPORTED_PARAMETER, P_FIELD = 101, 105, 109, 110, 111, 201
ENABLE_ALL = request(24, "00000000")


def ai(antennas: list[int], stop: bytes = encode("AISpecStopTrigger", 0, 0), number: int = 1) -> bytes:
    return encode("AISpec", antennas, inner=stop + encode("InventoryParameterSpec", number, 1))


def lasting(ms: int) -> bytes:
    return encode("AISpecStopTrigger", 1, ms)


def adding(*items: bytes, trigger: int = 2, every_n: int = 0, content: int = 0x6000, stop: bytes = encode("ROSpecStopTrigger", 0, 0)) -> bytes:
    """ADD_ROSPEC with these items, started by the client; reported with index and number of the item."""
    boundary = encode("ROBoundarySpec", inner=encode("ROSpecStartTrigger", 0) + stop)
    report = encode("ROReportSpec", trigger, every_n, inner=encode("TagReportContentSelector", content))
    return request(20, encode("ROSpec", 1, 0, 0, inner=boundary + b"".join(items) + report).hex())


def periodic(offset_ms: int, period_ms: int, utc: str = "") -> str:
    return f"00b3 {17 + len(utc) // 2:04x} 02 00b4 {12 + len(utc) // 2:04x} {offset_ms:08x} {period_ms:08x}" + utc


def running(*messages: bytes) -> LlrpReaderTwin:
    twin = connected()
    for message in messages:
        assert status(twin.receive_bytes(message, 0.0)) == 0
    return twin


def read(twin: LlrpReaderTwin, now_s: float, antenna: int = 1, epc: str = EPC) -> bytes:
    return twin.on_read(epc, antenna, -50.0, now_s=now_s)


# Answers


@pytest.mark.parametrize("kind", [21, 22, 23, 24, 25, 41, 42, 43])
def test_spec_that_is_not_there_is_answered_by_its_own_response_with_a_field_error(kind: int) -> None:
    [(answered, message_id, body)] = said(connected().receive_bytes(request(kind, "0000004d", message_id=77), 0.0))

    assert (answered, message_id) == (kind + 10, 77)
    assert body[8:12] == f"{M_FIELD:04x}"
    assert bytes.fromhex(body[16:]).decode().startswith("there is no ")


@pytest.mark.parametrize("kind", [21, 24, 25, 41, 42, 43])
def test_all_of_none_succeeds(kind: int) -> None:
    assert said(connected().receive_bytes(request(kind, "00000000"), 0.0)) == [(kind + 10, 9, OK)]


@pytest.mark.parametrize("kind", [22, 23])
def test_zero_starts_and_stops_nothing(kind: int) -> None:
    assert status(running(rospec(), ENABLE).receive_bytes(request(kind, "00000000"), 0.0)) == M_FIELD


@pytest.mark.parametrize(("kind", "answered"), [(26, 36), (44, 54)])
def test_questions_for_specs_are_answered_by_success_alone_where_there_are_none(kind: int, answered: int) -> None:
    assert said(connected().receive_bytes(request(kind), 0.0)) == [(answered, 9, OK)]


def test_rospecs_are_shown_as_they_were_added_with_their_present_state() -> None:
    twin = running(rospec(), rospec(number=2), ENABLE)

    [(_, _, body)] = said(twin.receive_bytes(request(26), 0.0))

    added = [message[10:].hex() for message in (rospec(), rospec(number=2))]
    assert body == OK + added[0][:18] + "01" + added[0][20:] + added[1]


@pytest.mark.parametrize("kind", [0, 4, 27, 45, 61, 63, 99, 1022])
def test_message_that_no_client_sends_gets_an_error_message(kind: int) -> None:
    [(answered, message_id, body)] = said(connected().receive_bytes(request(kind, "", message_id=5), 0.0))

    assert (answered, message_id, body[8:12]) == (100, 5, f"{M_UNSUPPORTED_MESSAGE:04x}")


def test_message_of_another_version_gets_an_error_message() -> None:
    assert said(connected().receive_bytes(request(26, version=2), 0.0))[0][0] == 100
    assert status(connected().receive_bytes(request(26, version=2), 0.0)) == M_UNSUPPORTED_VERSION


def test_spec_that_is_not_added_disabled_is_refused() -> None:
    enabled = rospec()
    enabled = enabled[:19] + b"\x01" + enabled[20:]

    assert status(connected().receive_bytes(enabled, 0.0)) == P_FIELD


def test_second_client_is_told_in_the_version_that_every_client_reads() -> None:
    twin = connected(version_max=2)
    twin.receive_bytes(request(47, "02", version=2), 0.0)
    assert twin.version == 2

    told = twin.turned_away(1.0)

    assert (told[0] >> 2 & 7, told[-2:]) == (1, b"\x00\x02")


# What it takes


def test_reader_says_what_it_takes_and_takes_no_more() -> None:
    twin = connected()
    [(_, _, body)] = said(twin.receive_bytes(request(1, "02"), 0.0))
    flags, _, _, rospecs, items, inventories, access_specs, operations = struct.unpack("!BBHIIIII", bytes.fromhex(body)[12:])

    assert flags == 0x48, "it warns of a full buffer and holds events and reports"
    assert (rospecs, items, inventories, access_specs, operations) == (4, 4, 1, 8, 8)
    assert [status(twin.receive_bytes(rospec(number=number), 0.0)) for number in range(1, 6)] == [0, 0, 0, 0, M_OVERFLOW]
    assert status(connected().receive_bytes(adding(*[ai([0])] * 4), 0.0)) == 0
    assert status(connected().receive_bytes(adding(*[ai([0])] * 5), 0.0)) == M_OVERFLOW
    two = ai([0])[4:] + encode("InventoryParameterSpec", 2, 1)
    assert status(connected().receive_bytes(adding(struct.pack("!HH", 183, 4 + len(two)) + two), 0.0)) == M_OVERFLOW


def test_access_specs_beyond_those_it_takes_are_refused() -> None:
    twin = connected()

    def access_spec(number: int, operations: int) -> bytes:
        target = encode("C1G2TagSpec", inner=encode("C1G2TargetTag", 0x60, 0, b"", b""))
        reads = b"".join(encode("C1G2Read", one, 0, 0, 0, 1) for one in range(operations))
        command = encode("AccessCommand", inner=target + reads)
        return request(40, encode("AccessSpec", number, 0, 1, 0, 0, inner=encode("AccessSpecStopTrigger", 0, 0) + command).hex())

    answers = [status(twin.receive_bytes(access_spec(number, 8), 0.0)) for number in range(1, capabilities.ACCESS_SPECS + 2)]
    assert answers == [0] * capabilities.ACCESS_SPECS + [M_OVERFLOW]
    assert status(connected().receive_bytes(access_spec(1, capabilities.OP_SPECS + 1), 0.0)) == M_OVERFLOW


@pytest.mark.parametrize("where", ["start", "stop", "item"])
def test_trigger_on_an_input_that_is_not_there_is_refused(where: str) -> None:
    gpi = encode("GPITriggerValue", 5, 0x80, 0).hex()
    messages = {
        "start": rospec(start="00b3 0010 03" + gpi),
        "stop": rospec(stop="00b6 0014 02 00000000" + gpi),
        "item": adding(ai([0], encode("AISpecStopTrigger", 2, 0, inner=bytes.fromhex(gpi)))),
    }

    assert status(connected().receive_bytes(messages[where], 0.0)) == M_FIELD


def test_refused_configuration_changes_nothing() -> None:
    twin = connected()
    keepalive = "00dc 0009 01 000003e8"

    for wrong in ("00db 0007 0009 80", "00e1 0008 0009 80 00"):
        assert status(twin.receive_bytes(request(3, "80 00db 0007 0001 80" + keepalive + wrong), 0.0)) == M_FIELD

    assert (twin.outputs[1], twin.next_deadline_s()) == (False, None)


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("0002 02 0000 0000", [221]),
        ("0000 02 0000 0000", [221] * 4),
        ("0003 03 0000 0000", [222]),
        ("0000 09 0002 0000", [225]),
        ("0000 0a 0000 0003", [219]),
        ("0007 09 0000 0000", [225] * 4),
    ],
)
def test_configuration_is_told_of_the_antenna_or_port_that_is_asked_for(question: str, kinds: list[int]) -> None:
    body = connected().receive_bytes(request(2, question), 0.0)[10:]
    found = []
    while body:
        kind, length = struct.unpack_from("!HH", body)
        found.append(kind)
        body = body[length:]

    assert found == [287, *kinds]


@pytest.mark.parametrize("question", ["0005 02 0000 0000", "0000 09 0005 0000", "0000 0a 0000 0009", "0000 0c 0000 0000"])
def test_configuration_of_what_is_not_there_is_refused(question: str) -> None:
    assert status(connected().receive_bytes(request(2, question), 0.0)) == M_FIELD


def test_reader_without_inputs_refuses_the_question_for_them() -> None:
    assert status(connected(inputs=0).receive_bytes(request(2, "0000 09 0000 0000"), 0.0)) == M_FIELD
    assert status(connected(inputs=0).receive_bytes(request(2, "0000 00 0000 0000"), 0.0)) == 0


# Several ROSpecs and AISpecs


def test_period_of_zero_is_one_run() -> None:
    twin = running(rospec(start=periodic(500, 0), stop="00b6 0009 01 00000064"), ENABLE)
    assert twin.next_deadline_s() == 0.5

    states = []
    for now_s in (0.5, 0.6, 5.0):
        twin.advance_to(now_s)
        states.append(twin.rospecs[1].state)

    assert states == [ACTIVE, INACTIVE, INACTIVE]
    assert twin.next_deadline_s() is None


def test_reader_without_utc_clock_refuses_a_start_by_utc() -> None:
    message = rospec(start=periodic(0, 1000, utc=encode("UTCTimestamp", 1).hex()))

    assert status(connected(has_utc_clock=False).receive_bytes(message, 0.0)) == M_UNSUPPORTED_PARAMETER
    assert status(connected().receive_bytes(message, 0.0)) == 0


def test_rospec_that_was_stopped_stays_so_when_another_is_enabled() -> None:
    twin = running(rospec(start="00b3 0005 01"), ENABLE, STOP, rospec(number=2, start="00b3 0005 01"), request(24, "00000002"))

    assert [spec.state for spec in twin.rospecs.values()] == [INACTIVE, ACTIVE]


def test_each_rospec_reports_its_own_reads() -> None:
    twin = running(rospec(antennas="0001 0001"), rospec(number=2, antennas="0001 0002"), ENABLE_ALL, START, request(22, "00000002"))

    assert [len(said(read(twin, 1.0, antenna))) for antenna in (1, 2, 3)] == [1, 1, 0]
    twin.receive_bytes(STOP, 2.0)
    assert [len(said(read(twin, 3.0, antenna))) for antenna in (1, 2)] == [0, 1]


def test_items_of_a_rospec_are_carried_out_one_after_the_other_and_told_by_their_index() -> None:
    twin = running(adding(ai([1], lasting(100), 11), ai([2], lasting(200), 22)), ENABLE, START)

    for now_s, antenna in ((0.05, 1), (0.1, 3), (0.15, 1), (0.16, 2)):
        twin.advance_to(now_s)
        assert read(twin, now_s, antenna) == b""
    assert twin.advance_to(0.29) == b""
    [(kind, _, body)] = said(twin.advance_to(0.301))

    first, second = (
        "8d" + EPC.lower() + encode("SpecIndex", index).hex() + encode("InventoryParameterSpecID", number).hex() for index, number in ((1, 11), (2, 22))
    )
    assert (kind, body) == (61, "00f00017" + first + "00f00017" + second)
    assert twin.rospecs[1].state == INACTIVE


def test_report_at_the_end_of_each_item_comes_then() -> None:
    twin = running(adding(ai([0], lasting(100)), ai([0], lasting(100)), trigger=1), ENABLE, START)
    read(twin, 0.05)
    first = said(twin.advance_to(0.1))
    read(twin, 0.15)
    second = said(twin.advance_to(0.2))

    assert [[kind for kind, *_ in told] for told in (first, second)] == [[61], [61]]
    assert [told[0][2][-12:-6] for told in (first, second)] == ["8e0001", "8e0002"]


def test_item_without_an_end_lasts_until_the_rospec_is_over() -> None:
    twin = running(adding(ai([1]), ai([2], lasting(10)), stop=encode("ROSpecStopTrigger", 1, 500)), ENABLE, START)

    twin.advance_to(0.4)
    assert (twin.rospecs[1].ai.index, twin.next_deadline_s()) == (1, 0.5)
    twin.advance_to(0.5)
    assert twin.rospecs[1].state == INACTIVE


def test_end_of_the_rospec_ends_whatever_item_runs() -> None:
    twin = running(adding(ai([1], lasting(300)), ai([2], lasting(300)), stop=encode("ROSpecStopTrigger", 1, 400)), ENABLE, START)

    twin.advance_to(0.3)
    assert (twin.rospecs[1].ai.index, twin.next_deadline_s()) == (2, 0.4)
    twin.advance_to(0.4)
    assert twin.rospecs[1].state == INACTIVE


def test_input_ends_only_the_item_that_waits_for_it() -> None:
    gpi = encode("AISpecStopTrigger", 2, 0, inner=encode("GPITriggerValue", 1, 0x80, 0))
    twin = running(request(3, "00 00e1 0008 0001 80 00"), adding(ai([1], gpi), ai([2])), ENABLE, START)

    twin.on_input(1, True, now_s=1.0)

    assert (twin.rospecs[1].state, twin.rospecs[1].ai.index) == (ACTIVE, 2)
    twin.on_input(1, False, now_s=2.0)
    twin.on_input(1, True, now_s=3.0)
    assert twin.rospecs[1].state == ACTIVE


def test_antenna_zero_among_others_means_all() -> None:
    twin = running(adding(ai([0, 2]), every_n=1), ENABLE, START)

    assert [len(said(read(twin, 1.0, antenna))) for antenna in (1, 2, 3)] == [1, 1, 1]
