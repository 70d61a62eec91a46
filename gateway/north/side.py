# SPDX-License-Identifier: Apache-2.0
"""What every north side is: a picture of the devices goes in, messages for a broker come out. Time is passed in; nothing is sent from here."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contracts.events import AlarmState
from gateway.clock import Instant
from gateway.config import ColdRoom, GatewayConfig, NorthTable
from gateway.north.picture import Key, Picture, Sample


class Message(NamedTuple):
    """One publish."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class StartOverError(Exception):
    """The side must end this connection properly and make another; the text says why."""


@dataclass(frozen=True)
class Surroundings:
    """What a side sees of the gateway. `alarms`: the state of each alarm by its id (`station.condition`); `uplink`: whether the way to central stands."""

    config: Callable[[], GatewayConfig]
    picture: Picture
    alarms: Callable[[], Mapping[str, AlarmState]]
    uplink: Callable[[], bool]
    version: str


class Side(abc.ABC):
    """Base of the north sides. `look` is called every `interval_s`, connected or not; `next` until it has nothing more to say."""

    def __init__(self, table: NorthTable, around: Surroundings) -> None:
        self.id = table.id
        self.interval_s = table.interval_s
        self.around = around
        self._devices = frozenset(table.devices)
        self._quantities = frozenset(table.quantities)
        self._stale_s = table.stale_s

    @property
    @abc.abstractmethod
    def subscriptions(self) -> Sequence[tuple[str, int]]:
        """Topics that the side listens to, and with which quality of service."""

    @abc.abstractmethod
    def connecting(self, now: Instant) -> Message:
        """A connection is about to be made; returns its will."""

    @abc.abstractmethod
    def connected(self, now: Instant) -> None:
        """The broker welcomed us and took our subscriptions."""

    @abc.abstractmethod
    def heard(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take a message. Raises: StartOverError."""

    @abc.abstractmethod
    def look(self, now: Instant) -> None:
        """See what has changed."""

    @abc.abstractmethod
    def next(self, now: Instant) -> Message | None:
        """What is to be published next; None: nothing just now. It counts as sent: what gets lost on the way ends the connection."""

    @abc.abstractmethod
    def farewell(self, now: Instant) -> Message:
        """The last message before a connection is ended in order."""

    @abc.abstractmethod
    def lost(self) -> None:
        """The connection is gone."""

    def takes(self, device: str, quantity: str) -> bool:
        """Whether the configuration wants this told."""
        config = self.around.config()
        return device in config.devices and (not self._devices or device in self._devices) and (not self._quantities or quantity in self._quantities)

    def samples(self) -> Iterator[tuple[Key, Sample]]:
        """The last sample of everything that is to be told."""
        return ((key, sample) for key, sample in self.around.picture.samples.items() if self.takes(*key))

    def stale_s(self, key: Key) -> float:
        """A sample that is older counts for nothing: the shortest that a cold room says of its sensor, or else the side's own."""
        stations = self.around.config().stations.values()
        rooms = [room.stale_s for room in stations if isinstance(room, ColdRoom) and (room.sensor, room.quantity) == key]
        return min(rooms, default=self._stale_s)
