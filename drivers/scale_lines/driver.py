# SPDX-License-Identifier: Apache-2.0
"""The driver of scales whose output is a line of text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from drivers.base.transports import Transport, open_transport
from drivers.base.weighing import TARE, WEIGH, ZERO, ScaleDriver
from drivers.scale_lines.config import ScaleLinesConfig
from drivers.scale_lines.maps import load_map
from drivers.scale_lines.session import LinesSession


class ScaleLinesDriver(ScaleDriver[ScaleLinesConfig]):
    """One scale. Raises on construction: ConfigError: the map is missing or wrong."""

    def __init__(self, device_id: str, config: ScaleLinesConfig, **arguments: Any) -> None:
        self._map = load_map(config.map)
        super().__init__(device_id, config, **arguments)

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def opener(self) -> Callable[[ScaleLinesConfig], Awaitable[Transport]]:
        """See `StreamDriver.opener`: with the map's settings of the line where none are given."""

        async def opened(config: ScaleLinesConfig) -> Transport:
            fields = ("baud_rate", "parity", "data_bits", "stop_bits")
            return await open_transport(msgspec.structs.replace(config, **{name: getattr(config, name) or getattr(self._map, name) for name in fields}))

        return opened

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return LinesSession(self.config, self._map)


SPEC = DriverSpec(
    name="scale_lines",
    config=ScaleLinesConfig,
    factory=ScaleLinesDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_lines.twin:LineScaleTwin",
    source="the makers' descriptions of their output formats that are named in maps/*.toml",
    commands=(ZERO, TARE, WEIGH),
)
