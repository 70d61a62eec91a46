# SPDX-License-Identifier: Apache-2.0
"""The driver of barcode scanners that send text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.gs1.elements import load_applications
from contracts.readings import AnyReading
from drivers.base.codes.reading import Scanned, scan_of
from drivers.base.driver import StreamDriver
from drivers.base.session import Session, SessionEvent
from drivers.base.spec import DriverSpec
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.session import ScannerSession


class ScannerSerialDriver(StreamDriver[ScannerSerialConfig]):
    """One scanner."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        load_applications()
        return ScannerSession(self.config)

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, Scanned):
            yield scan_of(event, self.device_id, at_s, datetime.now(UTC).year)


SPEC = DriverSpec(
    name="scanner_serial",
    config=ScannerSerialConfig,
    factory=ScannerSerialDriver,
    capabilities=frozenset({"scans"}),
    twin="firmware_sims.scanner_serial.twin:ScannerTwin",
    source="ISO/IEC 15424 (AIM identifiers); GS1 General Specifications 24, sections 3, 5.1 and 7.8; GS1 Digital Link URI Syntax 1.4",
)
