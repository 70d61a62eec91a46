# SPDX-License-Identifier: Apache-2.0
"""Count zone: when central asks, every tag in sight of a reader is told once. What the tags mean is central's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from contracts.commands import AnyCommand, CountTags
from contracts.events import TagsCounted
from contracts.identifiers import epc_uri
from contracts.readings import AnyReading, TagRead
from gateway.clock import Instant
from gateway.config import CountZone
from gateway.stations.station import CommandRefusedError, Output, Station

_EPCS_PER_EVENT = 500
"""So many new tags are told as soon as they are seen: a restart loses no more, and an event stays below 32 kB."""
_TAGS_MAX = 100_000
"""Memory: further tags of one sweep are not told, and the sweep does not end as complete."""


@dataclass
class _Sweep:
    """A count under way: reads per tag (EPC in hex), tags not told yet, tags told."""

    command_id: str
    count_id: str
    until_s: float
    reads: dict[str, int] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)
    told: int = 0
    overflowed: bool = False


class CountZoneStation(Station):
    """One reader. A second count is refused while one is under way."""

    def __init__(self, config: CountZone) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._antennas = frozenset(config.antennas)
        self._sweep: _Sweep | None = None

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        sweep = self._sweep
        if sweep is None or not isinstance(reading, TagRead) or reading.device != self._config.reader:
            return ()
        if self._antennas and reading.antenna not in self._antennas:
            return ()
        if len(sweep.reads) >= _TAGS_MAX and reading.epc not in sweep.reads:
            sweep.overflowed = True
            return ()
        reads = sweep.reads[reading.epc] = sweep.reads.get(reading.epc, 0) + 1
        if reads == self._config.reads_min:
            sweep.untold.append(epc_uri(reading.epc) or f"urn:epc:raw:{len(reading.epc) * 4}.x{reading.epc.upper()}")
        return [self._tell(sweep, now, complete=False)] if len(sweep.untold) >= _EPCS_PER_EVENT else ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`."""
        if not isinstance(command, CountTags):
            return super().on_command(command, now)
        if self._sweep is not None:
            if self._sweep.command_id == command.command_id:
                return ()
            raise CommandRefusedError(f"station {self.id} is counting for {self._sweep.count_id}; ask again when that has ended")
        self._sweep = _Sweep(command.command_id, command.count_id, now.monotonic_s + command.duration_s)
        return ()

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        sweep = self._sweep
        if sweep is None or now.monotonic_s < sweep.until_s:
            return ()
        self._sweep = None
        return [self._tell(sweep, now, complete=not sweep.overflowed)]

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        return None if self._sweep is None else self._sweep.until_s

    def _tell(self, sweep: _Sweep, now: Instant, *, complete: bool) -> TagsCounted:
        epcs, sweep.untold = sweep.untold, []
        sweep.told += len(epcs)
        return TagsCounted(
            **now.stamp(),
            station=self.id,
            command_id=sweep.command_id,
            count_id=sweep.count_id,
            epc_list=epcs,
            seen=sweep.told,
            complete=complete,
        )
