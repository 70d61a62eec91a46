# SPDX-License-Identifier: Apache-2.0
"""Cold room: limits with delays and deadband, ISA-18.2 alarm states, a siren of its own. It needs neither broker nor central."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from contracts.commands import AcknowledgeAlarm, AnyCommand
from contracts.events import AlarmChanged, AlarmCondition, AlarmState, SensorFailed, SensorMeasured
from contracts.readings import AnyReading, ButtonPressed, InputChanged, LinkChanged, Measured, ReadingFailed
from gateway.clock import Instant
from gateway.config import ColdRoom, ContactRef
from gateway.stations.station import AT_THE_GATEWAY, CommandRefusedError, DeviceAction, Output, Station

_ACTIVE: tuple[AlarmState, ...] = ("unacknowledged", "acknowledged")
_ABOUT: dict[AlarmCondition, str] = {"door_open": "door", "mains_failed": "mains"}
"""What alarms are about that are not about the quantity of the room."""
_SOUNDING: tuple[AlarmState, ...] = ("unacknowledged", "rtn_unacknowledged")

# Transitions as in ISA-18.2 (OPC UA Part 9, annex of the alarm state machine): what an event makes of a state.
_RAISED: dict[AlarmState, AlarmState] = {"normal": "unacknowledged", "rtn_unacknowledged": "unacknowledged"}
_CLEARED: dict[AlarmState, AlarmState] = {"unacknowledged": "rtn_unacknowledged", "acknowledged": "normal"}
_ACKNOWLEDGED: dict[AlarmState, AlarmState] = {"unacknowledged": "acknowledged", "rtn_unacknowledged": "normal"}


@dataclass
class Alarm:
    """One alarm. Delays count from the sample that began them; all times are monotonic seconds."""

    on_delay_s: float
    off_delay_s: float
    state: AlarmState = "normal"
    beyond_since_s: float | None = None
    inside_since_s: float | None = None

    @property
    def is_active(self) -> bool:
        """Whether the condition counts as present."""
        return self.state in _ACTIVE

    def observe(self, beyond: bool, at_s: float) -> None:
        """What the condition is from now on."""
        if beyond:
            self.inside_since_s = None
            if not self.is_active and self.beyond_since_s is None:
                self.beyond_since_s = at_s
        else:
            self.beyond_since_s = None
            if self.is_active and self.inside_since_s is None:
                self.inside_since_s = at_s

    def forget(self) -> None:
        """Nothing is known of the condition any more: running delays are void, the state stays."""
        self.beyond_since_s = self.inside_since_s = None

    def due_s(self) -> float | None:
        """When the running delay ends."""
        if self.beyond_since_s is not None:
            return self.beyond_since_s + self.on_delay_s
        return self.inside_since_s + self.off_delay_s if self.inside_since_s is not None else None

    def advance_to(self, now_s: float) -> float | None:
        """Change state if a delay has ended; returns the second of the change, None without one."""
        due_s = self.due_s()
        if due_s is None or now_s < due_s:
            return None
        self.state = (_RAISED if self.beyond_since_s is not None else _CLEARED)[self.state]
        self.forget()
        return due_s

    def acknowledge(self) -> bool:
        """A person has it in hand; returns whether that changed anything."""
        before, self.state = self.state, _ACKNOWLEDGED.get(self.state, self.state)
        return self.state != before


class ColdRoomStation(Station):
    """One sensor, and the contacts of door and mains. Its alarms are `{station}.high`, `.low`, `.stale`, `.door_open` and `.mains_failed`."""

    def __init__(self, config: ColdRoom) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._limits: dict[AlarmCondition, float | None] = {"high": config.high_c, "low": config.low_c, "stale": None}
        self._alarms: dict[AlarmCondition, Alarm] = {
            condition: Alarm(config.on_delay_s, config.off_delay_s) for condition in ("high", "low") if self._limits[condition] is not None
        }
        self._alarms["stale"] = Alarm(config.stale_s, 0.0)
        contacts: tuple[tuple[AlarmCondition, ContactRef | None, Alarm], ...] = (
            ("door_open", config.door, Alarm(config.door_open_s, 0.0)),
            ("mains_failed", config.mains, Alarm(config.mains_failed_s, config.off_delay_s)),  # mains that come and go are one alarm
        )
        self._contacts = {condition: contact for condition, contact, _ in contacts if contact is not None}
        for condition, contact, alarm in contacts:
            if contact is not None:
                self._limits[condition] = None
                self._alarms[condition] = alarm
        self._value: float | None = None
        self._sampled_s: dict[str, float] = {}
        self._siren_on = False

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case Measured() if reading.device == self._config.sensor:
                return self._measured(reading, now)
            case ReadingFailed() if reading.device == self._config.sensor:
                return self._failed(reading, now)
            case InputChanged() | ButtonPressed() if self._is_acknowledgement(reading):
                return self._pressed(now.at(reading.at_s))
            case InputChanged() if (condition := self._contact_of(reading)) is not None:
                return self._contact_changed(condition, reading, now)
            case LinkChanged():
                return self._link_changed(reading)
            case _:
                return ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """See `Station.on_command`. Acknowledging what is acknowledged or normal changes nothing."""
        if not isinstance(command, AcknowledgeAlarm):
            return super().on_command(command, now)
        station, _, condition = command.alarm_id.rpartition(".")
        for known, alarm in self._alarms.items():
            if station == self.id and known == condition:
                changed = [self._changed(known, now, command.actor)] if alarm.acknowledge() else []
                return [*changed, *self._siren_changes()]
        raise CommandRefusedError(f"there is no alarm {command.alarm_id!r}; station {self.id} has: {', '.join(f'{self.id}.{known}' for known in self._alarms)}")

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`. The first call starts the watch for a sensor that never speaks."""
        stale = self._alarms["stale"]
        if self._value is None and not stale.is_active:
            stale.observe(beyond=True, at_s=now.monotonic_s)
        return self._due(now)

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        return min((due_s for alarm in self._alarms.values() if (due_s := alarm.due_s()) is not None), default=None)

    def snapshot(self) -> bytes:
        """See `Station.snapshot`."""
        return msgspec.json.encode({condition: alarm.state for condition, alarm in self._alarms.items()})

    def restore(self, data: bytes) -> None:
        """See `Station.restore`."""
        states = msgspec.json.decode(data, type=dict[str, AlarmState])
        for condition, alarm in self._alarms.items():
            alarm.state = states.get(condition, "normal")
            alarm.forget()
        self._siren_on = self._shall_sound()

    def alarms(self) -> Mapping[str, AlarmState]:
        """See `Station.alarms`."""
        return {f"{self.id}.{condition}": alarm.state for condition, alarm in self._alarms.items()}

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The record was not accepted, but the siren sounds all the same; the change is tried again with the next sample."""
        return [self._siren(on=True)] if self._config.siren is not None else []

    def _is_acknowledgement(self, reading: InputChanged | ButtonPressed) -> bool:
        """Whether the button at the room was pressed (released: not)."""
        button = self._config.acknowledge
        if button is None or reading.device != button.device:
            return False
        return reading.level and reading.input == button.input if isinstance(reading, InputChanged) else reading.node == button.node

    def _pressed(self, at: Instant) -> list[Output]:
        """Whoever is at the room takes in hand all that sounds there."""
        changed: list[Output] = [
            self._changed(condition, at, f"{AT_THE_GATEWAY}{self._button()}") for condition in self._alarms if self._alarms[condition].acknowledge()
        ]
        return [*changed, *self._siren_changes()]

    def _contact_of(self, reading: InputChanged) -> AlarmCondition | None:
        for condition, contact in self._contacts.items():
            if (reading.device, reading.input) == (contact.device, contact.input):
                return condition
        return None

    def _contact_changed(self, condition: AlarmCondition, reading: InputChanged, now: Instant) -> list[Output]:
        at = now.at(reading.at_s)
        outputs = self._due(at)
        self._alarms[condition].observe(reading.level != self._contacts[condition].good, reading.at_s)
        return [*outputs, *self._due(at)]

    def _link_changed(self, change: LinkChanged) -> list[Output]:
        if change.state == "lost":
            for condition, contact in self._contacts.items():
                if contact.device == change.device:
                    self._alarms[condition].forget()  # nobody knows whether the door is still open
            return []
        siren = self._config.siren
        return [self._siren(self._siren_on)] if siren is not None and change.device == siren.device else []

    def _button(self) -> str:
        button = self._config.acknowledge
        assert button is not None
        return f"{button.device} input {button.input}" if button.input else f"{button.device} node {button.node}"

    def _measured(self, reading: Measured, now: Instant) -> list[Output]:
        at = now.at(reading.at_s)
        outputs: list[Output] = []
        beyond = False
        if reading.quantity == self._config.quantity:
            outputs += self._due(at)
            self._value = reading.value
            stale = self._alarms["stale"]
            if stale.is_active:
                stale.observe(beyond=False, at_s=reading.at_s)
            else:
                stale.beyond_since_s = reading.at_s
            beyond = self._judge(reading)
            outputs += self._due(at)
            if not stale.is_active:
                stale.observe(beyond=True, at_s=reading.at_s)
        if beyond or self._is_due(reading.quantity, reading.at_s):
            self._sampled_s[reading.quantity] = reading.at_s
            outputs.append(self._sample(reading, at))
        return outputs

    def _sample(self, reading: Measured, at: Instant) -> SensorMeasured:
        low, high = (self._limits["low"], self._limits["high"]) if reading.quantity == self._config.quantity else (None, None)
        return SensorMeasured(
            **at.stamp(), station=self.id, device=reading.device, quantity=reading.quantity, value=reading.value, low_limit=low, high_limit=high
        )

    def _judge(self, reading: Measured) -> bool:
        """Tell each limit's alarm; returns whether any limit is reached."""
        any_beyond = False
        for condition, limit in self._limits.items():
            if limit is None:
                continue
            alarm = self._alarms[condition]
            beyond = _is_beyond(condition, reading.value, limit, self._config.deadband_c if alarm.is_active else 0.0)
            alarm.observe(beyond, reading.at_s)
            any_beyond = any_beyond or beyond
        return any_beyond

    def _failed(self, reading: ReadingFailed, now: Instant) -> list[Output]:
        key = f"!{reading.quantity}"
        if not self._is_due(key, reading.at_s):
            return []
        self._sampled_s[key] = reading.at_s
        stamp = now.at(reading.at_s).stamp()
        return [SensorFailed(**stamp, station=self.id, device=reading.device, quantity=reading.quantity, reason=reading.reason)]

    def _is_due(self, key: str, at_s: float) -> bool:
        return at_s - self._sampled_s.get(key, float("-inf")) >= self._config.sample_interval_s

    def _due(self, now: Instant) -> list[Output]:
        """Let every delay that has ended change its alarm, in the order in which they ended."""
        ended = sorted((due_s, condition) for condition, alarm in self._alarms.items() if (due_s := alarm.due_s()) is not None and due_s <= now.monotonic_s)
        outputs: list[Output] = []
        for due_s, condition in ended:
            if self._alarms[condition].advance_to(now.monotonic_s) is None:
                continue
            if condition == "stale" and self._alarms["stale"].is_active:
                self._value = None
                for limit in ("high", "low"):
                    if limit in self._alarms:
                        self._alarms[limit].forget()  # a gap is neither inside nor beyond
            outputs.append(self._changed(condition, now.at(due_s)))
        return [*outputs, *self._siren_changes()]

    def _changed(self, condition: AlarmCondition, now: Instant, actor: str = "") -> AlarmChanged:
        return AlarmChanged(
            **now.stamp(),
            station=self.id,
            alarm_id=f"{self.id}.{condition}",
            state=self._alarms[condition].state,
            condition=condition,
            quantity=_ABOUT.get(condition, self._config.quantity),
            value=self._value if condition in ("high", "low") else None,
            limit=self._limits[condition],
            priority=self._config.priority,
            actor=actor,
        )

    def _shall_sound(self) -> bool:
        return any(alarm.state in _SOUNDING for alarm in self._alarms.values())

    def _siren_changes(self) -> list[DeviceAction]:
        if self._config.siren is None or self._shall_sound() == self._siren_on:
            return []
        self._siren_on = self._shall_sound()
        return [self._siren(self._siren_on)]

    def _siren(self, on: bool) -> DeviceAction:
        assert self._config.siren is not None
        return DeviceAction(self._config.siren.device, "switch_output", {"output": self._config.siren.output, "on": on})


def _is_beyond(condition: AlarmCondition, value: float, limit: float, deadband: float) -> bool:
    """Reaching the limit counts as beyond it (WHO PQS: the threshold itself alarms); an active alarm clears only at the deadband's far edge."""
    past = value - limit if condition == "high" else limit - value
    return past >= 0 or past > -deadband
