# SPDX-License-Identifier: Apache-2.0
"""Units that are dead, busy, behind a gateway that answers for them, or refuse what a board is there for."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, DeviceBusy, DeviceFault, ReplyTimeout
from drivers.base.modbus.frames import encode_rtu, encode_tcp
from drivers.base.session import CommandDone, CommandFailed, SessionReady
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.maps import load_map
from drivers.sensor_modbus.memory import Memory
from drivers.sensor_modbus.session import SensorModbusSession, ValueFailed, ValueRead
from firmware_sims.sensor_modbus.bus import BusTwin
from firmware_sims.sensor_modbus.device import ModbusTwin
from firmware_sims.sensor_modbus.twin import ModbusInputsTwin, ModbusRelayTwin, ModbusSensorTwin
from tests.modbus_line import VirtualLine


def _line(map_name: str, unit: ModbusTwin, **fields: Any) -> tuple[VirtualLine, SensorModbusSession]:
    config = SensorModbusConfig(map=map_name, framing="rtu", path="/dev/null", **fields)
    session = SensorModbusSession(config, load_map(map_name))
    return VirtualLine([session], BusTwin([unit])), session


def _session(map_name: str, **fields: Any) -> SensorModbusSession:
    return SensorModbusSession(SensorModbusConfig(map=map_name, **fields), load_map(map_name))


def _lost(line: VirtualLine, until_s: float) -> Exception:
    with pytest.raises((ReplyTimeout, DeviceFault)) as lost:
        line.run(until_s)
    return lost.value


def test_unit_that_is_dead_for_years_is_asked_once_a_minute() -> None:
    memory = Memory()

    pauses_s = []
    for _ in range(5000):
        memory.silent(0.0, 10.0, shared=True)
        pauses_s.append(memory.next_try_s)

    assert pauses_s[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]
    assert set(pauses_s[7:]) == {60.0}


@pytest.mark.parametrize(
    ("map_name", "fields", "timeout_s", "worst_s"),
    [
        ("waveshare_di", {"framing": "rtu", "path": "/dev/null"}, 0.5660, 0.5160),  # 8 + 6 characters of 11 bits at 9600 baud
        ("xy_md02", {"framing": "rtu", "path": "/dev/null", "baud_rate": 1200}, 1.2058, 1.1558),  # 8 + 9 characters
        ("xy_md02", {"framing": "rtu", "path": "/dev/null", "worst_reply_s": 0.2}, 0.25, 0.25),
        ("waveshare_di", {"host": "gateway"}, 1.0, 1.0),
        ("xy_md02", {"host": "gateway", "reply_timeout_s": 3.0}, 3.0, 3.0),
    ],
)
def test_unit_is_waited_for_as_long_as_its_map_and_the_speed_of_its_line_say(map_name: str, fields: dict[str, Any], timeout_s: float, worst_s: float) -> None:
    exchange = _session(map_name, **fields)._exchange

    assert exchange.reply_timeout_s == pytest.approx(timeout_s, abs=1e-4)
    assert exchange.worst_reply_s == pytest.approx(max(worst_s, timeout_s), abs=1e-4)


@pytest.mark.parametrize("code", [10, 11])
def test_gateway_that_answers_for_a_dead_unit_does_not_make_it_alive(code: int) -> None:
    unit = ModbusSensorTwin(framing="rtu")
    unit.on_refuse(code)
    line, _ = _line("xy_md02", unit, interval_s=1.0)

    error = _lost(line, 20.0)

    assert "gateway" in str(error)
    assert line.events(SessionReady) == []
    assert {failure.quantity for failure in line.events(ValueFailed)} == {"temperature_c", "humidity_pct"}


def test_board_that_does_not_tell_its_contacts_is_lost_so_that_nobody_believes_the_last_ones() -> None:
    board = ModbusInputsTwin(framing="rtu")
    line, _ = _line("waveshare_di", board)
    line.run(2.0)
    board.on_refuse(2)

    error = _lost(line, 4.0)

    assert "check the map" in str(error)


def test_busy_unit_stays_connected_and_its_next_reading_counts() -> None:
    unit = ModbusSensorTwin(framing="rtu")
    line, _ = _line("xy_md02", unit, interval_s=1.0)
    line.run(2.5)
    unit.on_refuse(6)
    line.run(8.5)
    unit.on_refuse(0)
    line.run(9.5)

    assert line.events(ValueRead, after_s=8.5)
    assert any("busy" in failure.reason for failure in line.events(ValueFailed))


def test_output_of_a_busy_board_may_be_switched_again_soon() -> None:
    board = ModbusRelayTwin(framing="rtu")
    line, session = _line("waveshare_relay", board)
    line.run(2.0)
    board.on_refuse(6)
    line.command(session, "switch_output", output=1, on=True)
    line.run(2.5)
    board.on_refuse(0)
    token = line.command(session, "switch_output", output=1, on=True)
    line.run(3.0)

    assert isinstance(line.events(CommandFailed)[0].error, DeviceBusy)
    assert line.events(CommandDone) == [CommandDone(token, {"output": 1, "on": True})]


@pytest.mark.parametrize(("asked", "answers_as"), [(255, 255), (255, 1), (0, 0), (0, 1)])
def test_device_that_is_no_gateway_is_asked_without_a_unit(asked: int, answers_as: int) -> None:
    session = _session("xy_md02", host="sensor", unit_id=asked)
    session.advance_to(0.0)
    request = session.bytes_to_send()

    events = session.receive_bytes(encode_tcp(int.from_bytes(request[:2], "big"), answers_as, bytes.fromhex("04 04 01 31 02 22")), 0.1)

    assert request[6] == asked
    assert ValueRead("temperature_c", 30.5) in events


@pytest.mark.parametrize("unit_id", [0, 1, 255])
def test_twin_over_tcp_answers_to_its_number_and_to_none(unit_id: int) -> None:
    said = ModbusSensorTwin(unit_id=1).receive_bytes(encode_tcp(7, unit_id, bytes.fromhex("04 00 01 00 02")), 0.0)

    assert said == encode_tcp(7, unit_id, bytes.fromhex("04 04 00 32 02 58"))


@pytest.mark.parametrize("fields", [{"path": "/dev/null", "framing": "rtu", "unit_id": 0}, {"host": "a", "unit_id": 250}])
def test_unit_that_cannot_be_is_a_mistake(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="there is no unit"):
        parse_config(SensorModbusConfig, {"map": "xy_md02", **fields})


def test_dead_unit_on_a_shared_line_is_not_asked_for_its_serial_number_before_its_pause_is_over() -> None:
    memory = Memory()
    for _ in range(5):
        memory.silent(100.0, 10.0, shared=True)  # the next try is at 116 s
    config = SensorModbusConfig(map="comet_tx5xx", framing="rtu", path="/dev/null")
    session = SensorModbusSession(config, load_map("comet_tx5xx"), memory)
    session.shares_with(1)

    session.advance_to(101.0)
    before = session.wants_line
    due_s = session.next_deadline_s()
    session.advance_to(116.0)
    session.grant(116.0)

    assert (before, due_s) == (None, 116.0)
    assert session.bytes_to_send() == encode_rtu(1, bytes.fromhex("03 10 34 00 02"))
