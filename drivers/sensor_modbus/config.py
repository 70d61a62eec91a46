# SPDX-License-Identifier: Apache-2.0
"""Configuration of a Modbus sensor or relay."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class SensorModbusConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sensor_modbus"):
    """One Modbus unit, on its own TCP connection, or on a serial line or raw serial server that it may share with others."""

    port: Annotated[int, described("TCP port of the device or of its serial server", "count", ge=0, le=65535)] = 502
    map: Annotated[
        str,
        described(
            "Register map: xy_md02, xy_md02_hundredths, comet_tx5xx, controlbox_th332, generic, waveshare_relay, waveshare_di, "
            "or the path of a map file of your own (.toml)",
            "name",
            min_length=1,
        ),
    ]
    unit_id: Annotated[
        int, described("Modbus unit (slave) address, 1 to 247; 0 or 255 (tcp only): the device at `host` itself, which is no gateway", "count", ge=0, le=255)
    ] = 1
    framing: Annotated[Literal["tcp", "rtu"], described("tcp: Modbus TCP; rtu: serial line, or a serial server that passes raw bytes", "choice")] = "tcp"
    echoes: Annotated[bool, described("Whether the RS-485 adapter sends back what it sends (rtu only)", "flag")] = False
    interval_s: Annotated[float, described("Time between two readings", "s", ge=0.1, le=86400)] = 10.0
    inputs_interval_s: Annotated[float, described("Time between two readings of the digital inputs", "s", ge=0.01, le=3600)] = 0.05
    stuck_s: Annotated[
        float, described("A value that has been exactly the same for so long is refused, since its probe is stuck; 0: as the map says", "s", ge=0)
    ] = 0.0
    reply_timeout_s: Annotated[
        float,
        described("How long to wait for a reply; 0: as long as the map says that it may take, and at least 1 s behind a gateway (tcp)", "s", ge=0, le=30),
    ] = 0.0
    worst_reply_s: Annotated[
        float,
        described("Latest time after a request at which its reply may still come; after a time-out nothing is sent before. 0: from the map", "s", ge=0, le=60),
    ] = 0.0
    silent_polls_max: Annotated[int, described("After so many readings without any valid reply the link counts as lost", "count", ge=1, le=1000)] = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.path and self.framing == "tcp":
            raise ValueError("a serial line speaks Modbus RTU; set `framing` to rtu")
        if not 1 <= self.unit_id <= 247 and (self.framing == "rtu" or self.unit_id not in (0, 255)):
            raise ValueError(f"there is no unit {self.unit_id}; on a line units are 1 to 247, and over Modbus TCP 0 or 255 is the device itself")

    @property
    def shares_endpoint(self) -> bool:
        """See `StreamConfig.shares_endpoint`: a Modbus TCP gateway asks the units behind it one after the other; whoever passes raw bytes does not."""
        return bool(self.host) and self.framing == "tcp"

    @property
    def shares_line(self) -> bool:
        """See `StreamConfig.shares_line`."""
        return self.framing == "rtu"
