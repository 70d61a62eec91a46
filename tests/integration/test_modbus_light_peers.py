# SPDX-License-Identifier: Apache-2.0
"""Pick tags, and lines of several units, against peers that we did not write: pymodbus, pyModbusTCP, ser2net and socat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pyModbusTCP.server import ModbusServer

from contracts.readings import ButtonPressed, InputChanged, Measured
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.driver import LightModbusDriver
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver
from firmware_sims.engine.servers import PtyTwinServer
from firmware_sims.light_modbus.twin import LitTag, ModbusTagsTwin
from firmware_sims.sensor_modbus.bus import ModbusBusTwin
from firmware_sims.stack import free_port
from tests.conformance.test_life import Readings
from tests.integration.test_serial_servers import program, ser2net

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E9")]

HOLDING, INPUT = 3, 4
PATIENT = {"reply_timeout_s": 1.0, "worst_reply_s": 1.0}


@asynccontextmanager
async def _running(readings: Readings, *devices: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(device.run(readings.emit)) for device in devices]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _unit(number: int, holding: list[int], inputs: list[int]) -> SimDevice:
    nothing = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    registers = [[SimData(0, values=values, datatype=DataType.REGISTERS)] for values in (holding, inputs)]
    return SimDevice(number, (nothing, nothing, registers[0], registers[1]))


@asynccontextmanager
async def _pymodbus_bus() -> AsyncIterator[tuple[ModbusTcpServer, int]]:
    """Two tags (units 1 and 2) and an XY-MD02 (unit 21) behind a serial server."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    tags = [_unit(number, [0xFFFF, 0xFFFF, 0, 0, 0], [0, 0, 0xFFFF, 0xFFFF, 0]) for number in (1, 2)]
    server = ModbusTcpServer([*tags, _unit(21, [0], [0, 305, 546])], framer=FramerType.RTU, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    assert server.transport is not None
    try:
        yield server, server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def _until_written(server: ModbusTcpServer, unit: int, expected: list[int]) -> None:
    async with asyncio.timeout(8):
        while await server.async_getValues(unit, HOLDING, 0, len(expected)) != expected:  # noqa: ASYNC110  # the server tells nobody that it was written to
            await asyncio.sleep(0.01)


async def test_two_drivers_share_a_line_of_pymodbus_units() -> None:
    readings = Readings()
    async with _pymodbus_bus() as (server, port):
        where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "framing": "rtu", "baud_rate": 115_200, **PATIENT}
        lights = LightModbusDriver("lights", LightModbusConfig(map="generic_tag", nodes=2, **where))
        sensor = SensorModbusDriver("cold", SensorModbusConfig(map="xy_md02", unit_id=21, interval_s=0.2, **where))
        async with _running(readings, lights, sensor):
            await readings.until(lambda reading: isinstance(reading, Measured) and reading.value == 30.5)
            await readings.until(lambda reading: reading.device == "lights")
            await lights.execute("show", {"node": 2, "quantity": 70_000, "colour": "blue"})
            await _until_written(server, 2, [1, 70_000 - 65_536, 4])
            # what the firmware of a tag does: it tells what it shows, and which key was pressed
            await server.async_setValues(2, INPUT, 0, [1, 0, 1, 70_000 - 65_536 - 1, 4])
            await readings.until(lambda reading: isinstance(reading, ButtonPressed))
            await _until_written(server, 2, [0xFFFF, 0xFFFF, 0, 0, 1])

    assert [(press.node, press.press, press.quantity) for press in readings.all if isinstance(press, ButtonPressed)] == [(2, "confirm", 69_999)]


async def test_lights_over_modbus_tcp_are_written_to_a_pymodbustcp_server(unused_tcp_port: int) -> None:
    server = ModbusServer(host="127.0.0.1", port=unused_tcp_port, no_block=True)
    server.start()
    readings = Readings()
    try:
        server.data_bank.set_input_registers(0, [0, 0, 0xFFFF, 0xFFFF, 0])
        config = LightModbusConfig(map="generic_tag", nodes=1, host="127.0.0.1", port=unused_tcp_port, framing="tcp", **PATIENT)  # type: ignore[arg-type]
        lights = LightModbusDriver("lights", config)
        async with _running(readings, lights):
            await readings.until(lambda reading: reading.device == "lights")
            await lights.execute("show", {"node": 1, "quantity": 12})
            async with asyncio.timeout(8):
                while server.data_bank.get_holding_registers(0, 3) != [0, 12, 2]:  # noqa: ASYNC110  # it tells nobody either
                    await asyncio.sleep(0.01)
    finally:
        server.stop()


async def test_pymodbus_client_lights_our_tags_and_finds_the_line_silent_for_others() -> None:
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    server = PtyTwinServer(ModbusTagsTwin(3))
    await server.start()
    client = AsyncModbusSerialClient(server.path, baudrate=115_200, timeout=0.5, retries=0)
    try:
        assert await client.connect()
        written = await client.write_registers(0, [0, 12, 2], device_id=3)
        refused = await client.write_register(2, 9, device_id=3)
        server.stimulate("press", node=3, quantity=11)
        told = await client.read_input_registers(0, count=5, device_id=3)
        with pytest.raises(ModbusIOException):
            await client.read_input_registers(0, count=5, device_id=4)
    finally:
        client.close()
        await server.stop()

    assert not written.isError()
    assert (refused.isError(), refused.exception_code) == (True, 3)
    assert told.registers == [1, 0, 0, 11, 2]
    assert server.twin.lit == {3: LitTag(11, "green")}


def _bus_units(port: int) -> list[SensorModbusDriver]:
    where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "framing": "rtu", "interval_s": 0.2, **PATIENT}
    return [
        SensorModbusDriver(f"u{unit}", SensorModbusConfig(map=name, unit_id=unit, **where))
        for unit, name in ((1, "xy_md02"), (2, "xy_md02"), (4, "waveshare_di"))
    ]


async def _all_are_heard(readings: Readings, server: PtyTwinServer, port: int) -> None:
    async with _running(readings, *_bus_units(port)):
        server.stimulate("set", unit=2, quantity="temperature_c", value=-18.5)
        await readings.until(lambda reading: isinstance(reading, Measured) and (reading.device, reading.value) == ("u1", 5.0))
        await readings.until(lambda reading: isinstance(reading, Measured) and (reading.device, reading.value) == ("u2", -18.5))
        await readings.until(lambda reading: isinstance(reading, InputChanged) and reading.device == "u4")


async def test_units_of_one_line_are_read_through_ser2net(tmp_path: Path) -> None:
    server = PtyTwinServer(ModbusBusTwin())
    await server.start()
    try:
        async with ser2net(tmp_path, server.path, "tcp") as port:
            await _all_are_heard(Readings(), server, port)
    finally:
        await server.stop()


async def test_units_of_one_line_are_read_through_socat() -> None:
    server, port = PtyTwinServer(ModbusBusTwin()), free_port()
    await server.start()
    try:
        async with program(port, "socat", f"TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr", f"{server.path},raw,echo=0"):
            await _all_are_heard(Readings(), server, port)
    finally:
        await server.stop()
