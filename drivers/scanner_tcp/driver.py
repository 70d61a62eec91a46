# SPDX-License-Identifier: Apache-2.0
"""The driver of fixed scanners over TCP."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.gs1.elements import load_applications
from contracts.readings import AnyReading
from drivers.base.codes.reading import Scanned, scan_of
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import CommandSpec, DriverSpec
from drivers.scanner_tcp.config import ScannerTcpConfig
from drivers.scanner_tcp.session import TcpScannerSession


class ScannerTcpDriver(StreamDriver[ScannerTcpConfig]):
    """One scanner."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        load_applications()
        return TcpScannerSession(self.config)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, Scanned):
            yield scan_of(event, self.device_id, at_s, datetime.now(UTC).year)


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
