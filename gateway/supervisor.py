# SPDX-License-Identifier: Apache-2.0
"""A task per device: connect, try again with back-off, carry out actions. Whatever one device does, the others go on."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from contracts.readings import AnyReading, LinkChanged
from drivers.base.errors import ConfigError, DeviceFault, DriverError, LocalProtocolError
from drivers.base.spec import Driver, Emit
from gateway.attempts import Attempts, Failure
from gateway.metrics import Metrics
from gateway.stations.station import DeviceAction

_ACTION_TIMEOUT_S = 3.0
_ACTION_TRIES = 3
_ACTION_PAUSE_S = 0.3
_TOLD_MAX = 8  # chosen: reasons that are told for one loss; a device that finds a new one each time shall not fill the log

log = logging.getLogger(__name__)


@dataclass
class Supervised:
    """One device: its driver and how it fares. `up` None: not yet tried to the end."""

    driver: Driver
    driver_name: str
    up: bool | None = None
    reconnects: int = 0
    last_reading_s: float | None = None
    reason: str = ""
    attempts: Attempts = field(default_factory=Attempts)
    told: set[str] = field(default_factory=set)
    actions: dict[tuple[str, object], DeviceAction] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Runs all devices until cancelled. Readings and changes of links go to `emit`."""

    def __init__(self, drivers: Mapping[str, tuple[str, Driver]], emit: Emit, metrics: Metrics, now_s: Callable[[], float]) -> None:
        self.devices = {device: Supervised(driver, name) for device, (name, driver) in drivers.items()}
        self._emit = emit
        self._metrics = metrics
        self._now_s = now_s
        self._random = random.Random()  # noqa: S311  # spreads reconnects, keeps no secret

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.Event().wait(), name="no-device-ends-this")
            for device_id, device in self.devices.items():
                tasks.create_task(self._supervise(device_id, device), name=f"device-{device_id}")
                tasks.create_task(self._act(device_id, device), name=f"actions-{device_id}")

    def perform(self, action: DeviceAction) -> None:
        """Have an action carried out soon; it replaces one about the same node or output that still waits."""
        device = self.devices[action.device]
        device.actions.pop(action.key, None)
        device.actions[action.key] = action
        device.wake.set()

    @property
    def devices_up(self) -> int:
        """How many devices are connected."""
        return sum(device.up is True for device in self.devices.values())

    async def _supervise(self, device_id: str, device: Supervised) -> None:
        self._metrics.device_up.labels(device=device_id, driver=device.driver_name).set(0)
        while True:
            failure = Failure.AWAY
            try:
                await device.driver.run(lambda reading: self._on_reading(device_id, device, reading))
                reason = "the driver ended by itself"
            except ConfigError as error:
                self._lost(device_id, device, f"{error}; it is not tried again", Failure.MISFIT)
                return
            except DriverError as error:
                reason, failure = str(error), Failure.of(error)
            except Exception as error:  # a driver's bug must not take the other devices down
                log.exception("driver failed", extra={"device": device_id})
                reason, failure = f"the driver failed: {error!r}", Failure.of(error)
            device.attempts.failed(failure, self._now_s())
            self._lost(device_id, device, reason, failure)
            await asyncio.sleep(device.attempts.delay_s(self._now_s(), self._random.random()))
            device.reconnects += 1
            self._metrics.device_reconnects.labels(device=device_id, driver=device.driver_name).inc()

    def _on_reading(self, device_id: str, device: Supervised, reading: AnyReading) -> None:
        device.last_reading_s = reading.at_s
        if isinstance(reading, LinkChanged) and reading.state == "connected":
            if device.up:
                return
            device.up, device.reason = True, reading.reason
            device.told.clear()
            device.attempts.connected(self._now_s())
            self._metrics.device_up.labels(device=device_id, driver=device.driver_name).set(1)
            log.info("device connected", extra={"device": device_id, "about": reading.reason, "reconnects": device.reconnects})
            device.actions.clear()  # what was wished before is stated anew by the stations
        else:
            self._metrics.readings.labels(device=device_id, driver=device.driver_name).inc()
        self._emit(reading)

    def _lost(self, device_id: str, device: Supervised, reason: str, failure: Failure) -> None:
        """Say so once per loss, however long it lasts; what a device that is there again has against us is news, each reason once."""
        device.reason = reason
        if device.up is False and (failure is Failure.AWAY or reason in device.told or len(device.told) >= _TOLD_MAX):
            return
        device.up = False
        device.told.add(reason)
        self._metrics.device_up.labels(device=device_id, driver=device.driver_name).set(0)
        log.warning("device lost", extra={"device": device_id, "reason": reason})
        self._emit(LinkChanged(device=device_id, at_s=self._now_s(), state="lost", reason=reason))

    async def _act(self, device_id: str, device: Supervised) -> None:
        while True:
            await device.wake.wait()
            device.wake.clear()
            while device.up and device.actions:
                key = next(iter(device.actions))
                await self._carry_out(device_id, device, device.actions.pop(key))

    async def _carry_out(self, device_id: str, device: Supervised, action: DeviceAction) -> None:
        """Try a few times while the device is there and nothing newer is wished. After a reconnect the station states everything again."""
        reason = ""
        for attempt in range(_ACTION_TRIES):
            if attempt:
                await asyncio.sleep(_ACTION_PAUSE_S)
            if not device.up or action.key in device.actions:
                return
            try:
                async with asyncio.timeout(_ACTION_TIMEOUT_S):
                    await device.driver.execute(action.command, action.arguments)
            except (DeviceFault, LocalProtocolError) as error:
                reason = str(error)
                break
            except TimeoutError:
                reason = f"{device_id}: no end of {action.command} within {_ACTION_TIMEOUT_S:g} s"
            except DriverError as error:
                reason = str(error)
            except Exception as error:  # see _supervise
                log.exception("driver failed", extra={"device": device_id, "command": action.command})
                reason = repr(error)
                break
            else:
                return
        self._metrics.actions_failed.labels(device=device_id).inc()
        log.warning("device action failed", extra={"device": device_id, "command": action.command, "arguments": action.arguments, "reason": reason})
