# SPDX-License-Identifier: Apache-2.0
"""Several devices on one line: one transport, turns, one loss told to all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.readings import InputChanged, LinkChanged, Measured
from drivers.base import shared_lines
from drivers.base.errors import TransportError
from drivers.base.transports import Transport
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver
from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer
from firmware_sims.sensor_modbus.bus import ModbusBusTwin
from tests.conformance.test_life import Readings

QUICK: dict[str, Any] = {"framing": "rtu", "interval_s": 0.1, "reply_timeout_s": 0.1, "worst_reply_s": 0.1}


@contextlib.asynccontextmanager
async def _served(server: Any) -> AsyncIterator[Any]:
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def _running(readings: Readings, *devices: SensorModbusDriver) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(device.run(readings.emit)) for device in devices]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _units(where: dict[str, Any], **changes: Any) -> list[SensorModbusDriver]:
    maps = ("xy_md02", "xy_md02", "waveshare_relay", "waveshare_di")
    return [SensorModbusDriver(f"u{unit}", SensorModbusConfig(map=name, unit_id=unit, **where, **{**QUICK, **changes})) for unit, name in enumerate(maps, 1)]


def _temperature(device: str, value: float) -> Any:
    return lambda reading: isinstance(reading, Measured) and (reading.device, reading.quantity, reading.value) == (device, "temperature_c", value)


def _link_of(device: str) -> Any:
    return lambda reading: isinstance(reading, LinkChanged) and reading.device == device


@pytest.mark.requirement("E9")
async def test_four_units_share_one_connection_to_a_serial_server() -> None:
    readings = Readings()
    async with _served(TcpTwinServer(ModbusBusTwin())) as server:
        units = _units({"host": server.host, "port": server.port})
        async with _running(readings, *units):
            server.stimulate("set", unit=2, quantity="temperature_c", value=-20.5)
            await readings.until(_temperature("u1", 5.0))
            await readings.until(_temperature("u2", -20.5))
            assert await units[2].execute("switch_output", {"output": 3, "on": True}) == {"output": 3, "on": True}
            server.stimulate("input", unit=4, input=1, level=True)
            await readings.until(lambda reading: isinstance(reading, InputChanged) and reading.device == "u4" and reading.input == 1 and reading.level)

        assert server.twin.units[3].outputs[3]
        assert server.twin.crowded == 0


@pytest.mark.requirement("E9")
async def test_line_that_breaks_is_lost_for_all_and_opened_once_again() -> None:
    readings = Readings()
    async with _served(TcpTwinServer(ModbusBusTwin())) as server:
        units = _units({"host": server.host, "port": server.port})
        async with _running(readings, *units) as tasks:
            for unit in units:
                await readings.until(_link_of(unit.device_id))
            server.drop_client()
            async with asyncio.timeout(5):
                lost = await asyncio.gather(*tasks, return_exceptions=True)

            assert all(isinstance(error, TransportError) for error in lost)
            assert sorted(str(getattr(error, "device_id", "")) for error in lost) == ["u1", "u2", "u3", "u4"]
            before = len(readings.all)
            async with _running(readings, *units):
                await readings.until(_temperature("u1", 5.0), after=before)
                await readings.until(_temperature("u2", 5.0), after=before)


@pytest.mark.requirement("E9")
async def test_server_that_is_away_is_knocked_at_once_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    knocks, refuse = [], asyncio.Event()

    async def away(config: SensorModbusConfig) -> Transport:
        knocks.append(config.unit_id)
        await refuse.wait()
        raise TransportError("cannot connect")

    monkeypatch.setattr(shared_lines, "open_transport", away)
    units = [SensorModbusDriver(f"u{n}", SensorModbusConfig(map="xy_md02", unit_id=n, host="away", **QUICK)) for n in range(1, 11)]

    tasks = [asyncio.create_task(unit.run(Readings().emit)) for unit in units]
    await asyncio.sleep(0)  # all of them have begun
    refuse.set()
    lost = await asyncio.gather(*tasks, return_exceptions=True)
    again = await asyncio.gather(units[3].run(Readings().emit), return_exceptions=True)

    assert [str(error) for error in lost] == [f"u{n}: cannot connect" for n in range(1, 11)]
    assert isinstance(again[0], TransportError)
    assert knocks == [1, 4]


async def test_unit_that_leaves_does_not_disturb_the_others_and_the_last_one_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = Readings()
    async with _served(TcpTwinServer(ModbusBusTwin())) as server:
        first, second, *_ = _units({"host": server.host, "port": server.port})
        async with _running(readings, first):
            async with _running(readings, second):
                await readings.until(_temperature("u2", 5.0))
            before = len(readings.all)
            await readings.until(_temperature("u1", 5.0), after=before)
            assert server.has_client
            closed = asyncio.Event()
            monkeypatch.setattr(server.twin, "disconnected", lambda now_s: closed.set())
        async with asyncio.timeout(5):
            await closed.wait()


@pytest.mark.requirement("E9")
async def test_silent_unit_is_given_up_and_asked_again_only_now_and_then() -> None:
    readings = Readings()
    async with _served(TcpTwinServer(ModbusBusTwin())) as server:
        units = _units({"host": server.host, "port": server.port})[:2]
        server.stimulate("power_off", unit=2)
        async with _running(readings, *units) as tasks:
            await readings.until(_temperature("u1", 5.0))
            done, _ = await asyncio.wait(tasks, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            assert done == {tasks[1]}
            asked = server.twin.units[1].requests_served
            again = asyncio.create_task(units[1].run(readings.emit))
            before = len(readings.all)
            await readings.until(_temperature("u1", 5.0), after=before)
            server.stimulate("power_on", unit=2)
            await readings.until(_temperature("u2", 5.0), after=before)
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)

        assert server.twin.units[1].requests_served > asked


async def test_units_that_set_up_one_line_differently_are_told_so() -> None:
    readings = Readings()
    async with _served(PtyTwinServer(ModbusBusTwin())) as server:
        slow, quick = (SensorModbusDriver(f"u{n}", SensorModbusConfig(map="xy_md02", unit_id=n, path=server.path, baud_rate=9600 * n, **QUICK)) for n in (1, 2))
        async with _running(readings, slow):
            await readings.until(_temperature("u1", 5.0))

            with pytest.raises(TransportError, match=r"u2: .* in use by other devices with another speed"):
                await quick.run(readings.emit)


@pytest.mark.requirement("E9")
async def test_four_units_share_one_serial_line() -> None:
    readings = Readings()
    async with _served(PtyTwinServer(ModbusBusTwin())) as server:
        units = _units({"path": server.path})
        async with _running(readings, *units):
            await readings.until(_temperature("u1", 5.0))
            await readings.until(_temperature("u2", 5.0))
            await readings.until(lambda reading: isinstance(reading, InputChanged) and reading.device == "u4")
            assert server.twin.crowded == 0
