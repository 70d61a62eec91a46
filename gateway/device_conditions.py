# SPDX-License-Identifier: Apache-2.0
"""What devices say of their condition, as it is told to central: each change once, and one that comes and goes all the time only now and then."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from contracts.events import DeviceConditionChanged
from contracts.readings import ConditionChanged
from gateway.clock import Instant

TOLD_MAX = 6
WINDOW_S = 60.0
"""So many changes of one condition are told in that time (chosen: nobody opens a head more often); after that, how it stands when the time is over."""

_Key = tuple[str, str]
"""Device and condition."""


@dataclass
class _Told:
    """What was told of a condition, and what was last heard of it."""

    last: ConditionChanged
    is_active: bool = False
    at_s: deque[float] = field(default_factory=lambda: deque(maxlen=TOLD_MAX))

    @property
    def due_s(self) -> float:
        """When the next change may be told."""
        return self.at_s[0] + WINDOW_S if len(self.at_s) == TOLD_MAX else 0.0


class DeviceConditions:
    """Of all devices of a gateway. As many as their drivers have conditions."""

    def __init__(self) -> None:
        self._known: dict[_Key, _Told] = {}
        self._late: set[_Key] = set()
        """Those of which something else was told than what holds."""

    def changed(self, change: ConditionChanged, now: Instant) -> list[DeviceConditionChanged]:
        """A driver says it, as often as it likes; what holds already goes on since it began."""
        key = change.device, change.condition
        told = self._known.get(key)
        if told is None:
            if not change.active:
                return []
            told = self._known[key] = _Told(change)
        elif told.last.active != change.active:
            told.last = change
        return self._tell(key, told, now)

    def again(self, device: str, now: Instant) -> list[DeviceConditionChanged]:
        """The device is there again: what holds is told anew, since whoever hears of that forgets what was told before."""
        mine = [(key, told) for key, told in self._known.items() if key[0] == device]
        for _, told in mine:
            told.is_active = told.last.active
        self._late.difference_update(key for key, _ in mine)
        return [_event(told.last, now) for _, told in mine if told.is_active]

    def held(self, device: str) -> list[str]:
        """The conditions of a device that hold."""
        return [condition for (owner, condition), told in self._known.items() if owner == device and told.last.active]

    def due(self, now: Instant) -> list[DeviceConditionChanged]:
        """What was held back and is due now."""
        return [event for key in sorted(self._late) for event in self._tell(key, self._known[key], now)]

    def next_deadline_s(self) -> float | None:
        """When something is due; None: nothing is held back."""
        return min((self._known[key].due_s for key in self._late), default=None)

    def _tell(self, key: _Key, told: _Told, now: Instant) -> list[DeviceConditionChanged]:
        is_told = told.last.active == told.is_active
        if not is_told and told.due_s > now.monotonic_s:
            self._late.add(key)
            return []
        self._late.discard(key)
        if is_told:
            return []
        told.is_active = told.last.active
        told.at_s.append(now.monotonic_s)
        return [_event(told.last, now)]


def _event(change: ConditionChanged, now: Instant) -> DeviceConditionChanged:
    at = now.at(change.at_s).stamp()
    return DeviceConditionChanged(**at, device=change.device, condition=change.condition, active=change.active, reason=change.reason)
