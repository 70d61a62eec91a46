# SPDX-License-Identifier: Apache-2.0
"""The driver of MT-SICS scales."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.weighing import WEIGH, ScaleDriver
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.session import SicsSession


class ScaleSicsDriver(ScaleDriver[ScaleSicsConfig]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SicsSession(self.config)


_AT_ONCE = ArgumentSpec("at_once", bool, "Without waiting for the load to rest (ZI, TI)", "flag", required=False)
SPEC = DriverSpec(
    name="scale_sics",
    config=ScaleSicsConfig,
    factory=ScaleSicsDriver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_sics.twin:SicsScaleTwin",
    source="Mettler Toledo, Reference Manual MT-SICS, document 11780711; Radwag communication protocol (APP balances, p. 203)",
    commands=(
        CommandSpec("zero", "Set the scale to zero; waits for the load to rest", (_AT_ONCE,)),
        CommandSpec(
            "tare",
            "Take what lies on the scale as tare, waiting for it to rest; or set a known tare",
            (
                ArgumentSpec("preset", str, "Known tare instead of the load, as a number", "number", required=False),
                ArgumentSpec("unit", str, "Unit of the known tare, the one that the scale shows", "text", required=False),
                _AT_ONCE,
            ),
        ),
        CommandSpec("clear_tare", "Forget the tare"),
        WEIGH,
        CommandSpec(
            "count",
            "Wait for the load to rest and give its weight and the number of pieces, by the piece weight that the scale holds",
            WEIGH.arguments,
        ),
        CommandSpec(
            "piece_weight",
            "Give the piece weight that the scale counts with, or set it",
            (
                ArgumentSpec("value", str, "New weight of one piece, as a number; left out: only give it", "number", required=False),
                ArgumentSpec("unit", str, "Its unit, the one that the scale shows", "text", required=False),
            ),
        ),
        CommandSpec("identify", "Ask for the serial number"),
        CommandSpec("reset", "Cancel everything that waits and forget the tare, as if switched on"),
    ),
)
