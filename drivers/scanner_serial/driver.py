# SPDX-License-Identifier: Apache-2.0
"""The driver of barcode scanners that send text."""

from __future__ import annotations

from drivers.base.codes.driver import ScannerDriver
from drivers.base.session import Session
from drivers.base.spec import DriverSpec
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.session import ScannerSession


class ScannerSerialDriver(ScannerDriver[ScannerSerialConfig]):
    """One scanner."""

    @property
    def spec(self) -> DriverSpec:
        """See `StreamDriver.spec`."""
        return SPEC

    def new_session(self) -> Session:
        """See `StreamDriver.new_session`."""
        return ScannerSession(self.config)


SPEC = DriverSpec(
    name="scanner_serial",
    config=ScannerSerialConfig,
    factory=ScannerSerialDriver,
    capabilities=frozenset({"scans"}),
    twin="firmware_sims.scanner_serial.twin:ScannerTwin",
    source="ISO/IEC 15424 (AIM identifiers); GS1 General Specifications 24, sections 3, 5.1 and 7.8; GS1 Digital Link URI Syntax 1.4",
)
