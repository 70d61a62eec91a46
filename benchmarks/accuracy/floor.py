# SPDX-License-Identifier: Apache-2.0
"""The four doors of a simulated yard as one gateway runs them: four dock-door stations that share an arbiter, fed by reader time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from contracts.events import PalletPassed
from contracts.readings import AnyReading, InputChanged, TagRead
from firmware_sims.yard.doors import EYES
from firmware_sims.yard.simulate import DoorView, Played
from gateway.clock import Instant
from gateway.config import DockDoor, InputRef
from gateway.portal.arbiter import Arbiter
from gateway.stations.dock_door import DockDoorStation
from gateway.stations.station import Output

START = datetime(2026, 1, 1, tzinfo=UTC)
START_US = int(START.timestamp() * 1e6)
_DELAY_S = 0.05
"""From the tag's answer to the gateway."""
_AFTERWARDS_S = 600.0
"""After the last thing that moved: longer than any session, so that every door has told what it knows."""
_INPUTS = {"outer": 1, "inner": 2, "presence": 3}


def station_of(view: DoorView, arbiter: Arbiter) -> DockDoorStation:
    """A station configured as the door is built."""
    reader = f"reader-{view.number}"
    inputs = {eye: InputRef(device=reader, input=_INPUTS[eye]) for eye in EYES[view.eyes]}
    antennas = {side: [antenna for antenna, its in view.sides.items() if its == side] for side in ("inner", "outer")}
    config = DockDoor(
        id=f"door-{view.number}",
        reader=reader,
        inner_antennas=antennas["inner"],
        outer_antennas=antennas["outer"],
        photo_eye_outer=inputs.get("outer"),
        photo_eye_inner=inputs.get("inner"),
        presence=inputs.get("presence"),
    )
    return DockDoorStation(config, "yard", arbiter)


def _readings(view: DoorView) -> Iterator[tuple[float, AnyReading]]:
    reader = f"reader-{view.number}"
    seen: list[tuple[float, AnyReading]] = []
    for read in view.reads:
        at_s = read.t_s + _DELAY_S
        stamp_us = START_US + round(read.t_s * 1e6)
        seen.append((at_s, TagRead(device=reader, at_s=at_s, epc=read.epc, antenna=read.antenna, peak_rssi_dbm=read.peak_rssi_dbm, reader_time_us=stamp_us)))
    for edge in view.edges:
        at_s = edge.t_s + _DELAY_S
        stamp_us = START_US + round(edge.t_s * 1e6)
        seen.append((at_s, InputChanged(device=reader, at_s=at_s, input=_INPUTS[edge.eye], level=edge.level, reader_time_us=stamp_us)))
    yield from sorted(seen, key=lambda one: one[0])


def second_of(event: PalletPassed) -> float:
    """When the goods passed, in the yard's seconds."""
    return (event.event_time - START).total_seconds() - _DELAY_S


def told(scene: Played) -> list[tuple[int, PalletPassed]]:
    """What the gateway would send: (door, event), as they come."""
    return _Floor(scene).run()


class _Floor:
    """The doors of a gateway in virtual time."""

    def __init__(self, scene: Played) -> None:
        arbiter = Arbiter()
        self._scene = scene
        self._stations = {view.number: station_of(view, arbiter) for view in scene.doors}
        self._now_s = 0.0
        self._events: list[tuple[int, PalletPassed]] = []

    def run(self) -> list[tuple[int, PalletPassed]]:
        readings = [(at_s, view.number, reading) for view in self._scene.doors for at_s, reading in _readings(view)]
        for at_s, number, reading in sorted(readings, key=lambda one: one[0]):
            self._wait_until(at_s)
            self._keep(number, self._stations[number].on_reading(reading, self._instant()))
        self._wait_until(self._scene.duration_s + _AFTERWARDS_S)
        return self._events

    def _wait_until(self, at_s: float) -> None:
        """Wake each station when it is due, the earliest first."""
        while True:
            due = [(due_s, number) for number, station in self._stations.items() if (due_s := station.next_deadline_s()) is not None]
            due_s, number = min(due, default=(math.inf, 0))
            if due_s > at_s:
                break
            self._now_s = max(self._now_s, due_s)
            self._keep(number, self._stations[number].advance_to(self._instant()))
        self._now_s = max(self._now_s, at_s)

    def _instant(self) -> Instant:
        return Instant(START + timedelta(seconds=self._now_s), self._now_s)

    def _keep(self, number: int, outputs: Sequence[Output]) -> None:
        self._events += [(number, output) for output in outputs if isinstance(output, PalletPassed)]
