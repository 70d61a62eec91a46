# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the one-wire driver and its SPEC: the kernel's files are read in a thread, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from contracts.readings import AnyReading, ConditionChanged, Measured, ReadingFailed
from drivers.base.config import StreamConfig
from drivers.base.driver import StreamDriver
from drivers.base.errors import TransportError
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.sensor_onewire.config import SensorOnewireConfig
from drivers.sensor_onewire.folder import BusFolder
from drivers.sensor_onewire.session import ProbeFailed, ProbeRead, SensorOnewireSession, Told, UnnamedProbes


class SensorOnewireDriver(StreamDriver[SensorOnewireConfig]):
    """All probes of one bus."""

    def __init__(self, device_id: str, config: SensorOnewireConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self._told = Told()

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[SensorOnewireConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: the kernel's folder, or TCP."""
        return _open

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SensorOnewireSession(self.config, self._told)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """A temperature becomes Measured, a fault ReadingFailed, a probe without a name the condition `probe_unnamed`."""
        match event:
            case ProbeRead(quantity=quantity, value=value):
                yield Measured(device=self.device_id, at_s=at_s, quantity=quantity, value=value)
            case ProbeFailed(quantity=quantity, code=code, reason=reason):
                yield ReadingFailed(device=self.device_id, at_s=at_s, quantity=quantity, reason=f"{reason} (code {code})")
            case UnnamedProbes(roms=roms):
                reason = f"give them names in `probes`: {', '.join(roms)}" if roms else ""
                yield ConditionChanged(device=self.device_id, at_s=at_s, condition="probe_unnamed", active=bool(roms), reason=reason)


async def _open(config: SensorOnewireConfig) -> Transport:
    if config.host:
        return await open_transport(StreamConfig(host=config.host, port=config.port))
    return _FolderWay(await asyncio.to_thread(BusFolder, config.folder, config.master)).transport


class _FolderWay:
    """Hands each line to the folder in a thread, in order, and feeds back what it answers."""

    def __init__(self, bus: BusFolder) -> None:
        self._bus = bus
        self._reader = asyncio.StreamReader()
        self._requests: asyncio.Queue[bytes] = asyncio.Queue()
        self._rest = b""
        self._serving = asyncio.create_task(self._serve(), name="one-wire bus")
        self.transport = Transport(self._reader, self._write, self._close)

    def _write(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._requests.put_nowait(line + b"\n")

    async def _serve(self) -> None:
        while True:
            request = await self._requests.get()
            reading = asyncio.ensure_future(asyncio.to_thread(self._bus.answer, request))
            try:
                self._reader.feed_data(await asyncio.shield(reading))
            except TransportError as error:
                self._reader.set_exception(error)
                return
            finally:
                if not reading.done():  # the kernel cannot be told to stop; the bus is ours until it has
                    await asyncio.wait([reading])

    async def _close(self) -> None:
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._bus.close()


SPEC = DriverSpec(
    name="sensor_onewire",
    config=SensorOnewireConfig,
    factory=SensorOnewireDriver,
    capabilities=frozenset({"measures"}),
    twin="firmware_sims.sensor_onewire.twin:OneWireBusTwin",
    source="Linux, Documentation/w1/slaves/w1_therm.rst and ABI/testing/sysfs-driver-w1_therm; Maxim DS18B20 data sheet 19-7487",
    commands=(
        CommandSpec("read", "Let all probes measure now"),
        CommandSpec(
            "set_precision",
            "Set a probe's precision until its power is cut",
            (
                ArgumentSpec("probe", str, "Its ROM id, like 28-0316a2791e0b", "name"),
                ArgumentSpec("bits", int, "9 to 12; 12 bits take 0.75 s to measure", "count"),
            ),
        ),
    ),
)
