# SPDX-License-Identifier: Apache-2.0
"""Configuration of what is heard over Bluetooth."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec

from drivers.base.config import StreamConfig, described

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
_KEY = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class TagTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tag."""

    mac: Annotated[str, described("Its address, like cb:b8:33:4c:88:4f", "text")]
    bindkey_file: Annotated[str, described("File with its key (32 hexadecimal digits), where it encrypts (BTHome)", "path")] = ""
    bindkey: Annotated[str, described("The key itself, for trying; a file keeps it out of the configuration", "text")] = ""
    contact_input: Annotated[int, described("Its door, window or opening contact counts as this input (open: on); 0: none", "count", ge=0, le=65535)] = 0
    button_input: Annotated[int, described("A press of its button counts as this input going on and off; 0: none", "count", ge=0, le=65535)] = 0

    def __post_init__(self) -> None:
        if not _MAC.fullmatch(self.mac):
            raise ValueError(f"`mac` {self.mac!r} is no address like cb:b8:33:4c:88:4f")
        if self.bindkey and not _KEY.fullmatch(self.bindkey):
            raise ValueError("`bindkey` has 32 hexadecimal digits")


class SensorBleConfig(StreamConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sensor_ble"):
    """All tags in reach of one receiver: this computer's Bluetooth adapter, or one that passes on HCI packets over TCP or a serial line."""

    adapter: Annotated[str, described("Bluetooth adapter of this computer, like hci0 (needs dockline[ble]); empty: `host` or `path`", "name")] = ""
    scanning: Annotated[
        Literal["passive", "active"],
        described(
            "passive: only listen, which spares the tags' batteries (BlueZ 5.56 with --experimental, kernel 5.10); active: where that is not had", "choice"
        ),
    ] = "passive"
    rescan_s: Annotated[
        float,
        described("With `adapter`: heard nothing at all for so long, begin to listen anew; BlueZ does not say when it stopped", "s", gt=0, le=3600),
    ] = 30.0
    port: Annotated[int, described("TCP port of the receiver", "count", ge=0, le=65535)] = 4802
    baud_rate: Annotated[int, described("Serial speed of the receiver", "baud", ge=300, le=4_000_000)] = 115_200
    tags: Annotated[
        dict[str, TagTable],
        described(
            "Tags by the name that their quantities begin with, like shelf: shelf_temperature_c; each with `mac`, and where it has them `bindkey_file`, "
            "`contact_input`, `button_input`. Empty: all that are heard, named by their address",
            "name",
        ),
    ] = msgspec.field(default_factory=dict)
    sample_interval_s: Annotated[float, described("At most one sample of a tag in so long; contacts and buttons always", "s", ge=0, le=3600)] = 1.0
    interval_s: Annotated[float, described("How often tags are expected to tell something, until their own interval is known", "s", gt=0, le=3600)] = 10.0
    stale_intervals: Annotated[float, described("Silent for so many of its own intervals a tag's values count as lost", "count", ge=2, le=100)] = 4.0
    stale_s_min: Annotated[float, described("But never sooner than this: single advertisements are lost all the time", "s", ge=0.1, le=3600)] = 5.0
    first_heard_s: Annotated[float, described("A named tag that is not heard for so long after the start is told", "s", gt=0, le=86400)] = 60.0
    battery_low_pct: Annotated[float, described("A battery at or below is low (BTHome, ATC)", "%", ge=0, le=100)] = 10.0

    def __post_init__(self) -> None:
        if bool(self.host) + bool(self.path) + bool(self.adapter) != 1:
            raise ValueError("give one of `adapter` (Bluetooth of this computer), `host` (TCP) or `path` (serial line)")
        if not self.adapter:
            super().__post_init__()
        if wrong := [name for name in self.tags if not _NAME.fullmatch(name)]:
            raise ValueError(f"tag name {wrong[0]!r} becomes part of names like shelf_temperature_c: use a-z, 0-9 and _")
        addresses = [tag.mac.lower() for tag in self.tags.values()]
        if twice := [mac for mac in addresses if addresses.count(mac) > 1]:
            raise ValueError(f"two tags have the address {twice[0]}")

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        return self.adapter or super().endpoint
