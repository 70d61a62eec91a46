# SPDX-License-Identifier: Apache-2.0
"""The driver on a folder of files like the kernel's."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.events import AlarmChanged
from contracts.readings import AnyReading, ConditionChanged, LinkChanged, Measured, ReadingFailed
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, DeviceFault, TransportError
from drivers.sensor_onewire.config import SensorOnewireConfig
from drivers.sensor_onewire.driver import SensorOnewireDriver
from drivers.sensor_onewire.folder import BusFolder
from firmware_sims.sensor_onewire.twin import MASTER, OneWireBusTwin, write_folder
from gateway.clock import Instant
from gateway.config import ColdRoom
from gateway.stations.cold_room import ColdRoomStation
from tests.conformance.test_life import Readings

SHELF, DOOR = "28-0316a2791e0b", "28-0417c1a2ffe1"


def _driver(folder: Path, **fields: Any) -> SensorOnewireDriver:
    config = parse_config(SensorOnewireConfig, {"driver": "sensor_onewire", "folder": str(folder), "interval_s": 0.1, "together": False, **fields})
    return SensorOnewireDriver("bus-1", config)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _measured(quantity: str, value: float) -> Any:
    return lambda reading: isinstance(reading, Measured) and (reading.quantity, reading.value) == (quantity, value)


@pytest.mark.requirement("E8")
async def test_probes_are_read_by_name_unplugged_and_plugged_in(tmp_path: Path) -> None:
    twin, readings = OneWireBusTwin(bulk=False), Readings()
    twin.on_set(25.0625)
    write_folder(twin, tmp_path)
    driver = _driver(tmp_path, probes={SHELF: "shelf_temperature_c", DOOR: "door_temperature_c"})
    running = asyncio.create_task(driver.run(readings.emit))

    await readings.until(_measured("shelf_temperature_c", 25.062))
    await readings.until(_measured("door_temperature_c", 5.0))
    twin.on_unplug(DOOR)
    write_folder(twin, tmp_path)
    await readings.until(lambda reading: isinstance(reading, ReadingFailed) and reading.quantity == "door_temperature_c" and "ENOENT" in reading.reason)
    twin.on_plug(DOOR, -18.5)
    twin.on_plug("28-00000a0b0c0d", 1.0)
    write_folder(twin, tmp_path)
    await readings.until(_measured("door_temperature_c", -18.5))
    await readings.until(lambda reading: isinstance(reading, ConditionChanged) and reading.condition == "probe_unnamed" and reading.active)

    await _cancelled(running)


async def test_empty_file_and_power_on_value_are_refused_with_a_reason(tmp_path: Path) -> None:
    twin, readings = OneWireBusTwin(SHELF), Readings()
    place = write_folder(twin, tmp_path) / SHELF / "w1_slave"
    running = asyncio.create_task(_driver(tmp_path).run(readings.emit))
    await readings.until(_measured("temperature_c", 5.0))

    place.write_text("")
    await readings.until(lambda reading: isinstance(reading, ReadingFailed) and "EMPTY" in reading.reason)
    twin.on_cut_power()
    write_folder(twin, tmp_path)
    await readings.until(lambda reading: isinstance(reading, ReadingFailed) and "POR85" in reading.reason)

    assert not [reading for reading in readings.all if isinstance(reading, Measured) and reading.value == 85.0]
    await _cancelled(running)


async def test_all_probes_measure_together_and_the_kernel_is_asked_when_they_are_done(tmp_path: Path) -> None:
    readings = Readings()
    bus = write_folder(OneWireBusTwin(), tmp_path)
    running = asyncio.create_task(_driver(tmp_path, together=True, precision_bits=9).run(readings.emit))

    await readings.until(lambda reading: isinstance(reading, LinkChanged))
    async with asyncio.timeout(8):
        while (bus / "therm_bulk_read").read_text() != "trigger\n":  # noqa: ASYNC110  # a file gives no event to wait on
            await asyncio.sleep(0.01)
    (bus / "therm_bulk_read").write_text("1\n")
    await readings.until(lambda reading: isinstance(reading, Measured))

    assert (bus / SHELF / "resolution").read_text() == "9"
    assert not (bus / SHELF / "eeprom_cmd").exists()
    await _cancelled(running)


async def test_bus_that_vanishes_or_is_another_one_loses_the_link(tmp_path: Path) -> None:
    for change in ("gone", "replaced"):
        readings = Readings()
        bus = write_folder(OneWireBusTwin(SHELF), tmp_path)
        running = asyncio.create_task(_driver(tmp_path).run(readings.emit))
        await readings.until(lambda reading: isinstance(reading, LinkChanged))

        bus.rename(tmp_path / f"away-{change}")
        if change == "replaced":
            shutil.copytree(tmp_path / f"away-{change}", bus, symlinks=True)

        with pytest.raises(TransportError, match=f"bus-1.*{MASTER} is gone"):
            async with asyncio.timeout(8):
                await running


async def test_precision_of_a_probe_without_that_file_is_a_fault_of_the_device(tmp_path: Path) -> None:
    readings = Readings()
    bus = write_folder(OneWireBusTwin(SHELF), tmp_path)
    driver = _driver(tmp_path)
    running = asyncio.create_task(driver.run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, Measured))
    (bus / SHELF / "resolution").unlink()
    (bus / SHELF / "resolution").mkdir()

    with pytest.raises(DeviceFault, match="EISDIR"):
        await driver.execute("set_precision", {"probe": SHELF, "bits": 9})

    assert dict(await driver.execute("read", {})) == {"temperature_c": 5.0}
    await _cancelled(running)


def test_bus_belongs_to_one_program(tmp_path: Path) -> None:
    write_folder(OneWireBusTwin(), tmp_path)
    first = BusFolder(str(tmp_path), "")

    with pytest.raises(TransportError, match="another program"):
        BusFolder(str(tmp_path), MASTER)

    first.close()
    BusFolder(str(tmp_path), "").close()


def test_missing_and_several_buses_are_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="w1-gpio"):
        BusFolder(str(tmp_path / "nothing"), "")
    with pytest.raises(TransportError, match="plugged in"):
        BusFolder(str(tmp_path), "w1_bus_master7")
    for number in (1, 2):
        (tmp_path / f"w1_bus_master{number}").mkdir()
    with pytest.raises(TransportError, match="w1_bus_master1, w1_bus_master2"):
        BusFolder(str(tmp_path), "")


def test_requests_do_not_leave_the_folder(tmp_path: Path) -> None:
    write_folder(OneWireBusTwin(), tmp_path)
    bus = BusFolder(str(tmp_path), "")

    answers = [bus.answer(line) for line in (b"read ../secret -\n", b"read 28-0316a2791e0c -\n", b"dance - -\n", b"\xff\n")]

    assert answers == [b"error ../secret ENOENT\n", b"error 28-0316a2791e0c ENOENT\n", b"error - EINVAL\n", b"error - EINVAL\n"]
    bus.close()


def test_another_reader_of_the_same_folder_sees_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W1THERMSENSOR_NO_KERNEL_MODULE", "1")
    from w1thermsensor import ResetValueError, Sensor, W1ThermSensor

    twin = OneWireBusTwin(SHELF)
    twin.on_set(-26.125)
    write_folder(twin, tmp_path)
    monkeypatch.setattr(W1ThermSensor, "BASE_DIRECTORY", tmp_path)

    peer = W1ThermSensor(Sensor.DS18B20, SHELF.removeprefix("28-"))

    assert peer.get_temperature() == -26.125
    twin.on_cut_power()
    write_folder(twin, tmp_path)
    with pytest.raises(ResetValueError):
        peer.get_temperature()


@pytest.mark.parametrize(
    ("probes", "wanted"),
    [({"28-0316A2791E0B": "a_c"}, "no ROM id"), ({SHELF: ""}, "a name of its own"), ({SHELF: "a_c", DOOR: "a_c"}, "a name of its own")],
)
def test_wrong_names_of_probes_are_refused(probes: dict[str, str], wanted: str) -> None:
    with pytest.raises(ConfigError, match=wanted):
        parse_config(SensorOnewireConfig, {"driver": "sensor_onewire", "probes": probes})


@pytest.mark.requirement("E8")
async def test_probe_that_gets_warm_raises_the_alarm_of_its_cold_room(tmp_path: Path) -> None:
    twin, readings = OneWireBusTwin(bulk=False), Readings()
    write_folder(twin, tmp_path)
    driver = _driver(tmp_path, probes={SHELF: "shelf_temperature_c"})
    station = ColdRoomStation(ColdRoom(id="room-1", sensor="bus-1", quantity="shelf_temperature_c", high_c=8.0, on_delay_s=0.0, sample_interval_s=0.0))
    running = asyncio.create_task(driver.run(readings.emit))
    await readings.until(_measured("shelf_temperature_c", 5.0))
    twin.on_set(9.5)
    write_folder(twin, tmp_path)
    await readings.until(_measured("shelf_temperature_c", 9.5))
    await _cancelled(running)

    said = [output for reading in readings.all for output in station.on_reading(reading, _instant(reading))]

    assert [(event.alarm_id, event.state) for event in said if isinstance(event, AlarmChanged)] == [("room-1.high", "unacknowledged")]


def _instant(reading: AnyReading) -> Instant:
    return Instant(datetime(2026, 11, 22, tzinfo=UTC), reading.at_s)
