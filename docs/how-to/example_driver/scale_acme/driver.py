# SPDX-License-Identifier: Apache-2.0
"""The driver of Acme scales: turns events of the session into readings."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.readings import AnyReading, Weight, WeightState
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import CommandSpec, DriverSpec
from scale_acme.config import ScaleAcmeConfig
from scale_acme.session import Refused, ScaleAcmeSession, Weighed

_OVERLOAD = "07"


class ScaleAcmeDriver(StreamDriver[ScaleAcmeConfig]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return ScaleAcmeSession(self.config)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, Weighed):
            state: WeightState = "stable" if event.frame.is_stable else "dynamic"
            yield Weight(device=self.device_id, at_s=at_s, state=state, value=event.frame.value, unit=event.frame.unit, text=event.text)
        elif isinstance(event, Refused):
            yield Weight(device=self.device_id, at_s=at_s, state="overload" if event.code == _OVERLOAD else "error", text=event.meaning)


SPEC = DriverSpec(
    name="scale_acme",
    config=ScaleAcmeConfig,
    factory=ScaleAcmeDriver,
    capabilities=frozenset({"weighs"}),
    twin="scale_acme_sims.twin:AcmeScaleTwin",
    source="Acme PS Series Interface Manual, rev. 2, section 4",
    commands=(CommandSpec("zero", "Set zero where the load is"),),
)
