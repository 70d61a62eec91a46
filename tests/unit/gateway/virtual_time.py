# SPDX-License-Identifier: Apache-2.0
"""Stations in virtual time: feeds readings in order and lets every deadline fire when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from contracts.commands import AnyCommand
from contracts.readings import AnyReading
from gateway.clock import Instant
from gateway.stations.station import DeviceAction, Output, Station

EPOCH = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DEADLINE = EPOCH + timedelta(days=1)


def instant(now_s: float) -> Instant:
    return Instant(EPOCH + timedelta(seconds=now_s), now_s, "synced", "boot-1")


class Stage:
    """One station and the seconds that pass for it."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.now_s = 0.0
        self.outputs: list[Output] = list(station.advance_to(instant(0.0)))

    def wait_until(self, now_s: float) -> Sequence[Output]:
        said: list[Output] = []
        while (due_s := self.station.next_deadline_s()) is not None and due_s <= now_s:
            self.now_s = max(self.now_s, due_s)
            said += self.station.advance_to(instant(self.now_s))
        self.now_s = max(self.now_s, now_s)
        self.outputs += said
        return said

    def advance(self, now_s: float) -> Sequence[Output]:
        """Let the time be known without a deadline of the station, as the floor does after each turn."""
        self.now_s = max(self.now_s, now_s)
        said = self.station.advance_to(instant(self.now_s))
        self.outputs += said
        return said

    def read(self, reading: AnyReading) -> Sequence[Output]:
        due = self.wait_until(reading.at_s)
        said = list(self.station.on_reading(reading, instant(self.now_s)))
        self.outputs += said
        return [*due, *said]

    def command(self, command: AnyCommand) -> Sequence[Output]:
        said = list(self.station.on_command(command, instant(self.now_s)))
        self.outputs += said
        return said

    def events(self, kind: type) -> list[object]:
        return [output for output in self.outputs if isinstance(output, kind)]

    def actions(self) -> list[tuple[str, dict[str, object]]]:
        return [(output.command, dict(output.arguments)) for output in self.outputs if isinstance(output, DeviceAction)]
