# SPDX-License-Identifier: Apache-2.0
"""LLRP messages and answers, against vectors written by hand from LLRP 1.0.1, chapter 16."""

from __future__ import annotations

import pytest

from drivers.base.errors import RemoteProtocolError
from drivers.rfid_llrp.answers import decode_input_levels, decode_notification
from drivers.rfid_llrp.capabilities import Band, Capabilities, decode_capabilities
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.frames import Message, MessageSplitter, MessageType, decode_status
from drivers.rfid_llrp.requests import configuration_body, input_levels_body, output_body
from drivers.rfid_llrp.rospec import rospec_body

pytestmark = pytest.mark.requirement("E1")

KEEPALIVE = bytes.fromhex("043e 0000000a 00000007")  # version 1, type 62, ten bytes, id 7
UTC = "0080 000c 0006474846204000"  # UTCTimestamp 1,767,225,600,000,000 us


def message(kind: int, hex_body: str) -> Message:
    return Message(kind, 1, bytes.fromhex(hex_body))


def notification(hex_parts: str) -> Message:
    parts = bytes.fromhex(hex_parts)
    return message(63, f"00f6 {4 + len(parts):04x}" + parts.hex())


def test_keepalive_is_ten_bytes_with_its_version_and_type() -> None:
    assert Message.decode(KEEPALIVE) == Message(MessageType.KEEPALIVE, 7)
    assert Message(MessageType.KEEPALIVE, 7).encode() == KEEPALIVE


def test_splitter_skips_an_unknown_type_by_its_length() -> None:
    found = MessageSplitter().messages(bytes.fromhex("07ff 0000000e 00000001 deadbeef") + KEEPALIVE)

    assert [message.name for message in found] == ["message type 1023", "KEEPALIVE"]


@pytest.mark.parametrize(
    "header",
    [
        "043e 00000009 00000001",  # shorter than a header
        "043e 7fffffff 00000001",  # longer than anything that is believed
        "003e 0000000a 00000001",  # version 0
        "843e 0000000a 00000001",  # a reserved bit is set
        "4854 54502f31 2e312034",  # HTTP/1.1 4
    ],
)
def test_splitter_gives_up_when_the_header_cannot_be_one(header: str) -> None:
    splitter = MessageSplitter()

    assert len(splitter.messages(KEEPALIVE + bytes.fromhex(header))) == 1

    assert splitter.damage is not None
    with pytest.raises(RemoteProtocolError, match="is this port an LLRP reader"):
        splitter.messages(b"")
    with pytest.raises(RemoteProtocolError, match="is this port an LLRP reader"):
        MessageSplitter().messages(bytes.fromhex(header))


def test_long_message_in_tiny_pieces_is_joined_once() -> None:
    splitter = MessageSplitter()
    whole = Message(61, 1, bytes(100_000)).encode() + KEEPALIVE[:4]

    found = [message for start in range(0, len(whole), 7) for message in splitter.messages(whole[start : start + 7])]

    assert [len(message.body) for message in found] == [100_000]
    assert splitter.pending_bytes == 4


def test_status_carries_code_name_and_text() -> None:
    refused = message(30, "011f 000f 0065 0007 6e6f206d6f6465")

    status = decode_status(refused)

    assert (status.ok, str(status)) == (False, "M_FieldError (101): no mode")


@pytest.mark.parametrize("body", ["", "011f 0004", "011f 0008 0000 0005", "011f 0000 0000 0000", "8100 01"])
def test_damaged_status_is_a_protocol_error(body: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_status(message(30, body))


def test_capabilities_tell_power_table_ports_and_clock() -> None:
    general = "0089 0020 0004 4000 0000651a 001e8a4a 0006 352e31342e30 008d 0008 0004 0002"
    band = "0090 0021 0091 0008 0001 03e8 0091 0008 0002 0a8c 0092 000d 80 0093 0008 01 00 0000"
    regulatory = f"008f 0029 0348 0001 {band}"

    able = decode_capabilities(message(11, f"011f 0008 0000 0000 {general} {regulatory}"))

    assert str(able).startswith("Impinj model 2001482, firmware 5.14.0, 4 antennas, 4 inputs, 2 outputs, UTC clock; 10 to 27 dBm in 2 steps")
    assert able.band.power_dbm == {1: 10.0, 2: 27.0}
    assert able.band.hop_table_id == 1


def test_capabilities_tell_limits_channels_and_modes() -> None:
    general = "0089 0012 0000 0000 000000a1 00000001 0000"
    limits = "008e 001c 48 01 0000 00000004 00000001 00000002 00000003 00000005"
    modes = "0148 0024 0149 0020 000003e8 00 02 00 02 00042e50 000005dc 0000186a 000061a8 00000753"
    band = f"0090 0041 0092 0019 80 0093 0014 02 00 0003 000dccdc 000dd0c4 000dd8ec {modes}"
    regulatory = f"008f 0049 0348 0001 {band}"
    able = decode_capabilities(message(11, f"{general} {limits} {regulatory} 0147 0007 00 0002"))

    assert (able.limits.rospecs_max, able.limits.access_specs_max, able.limits.ops_per_access_spec_max) == (4, 3, 5)
    assert (able.limits.holds_reports, able.limits.warns_of_full_buffer, able.select_filters_max) == (True, True, 2)
    assert (able.band.hop_table_id, able.band.channels_khz) == (2, (904412, 905412, 907500))
    assert [str(mode) for mode in able.band.modes] == ["1000 (Miller 4, 274 kb/s, Tari 6.25 to 25 us)"]
    assert "Zebra" in str(able)


@pytest.mark.parametrize("damage", ["008f 0004", "008f 0019 0348 0001 0090 0011 0092 000d 80 0093 0008 01 00 0005", "008e 0006 4801", "0147 0005 00"])
def test_damage_in_what_nobody_needs_does_not_hide_the_reader(damage: str) -> None:
    able = decode_capabilities(message(11, f"0089 0012 0000 0000 000000a1 00000001 0000 {damage}"))

    assert able == Capabilities(manufacturer=161, model=1, has_utc_clock=False)


@pytest.mark.parametrize("body", ["", "0089 0008 0004 4000", "0089 0000"])
def test_reader_that_does_not_say_what_it_is_is_none(body: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_capabilities(message(11, body))


@pytest.mark.parametrize(("wanted_dbm", "index"), [(10.0, 1), (26.99, 1), (27.0, 2), (33.0, 2), (9.9, None)])
def test_power_never_exceeds_what_is_configured(wanted_dbm: float, index: int | None) -> None:
    able = decode_capabilities(message(11, "0089 0012 0004 4000 0000651a 001e8a4a 0000 008f 001c 0348 0001 0090 0014 0091 0008 0001 03e8 0091 0008 0002 0a8c"))

    assert able.power_index(wanted_dbm) == index


def test_connection_event_carries_status_and_reader_time() -> None:
    told = decode_notification(notification(f"{UTC} 0100 0006 0002"))

    assert (told.connection_attempt, told.reader_time_us) == (2, 1_767_225_600_000_000)


def test_gpi_event_carries_port_and_level() -> None:
    told = decode_notification(notification("0081 000c 00000000000f4240 00f8 0007 0003 80"))

    assert (told.input, told.level, told.reader_time_us) == (3, True, 1_000_000)


@pytest.mark.parametrize(
    ("event", "part", "text"),
    [
        ("00fc 000b 0005 4f766572 21", "reader", "Over!"),
        ("00fa 0005 5a", "report_buffer", "90 % full"),
        ("00fb 0004", "report_buffer", "reads were lost"),
        ("00ff 0007 00 0004", "antenna", "antenna 4 is disconnected"),
    ],
)
def test_reader_faults_become_words(event: str, part: str, text: str) -> None:
    told = decode_notification(notification(f"{UTC} {event}"))

    assert told.fault == part
    assert text in told.fault_text


def test_antenna_that_comes_back_is_no_fault() -> None:
    assert not decode_notification(notification(f"{UTC} 00ff 0007 01 0004")).fault


def test_unknown_input_levels_are_left_out() -> None:
    levels = decode_input_levels(message(12, "011f 0008 0000 0000 00e1 0008 0001 80 01 00e1 0008 0002 80 00 00e1 0008 0003 00 02"))

    assert levels == {1: True, 2: False}


def test_configuration_asks_for_events_keepalives_and_inputs() -> None:
    assert configuration_body(2000, 1) == bytes.fromhex(
        "00"  # keep the settings
        "00f4 0027 00f5 0007 0001 80 00f5 0007 0002 80"  # GPI, ROSpec
        "00f5 0007 0003 80 00f5 0007 0004 80 00f5 0007 0008 80"  # buffer level, exception, antenna
        "00dc 0009 01 000007d0"  # periodic, 2000 ms
        "00e1 0008 0001 80 02"  # input 1 enabled
        "00e2 0005 00"  # nothing held back
    )


def test_switching_an_output_writes_one_port() -> None:
    assert output_body(2, True) == bytes.fromhex("00 00db 0007 0002 80")
    assert output_body(3, False) == bytes.fromhex("00 00db 0007 0003 00")


def test_asking_for_inputs_asks_for_nothing_else() -> None:
    assert input_levels_body() == bytes.fromhex("0000 09 0000 0000")


def test_rospec_reads_with_the_wanted_antennas_power_and_session() -> None:
    wanted = RfidLlrpConfig(host="reader", antennas=(1, 4), session=2, tag_population=50, reader_mode=1000, power_dbm=27.0, report_every_n_tags=1)

    body = rospec_body(wanted, Capabilities(band=Band(power_dbm={69: 27.0, 70: 27.25})))

    assert body == bytes.fromhex(
        "00b1 006b 00000001 00 00"  # ROSpec 1, priority 0, disabled
        "00b2 0012 00b3 0005 00 00b6 0009 00 00000000"  # started and stopped by the client
        "00b7 0042 0002 0001 0004 00b8 0009 00 00000000"  # antennas 1 and 4, no stop trigger
        "00ba 002f 0001 01 00de 0028 0000"  # Gen2, the same settings for all antennas
        "00e0 000a 0000 0001 0045"  # transmit power 69 of the table
        "014a 0018 00 014f 0008 03e8 0000 0150 000b 80 0032 00000000"  # RF mode 1000; session 2, 50 tags
        "00ed 000d 02 0001 00ee 0006 1580"  # a report for every tag: antenna, peak RSSI, last seen, count
    )
