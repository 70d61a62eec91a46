# SPDX-License-Identifier: Apache-2.0
"""Configuration of a line of Modbus pick tags."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import StreamConfig, described


class LightModbusConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="light_modbus"):
    """Pick tags 1 to `nodes` of one line, which may have other Modbus units too."""

    port: Annotated[int, described("TCP port of the serial server or of the Modbus TCP gateway", "count", ge=0, le=65535)] = 502
    map: Annotated[
        str,
        described("What the tags are: generic_tag, dm36_waveshare, dm56_waveshare, or the path of a map file of your own (.toml)", "name", min_length=1),
    ]
    nodes: Annotated[int, described("How many tags there are; their numbers are 1 to this, and the map says which units those are", "count", ge=1, le=247)]
    framing: Annotated[Literal["rtu", "tcp"], described("rtu: serial line, or a serial server that passes raw bytes; tcp: Modbus TCP", "choice")] = "rtu"
    baud_rate: Annotated[int, described("Serial speed", "baud", ge=300, le=4_000_000)] = 115_200
    echoes: Annotated[bool, described("Whether the RS-485 adapter sends back what it sends (rtu only)", "flag")] = False
    lit_interval_s: Annotated[float, described("A lit tag is asked this often for its keys, or as often as the line can", "s", ge=0.01, le=5)] = 0.06
    scan_interval_s: Annotated[float, described("Every other tag is asked once in so long", "s", ge=0.1, le=600)] = 10.0
    check_interval_s: Annotated[
        float, described("A lit tag is read back this often where its keys do not tell, to find one that lost its state", "s", ge=0.1, le=600)
    ] = 1.0
    reply_timeout_s: Annotated[float, described("How long to wait for a reply; 0: as long as the map says that it may take", "s", ge=0, le=30)] = 0.0
    worst_reply_s: Annotated[
        float,
        described("Latest time after a request at which its reply may still come; after a time-out nothing is sent before. 0: from the map", "s", ge=0, le=60),
    ] = 0.0
    tries_max: Annotated[int, described("After so many requests without a valid reply a tag is reported as faulty and asked seldom", "count", ge=1, le=100)] = 3
    press_filter_s: Annotated[float, described("A second press of the same tag within this time is a double press and is dropped", "s", ge=0, le=5)] = 0.6
    held_s: Annotated[float, described("A key that is down for longer is stuck", "s", gt=0, le=600)] = 5.0
    lamp_test_s: Annotated[float, described("How long the command `test` lights everything", "s", gt=0, le=60)] = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.path and self.framing == "tcp":
            raise ValueError("a serial line speaks Modbus RTU; set `framing` to rtu")

    @property
    def shares_endpoint(self) -> bool:
        """See `StreamConfig.shares_endpoint`."""
        return bool(self.host) and self.framing == "tcp"

    @property
    def shares_line(self) -> bool:
        """See `StreamConfig.shares_line`."""
        return self.framing == "rtu"
