# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the driver of Modbus pick tags and its SPEC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from drivers.base.light_driver import LightDriver
from drivers.base.session import Session
from drivers.base.shared_lines import open_shared
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.maps import load_map
from drivers.light_modbus.session import LightModbusSession
from drivers.light_modbus.states import Memory
from drivers.light_modbus.tags import LitTag


class LightModbusDriver(LightDriver[LightModbusConfig]):
    """Pick tags of one line. What shall be lit outlives connections and is lit again on each new one.

    Raises on construction: ConfigError: the map is missing or wrong.
    """

    def __init__(self, device_id: str, config: LightModbusConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self._map = load_map(config.map)
        self._memory = Memory()

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    @property
    def lit(self) -> dict[int, LitTag]:
        """What shall be lit."""
        return self._memory.lit

    def opener(self) -> Callable[[LightModbusConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`."""
        return open_shared if self.config.shares_line else open_transport

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return LightModbusSession(self.config, self._map, self._memory)


_NODE = ArgumentSpec("node", int, "Number of the pick tag, from 1", "count")
_QUANTITY = ArgumentSpec("quantity", int, "Number to show, as large as the display is wide", "count")
_COLOUR = ArgumentSpec("colour", str, "red, green, orange, blue, pink or cyan, as far as the tags have it", "choice", default="green", required=False)
_ON = ArgumentSpec("on", bool, "Whether the buzzer sounds", "flag")

SPEC = DriverSpec(
    name="light_modbus",
    config=LightModbusConfig,
    factory=LightModbusDriver,
    capabilities=frozenset({"shows_quantities"}),
    twin="firmware_sims.light_modbus.twin:ModbusTagsTwin",
    source="Modbus Application Protocol V1.1b3; Modbus over Serial Line V1.02; the makers' register tables named in maps/*.toml",
    commands=(
        CommandSpec("show", "Light a pick tag with a quantity", (_NODE, _QUANTITY, _COLOUR)),
        CommandSpec("clear", "Put a pick tag out", (_NODE,)),
        CommandSpec("buzz", "Switch a pick tag's buzzer", (_NODE, _ON)),
        CommandSpec("test", "Light all tags for a while, then show again what was lit"),
    ),
)
