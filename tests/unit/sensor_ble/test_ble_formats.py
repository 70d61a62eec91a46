# SPDX-License-Identifier: Apache-2.0
"""What advertisements say, against the makers' examples and against packages of others."""

from __future__ import annotations

import struct

import pytest
from bthome_ble import BTHomeBluetoothDeviceData
from bthome_ble.const import MEAS_TYPES
from habluetooth import BluetoothServiceInfoBleak
from hypothesis import given
from hypothesis import strategies as st
from ruuvi_decoders import Df3Decoder, Df5Decoder
from sensor_state_data.description import BaseSensorDescription

from drivers.sensor_ble import atc, bthome, ruuvi
from drivers.sensor_ble.heard import Heard

KEY, MAC = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932"), "54:48:e6:8f:80:a5"


def _values(heard: Heard | None) -> dict[str, float]:
    assert heard is not None
    return dict(heard.values)


@pytest.mark.requirement("E8")
@pytest.mark.parametrize(
    ("data", "temperature_c", "battery_mv"),
    [
        ("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F", 24.3, 2977),
        ("057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F", 163.835, 3646),
        ("058001000000008001800180010000000000CBB8334C884F", -163.835, 1600),
        ("03291A1ECE1EFC18F94202CA0B53", 26.3, 2899),
        ("03FF7F63FFFF7FFF7FFF7FFFFFFF", 127.99, 65535),
        ("0300FF630000800180018001 0000".replace(" ", ""), -127.99, 0),
    ],
)
def test_ruuvi_examples_of_the_maker(data: str, temperature_c: float, battery_mv: float) -> None:
    values = _values(ruuvi.decode(bytes.fromhex(data)))

    assert (values["temperature_c"], values["battery_mv"]) == (temperature_c, battery_mv)


def test_ruuvi_tag_without_values_has_none() -> None:
    heard = ruuvi.decode(bytes.fromhex("058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF"))

    assert heard is not None
    assert (heard.values, heard.sequence, heard.identity, heard.battery_low) == ((), None, "", None)
    assert {code for _, code, _ in heard.failed} == {"8000", "FFFF", "7FF", "1F", "FF"}


@given(st.binary(min_size=23, max_size=23))
def test_raw_v2_is_read_as_by_the_decoder_of_others(body: bytes) -> None:
    told = Df5Decoder().decode_data((b"\x05" + body).hex()) if body[6:12].find(b"\x80\x00") < 0 else None  # it stumbles over absent acceleration
    if told is None:
        return

    values = _values(ruuvi.decode(b"\x05" + body))

    for ours, theirs in (("temperature_c", "temperature"), ("humidity_pct", "humidity"), ("pressure_hpa", "pressure"), ("battery_mv", "battery")):
        assert (ours in values) == (told[theirs] is not None)
        assert told[theirs] is None or values[ours] == pytest.approx(told[theirs], abs=0.00501)


@given(st.binary(min_size=13, max_size=13))
def test_raw_v1_is_read_as_by_the_decoder_of_others(body: bytes) -> None:
    told = Df3Decoder().decode_data((b"\x03" + body).hex())

    values = _values(ruuvi.decode(b"\x03" + body))

    for ours, theirs in (("temperature_c", "temperature"), ("humidity_pct", "humidity"), ("pressure_hpa", "pressure"), ("battery_mv", "battery")):
        assert values[ours] == pytest.approx(told[theirs], abs=0.00501)


def _others(data: bytes, key: bytes | None = None) -> BTHomeBluetoothDeviceData:
    info = BluetoothServiceInfoBleak(
        name="x",
        address=MAC.upper(),
        rssi=-60,
        manufacturer_data={},
        service_data={"0000fcd2-0000-1000-8000-00805f9b34fb": data},
        service_uuids=[],
        source="",
        device=None,
        advertisement=None,
        connectable=False,
        time=0.0,
        tx_power=None,
    )
    parser = BTHomeBluetoothDeviceData(bindkey=key)
    parser.update(info)
    return parser


_UNREADABLE = {0x50, 0x53, 0x54, 0x3A, 0x3B, 0x3C, 0x00}


@pytest.mark.parametrize(
    "kind", sorted(kind for kind, known in MEAS_TYPES.items() if isinstance(known.meas_format, BaseSensorDescription) and kind not in _UNREADABLE)
)
@pytest.mark.parametrize("filling", [0x5A, 0xD3])
def test_every_measurement_of_bthome_has_the_value_that_others_read(kind: int, filling: int) -> None:
    data = bytes([0x40, kind]) + bytes(range(filling, filling + MEAS_TYPES[kind].data_length))
    told = [value.native_value for value in _others(data)._sensor_values.values() if value.device_key.key != "signal_strength"]

    ours = bthome.opened(data, MAC, b"")

    assert ours is not None
    assert [value for _, value in bthome.decode(ours.objects).values] == [
        pytest.approx(value, abs=0.0501 if kind == 0x58 else 1e-9) for value in told
    ]  # 0.35 C a step, rounded there


def test_every_object_that_others_know_is_known_here() -> None:
    known = {*bthome.NUMBERS, *bthome.STATES, 0x00, 0x3A, 0x3B, 0x3C, 0x53, 0x54, 0xF0, 0xF1, 0xF2}

    assert set(MEAS_TYPES) == known


@pytest.mark.parametrize(
    ("data", "values", "sequence"),
    [
        ("4002ca0903bf13", {"temperature_c": 25.06, "humidity_pct": 50.55}, None),
        ("400001025d0903b708", {"temperature_c": 23.97, "humidity_pct": 22.31}, 1),
        ("4001612d01", {"battery_pct": 97.0, "window_open": 1.0}, None),
        ("402d00", {"window_open": 0.0}, None),
        ("4002", {}, None),
        ("40ff00", {}, None),
        ("4002ca09ff00", {"temperature_c": 25.06}, None),
        ("40450001450200", {"temperature_c": 25.6, "temperature_2_c": 0.2}, None),
        ("40530548656c6c6f02ca09", {"temperature_c": 25.06}, None),
        ("403b02000102 02ca09".replace(" ", ""), {"temperature_c": 25.06}, None),
    ],
)
def test_bthome_examples_say_what_they_say(data: str, values: dict[str, float], sequence: int | None) -> None:
    inside = bthome.opened(bytes.fromhex(data), MAC, b"")

    assert inside is not None
    heard = bthome.decode(inside.objects)
    assert (dict(heard.values), heard.sequence) == (values, sequence)


def test_encrypted_example_of_bthome_opens_with_its_key_only() -> None:
    data = bytes.fromhex("41a47266c95f730011223378237214")

    inside = bthome.opened(data, MAC, KEY)

    assert inside is not None
    assert (inside.objects.hex(), inside.counter) == ("02ca0903bf13", 0x33221100)
    assert [value.native_value for value in _others(data, KEY)._sensor_values.values()][:2] == [25.06, 50.55]
    for key, code in ((b"", "KEY"), (bytes(16), "MIC")):
        with pytest.raises(bthome.Locked) as locked:
            bthome.opened(data, MAC, key)
        assert locked.value.code == code


def test_address_in_the_data_counts_and_the_version_must_be_two() -> None:
    inside = bthome.opened(bytes.fromhex("42a5808fe6485402ca09"), "00:00:00:00:00:00", b"")

    assert inside is not None
    assert (inside.identity, inside.objects.hex()) == (MAC, "02ca09")
    assert bthome.opened(bytes.fromhex("2002ca09"), MAC, b"") is None
    assert bthome.opened(bytes.fromhex("42a5808f"), MAC, b"") is None
    assert bthome.opened(b"", MAC, b"") is None


def test_thermometers_of_atc_and_pvvx_are_told_apart_by_length() -> None:
    pvvx = bytes.fromhex("938453 38c1a4".replace(" ", "")) + struct.pack("<hHHBBB", -1850, 6764, 3014, 100, 27, 1)
    original = bytes.fromhex("a4c138538493") + struct.pack(">hBBHB", -185, 67, 100, 3014, 27)

    one, other = atc.decode(pvvx), atc.decode(original)

    assert _values(one) == {"temperature_c": -18.5, "humidity_pct": 67.64, "battery_mv": 3014.0, "battery_pct": 100.0}
    assert _values(other) == {"temperature_c": -18.5, "humidity_pct": 67.0, "battery_mv": 3014.0, "battery_pct": 100.0}
    assert one is not None
    assert other is not None
    assert (one.identity, one.contacts, one.sequence) == ("a4:c1:38:53:84:93", (("opening", True),), 27)
    assert other.identity == "a4:c1:38:53:84:93"
    assert atc.decode(bytes(11)).failed[0][1] == "KEY"  # type: ignore[union-attr]
    assert atc.decode(bytes(10)) is None


@given(st.binary(max_size=40))
def test_no_data_makes_a_parser_fall_over(data: bytes) -> None:
    ruuvi.decode(data)
    atc.decode(data)
    try:
        inside = bthome.opened(data, MAC, KEY)
    except bthome.Locked:
        return
    if inside is not None:
        bthome.decode(inside.objects)
