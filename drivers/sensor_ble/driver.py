# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the Bluetooth sensors and its SPEC. bleak is loaded only where an adapter of this computer listens."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.readings import AnyReading, ConditionChanged, InputChanged, Measured, ReadingFailed
from drivers.base.driver import StreamDriver
from drivers.base.errors import ConfigError, TransportError
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.sensor_ble import atc, bthome, ruuvi
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.frames import Report, rebuilt
from drivers.sensor_ble.session import InputSeen, SensorBleSession, TagFailed, TagMeasured, TagsChanged

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

_REASONS = {"battery_low": "change the battery of", "tag_silent": "not heard any more: check battery and distance of"}
_LOOK_S = 5.0
_ADVERTISEMENT_BYTES_MAX = 200


class SensorBleDriver(StreamDriver[SensorBleConfig]):
    """All tags of one receiver. Raises on construction: ConfigError: a key cannot be read."""

    def __init__(self, device_id: str, config: SensorBleConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self._keys = {name: _key(tag.bindkey_file) for name, tag in config.tags.items() if tag.bindkey_file}

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[SensorBleConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: the adapter of this computer, TCP or a serial line."""
        return lambda config: _listen(config) if config.adapter else open_transport(config)

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SensorBleSession(self.config, self._keys)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """A value becomes Measured, a missing one ReadingFailed, contacts and buttons InputChanged, battery and silence ConditionChanged."""
        match event:
            case TagMeasured(quantity=quantity, value=value):
                yield Measured(device=self.device_id, at_s=at_s, quantity=quantity, value=value)
            case TagFailed(quantity=quantity, code=code, reason=reason):
                yield ReadingFailed(device=self.device_id, at_s=at_s, quantity=quantity, reason=f"{reason} (code {code})")
            case InputSeen(input=number, level=level):
                yield InputChanged(device=self.device_id, at_s=at_s, input=number, level=level)
            case TagsChanged(condition=condition, tags=tags):
                reason = f"{_REASONS[condition]} {', '.join(tags)}" if tags else ""
                yield ConditionChanged(device=self.device_id, at_s=at_s, condition=condition, active=bool(tags), reason=reason)


def _key(path: str) -> bytes:
    """Raises: ConfigError."""
    try:
        text = Path(path).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`bindkey_file` {path} cannot be read: {error}", operation="configuration") from error
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text):
        raise ConfigError(f"`bindkey_file` {path} holds no key of 32 hexadecimal digits", operation="configuration")
    return bytes.fromhex(text)


def packet_of(address: str, advertisement: AdvertisementData) -> bytes:
    """The HCI packet of what bleak tells; empty: nothing in it that a tag of ours says, or more than a report holds."""
    data = rebuilt(advertisement.manufacturer_data, advertisement.service_data)
    if not data or len(data) > _ADVERTISEMENT_BYTES_MAX or not re.fullmatch(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", address):
        return b""
    return Report(address, data, max(-127, min(20, advertisement.rssi))).encode()


async def _listen(config: SensorBleConfig) -> Transport:
    try:
        from bleak import BleakScanner
        from bleak.exc import BleakError
    except ImportError as error:
        raise ConfigError("listening with an adapter of this computer needs bleak; pip install dockline[ble]", operation="bluetooth") from error
    reader = asyncio.StreamReader()

    def hear(device: BLEDevice, advertisement: AdvertisementData) -> None:
        if packet := packet_of(device.address, advertisement):
            reader.feed_data(packet)

    scanner = BleakScanner(hear, scanning_mode=config.scanning, bluez={"adapter": config.adapter, "or_patterns": _patterns()})
    try:
        await scanner.start()
    except (BleakError, OSError) as error:
        hint = '; try scanning = "active"' if config.scanning == "passive" else ""
        raise TransportError(f"{config.adapter} does not listen: {error}; is bluetoothd running, and the adapter on (bluetoothctl power on)?{hint}") from error
    watching = asyncio.create_task(_watch(config.adapter, reader), name="bluetooth adapter")

    def write(data: bytes) -> None:
        """Nothing is ever said to tags."""

    async def close() -> None:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await _stop(scanner)

    return Transport(reader, write, close)


async def _stop(scanner: BleakScanner) -> None:
    from bleak.exc import BleakError

    with contextlib.suppress(BleakError, OSError, EOFError):  # the adapter or bluetoothd may be gone already
        await scanner.stop()


def _patterns() -> list[Any]:
    """What the controller lets through while it listens passively: the beginnings of what tags of ours say."""
    from bleak.args.bluez import OrPattern
    from bleak.assigned_numbers import AdvertisementDataType

    service, company = AdvertisementDataType.SERVICE_DATA_UUID16, AdvertisementDataType.MANUFACTURER_SPECIFIC_DATA
    services = [OrPattern(0, service, uuid.to_bytes(2, "little")) for uuid in (bthome.SERVICE, atc.SERVICE)]
    return [*services, OrPattern(0, company, ruuvi.COMPANY.to_bytes(2, "little"))]


async def _watch(adapter: str, reader: asyncio.StreamReader, adapters: Path = Path("/sys/class/bluetooth")) -> None:
    """End the link when the adapter is pulled off: bleak does not say so."""
    if not (adapters / adapter).exists():
        return  # no such folder on this system
    while (adapters / adapter).exists():  # noqa: ASYNC110  # sysfs gives no event
        await asyncio.sleep(_LOOK_S)
    reader.set_exception(OSError(f"{adapter} was pulled off"))


SPEC = DriverSpec(
    name="sensor_ble",
    config=SensorBleConfig,
    factory=SensorBleDriver,
    capabilities=frozenset({"measures", "senses_inputs"}),
    twin="firmware_sims.sensor_ble.twin:BleTagsTwin",
    source=(
        "Ruuvi data formats 3 and 5 (docs.ruuvi.com); BTHome v2 (bthome.io/format, bthome.io/encryption); ATC_MiThermometer of atc1441 and pvvx; "
        "Bluetooth Core 5.4, Vol 4 Part E 7.7.65"
    ),
    commands=(),
)
