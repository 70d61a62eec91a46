# SPDX-License-Identifier: Apache-2.0
"""What every station is: readings, commands and time go in; events and device actions come out."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contracts.commands import AnyCommand
from contracts.events import AlarmState, Event
from contracts.readings import AnyReading
from drivers.base.session import Argument
from gateway.clock import Instant

_SHOWN_MAX = 64
AT_THE_GATEWAY = "at the gateway: "
"""How actors begin who did something without central: then comes the input that was pressed, or who said so."""


@dataclass(frozen=True)
class DeviceAction:
    """Ask a device to do one of its commands. A later action with the same `key` replaces one that was not yet carried out."""

    device: str
    command: str
    arguments: dict[str, Argument] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, Argument | None]:
        """What the action is about: the node, the output or the print job."""
        return self.device, self.arguments.get("node", self.arguments.get("output", self.arguments.get("job")))

    @property
    def shown(self) -> dict[str, Argument]:
        """The arguments for a log: a label is long, and has people's addresses on it."""
        return {name: f"{len(value)} characters" if isinstance(value, str) and len(value) > _SHOWN_MAX else value for name, value in self.arguments.items()}


@dataclass(frozen=True)
class Remember:
    """Nothing is to be told yet, but what the station keeps must be durable before anything else happens."""


Output = Event | DeviceAction | Remember


class CommandRefusedError(Exception):
    """The station cannot do this command; the text is for people and goes into the answer."""


class Station(abc.ABC):
    """Base of the stations. Outputs of one call belong together: they become durable in one transaction, then actions are carried out.

    `snapshot` and `restore` carry what must survive a restart; `restore` also accepts a snapshot taken under another configuration.
    """

    def __init__(self, station_id: str, devices: frozenset[str]) -> None:
        self.id = station_id
        self.devices = devices

    @abc.abstractmethod
    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """Take a reading of one of `devices`."""

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """Carry out a command of central. Raises: CommandRefusedError: not possible here; says why."""
        raise CommandRefusedError(f"station {self.id} takes no {type(command).__name__}")

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """Let time pass; due at or after each deadline."""
        return ()

    def next_deadline_s(self) -> float | None:
        """The monotonic second at which `advance_to` is due; None: not before the next reading."""
        return None

    def snapshot(self) -> bytes:
        """What must survive a restart; stored together with the events that it led to."""
        return b""

    def restore(self, data: bytes) -> None:  # most stations keep nothing
        """Take up a snapshot. Raises: ValueError: it is damaged."""

    def parts(self) -> Mapping[str, bytes]:
        """The snapshot in parts by name, so that a large one that seldom changes is not written with a small one that often does."""
        return {"": self.snapshot()}

    def restore_parts(self, parts: Mapping[str, bytes]) -> None:
        """Take up what `parts` gave; parts may be missing. Raises: ValueError: one is damaged."""
        self.restore(parts.get("", b""))

    def alarms(self) -> Mapping[str, AlarmState]:
        """The alarms of this station by their ids, as they stand."""
        return {}

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The outbox is full: the last events were not accepted and the station was put back. What people shall see."""
        return ()
