# SPDX-License-Identifier: Apache-2.0
"""The driver of fixed scanners over TCP."""

from __future__ import annotations

from drivers.base.codes.driver import ScannerDriver
from drivers.base.session import Session
from drivers.base.spec import CommandSpec, DriverSpec
from drivers.scanner_tcp.config import ScannerTcpConfig
from drivers.scanner_tcp.session import TcpScannerSession


class ScannerTcpDriver(ScannerDriver[ScannerTcpConfig]):
    """One scanner."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return TcpScannerSession(self.config)


SPEC = DriverSpec(
    name="scanner_tcp",
    config=ScannerTcpConfig,
    factory=ScannerTcpDriver,
    capabilities=frozenset({"scans"}),
    twin="firmware_sims.scanner_tcp.twin:KeyenceTwin",
    source="Keyence SR Series User's Manual, command communication and error codes; Cognex DataMan Control Commands (DMCC); Datalogic Matrix N, DL.CODE manual",
    commands=(
        CommandSpec("trigger", "Begin a reading (Keyence LON, Cognex TRIGGER ON, Datalogic `trigger_text`)"),
        CommandSpec("stop", "End the reading (Keyence LOFF, Cognex TRIGGER OFF, Datalogic `stop_text`)"),
        CommandSpec("beep", "Sound the beeper (Cognex)"),
        CommandSpec("aim_on", "Switch the aiming laser on (Keyence)"),
        CommandSpec("aim_off", "Switch the aiming laser off (Keyence)"),
        CommandSpec("restart", "Restart the scanner; the connection is lost for a while (Keyence, Cognex)"),
    ),
)
