# SPDX-License-Identifier: Apache-2.0
"""Scan point: every scan is an event."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.events import ItemScanned
from contracts.readings import AnyReading, Scan
from gateway.clock import Instant
from gateway.config import ScanPoint
from gateway.stations.station import Output, Station


class ScanPointStation(Station):
    """One scanner. Repeated reads of one trigger pull are filtered by the driver."""

    def __init__(self, config: ScanPoint) -> None:
        super().__init__(config.id, config.devices())
        self._config = config

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        if not isinstance(reading, Scan):
            return ()
        return [
            ItemScanned(
                **now.at(reading.at_s).stamp(),
                station=self.id,
                text=reading.text,
                symbology=reading.symbology,
                identifiers=reading.identifiers,
                error=reading.error,
                biz_step=self._config.biz_step,
            )
        ]
