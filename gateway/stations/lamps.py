# SPDX-License-Identifier: Apache-2.0
"""Two lamps (or a lamp and a beeper) that answer a person: one for right, one for wrong, each for a moment."""

from __future__ import annotations

from gateway.clock import Instant
from gateway.config import OutputRef
from gateway.stations.station import DeviceAction


class Lamps:
    """At most one of them is lit."""

    def __init__(self, right: OutputRef | None, wrong: OutputRef | None, light_s: float) -> None:
        self._right = right
        self._wrong = wrong
        self._light_s = light_s
        self._lit: OutputRef | None = None
        self._off_s: float | None = None

    @property
    def due_s(self) -> float | None:
        """When `put_out` is due; None: nothing is lit."""
        return self._off_s

    @property
    def says_wrong(self) -> bool:
        """Whether the lamp for wrong is lit, and is another one than that for right."""
        return self._lit is not None and self._lit == self._wrong and self._lit != self._right

    def answer(self, now: Instant, *, right: bool) -> list[DeviceAction]:
        """Light one for a moment and put out the other."""
        lamp = self._right if right else self._wrong
        actions = [switch(self._lit, on=False)] if self._lit is not None and self._lit != lamp else []
        if lamp is not None:
            actions.append(switch(lamp, on=True))
        self._lit = lamp
        self._off_s = now.monotonic_s + self._light_s if lamp is not None else None
        return actions

    def put_out(self, now: Instant) -> list[DeviceAction]:
        """The moment is over; before it is, nothing happens."""
        if self._off_s is None or now.monotonic_s < self._off_s or self._lit is None:
            return []
        lit, self._lit, self._off_s = self._lit, None, None
        return [switch(lit, on=False)]

    def shown_by(self, device: str) -> list[DeviceAction]:
        """What outputs of a device that was connected again must show: nobody knows what they do."""
        lamps = [lamp for lamp in (self._right, self._wrong) if lamp is not None and lamp.device == device]
        return [switch(lamp, on=lamp == self._lit) for lamp in lamps]


def switch(lamp: OutputRef, *, on: bool) -> DeviceAction:
    """Switch an output."""
    return DeviceAction(lamp.device, "switch_output", {"output": lamp.output, "on": on})
