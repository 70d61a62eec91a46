# SPDX-License-Identifier: Apache-2.0
"""The driver of 8213/8217 scales."""

from __future__ import annotations

from drivers.base.session import Session
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.base.weighing import WEIGH, ZERO, ScaleDriver
from drivers.scale_8217.config import Scale8217Config
from drivers.scale_8217.session import Session8217


class Scale8217Driver(ScaleDriver[Scale8217Config]):
    """One scale."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return Session8217(self.config)


SPEC = DriverSpec(
    name="scale_8217",
    config=Scale8217Config,
    factory=Scale8217Driver,
    capabilities=frozenset({"weighs"}),
    twin="firmware_sims.scale_8217.twin:Toledo8217Twin",
    source="Transcell PC-150 manual B.1.4; Rice Lake BenchPro manual p. 26; Brecknell 67U service manual p. 71; PSC Magellan 8500 service manual p. 39, 45",
    commands=(
        ZERO,
        CommandSpec(
            "tare",
            "Take what lies on the scale as tare, once it rests; or set a known tare. Tare must be allowed in the scale's settings",
            (ArgumentSpec("preset", str, "Known tare instead of the load, in the unit that the scale shows; 0 clears it", "number", required=False),),
        ),
        CommandSpec("clear_tare", "Forget the tare"),
        WEIGH,
        CommandSpec("weigh_fine", "The weight with ten times the resolution (H)"),
        CommandSpec("test", "Have the scale test itself (A, B)"),
        CommandSpec("test_line", "Have a character sent back (E, F)"),
    ),
)
