# SPDX-License-Identifier: Apache-2.0
"""What the driver asks for, as llrpkit's codec (which we did not write) understands it; it also writes the same bytes again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llrpkit.protocol import decode_message, enums, impinj, params

from drivers.base.errors import LocalProtocolError
from drivers.base.session import Argument
from drivers.rfid_llrp.access import Outcome, operation, outcome_in
from drivers.rfid_llrp.capabilities import IMPINJ, ZEBRA, Band, Capabilities
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.extensions import CUSTOM_MESSAGE, check_extensions, enable_body
from drivers.rfid_llrp.frames import Message, MessageType, ParameterType
from drivers.rfid_llrp.rospec import rospec_body

pytestmark = pytest.mark.requirement("E1")

EPC = "3074257BF7194E4000001A85"
POWERS = Band(power_dbm={1: 10.0, 2: 20.0, 3: 30.0})


def understood(kind: int, body: bytes) -> Any:
    raw = Message(kind, 7, body).encode()
    message = decode_message(raw)
    assert message.to_bytes() == raw
    return message


def rospec(maker: int = 0, **fields: Any) -> params.ROSpec:
    able = Capabilities(manufacturer=maker, antennas=4, inputs=4, band=POWERS)
    spec = understood(MessageType.ADD_ROSPEC, rospec_body(RfidLlrpConfig(host="reader", **fields), able)).ro_spec
    assert isinstance(spec, params.ROSpec)
    return spec


def inventory(spec: params.ROSpec) -> list[Any]:
    (ai,) = spec.spec_parameters
    assert isinstance(ai, params.AISpec)
    return ai.inventory_parameter_specs[0].antenna_configurations


def test_each_antenna_gets_its_own_power() -> None:
    antennas = inventory(rospec(antennas=(1, 3), antenna_powers_dbm=(30.0, 21.5)))

    assert [(antenna.antenna_id, antenna.rf_transmitter.transmit_power) for antenna in antennas] == [(1, 3), (3, 2)]


def test_mode_and_tari_are_asked_for() -> None:
    (antenna,) = inventory(rospec(reader_mode=1002, tari_ns=12500))

    control = antenna.air_protocol_inventory_command_settings[0].c1_g2_rf_control
    assert (control.mode_index, control.tari) == (1002, 12500)


def test_periodic_reading_has_its_period_and_length() -> None:
    boundary = rospec(start="periodic", start_period_s=2.5, stop="time", stop_after_s=0.5).ro_boundary_spec

    start, stop = boundary.ro_spec_start_trigger, boundary.ro_spec_stop_trigger
    assert (start.ro_spec_start_trigger_type, start.periodic_trigger_value.period) == (enums.ROSpecStartTriggerType.Periodic, 2500)
    assert (stop.ro_spec_stop_trigger_type, stop.duration_trigger_value) == (enums.ROSpecStopTriggerType.Duration, 500)


def test_reading_by_inputs_has_its_edges_and_its_limit() -> None:
    boundary = rospec(start="input", start_input=1, stop="input", stop_input=2, stop_level=True, stop_after_s=20.0).ro_boundary_spec

    start, stop = boundary.ro_spec_start_trigger.gpi_trigger_value, boundary.ro_spec_stop_trigger.gpi_trigger_value
    assert (start.gpi_port_num, start.gpi_event, start.timeout) == (1, True, 0)
    assert (stop.gpi_port_num, stop.gpi_event, stop.timeout) == (2, True, 20_000)


def test_timed_reading_begins_again_by_itself() -> None:
    start = rospec(stop="time", stop_after_s=1.0).ro_boundary_spec.ro_spec_start_trigger

    assert start.ro_spec_start_trigger_type == enums.ROSpecStartTriggerType.Immediate


def test_impinj_is_asked_for_search_mode_fine_rssi_phase_and_doppler() -> None:
    spec = rospec(IMPINJ, search_mode="dual_target", fine_rssi=True, report_phase=True, report_doppler=True)

    (command,) = inventory(spec)[0].air_protocol_inventory_command_settings
    (search,) = command.custom
    (content,) = spec.ro_report_spec.custom
    assert (type(search), search.inventory_search_mode) == (impinj.ImpinjInventorySearchMode, impinj.ImpinjInventorySearchType.Dual_Target)
    assert content.impinj_enable_rf_phase_angle.rf_phase_angle_mode == 1
    assert content.impinj_enable_peak_rssi.peak_rssi_mode == 1
    assert content.impinj_enable_rf_doppler_frequency.rf_doppler_frequency_mode == 1
    assert spec.ro_report_spec.tag_report_content_selector.enable_channel_index


def test_impinj_extensions_are_enabled_by_its_own_message() -> None:
    assert isinstance(understood(CUSTOM_MESSAGE, enable_body()), impinj.IMPINJ_ENABLE_EXTENSIONS)


def test_zebra_is_asked_for_phase_with_32_bits() -> None:
    able = Capabilities(manufacturer=ZEBRA, antennas=4, band=POWERS)

    body = rospec_body(RfidLlrpConfig(host="reader", report_phase=True), able)

    assert body.endswith(bytes.fromhex("03ff 0010 000000a1 000002c4 10000000"))


@pytest.mark.parametrize(("maker", "field"), [(ZEBRA, "search_mode"), (0, "report_phase"), (ZEBRA, "report_doppler"), (0, "fine_rssi")])
def test_addition_that_the_maker_lacks_is_told_with_the_key(maker: int, field: str) -> None:
    value = "dual_target" if field == "search_mode" else True

    with pytest.raises(LocalProtocolError, match=f"`{field}` is nothing that a reader of"):
        check_extensions(RfidLlrpConfig(host="reader", **{field: value}), Capabilities(manufacturer=maker))  # type: ignore[arg-type]


def access(name: str, **arguments: Argument) -> params.AccessSpec:
    wanted = {"epc": EPC, "password": "0000ABCD", "within_s": 5.0} | arguments
    spec = understood(MessageType.ADD_ACCESSSPEC, operation(name, wanted).add_body()).access_spec
    assert isinstance(spec, params.AccessSpec)
    return spec


def test_access_is_for_one_tag_once() -> None:
    spec = access("read_tag", bank="tid", first_word=0, words=6)

    (target,) = spec.access_command.air_protocol_tag_spec.c1_g2_target_tags
    (read,) = spec.access_command.access_command_op_specs
    assert (spec.access_spec_stop_trigger.operation_count_value, spec.ro_spec_id) == (1, 1)
    assert (target.mb, target.match, target.pointer, target.tag_data.data.hex().upper()) == (1, True, 32, EPC)
    assert target.tag_mask.bit_len == 96
    assert (read.access_password, read.mb, read.word_pointer, read.word_count) == (0xABCD, 2, 0, 6)


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([bytes.fromhex("00f0 000d 015e 0009 00 0001 0002"), bytes.fromhex("9000000001")]))))
def test_result_is_looked_for_in_any_bytes_without_a_fall(pieces: list[bytes]) -> None:
    outcome = outcome_in(b"".join(pieces), ParameterType.C1G2_WRITE_OP_SPEC_RESULT)

    assert outcome is None or outcome.name


def test_result_of_another_access_is_not_ours() -> None:
    ours, others = "015e 0009 00 0001 0002", "90 00000007 015e 0009 00 0001 0002"

    assert outcome_in(bytes.fromhex(f"00f0 000d {ours}"), ParameterType.C1G2_WRITE_OP_SPEC_RESULT) == Outcome("success", 0, words_written=2)
    assert outcome_in(bytes.fromhex(f"00f0 0012 {others}"), ParameterType.C1G2_WRITE_OP_SPEC_RESULT) is None
    assert outcome_in(bytes.fromhex("00f0 000d 015e 0009 00 0063 0002"), ParameterType.C1G2_WRITE_OP_SPEC_RESULT) is None


def test_write_lock_and_kill_carry_their_fields() -> None:
    (write,) = access("write_tag", bank="user", first_word=3, data="CAFE0042").access_command.access_command_op_specs
    (lock,) = access("lock_tag", what="user", how="lock").access_command.access_command_op_specs
    (kill,) = access("kill_tag").access_command.access_command_op_specs

    assert (write.mb, write.word_pointer, write.write_data) == (3, 3, [0xCAFE, 0x0042])
    (payload,) = lock.c1_g2_lock_payloads
    assert (payload.privilege, payload.data_field) == (enums.C1G2LockPrivilege.Read_Write, enums.C1G2LockDataField.User_Memory)
    assert kill.kill_password == 0xABCD


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("read_tag", {"bank": "eeprom", "first_word": 0, "words": 1}, "`bank` 'eeprom' is none of reserved, epc, tid, user"),
        ("read_tag", {"bank": "user", "first_word": -1, "words": 1}, "`first_word` must be 0 to 65535"),
        ("write_tag", {"bank": "user", "first_word": 0, "data": "ABC"}, "`data` 'ABC' is not hex"),
        ("write_tag", {"bank": "user", "first_word": 0, "data": "AB"}, "1 to 64 words"),
        ("lock_tag", {"what": "user", "how": "weld"}, "`how` 'weld' is none of"),
        ("kill_tag", {"password": "00000000"}, "`password` is zero"),
        ("kill_tag", {"password": "12"}, "`password` must be 8 hex digits"),
        ("kill_tag", {"epc": "x"}, "`epc` 'x' is not hex"),
    ],
)
def test_access_with_a_wrong_argument_is_refused_before_it_is_sent(name: str, arguments: dict[str, Argument], text: str) -> None:
    with pytest.raises(LocalProtocolError, match=text):
        operation(name, {"epc": EPC, "password": "00000000", "within_s": 5.0} | arguments)
