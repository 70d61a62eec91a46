# SPDX-License-Identifier: Apache-2.0
"""The driver of indicators with Toledo's continuous output."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import CommandSpec, DriverSpec
from drivers.base.weighing import TARE, WEIGH, ZERO, ScaleDriver
from drivers.scale_continuous.config import ScaleContinuousConfig
from drivers.scale_continuous.session import ContinuousSession


class ScaleContinuousDriver(ScaleDriver[ScaleContinuousConfig]):
    """One indicator."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return ContinuousSession(self.config)


SPEC = DriverSpec(
    name="scale_continuous",
    config=ScaleContinuousConfig,
    factory=ScaleContinuousDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_continuous.twin:ToledoContinuousTwin",
    source="Mettler Toledo, IND445 user manual p. 50; Rockwell 57C428 appendix D; Cardinal 225 manual p. 118; Mettler Toledo Wildcat manual p. 6-5",
    commands=(
        ZERO,
        TARE,
        CommandSpec("clear_tare", "Forget the tare"),
        WEIGH,
        CommandSpec("print", "Press the print key; whether something was printed is not told"),
    ),
)
