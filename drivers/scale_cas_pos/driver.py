# SPDX-License-Identifier: Apache-2.0
"""The driver of CAS counter scales."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from drivers.base.weighing import WEIGH, ScaleDriver
from drivers.scale_cas_pos.config import ScaleCasPosConfig
from drivers.scale_cas_pos.session import CasPosSession


class ScaleCasPosDriver(ScaleDriver[ScaleCasPosConfig]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return CasPosSession(self.config)


SPEC = DriverSpec(
    name="scale_cas_pos",
    config=ScaleCasPosConfig,
    factory=ScaleCasPosDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_cas_pos.twin:CasCounterScaleTwin",
    source="CAS PD-II manual p. 23 (type 6, register ER-670); SW-II manual p. 15; the same in Ohaus Aviator 7000 service manual p. 36",
    commands=(WEIGH,),
)
