# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the Bluetooth sensors and its SPEC. bleak is loaded only where an adapter of this computer listens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.readings import AnyReading, ConditionChanged, InputChanged, Measured, ReadingFailed
from drivers.base.driver import StreamDriver
from drivers.base.errors import ConfigError, TransportError
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.sensor_ble.adapter import Place, packet_of, patterns, why_not
from drivers.sensor_ble.config import SensorBleConfig
from drivers.sensor_ble.session import InputSeen, SensorBleSession, TagFailed, TagMeasured, TagsChanged

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

log = logging.getLogger(__name__)

_LOOK_S = 5.0
_BLUEZ_S = 10.0  # chosen: D-Bus calls of BlueZ take milliseconds; one that hangs belongs to a bluetoothd that is ending
_REASONS = {"battery_low": "change the battery of", "tag_silent": "not heard any more: check battery and distance of"}


class SensorBleDriver(StreamDriver[SensorBleConfig]):
    """All tags of one receiver. Raises on construction: ConfigError: a key cannot be read."""

    def __init__(self, device_id: str, config: SensorBleConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self._told: dict[str, tuple[str, ...]] = {}
        self._keys = {name: _key(tag.bindkey_file) for name, tag in config.tags.items() if tag.bindkey_file}

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[SensorBleConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: the adapter of this computer, TCP or a serial line."""
        return lambda config: listen(config) if config.adapter else open_transport(config)

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SensorBleSession(self.config, self._keys, self._told)

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


async def listen(config: SensorBleConfig, system: Path = Path("/sys")) -> Transport:
    """The adapter of this computer as a way to its tags. Raises: ConfigError: bleak is missing. TransportError: the adapter does not listen; says why."""
    air = _Air(config, system)
    await air.begin()
    return air.transport


class _Air:
    """What one adapter hears; `transport` may be read once `begin` has returned.

    BlueZ does not say when it stops listening: after a restart of bluetoothd, or when the controller stalls, advertisements just do not come any more. So
    after a silence listening is begun anew; where that fails the link is lost, and the gateway tries again.
    """

    def __init__(self, config: SensorBleConfig, system: Path) -> None:
        self._config = config
        self._place = Place(config.adapter, system)
        self._reader = asyncio.StreamReader()
        self._scanner: BleakScanner | None = None
        self._watching: asyncio.Task[None] | None = None
        self._heard_s = 0.0
        self._is_quiet = False
        self.transport = Transport(self._reader, _say_nothing, self._end)

    async def begin(self) -> None:
        """See `listen`."""
        await self._scan()
        self._watching = asyncio.create_task(self._watch(), name="bluetooth adapter")

    async def _scan(self) -> None:
        """Raises: ConfigError, TransportError."""
        try:
            from bleak import BleakScanner
            from bleak.exc import BleakError
        except ImportError as error:
            raise ConfigError("listening with an adapter of this computer needs bleak; pip install dockline[ble]", operation="bluetooth") from error
        self._place.check()
        self._heard_s = time.monotonic()
        try:
            scanner = BleakScanner(self._hear, scanning_mode=self._config.scanning, bluez={"adapter": self._config.adapter, "or_patterns": patterns()})
            async with asyncio.timeout(_BLUEZ_S):
                await scanner.start()
        except (BleakError, OSError, EOFError) as error:  # TimeoutError is an OSError; EOFError: D-Bus hung up
            raise TransportError(f"{self._config.adapter} does not listen: {why_not(error)}") from error
        self._scanner = scanner

    def _hear(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._heard_s, self._is_quiet = time.monotonic(), False
        if packet := packet_of(device.address, advertisement):
            self._reader.feed_data(packet)

    async def _watch(self) -> None:
        """End the link when the adapter is gone or off; listen anew when nothing came for so long."""
        try:
            while True:
                await asyncio.sleep(min(_LOOK_S, self._config.rescan_s))
                self._place.check()
                if time.monotonic() - self._heard_s >= self._config.rescan_s:
                    await self._listen_anew()
        except (TransportError, ConfigError) as error:
            self._reader.set_exception(OSError(error.message))

    async def _listen_anew(self) -> None:
        """Raises: ConfigError, TransportError."""
        if not self._is_quiet:  # told once: where only door contacts are near, silence is usual
            log.info("heard nothing, listening anew", extra={"adapter": self._config.adapter, "for_s": self._config.rescan_s})
        self._is_quiet = True
        await self._stop()
        await self._scan()

    async def _stop(self) -> None:
        from bleak.exc import BleakError

        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            with contextlib.suppress(BleakError, OSError, EOFError):  # bluetoothd may be gone, and what it did for us with it
                async with asyncio.timeout(_BLUEZ_S):
                    await scanner.stop()

    async def _end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._stop()


def _say_nothing(data: bytes) -> None:
    """Nothing is ever said to tags."""


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
