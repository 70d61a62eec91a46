# SPDX-License-Identifier: Apache-2.0
"""Configuration of a CAS indicator."""

from __future__ import annotations

from typing import Annotated, Literal

from drivers.base.config import described
from drivers.base.weighing import ScaleConfig


class ScaleCasConfig(ScaleConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scale_cas"):
    """A CAS indicator (CI, NT, PDS series) with 22-byte or 18-byte output. Its 10-byte output says nothing of rest: see the map `cas_10` of scale_lines."""

    mode: Annotated[
        Literal["stream", "command"], described("Whether weights come by themselves (stream) or are asked for (command mode of the indicator)", "choice")
    ] = "stream"
    commands: Annotated[Literal["nt500", "nt570"], described("Command set chosen in the indicator: `nt500` RW, MZ, MT; `nt570` KW, KZ, KT", "choice")] = "nt500"
    device_number: Annotated[int, described("Device ID set in the indicator, put before each command", "count", ge=0, le=99)] = 1
