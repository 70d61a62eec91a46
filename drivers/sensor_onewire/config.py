# SPDX-License-Identifier: Apache-2.0
"""Configuration of a one-wire bus."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from drivers.base.config import DeviceConfig, described

ROM = re.compile(r"[0-9a-f]{2}-[0-9a-f]{12}")


class SensorOnewireConfig(DeviceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sensor_onewire"):
    """One bus with all its probes: of this computer's kernel (`folder`), or of another one that passes it on over TCP (`host`, `port`)."""

    folder: Annotated[str, described("Folder in which the kernel shows its one-wire devices", "path", min_length=1)] = "/sys/bus/w1/devices"
    master: Annotated[str, described("The bus, like w1_bus_master1; empty: the only one", "name")] = ""
    host: Annotated[str, described("Computer or microcontroller that passes the bus on line by line; empty: the kernel of this computer", "name")] = ""
    port: Annotated[int, described("Its TCP port", "count", ge=0, le=65535)] = 4801
    probes: Annotated[
        dict[str, str],
        described(
            'Name of each probe\'s quantity by its ROM id, like "28-0316a2791e0b" = "shelf_temperature_c". Probes without a name are measured as '
            "temperature_28_0316a2791e0b_c; where no names are given and the bus has one probe only, that is temperature_c",
            "name",
        ),
    ] = msgspec.field(default_factory=dict)
    interval_s: Annotated[float, described("Time between two readings of all probes", "s", ge=0.1, le=86400)] = 10.0
    precision_bits: Annotated[
        Literal[0, 9, 10, 11, 12],
        described("Precision to set in every probe, in its memory that a power cut clears, never in its EEPROM; 0: leave it. 12 bits take 0.75 s", "count"),
    ] = 0
    together: Annotated[bool, described("Let all probes measure at the same time where the kernel can do that (therm_bulk_read)", "flag")] = True
    reply_timeout_s: Annotated[float, described("How long the kernel may take over one file; then the link counts as lost", "s", gt=0, le=60)] = 5.0
    low_c: Annotated[float, described("A value below is refused as impossible", "C", ge=-55, le=125)] = -55.0
    high_c: Annotated[float, described("A value above is refused as impossible", "C", ge=-55, le=125)] = 125.0

    def __post_init__(self) -> None:
        for rom in self.probes:
            if not ROM.fullmatch(rom):
                raise ValueError(f"probe {rom!r} is no ROM id; it reads like 28-0316a2791e0b (ls {self.folder})")
        names = list(self.probes.values())
        if "" in names or len(set(names)) != len(names):
            raise ValueError("`probes` gives every probe a name of its own, like shelf_temperature_c")
        if self.low_c >= self.high_c:
            raise ValueError("`low_c` is below `high_c`")

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        return f"{self.host}:{self.port}" if self.host else f"{self.folder}/{self.master}".rstrip("/")
