# SPDX-License-Identifier: Apache-2.0
"""Configuration of a USB HID scale."""

from __future__ import annotations

from typing import Annotated

from drivers.base.config import KernelFileConfig, described

_INTERVAL_S = 1.0


class ScaleHidConfig(KernelFileConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_hid"):
    """A scale that the kernel offers as /dev/hidraw...; found by its path, by `usb_id`, by `serial_number`, or as the only scale there is.

    The gateway's user may read it when deploy/udev/70-dockline-scales.rules is installed.
    """

    path: Annotated[str, described("File of the scale, like /dev/dockline/scale-0071431044934 (udev rule) or /dev/hidraw0; empty: look for it", "path")] = ""
    usb_id: Annotated[
        str,
        described("USB vendor and product of the scale to look for, like 0922:8003; empty: any scale", "name", pattern="^([0-9a-fA-F]{4}:[0-9a-fA-F]{4})?$"),
    ] = ""
    report_id: Annotated[
        int, described("Number of the report with the weight, 3 for all known scales; 0 where reports have no number", "count", ge=0, le=255)
    ] = 3
    asleep_s_max: Annotated[
        float,
        described("Postal scales switch themselves off and vanish from the bus: for so long that is sleep, not a loss; 0: vanishing is a loss", "s", ge=0),
    ] = 172_800.0
    stale_after_s: Annotated[float, described("After so long without a weight the last one is told to be stale", "s", gt=0, le=3600)] = 2.0
    stability_timeout_s: Annotated[float, described("How long `weigh` waits for the load to rest", "s", gt=0, le=120)] = 10.0
    division: Annotated[float, described("The scale's step in its unit, like 2 for 2 g, for those who judge weights; 0: not known", "number", ge=0)] = 0.0

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        return self.path or f"usb {self.usb_id or self.serial_number or 'scale'}"

    @property
    def interval_s(self) -> float:
        """Nothing is asked; for the session that all scales share."""
        return _INTERVAL_S

    @property
    def reply_timeout_s(self) -> float:
        """Nothing is asked; for the session that all scales share."""
        return _INTERVAL_S

    @property
    def silence_timeout_s(self) -> float:
        """Never lost by silence: the kernel tells when the scale is gone."""
        return 0.0
