# SPDX-License-Identifier: Apache-2.0
"""The driver of MT-SICS scales."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.readings import AnyReading, Weight
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.session import SicsSession, Weighed


class ScaleSicsDriver(StreamDriver[ScaleSicsConfig]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SicsSession(self.config)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, Weighed):
            yield Weight(device=self.device_id, at_s=at_s, state=event.state, value=event.value, unit=event.unit, text=event.text, net=event.net)


SPEC = DriverSpec(
    name="scale_sics",
    config=ScaleSicsConfig,
    factory=ScaleSicsDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_sics.twin:SicsScaleTwin",
    source="Mettler Toledo, Reference Manual MT-SICS, document 11780711; Radwag communication protocol (APP balances, p. 203)",
    commands=(
        CommandSpec("zero", "Set the scale to zero; waits for the load to rest"),
        CommandSpec(
            "tare",
            "Take what lies on the scale as tare, waiting for it to rest; or set a known tare",
            (
                ArgumentSpec("preset", str, "Known tare instead of the load, as a number", "number", required=False),
                ArgumentSpec("unit", str, "Unit of the known tare, the one that the scale shows", "text", required=False),
            ),
        ),
        CommandSpec(
            "weigh",
            "Wait for the load to rest and give its weight once",
            (ArgumentSpec("wait_s", float, "How long to wait; as configured (stability_timeout_s) when left out", "s", required=False),),
        ),
        CommandSpec("identify", "Ask for the serial number"),
        CommandSpec("reset", "Cancel everything that waits and forget the tare, as if switched on"),
    ),
)
