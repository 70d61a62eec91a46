# SPDX-License-Identifier: Apache-2.0
"""When the simulated reader reads and what it reports: triggers, content, the reader's own report settings, backlog (LLRP 1.0.1, chapters 10, 12, 13)."""

from __future__ import annotations

import struct

import pytest

from firmware_sims.rfid_llrp.codec import encode
from firmware_sims.rfid_llrp.extensions import IMPINJ, ZEBRA
from firmware_sims.rfid_llrp.rospecs import ACTIVE, INACTIVE
from firmware_sims.rfid_llrp.twin import UTC_AT_ZERO_US, LlrpReaderTwin
from tests.unit.test_llrp_twin import ENABLE, EPC, START, connected, request, rospec, said, status

pytestmark = pytest.mark.requirement("E15")

_AI_WITHOUT_STOP = "00b8 0009 00 00000000"


def _with_ai_stop(stop: bytes, start: str = "00b3 0005 01") -> bytes:
    """ADD_ROSPEC that begins at once, whose AISpec ends as told; every tag is reported alone."""
    boundary = encode("ROBoundarySpec", inner=bytes.fromhex(start) + encode("ROSpecStopTrigger", 0, 0))
    ai = encode("AISpec", [0], inner=stop + encode("InventoryParameterSpec", 1, 1))
    reports = encode("ROReportSpec", 2, 1, inner=encode("TagReportContentSelector", 0))
    return request(20, encode("ROSpec", 1, 0, 0, inner=boundary + ai + reports).hex())


def _observing(kind: int, tags: int = 0, attempts: int = 0, quiet_ms: int = 0, timeout_ms: int = 0) -> bytes:
    return encode("AISpecStopTrigger", 3, 0, inner=encode("TagObservationTrigger", kind, 0, tags, attempts, quiet_ms, timeout_ms))


def _started(message: bytes, now_s: float = 10.0, **arguments: int) -> LlrpReaderTwin:
    twin = connected(**arguments)
    assert status(twin.receive_bytes(message, now_s)) == 0
    twin.receive_bytes(ENABLE, now_s)
    return twin


def _tag(number: int) -> str:
    return f"3074257BF7194E400000{number:04X}"


def _read(twin: LlrpReaderTwin, number: int, now_s: float) -> bytes:
    return twin.on_read(_tag(number), 1, -50.0, now_s=now_s)


def _once(twin: LlrpReaderTwin) -> LlrpReaderTwin:
    """The ROSpec is to stay ended, to be looked at."""
    twin.rospecs[1].immediate = False
    return twin


def test_run_ends_after_so_many_tags_although_each_was_reported_at_once() -> None:
    twin = _once(_started(_with_ai_stop(_observing(0, tags=3))))

    states = []
    for number in (1, 2, 2, 1, 3, 4):
        _read(twin, number, 10.1)
        states.append(twin.rospecs[1].state)

    assert states == [ACTIVE] * 4 + [INACTIVE] * 2


def test_run_ends_when_no_new_tag_comes_any_more_and_at_its_time_out_at_the_latest() -> None:
    twin = _once(_started(_with_ai_stop(_observing(1, quiet_ms=500, timeout_ms=2000))))
    assert twin.next_deadline_s() == pytest.approx(10.5)

    _read(twin, 1, 10.4)
    assert twin.next_deadline_s() == pytest.approx(10.9)
    _read(twin, 1, 10.8)
    assert twin.next_deadline_s() == pytest.approx(10.9), "a tag that was seen before is not new"
    for number, at_s in ((2, 10.85), (3, 11.3), (4, 11.7)):
        _read(twin, number, at_s)
    assert twin.next_deadline_s() == pytest.approx(12.0)

    twin.advance_to(12.0)
    assert twin.rospecs[1].state == INACTIVE


def test_run_ends_after_so_many_attempts() -> None:
    twin = _once(_started(_with_ai_stop(_observing(2, attempts=5))))

    assert twin.next_deadline_s() == pytest.approx(10.5)
    assert _once(_started(_with_ai_stop(_observing(2, attempts=50, timeout_ms=300)))).next_deadline_s() == pytest.approx(10.3)
    assert status(connected().receive_bytes(_with_ai_stop(_observing(9)), 0.0)) == 201


def test_inventory_is_stopped_by_an_input_or_by_its_time_out() -> None:
    stop = encode("AISpecStopTrigger", 2, 0, inner=encode("GPITriggerValue", 2, 0x80, 1500))
    twin = _once(_started(_with_ai_stop(stop)))
    twin.receive_bytes(request(3, "00 00e1 0008 0002 80 02"), 10.0)  # SET_READER_CONFIG: input 2 is looked at
    assert twin.next_deadline_s() == pytest.approx(11.5)

    twin.on_input(2, True, now_s=10.2)
    assert twin.rospecs[1].state == INACTIVE
    again = _once(_started(_with_ai_stop(stop)))
    again.advance_to(11.5)
    assert again.rospecs[1].state == INACTIVE


def test_periodic_start_counts_from_the_utc_time_that_it_is_given() -> None:
    def periodic(utc_us: int) -> bytes:
        value = encode("PeriodicTriggerValue", 250, 1000, inner=encode("UTCTimestamp", utc_us))
        return rospec(start=encode("ROSpecStartTrigger", 2, inner=value).hex())

    ahead, behind = _started(periodic(UTC_AT_ZERO_US + 15_000_000)), _started(periodic(UTC_AT_ZERO_US - 3_600_000_000))

    assert ahead.next_deadline_s() == pytest.approx(15.25)
    assert behind.next_deadline_s() == pytest.approx(10.25)


def test_tag_memory_is_reported_when_the_selector_asks_for_it() -> None:
    selector = encode("TagReportContentSelector", 0, inner=encode("C1G2EPCMemorySelector", 0xC0))
    boundary = encode("ROBoundarySpec", inner=encode("ROSpecStartTrigger", 1) + encode("ROSpecStopTrigger", 0, 0))
    ai = encode("AISpec", [0], inner=bytes.fromhex(_AI_WITHOUT_STOP) + encode("InventoryParameterSpec", 1, 1))
    twin = _started(request(20, encode("ROSpec", 1, 0, 0, inner=boundary + ai + encode("ROReportSpec", 2, 1, inner=selector)).hex()))

    # 12 bytes are six words: PC 3000; the CRC of ISO/IEC 13239 over 3000 and sixteen-bit words 3005 FB63 AC1F 3681 EC88 0467 is CF6A
    [(kind, _, body)] = said(twin.on_read("3005FB63AC1F3681EC880467", 1, -50.0, now_s=11.0))

    pc, crc = body[-12:-6], body[-6:]
    assert (kind, pc, crc[:2]) == (61, "8c3000", "8b")
    assert _residue(bytes.fromhex("30003005FB63AC1F3681EC880467" + crc[2:])) == 0x1D0F


def _residue(data: bytes) -> int:
    """CRC-16/GENIBUS bit by bit; over data and its own CRC it leaves 1D0F (EPC Gen2, annex F)."""
    register = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            register = (register << 1) ^ (0x1021 if (register >> 15 ^ byte >> bit) & 1 else 0)
            register &= 0xFFFF
    return register


def test_rospec_without_its_own_report_uses_the_readers() -> None:
    twin = connected()
    report = encode("ROReportSpec", 2, 2, inner=encode("TagReportContentSelector", 1 << 12))
    assert status(twin.receive_bytes(request(3, "00" + report.hex()), 0.0)) == 0
    boundary = encode("ROBoundarySpec", inner=encode("ROSpecStartTrigger", 1) + encode("ROSpecStopTrigger", 0, 0))
    ai = encode("AISpec", [0], inner=bytes.fromhex(_AI_WITHOUT_STOP) + encode("InventoryParameterSpec", 1, 1))
    for message in (request(20, encode("ROSpec", 1, 0, 0, inner=boundary + ai).hex()), ENABLE):
        twin.receive_bytes(message, 0.0)

    assert _read(twin, 1, 1.0) == b""
    [(_, _, body)] = said(_read(twin, 2, 1.1))

    assert body == "".join(f"00f00014 8d{_tag(number).lower()} 810001" for number in (1, 2)).replace(" ", "")
    assert report in twin.receive_bytes(request(2, "0000 04 0000 0000"), 1.2), "it is shown as it was set"


@pytest.mark.parametrize("bits", [0x1580, 0x1F80, 0xFFC0, 0x0000, 0x8040])
@pytest.mark.parametrize("has_utc_clock", [True, False])
def test_every_content_selector_gives_its_parameters_in_the_order_of_the_standard(bits: int, has_utc_clock: bool) -> None:
    names = ["ROSpecID", "SpecIndex", "InventoryParameterSpecID", "AntennaID", "PeakRSSI", "ChannelIndex"]
    clock = "UTC" if has_utc_clock else "Uptime"
    names += [f"FirstSeenTimestamp{clock}", f"LastSeenTimestamp{clock}", "TagSeenCount", "AccessSpecID"]
    values = [1, 1, 1, 2, -50, 3, None, None, 1, 0]
    order = [15, 14, 13, 12, 10, 11, 9, 8, 7, 6]  # 16.2.7.3.1: peak RSSI comes before the channel, against the order of the selector's bits
    twin = LlrpReaderTwin(has_utc_clock=has_utc_clock)
    twin.connected(0.0)
    boundary = encode("ROBoundarySpec", inner=encode("ROSpecStartTrigger", 1) + encode("ROSpecStopTrigger", 0, 0))
    ai = encode("AISpec", [0], inner=bytes.fromhex(_AI_WITHOUT_STOP) + encode("InventoryParameterSpec", 1, 1))
    report = encode("ROReportSpec", 2, 1, inner=encode("TagReportContentSelector", bits))
    for message in (request(20, encode("ROSpec", 1, 0, 0, inner=boundary + ai + report).hex()), ENABLE):
        twin.receive_bytes(message, 0.0)
    at_us = round(5e6) + (UTC_AT_ZERO_US if has_utc_clock else 0)

    [(_, _, body)] = said(twin.on_read(EPC, 2, -50.0, 3, now_s=5.0))

    expected = encode("EPC_96", bytes.fromhex(EPC))
    for bit, name, value in zip(order, names, values, strict=True):
        if bits >> bit & 1:
            expected += encode(name, at_us if value is None else value)
    assert body == encode("TagReportData", inner=expected).hex()


def test_makers_values_follow_what_the_standard_says() -> None:
    search_and_phase = {
        IMPINJ: encode("Custom", IMPINJ, 50, encode("Custom", IMPINJ, 52, b"\x00\x01") + encode("Custom", IMPINJ, 53, b"\x00\x01")),
        ZEBRA: encode("Custom", ZEBRA, 708, struct.pack("!I", 1 << 28)),
    }
    ends = {
        IMPINJ: struct.pack("!HHIIHHHIIh", 1023, 14, IMPINJ, 56, 1024, 1023, 14, IMPINJ, 57, -5025),
        ZEBRA: struct.pack("!HHIIH", 1023, 14, ZEBRA, 709, 16384),
    }
    for maker, custom in search_and_phase.items():
        twin = LlrpReaderTwin(maker=maker)
        twin.connected(0.0)
        twin.receive_bytes(request(1023, "0000651a 15 00000000"), 0.0)
        boundary = encode("ROBoundarySpec", inner=encode("ROSpecStartTrigger", 1) + encode("ROSpecStopTrigger", 0, 0))
        ai = encode("AISpec", [0], inner=bytes.fromhex(_AI_WITHOUT_STOP) + encode("InventoryParameterSpec", 1, 1))
        report = encode("ROReportSpec", 2, 1, inner=encode("TagReportContentSelector", 1 << 12) + custom)
        for message in (request(20, encode("ROSpec", 1, 0, 0, inner=boundary + ai + report).hex()), ENABLE):
            twin.receive_bytes(message, 0.0)

        [(_, _, body)] = said(twin.on_read(EPC, 1, -50.25, phase_rad=1.5707963267948966, now_s=1.0))

        assert bytes.fromhex(body).endswith(ends[maker]), maker


def test_backlog_of_66_000_reads_is_delivered_in_order_and_the_oldest_are_dropped() -> None:
    twin = connected()
    for message in (rospec(), ENABLE, START):
        twin.receive_bytes(message, 0.0)
    twin.disconnected(1.0)
    reads = [(number.to_bytes(12, "big"), 1, -50.0) for number in range(66_100)]
    assert twin.read_all(reads, 2.0) == b""

    told = twin.connected(3.0)

    at, found = int.from_bytes(told[2:6], "big"), []  # behind the greeting
    while at < len(told):
        found.append(int.from_bytes(told[at + 15 : at + 27], "big"))  # message header, TagReportData, EPC_96
        at += int.from_bytes(told[at + 2 : at + 6], "big")
    assert found == list(range(100, 66_100))


def test_many_reads_at_once_are_reported_as_each_for_itself() -> None:
    one, many = connected(), connected()
    for twin in (one, many):
        for message in (rospec(report="02 0003", antennas="0002 0001 0002"), ENABLE, START):
            twin.receive_bytes(message, 0.0)
        twin.on_antenna(2, False, now_s=0.5)
    reads = [(bytes.fromhex(_tag(number)), 1 + number % 3, -40.0 - number) for number in range(20)]

    together = many.read_all(reads, 1.0)

    assert together == b"".join(one.on_read(epc.hex(), antenna, dbm, now_s=1.0) for epc, antenna, dbm in reads)
    assert said(together)


def test_end_of_an_inventory_is_told_to_who_wants_to_hear_it() -> None:
    wanted = "00f4 000b" + "00f5 0007 0006 80"  # ReaderEventNotificationSpec: AISpec events
    twin = connected()
    for message in (request(3, "00" + wanted), rospec(stop="00b6 0009 01 00000064"), ENABLE, START):
        twin.receive_bytes(message, 1.0)

    [(kind, _, body)] = said(twin.advance_to(1.1))

    assert (kind, body[-22:]) == (63, "00fe000b00000000010001")


def test_buffer_that_gets_full_is_told_once() -> None:
    twin = connected()
    wanted = "00f4 000b" + "00f5 0007 0003 80"
    for message in (request(3, "00" + wanted), rospec(), ENABLE, START):
        twin.receive_bytes(message, 0.0)
    twin.disconnected(1.0)
    twin.read_all([(number.to_bytes(12, "big"), 1, -50.0) for number in range(60_000)], 2.0)

    told = twin.connected(3.0)

    assert told.count(bytes.fromhex("00fa00055a")) == 1  # ReportBufferLevelWarningEvent, 90 per cent
