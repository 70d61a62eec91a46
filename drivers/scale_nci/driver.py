# SPDX-License-Identifier: Apache-2.0
"""The driver of NCI scales."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import CommandSpec, DriverSpec
from drivers.base.weighing import TARE, WEIGH, ZERO, ScaleDriver
from drivers.scale_nci.config import ScaleNciConfig
from drivers.scale_nci.session import NciSession


class ScaleNciDriver(ScaleDriver[ScaleNciConfig]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return NciSession(self.config)


SPEC = DriverSpec(
    name="scale_nci",
    config=ScaleNciConfig,
    factory=ScaleNciDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_nci.twin:NciScaleTwin",
    source="Avery Weigh-Tronix, NCI standard SCP-01 (8408-14788-01); Aviator 7000 service manual p. 47-50; B-TEK T419S p. 66; Adam MDW manual 8.5.3",
    commands=(
        ZERO,
        TARE,
        WEIGH,
        CommandSpec("weigh_fine", "The weight with ten times the resolution, where the scale has that (H)"),
        CommandSpec("next_unit", "Press the unit key (U); gives the new unit"),
        CommandSpec("raw", "The counts of the converter (M), as the scale writes them"),
        CommandSpec("status", "Ask for the status bytes (S)"),
    ),
)
