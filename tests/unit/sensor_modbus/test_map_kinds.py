# SPDX-License-Identifier: Apache-2.0
"""What maps can say beside plain registers: word orders, BCD, checks, stuck values, inputs, serial numbers."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import pytest

from drivers.base.line import Priority
from drivers.base.session import FrameRejected, SessionReady
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.maps import MappedValue, ModbusMap, Number, SerialNumber, ValueRefused, WordOrder, load_map
from drivers.sensor_modbus.memory import Memory
from drivers.sensor_modbus.session import InputRead, SensorModbusSession, ValueFailed, ValueRead
from firmware_sims.sensor_modbus.bus import BusTwin
from firmware_sims.sensor_modbus.generic import ModbusTransmitterTwin
from firmware_sims.sensor_modbus.twin import ModbusInputsTwin, ModbusSensorTwin
from tests.modbus_line import VirtualLine


def _value(kind: Number, word_order: WordOrder = "big", **fields: Any) -> MappedValue:
    return MappedValue(quantity="x", type=kind, word_order=word_order, **{"low": -1e9, "high": 1e9, **fields})


@pytest.mark.parametrize(
    ("word_order", "words"),
    [("ABCD", (0x42F6, 0xE979)), ("CDAB", (0xE979, 0x42F6)), ("BADC", (0xF642, 0x79E9)), ("DCBA", (0x79E9, 0xF642))],
)
@pytest.mark.requirement("E9")
def test_float_is_read_in_every_order_of_its_bytes(word_order: WordOrder, words: tuple[int, int]) -> None:
    assert _value("float32", word_order).decode(words) == pytest.approx(123.456, abs=1e-4)  # 42 F6 E9 79 in IEEE 754


@pytest.mark.parametrize(
    ("kind", "words", "expected"),
    [
        ("int16", (0xFF33,), -205.0),
        ("uint16", (0xFF33,), 65331.0),
        ("int32", (0xFFFF, 0xFF33), -205.0),
        ("uint32", (0x0001, 0x86A0), 100_000.0),
        ("bcd16", (0x1234,), 1234.0),
        ("bcd32", (0x1234, 0x5678), 12_345_678.0),
    ],
)
def test_numbers_are_read_as_their_type_says(kind: Number, words: tuple[int, ...], expected: float) -> None:
    assert _value(kind).decode(words) == expected
    assert _value(kind, scale=0.1, add=1.0).decode(words) == pytest.approx(expected / 10 + 1.0)


def test_bytes_of_one_register_can_be_swapped() -> None:
    assert _value("int16", "BADC").decode((0x33FF,)) == -205.0


@pytest.mark.parametrize(
    ("kind", "words", "reason"),
    [
        ("bcd16", (0x12A4,), "is not in BCD"),
        ("float32", struct.unpack(">2H", struct.pack(">f", float("nan"))), "outside what the sensor can measure"),
        ("float32", struct.unpack(">2H", struct.pack(">f", float("-inf"))), "outside what the sensor can measure"),
    ],
)
def test_what_is_no_number_is_refused(kind: Number, words: tuple[int, ...], reason: str) -> None:
    with pytest.raises(ValueRefused, match=reason):
        _value(kind).decode(words)


def _line(map_name: str, twin: Any, memory: Memory | None = None, **fields: Any) -> tuple[VirtualLine, SensorModbusSession]:
    settings = {"framing": "rtu", "path": "/dev/null", "interval_s": 1.0, "worst_reply_s": 0.1, "reply_timeout_s": 0.1, **fields}
    session = SensorModbusSession(SensorModbusConfig(map=map_name, **settings), load_map(map_name), memory)
    return VirtualLine([session], BusTwin([twin])), session


def _rtu(twin: type[Any], **fields: Any) -> Any:
    return twin(framing="rtu", **fields)


def _values(line: VirtualLine) -> dict[str, float]:
    return {event.quantity: event.value for event in line.events(ValueRead)}


@pytest.mark.requirement("E9")
def test_generic_map_reads_every_kind_of_entry() -> None:
    line, session = _line("generic", _rtu(ModbusTransmitterTwin))

    line.run(1.5)

    assert _values(line) == {"temperature_c": 5.0, "humidity_pct": 60.0, "pressure_hpa": 1013.25, "energy_kwh": 12_345_678.0}
    assert line.events(InputRead) == [InputRead(1, True)]
    assert session.serial == "DL-00042"
    assert len(line.events(SessionReady)) == 1


@pytest.mark.requirement("E9")
def test_device_that_is_set_to_fahrenheit_is_told_as_a_mistake() -> None:
    twin = _rtu(ModbusTransmitterTwin)
    twin.change("temperature", "41F", 0.0)
    line, _ = _line("generic", twin)

    line.run(0.5)

    failed = line.events(ValueFailed)
    assert [failure.quantity for failure in failed] == ["temperature_c", "humidity_pct", "pressure_hpa", "energy_kwh"]
    assert failed[0].reason == "the transmitter is set to degrees Fahrenheit; set its register 7 to 0 (Celsius) (register 0x0007 is 1)"


def test_th332_and_clones_in_hundredths_are_read() -> None:
    floats, _ = _line("controlbox_th332", _rtu(ModbusTransmitterTwin, kind="th332"))
    hundredths, _ = _line("xy_md02_hundredths", _rtu(ModbusSensorTwin, map="xy_md02_hundredths"))
    hundredths.twin.units[1].stimulate("set", {"quantity": "temperature_c", "value": -20.55}, 0.0)

    floats.run(0.5)
    hundredths.run(0.5)

    assert _values(floats) == {"temperature_c": 5.0, "humidity_pct": 60.0, "dew_point_c": pytest.approx(-2.2)}
    assert _values(hundredths) == {"temperature_c": -20.55, "humidity_pct": 60.0}


@pytest.mark.requirement("E9")
def test_value_that_stands_still_for_six_hours_is_refused_until_it_moves_again() -> None:
    twin, memory = _rtu(ModbusSensorTwin, map="xy_md02_hundredths"), Memory()
    line, _ = _line("xy_md02_hundredths", twin, memory, interval_s=600.0)

    line.run(6 * 3600.0)
    assert line.events(ValueFailed) == []
    line.run(7 * 3600.0)
    stuck = line.events(ValueFailed)
    twin.stimulate("set", {"quantity": "temperature_c", "value": 5.01}, 0.0)
    line.run(line.now_s + 601.0)

    assert stuck[0] == ValueFailed("temperature_c", "exactly the same value for more than 6 h; check the probe, it seems to be stuck")
    assert {failure.quantity for failure in stuck} == {"temperature_c"}
    assert line.events(ValueRead)[-2] == ValueRead("temperature_c", 5.01)


def test_stuck_time_of_the_configuration_counts_across_connections() -> None:
    twin, memory = _rtu(ModbusSensorTwin), Memory()
    before, _ = _line("xy_md02", twin, memory, stuck_s=60.0)
    before.run(50.0)
    session = SensorModbusSession(
        SensorModbusConfig(map="xy_md02", framing="rtu", path="/dev/null", interval_s=1.0, worst_reply_s=0.1, reply_timeout_s=0.1, stuck_s=60.0),
        load_map("xy_md02"),
        memory,
    )
    after = VirtualLine([session], BusTwin([twin]), now_s=100.0)

    after.run(101.0)

    assert {failure.quantity for failure in after.events(ValueFailed)} == {"temperature_c", "humidity_pct"}
    assert "for more than 60 s" in after.events(ValueFailed)[0].reason


@pytest.mark.requirement("E9")
def test_contact_that_bounces_is_one_change() -> None:
    line, _ = _line("waveshare_di", _rtu(ModbusInputsTwin))
    line.run(1.0)
    before = len(line.events(InputRead))

    for n in range(6):  # a door reed chatters for 60 ms
        line.twin.units[1].stimulate("input", {"input": 1, "level": n % 2 == 0}, line.now_s)
        line.run(line.now_s + 0.01)
    line.twin.units[1].stimulate("input", {"input": 1, "level": True}, line.now_s)
    line.run(line.now_s + 0.5)

    assert before == 8, "each input is told once at the beginning"
    assert line.events(InputRead)[before:] == [InputRead(1, True)]


def test_mains_failure_is_told_within_half_a_second() -> None:
    line, _ = _line("waveshare_di", _rtu(ModbusInputsTwin))
    line.run(1.0)

    line.twin.units[1].change("mains", "failed", line.now_s)
    failed_s = line.now_s
    line.run(2.0)

    assert line.when(InputRead, number=2, level=False) - failed_s < 0.5


def test_inputs_are_asked_before_values() -> None:
    _, session = _line("waveshare_di", _rtu(ModbusInputsTwin))
    session.advance_to(5.0)

    assert session.wants_line is Priority.BUTTON


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": [{"function": 3, "address": 0, "count": 1, "inputs": [{"number": 1, "offset": 0}]}]}, "inputs are bits"),
        ({"blocks": [{"function": 2, "address": 0, "count": 1, "inputs": [{"number": 1, "offset": 1}]}]}, "input 1 does not lie within"),
        ({"blocks": [{"function": 2, "address": 0, "count": 2, "inputs": [{"number": 1, "offset": 0}, {"number": 1, "offset": 1}]}]}, "mapped twice"),
        ({"blocks": [{"function": 3, "address": 0, "count": 1, "checks": [{"offset": 1, "wrong": [1], "reason": "x"}]}]}, "a check does not lie within"),
    ],
)
def test_map_that_cannot_be_right_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert({"title": "t", "source": "s", "worst_reply_s": 1.0, **change}, ModbusMap)


@pytest.mark.parametrize(
    ("form", "words", "expected"),
    [("bcd", (0x2096, 0x0127), "20960127"), ("number", (0x0001, 0x86A0), "100000"), ("text", (0x4142, 0x4300), "ABC"), ("bcd", (0x20FF, 0), "553582592")],
)
def test_serial_number_is_read_as_people_read_it(form: Any, words: tuple[int, ...], expected: str) -> None:
    assert SerialNumber(address=0, count=len(words), format=form).decode(words) == expected


def test_device_that_tells_no_serial_number_is_read_all_the_same() -> None:
    twin = _rtu(ModbusSensorTwin, map="comet_tx5xx")
    del twin.holding[0x1034]
    line, session = _line("comet_tx5xx", twin)

    line.run(0.5)

    assert session.serial == ""
    assert len(_values(line)) == 3
    assert line.events(FrameRejected) == []
