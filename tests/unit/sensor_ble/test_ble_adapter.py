# SPDX-License-Identifier: Apache-2.0
"""An adapter of this computer. There is none here, so classes stand in that do what bleak documents, and what BlueZ is known to do without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bleak
import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakDBusError, BleakError

from contracts.readings import LinkChanged, Measured
from drivers.base.config import parse_config
from drivers.base.errors import TransportError
from drivers.base.transports import Transport
from drivers.sensor_ble import driver
from drivers.sensor_ble.adapter import packet_of
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.driver import SensorBleDriver
from drivers.sensor_ble.frames import decode, manufacturer, services
from tests.conformance.test_life import Readings

RUUVI = "cb:b8:33:4c:88:4f"
TOLD = bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")


def _config(**fields: Any) -> SensorBleConfig:
    return parse_config(SensorBleConfig, {"driver": "sensor_ble", "adapter": "hci0", "tags": {"shelf": {"mac": RUUVI}}, **fields})


def _advertisement(manufacturers: dict[int, bytes], service_data: dict[str, bytes]) -> AdvertisementData:
    return AdvertisementData(None, manufacturers, service_data, [], None, -60, ())


class Bluez:
    """What BlueZ does: scanners that asked it are told what it hears. `refuses`: what it answers to who begins to scan."""

    def __init__(self) -> None:
        self.scanners: list[Scanner] = []
        self.begun = 0
        self.refuses: Exception | None = None
        self.changed = asyncio.Event()

    def advertise(self, data: bytes = TOLD, mac: str = RUUVI) -> None:
        for scanner in list(self.scanners):
            scanner.callback(BLEDevice(mac.upper(), "Ruuvi", None), _advertisement({0x0499: data}, {}))

    def restart(self) -> None:
        """`systemctl restart bluetooth`: nobody is told anything, not even that nothing will come any more."""
        self.scanners.clear()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(8):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


class Scanner:
    """`bleak.BleakScanner`: a callback, start, stop; both raise BleakError and those derived from it."""

    bluez: Bluez

    def __init__(self, detection_callback: Callable[[BLEDevice, AdvertisementData], None], *, scanning_mode: str, bluez: dict[str, Any]) -> None:
        self.callback, self.mode, self.arguments = detection_callback, scanning_mode, bluez

    async def start(self) -> None:
        await asyncio.sleep(0)
        self.bluez.begun += 1
        self.bluez.changed.set()
        if self.bluez.refuses is not None:
            raise self.bluez.refuses
        self.bluez.scanners.append(self)

    async def stop(self) -> None:
        await asyncio.sleep(0)
        if self not in self.bluez.scanners:
            raise BleakDBusError("org.bluez.Error.Failed", ["No discovery started"])
        self.bluez.scanners.remove(self)


@pytest.fixture
def bluez(monkeypatch: pytest.MonkeyPatch) -> Bluez:
    made = Bluez()
    monkeypatch.setattr(Scanner, "bluez", made, raising=False)
    monkeypatch.setattr(bleak, "BleakScanner", Scanner)
    return made


def _running(readings: Readings, **fields: Any) -> asyncio.Task[None]:
    return asyncio.create_task(SensorBleDriver("tags-1", _config(**fields)).run(readings.emit))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def _warm(reading: object) -> bool:
    return isinstance(reading, Measured) and (reading.quantity, reading.value) == ("shelf_temperature_c", 24.3)


def test_packet_is_rebuilt_of_what_the_system_took_apart() -> None:
    phone = {0x004C: b"\x10\x05"}
    packet = packet_of(RUUVI.upper(), _advertisement({0x0499: b"\x05abc", **phone}, {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40x", "1234-long": b"y"}))

    (report,) = decode(packet)
    assert (report.address, report.rssi_dbm) == (RUUVI, -60)
    assert list(manufacturer(report.data)) == [(0x0499, b"\x05abc")]
    assert list(services(report.data)) == [(0xFCD2, b"\x40x")]
    assert packet_of(RUUVI, _advertisement(phone, {"0000180f-0000-1000-8000-00805f9b34fb": b"d"})) == b""
    assert packet_of("A1B2-UUID-OF-ANOTHER-SYSTEM", _advertisement({0x0499: b"\x05"}, {})) == b""


async def test_adapter_listens_passively_and_stops_without_a_task_left(bluez: Bluez) -> None:
    readings = Readings()
    running = _running(readings)
    await readings.until(lambda reading: isinstance(reading, LinkChanged))
    (listening,) = bluez.scanners

    bluez.advertise()
    await readings.until(_warm)

    assert (listening.mode, listening.arguments["adapter"], len(listening.arguments["or_patterns"])) == ("passive", "hci0", 3)
    await _cancelled(running)
    assert bluez.scanners == []
    assert _others() == set()


@pytest.mark.parametrize(
    ("refuses", "wanted"),
    [
        (BleakError("passive scanning on Linux requires BlueZ >= 5.56 with --experimental enabled"), r'passive scanning.*scanning = "active"'),
        (BleakError("adapter 'hci0' not found"), "plugged in"),
        (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), "the adapter is off.*power on"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["Rejected send message"]), "group bluetooth"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["not provided by any .service files"]), "is bluetoothd running"),
        (BleakBluetoothNotAvailableError("no agreement", BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM), "listen: no agreement; .*group bluetooth"),
        (FileNotFoundError(2, "No such file or directory"), "is bluetoothd running"),
        (EOFError(), "EOFError; is bluetoothd running"),
        (BleakDBusError("org.bluez.Error.InProgress", []), "bluetoothctl show"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{type(value).__name__}-{value.args[0] if value.args else ''}"[:60],
)
async def test_adapter_that_cannot_listen_says_what_to_do(bluez: Bluez, refuses: Exception, wanted: str) -> None:
    bluez.refuses = refuses

    with pytest.raises(TransportError, match=f"tags-1: hci0 does not {wanted}" if wanted.startswith("listen") else f"hci0 does not listen.*{wanted}"):
        await SensorBleDriver("tags-1", _config()).run(lambda reading: None)

    assert _others() == set()


async def test_bluetoothd_that_hangs_is_given_up(bluez: Bluez, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_BLUEZ_S", 0.01)
    monkeypatch.setattr(Scanner, "start", lambda self: asyncio.Event().wait())

    with pytest.raises(TransportError, match="TimeoutError; is bluetoothd running"):
        await SensorBleDriver("tags-1", _config()).run(lambda reading: None)


async def test_bluetoothd_that_restarted_is_asked_again_without_losing_the_link(bluez: Bluez) -> None:
    readings = Readings()
    running = _running(readings, rescan_s=0.02)
    await readings.until(lambda reading: isinstance(reading, LinkChanged))

    bluez.restart()
    await bluez.until(lambda: bluez.begun >= 2 and bool(bluez.scanners))
    bluez.advertise()
    await readings.until(_warm)

    assert len([reading for reading in readings.all if isinstance(reading, LinkChanged)]) == 1
    await _cancelled(running)
    assert bluez.scanners == []
    assert _others() == set()


async def test_bluetoothd_that_does_not_come_back_loses_the_link_and_the_next_try_may_have_it(bluez: Bluez) -> None:
    readings = Readings()
    running = _running(readings, rescan_s=0.02)
    await readings.until(lambda reading: isinstance(reading, LinkChanged))

    bluez.refuses = BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["gone"])
    bluez.restart()
    with pytest.raises(TransportError, match=r"connection lost: hci0 does not listen.*is bluetoothd running"):
        async with asyncio.timeout(8):
            await running
    bluez.refuses, seen = None, len(readings.all)
    again = _running(readings)
    await readings.until(lambda reading: isinstance(reading, LinkChanged), after=seen)

    assert len(bluez.scanners) == 1
    await _cancelled(again)
    assert _others() == set()


async def _listening(system: Path) -> Transport:
    return await driver.listen(_config(rescan_s=0.02), system)


async def test_adapter_that_is_pulled_off_or_switched_off_is_told(bluez: Bluez, tmp_path: Path) -> None:
    place = tmp_path / "class" / "bluetooth" / "hci0"
    switch = place / "rfkill3" / "soft"
    switch.parent.mkdir(parents=True)
    switch.write_text("0\n")
    (place / "rfkill3" / "hard").write_text("0\n")
    first = await _listening(tmp_path)

    switch.write_text("1\n")
    with pytest.raises(TransportError, match="hci0 is switched off; rfkill unblock"):
        await first.read()
    await first.close()
    with pytest.raises(TransportError, match="switched off"):
        await _listening(tmp_path)
    switch.write_text("0\n")
    second = await _listening(tmp_path)
    place.rename(tmp_path / "pulled")

    with pytest.raises(TransportError, match="hci0 was pulled off"):
        await second.read()
    await second.close()
    assert bluez.scanners == []
    assert _others() == set()
