# SPDX-License-Identifier: Apache-2.0
"""The driver of SMA scales."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.weighing import WEIGH, ZERO, ScaleDriver
from drivers.scale_sma.config import ScaleSmaConfig
from drivers.scale_sma.session import SmaSession


class ScaleSmaDriver(ScaleDriver[ScaleSmaConfig]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SmaSession(self.config)


SPEC = DriverSpec(
    name="scale_sma",
    config=ScaleSmaConfig,
    factory=ScaleSmaDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_sma.twin:SmaScaleTwin",
    source="Scale Manufacturers Association, Standard Scale Serial Communication Protocol SCP-0499, levels 1 and 2, April 1999, with Mod 1 of 2005",
    commands=(
        ZERO,
        CommandSpec(
            "tare",
            "Take what lies on the scale as tare, once it rests; or set a known tare",
            (ArgumentSpec("preset", str, "Known tare instead of the load, as a number in the scale's unit", "number", required=False),),
        ),
        CommandSpec("clear_tare", "Forget the tare"),
        WEIGH,
        CommandSpec("weigh_fine", "The weight with high resolution (H)"),
        CommandSpec("next_unit", "Change to the next unit (U); gives it"),
        CommandSpec("identify", "Ask for level, maker, model, revision and serial number (A, B)"),
        CommandSpec("diagnose", "Let the scale test its memories and its calibration (D)"),
    ),
)
