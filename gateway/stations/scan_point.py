# SPDX-License-Identifier: Apache-2.0
"""Scan point: every scan is an event, and answered at once by lamps when there is a list of what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.commands import AnyCommand, ScanWork
from contracts.events import ItemScanned
from contracts.readings import AnyReading, LinkChanged, Scan
from gateway.clock import Instant
from gateway.config import ScanPoint
from gateway.stations.lamps import Lamps
from gateway.stations.scan_checks import ScanChecks
from gateway.stations.station import DeviceAction, Output, Station


class ScanPointStation(Station):
    """One scanner. Repeated reads of one trigger pull are filtered by the driver."""

    def __init__(self, config: ScanPoint) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._checks = ScanChecks()
        self._lamps = Lamps(config.ok_light, config.wrong_light, config.light_s)

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case Scan() if reading.device == self._config.scanner:
                return self._scanned(reading, now)
            case LinkChanged(state="connected"):
                return self._lamps.shown_by(reading.device)
            case _:
                return ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`: a new list; an older one than is known changes nothing."""
        if not isinstance(command, ScanWork):
            return super().on_command(command, now)
        self._checks.take_list(command)
        return ()

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        return self._lamps.put_out(now)

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        return self._lamps.due_s

    def parts(self) -> Mapping[str, bytes]:
        """See `Station.parts`: the list, and what was taken of it."""
        return self._checks.parts()

    def restore_parts(self, parts: Mapping[str, bytes]) -> None:
        """See `Station.restore_parts`."""
        self._checks.restore(parts)

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The scan was not accepted: it did not count, and the lamp for wrong says so."""
        return self._lamps.answer(now, right=False)

    def _scanned(self, scan: Scan, now: Instant) -> list[Output]:
        verdict = self._checks.judge(scan)
        self._checks.count(verdict, scan)
        event = ItemScanned(
            **now.at(scan.at_s).stamp(),
            station=self.id,
            text=scan.text,
            symbology=scan.symbology,
            identifiers=scan.identifiers,
            error=scan.error,
            biz_step=self._config.biz_step,
            checked=verdict.checked,
            work_version=verdict.version,
            line=verdict.line,
            quantity=verdict.pieces,
            task=verdict.task,
            order=verdict.order,
        )
        return [event, *(self._lamps.answer(now, right=verdict.checked == "expected") if verdict.checked else ())]
