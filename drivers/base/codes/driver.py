# SPDX-License-Identifier: Apache-2.0
"""What the drivers of all scanners do alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from contracts.readings import AnyReading
from drivers.base.codes.reading import Scanned, scan_of
from drivers.base.driver import ConfigT, StreamDriver
from drivers.base.session import SessionEvent


class ScannerDriver(StreamDriver[ConfigT]):
    """Its sessions' codes become scans."""

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        if isinstance(event, Scanned):
            yield scan_of(event, self.device_id, at_s, datetime.now(UTC).year)
