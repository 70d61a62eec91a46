# SPDX-License-Identifier: Apache-2.0
"""A reader or scanner is replaced by another one at the same place: bound, told, and only that device begins anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from contracts.commands import GATEWAY, SwapDevice
from contracts.events import DeviceSwapped
from drivers.base.config import DeviceConfig
from drivers.base.spec import Driver
from gateway.bindings import Binding, Bindings, BindingsError, new_binding
from gateway.clock import Now
from gateway.gateway_commands import Handled
from gateway.store import Store
from gateway.supervisor import Supervisor

_DEADLINE = timedelta(hours=1)

log = logging.getLogger(__name__)


class Swaps:
    """Carries out swaps. `configs` are the devices as the file has them; `make` builds a device's driver as it is now, with its driver's name."""

    def __init__(
        self,
        bindings: Bindings,
        configs: Callable[[], Mapping[str, DeviceConfig]],
        make: Callable[[str], tuple[str, Driver]],
        supervisor: Supervisor,
        store: Store,
        now: Now,
    ) -> None:
        self._bindings = bindings
        self._configs = configs
        self._make = make
        self._supervisor = supervisor
        self._store = store
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, command: SwapDevice) -> Handled:
        """See `gateway_commands.Handler`."""
        config = self._configs().get(command.device)
        if config is None:
            return Handled("refused", f"this gateway has no device {command.device!r}; it has: {', '.join(self._configs())}")
        try:
            binding = self._bound(command, config)
        except (BindingsError, OSError, ValueError) as error:
            return Handled("refused", f"{command.device} cannot be bound: {error}")
        if binding is None:
            return Handled("refused", f"{command.device} tells no serial number; say which one is there now")
        said = DeviceSwapped(
            **self._now().stamp(), device=command.device, old_serial=binding.old_serial, new_serial=binding.serial, actor=binding.actor or command.actor
        )
        return Handled(events=[said], afterwards=lambda: self._begin_anew(command.device))

    async def untold(self) -> list[SwapDevice]:
        """Swaps that central has not heard of: made while the gateway did not run, or cut off before they were told."""
        found = []
        for device, binding in list(self._bindings.by_device.items()):
            if binding.told or device not in self._configs():
                continue
            if await self._store.answer_to(binding.swap_id) is not None:
                self._bindings.told(device)
                continue
            found.append(self.command(device, binding.serial, actor=binding.actor, swap_id=binding.swap_id))
        return found

    def command(self, device: str, serial: str, *, host: str = "", actor: str = "", swap_id: str) -> SwapDevice:
        """A swap as if central had asked for it."""
        deadline_at = self._now().utc + _DEADLINE
        return SwapDevice(command_id=swap_id, station=GATEWAY, deadline_at=deadline_at, device=device, serial=serial, host=host, actor=actor)

    def _bound(self, command: SwapDevice, config: DeviceConfig) -> Binding | None:
        """The binding, made now unless this same swap has made it before; None: nobody says the serial number. Raises: BindingsError, OSError, ValueError."""
        before = self._bindings.by_device.get(command.device)
        if before is not None and before.swap_id == command.command_id:
            return before
        device = self._supervisor.devices.get(command.device)
        serial = command.serial or (device.serial if device else "")
        if not serial:
            return None
        expected = before.serial if before else config.serial_number
        old_serial = expected or (device.serial if device and device.serial != serial else "")
        host = command.host or (before.host if before else "")
        binding = new_binding(config, serial, old_serial=old_serial, host=host, actor=command.actor, swap_id=command.command_id)
        if binding.over(config) == config and not command.host:
            log.info("swap changes nothing in the configuration", extra={"device": command.device, "serial": serial})
        self._bindings.bind(command.device, binding)
        return binding

    def _begin_anew(self, device: str) -> None:
        task = asyncio.get_running_loop().create_task(self._replace(device), name=f"swap-{device}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self, device: str) -> None:
        try:
            self._bindings.told(device)
        except OSError as error:
            log.warning("binding could not be marked as told", extra={"device": device, "reason": str(error)})
        if device in self._supervisor.devices:
            driver_name, driver = self._make(device)
            serial = self._bindings.by_device[device].serial
            log.info("device swapped", extra={"device": device, "serial": serial})
            await self._supervisor.replace(device, driver_name, driver, serial, "the hardware at its place was swapped")
