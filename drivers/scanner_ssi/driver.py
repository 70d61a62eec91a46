# SPDX-License-Identifier: Apache-2.0
"""The driver of SSI scanners."""

from __future__ import annotations

from drivers.base.codes.driver import ScannerDriver
from drivers.base.session import Session
from drivers.base.spec import ArgumentSpec, CommandSpec, DriverSpec
from drivers.scanner_ssi.config import ScannerSsiConfig
from drivers.scanner_ssi.session import SsiSession


class ScannerSsiDriver(ScannerDriver[ScannerSsiConfig]):
    """One scanner."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return SsiSession(self.config)


_LEDS = (ArgumentSpec("leds", int, "Which lamps, a bit for each as in the scanner's guide; usually 1", "bits", default=1, required=False),)

SPEC = DriverSpec(
    name="scanner_ssi",
    config=ScannerSsiConfig,
    factory=ScannerSsiDriver,
    capabilities=frozenset({"scans"}),
    twin="firmware_sims.scanner_ssi.twin:SsiScannerTwin",
    source="Zebra, Simple Serial Interface Programmer's Guide 72E-40451-04 (January 2021); DS2208 Product Reference Guide, SSI chapter",
    commands=(
        CommandSpec("trigger", "Begin to read, as if the trigger were pulled (START_SESSION)"),
        CommandSpec("stop", "End the reading (STOP_SESSION)"),
        CommandSpec(
            "beep",
            "Sound the beeper",
            (ArgumentSpec("sound", int, "Which sound: 0-4 one to five high short, 5-9 low short, ... 26 (guide, BEEP)", "count", default=1, required=False),),
        ),
        CommandSpec("aim_on", "Show the aiming pattern"),
        CommandSpec("aim_off", "Hide the aiming pattern"),
        CommandSpec("led_on", "Switch lamps on", _LEDS),
        CommandSpec("led_off", "Switch lamps off", _LEDS),
        CommandSpec("enable", "Let it scan"),
        CommandSpec("disable", "Let it not scan until enabled, or switched off and on"),
        CommandSpec("revision", "Ask for firmware, board and engine"),
        CommandSpec("capabilities", "Ask which commands and speeds it knows; answered in hexadecimal as in the guide, CAPABILITIES_REPLY"),
    ),
)
