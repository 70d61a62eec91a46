# SPDX-License-Identifier: Apache-2.0
"""Tasks for each device: connect, try again with back-off, carry out actions. Whatever one device does, the others go on; each can be replaced alone."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from contracts.readings import AnyReading, LinkChanged
from drivers.base.errors import ConfigError, DeviceBusy, DeviceFault, DriverError, LocalProtocolError
from drivers.base.spec import Driver, Emit
from gateway.attempts import Attempts, Failure
from gateway.breaker import READINGS_PER_S_MAX, Breaker, Flood
from gateway.metrics import Metrics
from gateway.plugging import path_of, pause
from gateway.stations.station import DeviceAction

_ACTION_TIMEOUT_S = 3.0
_ACTION_TRIES = 3
_ACTION_PAUSE_S = 0.3
_JITTER = 0.2
_TOLD_MAX = 8  # chosen: reasons that are told for one loss; a device that finds a new one each time shall not fill the log

log = logging.getLogger(__name__)


class WrongDeviceError(LocalProtocolError):
    """Another piece of hardware answers at the place of a device than the configuration says."""


class FloodError(DriverError):
    """A device says more than any device has to say."""


@dataclass
class Supervised:
    """One device: its driver and how it fares. `up` None: not yet tried to the end. `expected_serial` empty: any hardware will do."""

    driver: Driver
    driver_name: str
    expected_serial: str = ""
    serial: str = ""
    misplaced: bool = False
    breaker: Breaker = field(default_factory=Breaker)
    flood: Flood = field(default_factory=Flood)
    tasks: tuple[asyncio.Task[None], ...] = ()
    up: bool | None = None
    reconnects: int = 0
    last_reading_s: float | None = None
    reason: str = ""
    attempts: Attempts = field(default_factory=Attempts)
    told: set[str] = field(default_factory=set)
    actions: dict[tuple[str, object], DeviceAction] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    configured: bool = True

    def given_up(self, now_s: float) -> bool:
        """Whether it is tried only now and then, or not at all."""
        return self.breaker.is_open or not self.configured or self.attempts.is_futile(now_s)


class Supervisor:
    """Runs all devices until cancelled. Readings and changes of links go to `emit`. `serials`: which hardware is expected at which device's place.

    `is_over` hears of a device whose driver is not used any more: it is gone, or another driver takes its place.
    """

    def __init__(
        self,
        drivers: Mapping[str, tuple[str, Driver]],
        emit: Emit,
        metrics: Metrics,
        now_s: Callable[[], float],
        serials: Mapping[str, str] | None = None,
        is_over: Callable[[str], None] = lambda device_id: None,
    ) -> None:
        expected = serials or {}
        self.devices = {device: Supervised(driver, name, expected.get(device, "")) for device, (name, driver) in drivers.items()}
        self._failed: asyncio.Future[None] | None = None
        self._changing = asyncio.Lock()  # a device that is swapped while its configuration changes must not be left with two conversations
        self._emit = emit
        self._is_over = is_over
        self._metrics = metrics
        self._now_s = now_s
        self._random = random.Random()  # noqa: S311  # spreads reconnects, keeps no secret

    async def run(self) -> None:
        """Run until cancelled. Raises: whatever ends the task of a device, since that is a fault of this program."""
        self._failed = asyncio.get_running_loop().create_future()
        try:
            for device_id, device in self.devices.items():
                self._start(device_id, device)
            await self._failed
        finally:
            await self._end(self.devices.values())
            self._failed = None

    def add(self, device_id: str, driver_name: str, driver: Driver, expected_serial: str = "") -> None:
        """Take care of one more device; nobody else is touched."""
        device = self.devices[device_id] = Supervised(driver, driver_name, expected_serial)
        if self._failed is not None:
            self._start(device_id, device)

    async def remove(self, device_id: str, reason: str) -> None:
        """End the conversation with a device and forget it; the stations hear of a loss. Raises: KeyError."""
        async with self._changing:
            await self._removed(device_id, reason)
            self._is_over(device_id)
            self._metrics.forget_device(device_id)

    async def replace(self, device_id: str, driver_name: str, driver: Driver, expected_serial: str = "", reason: str = "its configuration changed") -> None:
        """Go on with another driver, configuration or piece of hardware at the place of a device; nobody else is touched. Raises: KeyError."""
        async with self._changing:
            before = await self._removed(device_id, reason)
            self._is_over(device_id)
            if driver_name != before.driver_name:
                self._metrics.forget_device(device_id)
            self._add_again(device_id, before, driver_name, driver, expected_serial)

    async def reconnect(self, device_id: str, reason: str) -> None:
        """End the conversation with a device and begin another. Raises: KeyError."""
        async with self._changing:
            before = await self._removed(device_id, reason)
            self._add_again(device_id, before, before.driver_name, before.driver, before.expected_serial)

    async def _removed(self, device_id: str, reason: str) -> Supervised:
        device = self.devices[device_id]
        await self._end((device,))
        if device.up is not False:
            self._lost(device_id, device, reason, Failure.MISFIT)
        return self.devices.pop(device_id)

    def _add_again(self, device_id: str, before: Supervised, driver_name: str, driver: Driver, expected_serial: str) -> None:
        self.add(device_id, driver_name, driver, expected_serial)
        self.devices[device_id].reconnects = before.reconnects

    def _start(self, device_id: str, device: Supervised) -> None:
        loop = asyncio.get_running_loop()
        supervising = loop.create_task(self._supervise(device_id, device), name=f"device-{device_id}")
        device.tasks = (supervising, loop.create_task(self._act(device_id, device), name=f"actions-{device_id}"))
        for task in device.tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task of a device never fails by itself; if one does, the process ends and begins anew rather than to go on without it."""
        if not task.cancelled() and (error := task.exception()) is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    async def _end(self, devices: Iterable[Supervised]) -> None:
        tasks = [task for device in devices for task in device.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def perform(self, action: DeviceAction) -> None:
        """Have an action carried out soon; it replaces one about the same node or output that still waits."""
        device = self.devices.get(action.device)
        if device is None:  # it was taken out of the configuration meanwhile
            return
        device.actions.pop(action.key, None)
        device.actions[action.key] = action
        device.wake.set()

    @property
    def devices_up(self) -> int:
        """How many devices are connected."""
        return sum(device.up is True for device in self.devices.values())

    @property
    def devices_given_up(self) -> int:
        """How many devices are tried only now and then, because trying changes nothing."""
        return sum(device.up is False and device.given_up(self._now_s()) for device in self.devices.values())

    async def _supervise(self, device_id: str, device: Supervised) -> None:
        self._metrics.device_up.labels(device=device_id, driver=device.driver_name).set(0)
        while True:
            failure, by_driver, device.misplaced = Failure.AWAY, False, False
            try:
                await device.driver.run(lambda reading: self._on_reading(device_id, device, reading))
                reason = "the driver ended by itself"
            except FloodError as error:
                reason, failure, by_driver = str(error), Failure.REFUSED, True
            except ConfigError as error:
                self._lost(device_id, device, f"{error}; it is not tried again", Failure.MISFIT)
                device.configured = False
                return
            except DriverError as error:
                reason, failure = str(error), Failure.of(error)
            except Exception as error:  # a driver's bug must not take the other devices down
                if not device.breaker.is_open:
                    log.exception("driver failed", extra={"device": device_id})
                reason, failure, by_driver = f"the driver failed: {error!r}", Failure.of(error), True
            device.attempts.failed(failure, self._now_s())
            self._break(device_id, device, reason, failure, by_driver=by_driver)
            delay_s = max(device.attempts.delay_s(self._now_s(), self._random.random()), device.breaker.delay_s * (1 - _JITTER * self._random.random()))
            await pause(delay_s, path_of(device.driver), given_up=device.breaker.is_open)
            device.reconnects += 1
            self._metrics.device_reconnects.labels(device=device_id, driver=device.driver_name).inc()

    def _break(self, device_id: str, device: Supervised, reason: str, failure: Failure, *, by_driver: bool) -> None:
        """The conversation ended. One that is given up is told once, with what it does; after that only its state is shown."""
        was_open = device.breaker.is_open
        if device.breaker.failed(self._now_s(), by_driver=by_driver):
            device.up = device.up if device.up is not False else None  # this reason is news, even if the loss is not
            reason = f"given up, tried again every {device.breaker.delay_s:g} s until it holds: {reason}"
            failure = Failure.REFUSED
            self._metrics.device_breaker_opened.labels(device=device_id, driver=device.driver_name).inc()
        self._lost(device_id, device, reason, failure, quietly=was_open and device.breaker.is_open)

    def _on_reading(self, device_id: str, device: Supervised, reading: AnyReading) -> None:
        if device.misplaced:
            return
        device.last_reading_s = reading.at_s
        if isinstance(reading, LinkChanged) and reading.state == "connected":
            if device.up:
                return
            self._connected(device_id, device, reading)
        else:
            if (count := device.flood.counted(reading.at_s)) > READINGS_PER_S_MAX:
                device.misplaced = True
                raise FloodError(f"it says more than {count - 1} things in a second; look for a defect or a wrong setting", device_id=device_id)
            if device.breaker.held(reading.at_s):
                log.info("device holds again", extra={"device": device_id})
            self._metrics.readings.labels(device=device_id, driver=device.driver_name).inc()
        self._emit(reading)

    def _connected(self, device_id: str, device: Supervised, link: LinkChanged) -> None:
        """Raises: WrongDeviceError: it is not the hardware that is expected here; nothing that it says counts."""
        device.serial = link.serial
        if device.expected_serial and link.serial and link.serial != device.expected_serial:
            device.misplaced = True
            text = f"has serial {link.serial}, expected {device.expected_serial}; if it was replaced: dockline gateway swap FILE {device_id}"
            raise WrongDeviceError(text, device_id=device_id)
        quietly = device.breaker.is_open
        device.up, device.reason = True, link.reason
        device.told.clear()
        device.attempts.connected(self._now_s())
        device.breaker.connected(self._now_s())
        self._metrics.device_up.labels(device=device_id, driver=device.driver_name).set(1)
        if not quietly:
            extra = {"device": device_id, "about": link.reason, "serial": link.serial, "reconnects": device.reconnects}
            log.info("device connected", extra=extra)
        if device.expected_serial and not link.serial:
            log.warning("device tells no serial number, so it is not checked", extra={"device": device_id, "expected": device.expected_serial})
        device.actions.clear()  # what was wished before is stated anew by the stations

    def _lost(self, device_id: str, device: Supervised, reason: str, failure: Failure, *, quietly: bool = False) -> None:
        """Say so once per loss, however long it lasts; what a device that is there again has against us is news, each reason once."""
        device.reason = reason
        if device.up is False and (failure is Failure.AWAY or reason in device.told or len(device.told) >= _TOLD_MAX):
            return
        device.up = False
        device.told.add(reason)
        self._metrics.device_up.labels(device=device_id, driver=device.driver_name).set(0)
        log.log(logging.DEBUG if quietly else logging.WARNING, "device lost", extra={"device": device_id, "reason": reason})
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
                if not isinstance(error, DeviceBusy):
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
        log.warning("device action failed", extra={"device": device_id, "command": action.command, "arguments": action.shown, "reason": reason})
