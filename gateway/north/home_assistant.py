# SPDX-License-Identifier: Apache-2.0
"""The side of Home Assistant: announcements that it keeps, states that it does not, and nothing old shown as live. Pure: messages come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from contracts.events import AlarmState
from gateway.clock import Instant
from gateway.config import GatewayConfig, HomeAssistantNorth
from gateway.north.discovery import DEVICE, Announcer, Topics, topics_of
from gateway.north.picture import KEYS_MAX, Key, Sample
from gateway.north.side import Message, Side, Surroundings

_ACTIVE: tuple[AlarmState, ...] = ("unacknowledged", "acknowledged")
_AGAIN = 3
"""A value that stays the same is told so many times before it would expire over there."""
_ANNOUNCED_PAUSE_S = 1.0
_UNKNOWN = "None"
"""What Home Assistant takes for "not known" (MQTT sensor)."""


class HomeAssistant(Side):
    """One gateway as Home Assistant sees it."""

    def __init__(self, table: HomeAssistantNorth, around: Surroundings) -> None:
        super().__init__(table, around)
        self._table = table
        self._config = around.config()
        self._topics: Topics = topics_of(table, self._config)
        self._status = f"{table.discovery_prefix}/status"
        self._is_connected = False
        self._known: set[Key] = set()
        self._announced: dict[str, bytes] = {}
        self._scope: tuple[GatewayConfig, frozenset[Key], frozenset[str]] | None = None
        self._strangers: deque[str] = deque(maxlen=KEYS_MAX)
        self._told: dict[str, tuple[str, float]] = {}
        self._samples: dict[Key, Sample] = {}
        self._is_asked = False
        self._announced_s = float("-inf")
        self._waiting: deque[Message] = deque()

    @property
    def subscriptions(self) -> Sequence[tuple[str, int]]:
        """See `Side.subscriptions`: Home Assistant's birth, and what was announced before."""
        return [(self._status, 1), (self._topics.config("+", "+"), 1)]

    def connecting(self, now: Instant) -> Message:
        """See `Side.connecting`."""
        return self.farewell(now)

    def farewell(self, now: Instant) -> Message:
        """See `Side.farewell`."""
        return Message(self._topics.availability, b"offline", qos=1, retain=True)

    def connected(self, now: Instant) -> None:
        """See `Side.connected`."""
        self._is_connected = self._is_asked = True
        self._announced_s = float("-inf")
        self.look(now)

    def lost(self) -> None:
        """See `Side.lost`."""
        self._is_connected = False
        self._told.clear()
        self._waiting.clear()
        self._announced.clear()

    def heard(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """See `Side.heard`. What is still announced of a device that is there is taken up again, even if the device has not spoken yet; the rest goes."""
        if topic == self._status:
            self._is_asked = self._is_asked or (payload == b"online" and not retained)
            return
        names = self._topics.object_of(topic)
        if names is None or not payload or topic in self._announced:
            return
        self._strangers.append(topic)
        if names[0] == DEVICE and len(names) == 3 and self.takes(names[1], names[2]) and len(self._known) < KEYS_MAX:
            self._known.add((names[1], names[2]))

    def look(self, now: Instant) -> None:
        """See `Side.look`."""
        self._samples = dict(self.samples())
        self._known |= self._samples.keys()
        if self.around.config() is not self._config:
            self._config = self.around.config()
        self._known = {key for key in self._known if self.takes(*key)}

    def next(self, now: Instant) -> Message | None:
        """See `Side.next`: announcements before states."""
        if not self._is_connected:
            return None
        if not self._waiting:
            self._waiting.extend(self._announcements(now) or ([] if self._table.withdraw else self._states(now)))
        return self._waiting.popleft() if self._waiting else None

    def _announcements(self, now: Instant) -> list[Message]:
        """What has changed; all of it for a Home Assistant that began anew, at most once a second."""
        is_due = self._is_asked and now.monotonic_s - self._announced_s >= _ANNOUNCED_PAUSE_S
        scope = self._config, frozenset(self._known), frozenset(self.around.alarms())
        if not is_due and not self._strangers and self._scope is not None and self._scope[0] is scope[0] and self._scope[1:] == scope[1:]:
            return []
        self._scope = scope
        announcer = Announcer(self._topics, self._config, self.around.version, self.stale_s)
        wanted = {} if self._table.withdraw else announcer.announcements(sorted(scope[1]), sorted(scope[2]))
        gone = sorted({*self._strangers, *self._announced} - wanted.keys())
        if is_due:
            self._is_asked, self._announced_s = False, now.monotonic_s
            self._announced.clear()
            self._told.clear()
        new = [topic for topic, payload in wanted.items() if self._announced.get(topic) != payload]
        self._announced = wanted
        self._strangers.clear()
        return [*(Message(topic, b"", 1, retain=True) for topic in gone), *(Message(topic, wanted[topic], 1, retain=True) for topic in new)]

    def _states(self, now: Instant) -> list[Message]:
        """What has changed, and what would expire although the device still says it. Values are not retained: nobody shall take an old one for live."""
        messages = [self._told_anew(topic, payload, now) for topic, payload in self._retained()]
        messages[-1:-1] = [self._value(key, sample, now) for key, sample in self._samples.items()]
        return [message for message in messages if message is not None]

    def _retained(self) -> Iterator[tuple[str, str]]:
        """What holds until it is told otherwise; that the gateway is there comes last, so that nothing of an earlier time is shown before."""
        for alarm_id, state in self.around.alarms().items():
            yield self._topics.alarm(alarm_id), "ON" if state in _ACTIVE else "OFF"
        yield self._topics.gateway("uplink"), "ON" if self.around.uplink() else "OFF"
        if (report := self.around.picture.report) is not None:
            yield self._topics.gateway("pending"), str(report.pending_events)
            yield self._topics.gateway("rss"), str(report.rss_bytes)
            yield self._topics.gateway("down"), str(report.devices_down)
        for device in sorted({device for device, _ in self._known}):
            yield self._topics.link(device), "online" if self.around.picture.links.get(device) else "offline"
        yield self._topics.availability, "online"

    def _value(self, key: Key, sample: Sample, now: Instant) -> Message | None:
        """None also for a sample that is stale: over there the value expires."""
        stale_s, topic = self.stale_s(key), self._topics.value(*key)
        if now.monotonic_s - sample.heard_s > stale_s:
            return None
        payload = _UNKNOWN if sample.value is None else f"{sample.value:.10g}"
        before, told_s = self._told.get(topic, ("", 0.0))
        is_due = now.monotonic_s - told_s >= stale_s / _AGAIN and sample.heard_s > told_s
        if payload == before and not is_due:
            return None
        self._told[topic] = payload, now.monotonic_s
        return Message(topic, payload.encode())

    def _told_anew(self, topic: str, payload: str, now: Instant) -> Message | None:
        if self._told.get(topic, ("", 0.0))[0] == payload:
            return None
        self._told[topic] = payload, now.monotonic_s
        return Message(topic, payload.encode(), 1, retain=True)
