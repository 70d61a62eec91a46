# SPDX-License-Identifier: Apache-2.0
"""The asyncio shell of the Modbus driver and its SPEC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from contracts.readings import AnyReading, InputChanged, Measured, MeasuredArray, ReadingFailed
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.shared_lines import open_shared
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.maps import load_map
from drivers.sensor_modbus.memory import Memory
from drivers.sensor_modbus.session import ArrayRead, InputRead, SensorModbusSession, ValueFailed, ValueRead


class SensorModbusDriver(StreamDriver[SensorModbusConfig]):
    """One Modbus unit. Raises on construction: ConfigError: the map is missing or wrong."""

    def __init__(self, device_id: str, config: SensorModbusConfig, **arguments: Any) -> None:
        super().__init__(device_id, config, **arguments)
        self._map = load_map(config.map)
        self._conversation: SensorModbusSession | None = None
        self._memory = Memory()
        self._missed_before = 0

    def opener(self) -> Callable[[SensorModbusConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`."""
        return open_shared if self.config.shares_line else open_transport

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        self._missed_before = self.polls_missed
        self._conversation = SensorModbusSession(self.config, self._map, self._memory)
        return self._conversation

    @property
    def polls_missed(self) -> int:
        """Readings that fell out since the start, because the device or this program was too slow."""
        return self._missed_before + (self._conversation.polls_missed if self._conversation is not None else 0)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """A value becomes Measured, an array MeasuredArray, a refused or missing one ReadingFailed, an input InputChanged."""
        match event:
            case ValueRead(quantity=quantity, value=value):
                yield Measured(device=self.device_id, at_s=at_s, quantity=quantity, value=value)
            case ArrayRead(quantity=quantity, first=first, values=values):
                yield MeasuredArray(device=self.device_id, at_s=at_s, quantity=quantity, first=first, values=values)
            case ValueFailed(quantity=quantity, reason=reason):
                yield ReadingFailed(device=self.device_id, at_s=at_s, quantity=quantity, reason=reason)
            case InputRead(number=number, level=level):
                yield InputChanged(device=self.device_id, at_s=at_s, input=number, level=level)


SPEC = DriverSpec(
    name="sensor_modbus",
    config=SensorModbusConfig,
    factory=SensorModbusDriver,
    capabilities=frozenset({"measures", "switches_outputs", "senses_inputs"}),
    twin="firmware_sims.sensor_modbus.twin:ModbusSensorTwin",
    source="Modbus Application Protocol V1.1b3; Modbus over Serial Line V1.02; the makers' register tables named in maps/*.toml",
    commands=(
        CommandSpec("read", "Read all values of the map now"),
        CommandSpec(
            "switch_output",
            "Switch an output of a relay board",
            (ArgumentSpec("output", int, "Number printed on the board", "count"), ArgumentSpec("on", bool, "Whether it shall be on", "flag")),
        ),
    ),
)
