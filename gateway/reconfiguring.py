# SPDX-License-Identifier: Apache-2.0
"""How a running gateway goes over to another configuration: only devices and stations that changed begin anew."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.base.errors import ConfigError
from gateway.config import GatewayConfig
from gateway.configuration import Configurator, Running
from gateway.configuration_rules import Change, Standing
from gateway.configuration_store import ConfigurationStore
from gateway.stations.kinds import build_station

if TYPE_CHECKING:
    from gateway.app import Gateway


class Reconfigurable(Running):
    """The gateway as `gateway.configuration` needs it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    @property
    def config(self) -> GatewayConfig:
        """What the gateway runs with."""
        return self._gateway.config

    @property
    def up(self) -> Collection[str]:
        """Devices that are connected."""
        return {name for name, device in self._gateway.supervisor.devices.items() if device.up is True}

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why devices are not connected."""
        return {name: device.reason for name, device in self._gateway.supervisor.devices.items()}

    @property
    def has_uplink(self) -> bool:
        """Whether central can be reached."""
        return self._gateway.uplink.connected

    @property
    def is_safe(self) -> bool:
        """Whether the gateway leaves its devices alone."""
        return self._gateway.safe

    async def change(self, config: GatewayConfig, change: Change) -> None:
        """Go over; drivers are made before anything is touched. Raises: ConfigError, ValueError: a driver does not take its configuration."""
        gateway, before = self._gateway, self._gateway.config
        gateway.config = config
        try:
            made = {device: gateway.driver_of(device) for device in (*change.new, *change.anew)}
            stations = [build_station(config.stations[name], config.gateway.site, gateway.arbiter) for name in change.stations_put]
        except (ConfigError, OSError, ValueError):
            gateway.config = before
            raise
        await gateway.floor.exchange(change.stations_gone, stations)
        for name in change.stations_gone:
            gateway.arbiter.leave(name)
        for device in change.gone:
            await gateway.supervisor.remove(device, "it is not configured any more")
        for device in change.anew:
            await gateway.supervisor.replace(device, *made[device], gateway.serial_of(device))
        for device in change.new:
            gateway.supervisor.add(device, *made[device], gateway.serial_of(device))

    def announce(self, standing: Standing) -> None:
        """Have the birth say what is in force. What was wrong with the own file when this process began is over when another one came into force."""
        gateway = self._gateway
        if not standing.fault:
            gateway.reporter.own_fault = gateway.bindings.fault
        gateway.uplink.announce(replace(gateway.identity, config_hash=gateway.config.config_hash, config_version=standing.running))

    def restart(self) -> None:
        """End in order and begin anew as another process."""
        self._gateway.restart("configuration")


def configurator_of(gateway: Gateway, own_file: Path | None) -> Configurator:
    """The configurator of a gateway that has its stores already."""
    table = gateway.config.gateway
    return Configurator(ConfigurationStore(table.data_dir, table.trust_dir, own_file), Reconfigurable(gateway), gateway.store, gateway.now)


def reloading(configurator: Configurator) -> Any:
    """What a person at the machine asks with `dockline gateway reload`."""

    async def reload(request: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        fault = await configurator.reload(str(request.get("actor", "")))
        yield {"error": fault} if fault else {"done": True, "begins_anew": configurator.standing.trying is not None}

    return reload
