# SPDX-License-Identifier: Apache-2.0
"""Many registers as one reading, and polls that keep their grid."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from contracts.readings import MeasuredArray
from drivers.base.errors import ConfigError
from drivers.base.modbus.frames import encode_tcp
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver
from drivers.sensor_modbus.maps import Array, ModbusMap, load_map
from drivers.sensor_modbus.session import ArrayRead, SensorModbusSession, ValueFailed

WIDE = Array(quantity="raw", address=100, count=100)
MAP = ModbusMap(title="wide", source="nobody's table", worst_reply_s=0.5, arrays=(WIDE,))
INTERVAL_S = 0.1


def _session(register_map: ModbusMap = MAP) -> SensorModbusSession:
    config = SensorModbusConfig(map="wide", host="plc", interval_s=INTERVAL_S, reply_timeout_s=0.5, silent_polls_max=1000)
    return SensorModbusSession(config, register_map)


def _reply(asked: bytes, registers: list[int]) -> bytes:
    pdu = bytes([3, 2 * len(registers)]) + struct.pack(f">{len(registers)}H", *registers)
    return encode_tcp(int.from_bytes(asked[:2], "big"), 1, pdu)


@pytest.mark.requirement("E17")
def test_hundred_registers_come_as_one_reading_of_one_request() -> None:
    session = _session()
    session.advance_to(0.0)
    asked = session.bytes_to_send()

    events = session.receive_bytes(_reply(asked, list(range(100))), 0.01)

    assert asked[6:] == bytes.fromhex("01 03 0064 0064")
    assert [*events][1:] == [ArrayRead("raw", 100, list(range(100)))]


def test_whole_reply_and_single_bytes_give_the_same_values() -> None:
    whole, bytewise = _session(), _session()
    for session in (whole, bytewise):
        session.advance_to(0.0)
    reply = _reply(whole.bytes_to_send(), list(range(100)))

    events = [event for byte in reply for event in bytewise.receive_bytes(bytes([byte]), 0.01)]

    assert events == [*whole.receive_bytes(reply, 0.01)]


@pytest.mark.requirement("E17")
def test_polls_keep_their_grid_however_late_time_passes() -> None:
    session = _session()
    for index in range(600):
        late_s = 0.013 if index % 3 else 0.0
        now_s = max(0.0, session.next_deadline_s() or 0.0) + late_s
        session.advance_to(now_s)
        session.receive_bytes(_reply(session.bytes_to_send(), [0] * 100), now_s + 0.004)

    assert session.next_deadline_s() == pytest.approx(60.0)
    assert session.polls_missed == 0


@pytest.mark.parametrize(("connected_s", "second_s"), [(3.0, 10.0), (7.0, 20.0), (10.0, 20.0), (14.9, 20.0)])
def test_devices_of_one_interval_are_polled_together_wherever_they_were_connected(connected_s: float, second_s: float) -> None:
    config = SensorModbusConfig(map="wide", host="plc", interval_s=10.0)
    session = SensorModbusSession(config, MAP)
    session.advance_to(connected_s)

    session.receive_bytes(_reply(session.bytes_to_send(), [0] * 100), connected_s + 0.1)

    assert session.next_deadline_s() == pytest.approx(second_s)
    assert session.polls_missed == 0


def test_poll_is_missed_when_the_reply_is_late_or_nobody_let_time_pass() -> None:
    session = _session()
    session.advance_to(0.0)
    asked = session.bytes_to_send()

    session.advance_to(0.1)
    assert (session.bytes_to_send(), session.polls_missed) == (b"", 1)
    session.receive_bytes(_reply(asked, [0] * 100), 0.15)
    session.advance_to(0.55)

    assert session.polls_missed == 4  # those of 0.1, 0.2, 0.3, 0.4; that of 0.5 is made now
    assert session.next_deadline_s() == pytest.approx(0.6)


def test_array_that_is_refused_by_the_device_has_failed() -> None:
    session = _session()
    session.advance_to(0.0)
    asked = session.bytes_to_send()

    events = session.receive_bytes(encode_tcp(int.from_bytes(asked[:2], "big"), 1, b"\x83\x02"), 0.01)

    assert [event.quantity for event in events if isinstance(event, ValueFailed)] == ["raw"]


@pytest.mark.parametrize(
    ("fields", "registers", "values"),
    [
        ({"count": 3, "type": "int16"}, [1, 0x8000, 0xFFFF], [1, -32768, -1]),
        ({"count": 2, "type": "int16", "scale": 0.1}, [305, 0xFFF6], [30.5, -1.0]),
        ({"count": 2, "type": "uint32"}, [1, 2, 0, 7], [65538, 7]),
        ({"count": 2, "type": "int32", "word_order": "little"}, [2, 1, 0xFFFF, 0xFFFF], [65538, -1]),
        ({"count": 2, "type": "float32"}, [0x4048, 0xF5C3, 0x7FC0, 0], [3.14, None]),
        ({"count": 3, "low": 10.0, "high": 20.0}, [9, 15, 21], [None, 15, None]),
        ({"count": 2, "type": "int16", "sentinels": (0x8000,)}, [0x8000, 4], [None, 4]),
        ({"count": 2, "type": "int32", "word_order": "little", "sentinels": (0x80000000,)}, [0, 0x8000, 4, 0], [None, 4]),
    ],
)
def test_array_is_decoded_like_the_makers_table_says(fields: dict[str, object], registers: list[int], values: list[int | float | None]) -> None:
    array = Array(quantity="raw", address=0, **fields)  # type: ignore[arg-type]  # the cases above

    assert array.size_words == len(registers)
    assert array.decode(registers) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing to read"),
        ('[[arrays]]\nquantity = "a"\naddress = 0\ncount = 63\ntype = "int32"\n', "takes 126 registers"),
        ('[[arrays]]\nquantity = "a"\naddress = 0\ncount = 9\n[[arrays]]\nquantity = "b"\naddress = 20\ncount = 9\n', "the same `count`"),
        ('[[arrays]]\nquantity = "a"\naddress = 0\ncount = 9\n[[arrays]]\nquantity = "a"\naddress = 20\ncount = 8\n', "mapped twice"),
    ],
)
def test_wrong_arrays_are_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wide.toml"
    path.write_text(f'title = "t"\nsource = "s"\nworst_reply_s = 0.5\n{text}', encoding="utf-8")

    with pytest.raises(ConfigError, match=message):
        load_map(str(path))


def test_driver_hands_an_array_on_as_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "wide.toml"
    path.write_text('title = "t"\nsource = "s"\nworst_reply_s = 0.5\n[[arrays]]\nquantity = "raw"\naddress = 100\ncount = 100\n', encoding="utf-8")
    driver = SensorModbusDriver("plc-1", SensorModbusConfig(map=str(path), host="plc"))

    readings = [*driver.readings(ArrayRead("raw", 100, [1, 2]), 7.5)]

    assert readings == [MeasuredArray(device="plc-1", at_s=7.5, quantity="raw", first=100, values=[1, 2])]
