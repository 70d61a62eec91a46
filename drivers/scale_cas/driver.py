# SPDX-License-Identifier: Apache-2.0
"""The driver of CAS indicators."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from drivers.base.weighing import TARE, WEIGH, ZERO, ScaleDriver
from drivers.scale_cas.config import ScaleCasConfig
from drivers.scale_cas.session import CasSession


class ScaleCasDriver(ScaleDriver[ScaleCasConfig]):
    """One indicator."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return CasSession(self.config)


SPEC = DriverSpec(
    name="scale_cas",
    config=ScaleCasConfig,
    factory=ScaleCasDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_cas.twin:CasIndicatorTwin",
    source="CAS CI-600D manual p. 74; NT-200 manual p. 48; CI-400 owner's manual p. 103-106 (data formats, command modes 1 and 2)",
    commands=(ZERO, TARE, WEIGH),
)
