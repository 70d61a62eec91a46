# SPDX-License-Identifier: Apache-2.0
"""The Modbus driver against a server that we did not write, and our simulated devices against clients that we did not write."""

import asyncio
import contextlib

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.server import ModbusServer

from contracts.readings import LinkChanged, Measured, ReadingFailed
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver
from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer
from firmware_sims.sensor_modbus.twin import ModbusRelayTwin, ModbusSensorTwin
from tests.conformance.test_life import Readings


@contextlib.asynccontextmanager
async def running(driver, readings):
    task = asyncio.create_task(driver.run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, LinkChanged))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@contextlib.asynccontextmanager
async def served(server):
    await server.start()
    yield server
    await server.stop()


def _measured(quantity, value):
    return lambda reading: isinstance(reading, Measured) and (reading.quantity, reading.value) == (quantity, value)


@pytest.fixture
def foreign_server(unused_tcp_port):
    server = ModbusServer(host="127.0.0.1", port=unused_tcp_port, no_block=True)
    server.start()
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.requirement("E9")
async def test_driver_reads_a_pymodbustcp_server(foreign_server):
    foreign_server.data_bank.set_input_registers(1, [305, 546])
    readings = Readings()
    driver = SensorModbusDriver("s1", SensorModbusConfig(host="127.0.0.1", port=foreign_server.port, map="xy_md02", interval_s=0.1))

    async with running(driver, readings):
        await readings.until(_measured("temperature_c", 30.5))
        foreign_server.data_bank.set_input_registers(1, [0xFF33, 546])
        await readings.until(_measured("temperature_c", -20.5))
        foreign_server.data_bank.set_input_registers(1, [0x8000, 546])
        await readings.until(lambda reading: isinstance(reading, ReadingFailed))


@pytest.mark.slow
async def test_driver_switches_a_coil_of_a_pymodbustcp_server(foreign_server):
    readings = Readings()
    driver = SensorModbusDriver("s1", SensorModbusConfig(host="127.0.0.1", port=foreign_server.port, map="waveshare_relay"))

    async with running(driver, readings):
        assert await driver.execute("switch_output", {"output": 3, "on": "on"}) == {"output": 3, "on": True}
        assert foreign_server.data_bank.get_coils(0, 8) == [False, False, True, False, False, False, False, False]
        assert await driver.execute("switch_output", {"output": 3, "on": "off"}) == {"output": 3, "on": False}
        assert foreign_server.data_bank.get_coils(2, 1) == [False]


async def test_pymodbustcp_client_reads_and_switches_our_devices():
    async with served(TcpTwinServer(ModbusSensorTwin(map="comet_tx5xx"))) as sensor, served(TcpTwinServer(ModbusRelayTwin())) as relays:
        sensor.stimulate("set", quantity="temperature_c", value=-20.5)
        reader, switcher = (ModbusClient(host="127.0.0.1", port=server.port, unit_id=1, timeout=5) for server in (sensor, relays))

        assert await asyncio.to_thread(reader.read_holding_registers, 0x30, 2) == [0xFF33, 600]
        assert await asyncio.to_thread(reader.read_holding_registers, 0x90, 2) is None
        assert reader.last_except == 2
        assert await asyncio.to_thread(switcher.write_single_coil, 2, True)
        assert await asyncio.to_thread(switcher.write_multiple_coils, 4, [True, False, True])
        assert await asyncio.to_thread(switcher.read_coils, 0, 8) == [False, False, True, False, True, False, True, False]
        assert relays.twin.outputs == {1: False, 2: False, 3: True, 4: False, 5: True, 6: False, 7: True, 8: False}
        reader.close()
        switcher.close()


async def test_pymodbus_tcp_client_reads_our_device():
    async with served(TcpTwinServer(ModbusSensorTwin(map="xy_md02"))) as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=5, retries=0)
        assert await client.connect()

        good = await client.read_input_registers(1, count=2, device_id=1)
        bad = await client.read_input_registers(500, count=2, device_id=1)
        client.close()

    assert good.registers == [50, 600]
    assert (bad.isError(), bad.exception_code) == (True, 2)


async def test_pymodbus_rtu_client_reads_our_device_on_a_serial_line():
    async with served(PtyTwinServer(ModbusSensorTwin(map="xy_md02", framing="rtu"))) as server:
        client = AsyncModbusSerialClient(server.path, baudrate=9600, timeout=5, retries=0)
        assert await client.connect()

        values = await client.read_input_registers(1, count=2, device_id=1)
        written = await client.write_register(0x0103, 5, device_id=1)
        correction = await client.read_holding_registers(0x0103, count=1, device_id=1)
        client.close()

    assert values.registers == [50, 600]
    assert not written.isError()
    assert correction.registers == [5]


@pytest.mark.slow
@pytest.mark.requirement("E9")
async def test_driver_reads_and_switches_on_a_serial_line():
    async with served(PtyTwinServer(ModbusRelayTwin(framing="rtu"))) as relays, served(PtyTwinServer(ModbusSensorTwin("comet_tx5xx", "rtu"))) as sensor:
        quick = {"framing": "rtu", "interval_s": 0.2, "reply_timeout_s": 0.2, "worst_reply_s": 0.2}
        switching = SensorModbusDriver("r1", SensorModbusConfig(path=relays.path, map="waveshare_relay", **quick))
        measuring = SensorModbusDriver("s1", SensorModbusConfig(path=sensor.path, map="comet_tx5xx", parity="E", **quick))
        heard, measured = Readings(), Readings()

        async with running(switching, heard), running(measuring, measured):
            await switching.execute("switch_output", {"output": 8, "on": True})
            await measured.until(_measured("dew_point_c", -2.2))
            sensor.stimulate("slow", reply_delay_s=0.3)
            await measured.until(lambda reading: isinstance(reading, ReadingFailed))
            sensor.stimulate("slow", reply_delay_s=0.0)
            sensor.stimulate("set", quantity="temperature_c", value=8.1)
            await measured.until(_measured("temperature_c", 8.1))

        assert relays.twin.outputs[8]
