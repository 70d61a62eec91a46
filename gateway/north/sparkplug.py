# SPDX-License-Identifier: Apache-2.0
"""An edge node of Sparkplug B 3.0: births, deaths, data by exception, rebirth on request, and what could not be sent as history. Pure: messages come out.

Every message is at most once (QoS 0, a clean session), so nobody can prove that a host has it: what must not be lost goes to central by Dockline's own way.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from gateway.clock import Instant
from gateway.config import SparkplugNorth
from gateway.north.picture import Key, Sample, milliseconds
from gateway.north.quantities import unit_of
from gateway.north.side import Message, Side, StartOverError, Surroundings
from gateway.north.sparkplug_payload import Datatype, Metric, PayloadError, Value, decode_flags, encode

NAMESPACE = "spBv1.0"
REBIRTH = "Node Control/Rebirth"
BAD, STALE = 0, 500
"""Values of the property Quality (section 6.4.8); left out: good (192)."""
_SEQ_MODULUS = 256
_METRICS_MAX = 100
"""Chosen: so many metrics share one DDATA; about 5 kB."""
_LIVE_MAX = 1000
_COMMAND_BYTES_MAX = 65_536
_REBIRTH_PAUSE_S = 1.0
"""Chosen: whoever asks for births all the time gets one a second."""

log = logging.getLogger(__name__)

_Node = dict[str, tuple[Datatype, Value | None]]


class HostState(msgspec.Struct, frozen=True):
    """A STATE message (section 6.4.25): JSON, milliseconds since 1970."""

    online: bool
    timestamp: int


class Said(NamedTuple):
    """A value as it is told. `value` None: null; `quality` None: good."""

    value: float | None
    quality: int | None = None


class Change(NamedTuple):
    """What one quantity became, and when."""

    key: Key
    at_ms: int
    said: Said


class EdgeNode(Side):
    """One edge node. `next_bd_seq` gives the number of the next connection, durably: 0 to 255, one more each time."""

    def __init__(self, table: SparkplugNorth, around: Surroundings, next_bd_seq: Callable[[], int]) -> None:
        super().__init__(table, around)
        gateway = around.config().gateway
        self._group, self._node = table.group_id, table.edge_node_id or f"{gateway.site}.{gateway.id}"
        self._state_topic = f"{NAMESPACE}/STATE/{table.primary_host_id}" if table.primary_host_id else ""
        self._next_bd_seq = next_bd_seq
        self._bd_seq = 0
        self._seq = 0
        self._is_connected = False
        self._is_host_online = False
        self._host_ms = 0
        self._is_born = False
        self._is_asked = False
        self._born_s = 0.0
        self._to_be_born: deque[str] = deque()
        self._config = around.config()
        self._seen: dict[str, dict[str, Sample]] = {}
        self._born: dict[str, frozenset[str]] = {}
        self._node_told: _Node = {}
        self._looked: dict[Key, Said] = {}
        self._live: deque[Change] = deque(maxlen=max(table.history_samples_max, _LIVE_MAX))
        self._history_max = table.history_samples_max
        self._history: deque[Change] = deque()
        self._lost = 0

    @property
    def subscriptions(self) -> Sequence[tuple[str, int]]:
        """See `Side.subscriptions`."""
        commands = [(self._topic("NCMD"), 1)]
        return [*commands, (self._state_topic, 1)] if self._state_topic else commands

    def connecting(self, now: Instant) -> Message:
        """See `Side.connecting`."""
        self._bd_seq = self._next_bd_seq()
        return self.farewell(now)

    def farewell(self, now: Instant) -> Message:
        """See `Side.farewell`: the death of the node, without a sequence number."""
        at_ms = milliseconds(now)
        return Message(self._topic("NDEATH"), encode(at_ms, [Metric("bdSeq", Datatype.INT64, self._bd_seq, at_ms)]), qos=1)

    def connected(self, now: Instant) -> None:
        """See `Side.connected`. With a primary host, births wait for its STATE."""
        self._is_connected, self._is_host_online, self._is_asked = True, False, False
        self.look(now)

    def lost(self) -> None:
        """See `Side.lost`."""
        self._is_connected = self._is_born = False
        self._born.clear()
        self._to_be_born.clear()
        self._live_is_history()

    def heard(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """See `Side.heard`: the host's state, or a command; what is not understood is left alone."""
        if topic == self._state_topic:
            self._host_said(payload)
        elif not retained and len(payload) <= _COMMAND_BYTES_MAX:
            try:
                self._is_asked = decode_flags(payload).get(REBIRTH, False) or self._is_asked
            except PayloadError as error:
                log.warning("command not understood", extra={"north": self.id, "topic": topic, "reason": str(error)})

    def _host_said(self, payload: bytes) -> None:
        """Raises: StartOverError: the primary host went away."""
        try:
            state = msgspec.json.decode(payload, type=HostState)
        except msgspec.DecodeError as error:
            log.warning("state of the primary host not understood", extra={"north": self.id, "topic": self._state_topic, "reason": str(error)})
            return
        if state.timestamp < self._host_ms:
            return  # of an earlier session of that host
        self._host_ms, was_online, self._is_host_online = state.timestamp, self._is_host_online, state.online
        if was_online and not state.online:
            raise StartOverError("the primary host went offline")

    def look(self, now: Instant) -> None:
        """See `Side.look`: changes are put down here, whether they can be told or not."""
        if self.around.config() is not self._config:
            self._config = self.around.config()
            self._forget_others()
        self._seen = {}
        for key, sample in self.samples():
            self._seen.setdefault(key[0], {})[key[1]] = sample
            said = self._said(key, sample, now)
            if said != self._looked.get(key):
                self._looked[key] = said
                self._put_down(Change(key, sample.at_ms if said.quality != STALE else milliseconds(now), said))

    def next(self, now: Instant) -> Message | None:
        """See `Side.next`: births before data, what is live before what is history."""
        if not self._is_connected or (self._state_topic and not self._is_host_online):
            return None
        if self._is_born and (death := self._death(now)) is not None:
            return death
        if not self._to_be_born and self._must_be_born() and not (self._is_born and now.monotonic_s - self._born_s < _REBIRTH_PAUSE_S):
            self._live_is_history()  # it is older than what the births will say
            self._is_asked, self._born_s = False, now.monotonic_s
            self._to_be_born = deque(["", *self._there()])
        if self._to_be_born:
            device = self._to_be_born.popleft()
            return self._dbirth(device, now) if device else self._nbirth(now)
        if self._is_asked:
            return None
        return self._birth(now) or self._data(self._live, now) or self._node_data(now) or self._data(self._history, now, is_historical=True)

    def _must_be_born(self) -> bool:
        """Not yet, on request, or because there is something to be told that the last births did not name."""
        if not self._is_born or self._is_asked or self._node_metrics().keys() != self._node_told.keys():
            return True
        return any(self._seen[device].keys() - metrics for device, metrics in self._born.items() if device in self._seen)

    def _there(self) -> list[str]:
        """Devices that are connected and said something."""
        links = self.around.picture.links
        return sorted(device for device in self._seen if links.get(device))

    def _death(self, now: Instant) -> Message | None:
        """For a device that is gone."""
        gone = next((device for device in self._born if device not in self._seen or not self.around.picture.links.get(device)), None)
        if gone is None:
            return None
        del self._born[gone]
        if gone in self._to_be_born:
            self._to_be_born.remove(gone)
        return self._numbered("DDEATH", gone, [], now)

    def _birth(self, now: Instant) -> Message | None:
        """For a device that came."""
        came = next((device for device in self._there() if device not in self._born), None)
        return self._dbirth(came, now) if came is not None else None

    def _forget_others(self) -> None:
        devices = self._config.devices
        self._looked = {key: said for key, said in self._looked.items() if key[0] in devices}
        for queue in (self._live, self._history):
            _keep(queue, lambda change: change.key[0] in devices)

    def _nbirth(self, now: Instant) -> Message:
        self._is_born, self._seq = True, 0
        self._born.clear()
        at_ms = milliseconds(now)
        self._node_told = self._node_metrics()
        metrics = [Metric("bdSeq", Datatype.INT64, self._bd_seq, at_ms), Metric(REBIRTH, Datatype.BOOLEAN, value=False, at_ms=at_ms)]
        metrics += [Metric(name, datatype, value, at_ms) for name, (datatype, value) in self._node_told.items()]
        return Message(self._topic("NBIRTH"), encode(at_ms, metrics, 0))

    def _dbirth(self, device: str, now: Instant) -> Message:
        """What the birth says need not be said again as history."""
        at_ms, seen = milliseconds(now), self._seen.get(device, {})
        told = [Change((device, quantity), sample.at_ms, self._said((device, quantity), sample, now)) for quantity, sample in seen.items()]
        self._looked |= {change.key: change.said for change in told}
        _keep(self._history, lambda change: change not in told)
        self._born[device] = frozenset(seen)
        driver = Metric("Properties/Driver", Datatype.STRING, self._config.drivers.get(device, ""), at_ms)
        return self._numbered("DBIRTH", device, [*(_metric(change, is_birth=True) for change in told), driver], now)

    def _data(self, queue: deque[Change], now: Instant, *, is_historical: bool = False) -> Message | None:
        """The oldest changes of one device that is born; those of others wait for their births."""
        device = next((change.key[0] for change in queue if self._is_told(change)), None)
        if device is None:
            return None
        due = [change for change in queue if change.key[0] == device and self._is_told(change)][:_METRICS_MAX]
        taken = set(map(id, due))
        _keep(queue, lambda change: id(change) not in taken)
        return self._numbered("DDATA", device, [_metric(change, is_historical=is_historical) for change in due], now)

    def _is_told(self, change: Change) -> bool:
        device, quantity = change.key
        return quantity in self._born.get(device, ())

    def _node_data(self, now: Instant) -> Message | None:
        """Of what the last birth named; anything else waits for the next one."""
        told, at_ms = self._node_told, milliseconds(now)
        changed = {name: metric for name, metric in self._node_metrics().items() if name in told and told[name] != metric}
        told.update(changed)
        return self._numbered("NDATA", "", [Metric(name, *metric, at_ms) for name, metric in changed.items()], now) if changed else None

    def _node_metrics(self) -> _Node:
        gateway, report, around = self._config.gateway, self.around.picture.report, self.around
        return {
            "Properties/Software": (Datatype.STRING, f"Dockline {around.version}"),
            "Properties/Site": (Datatype.STRING, gateway.site),
            "Properties/Gateway": (Datatype.STRING, gateway.id),
            "Health/uplink": (Datatype.BOOLEAN, around.uplink()),
            "Health/pending_events": (Datatype.INT64, report.pending_events if report else None),
            "Health/rss_bytes": (Datatype.INT64, report.rss_bytes if report else None),
            "Health/devices_down": (Datatype.INT64, report.devices_down if report else None),
            "Health/history_lost": (Datatype.INT64, self._lost),
            "Health/clock": (Datatype.STRING, report.clock if report else None),
            **{f"Alarms/{alarm_id.replace('.', '/')}": (Datatype.STRING, state) for alarm_id, state in sorted(around.alarms().items())},
        }

    def _said(self, key: Key, sample: Sample, now: Instant) -> Said:
        if sample.value is None:
            return Said(None, BAD)
        return Said(sample.value, STALE if now.monotonic_s - sample.heard_s > self.stale_s(key) else None)

    def _put_down(self, change: Change) -> None:
        device = change.key[0]
        if device in self._born:
            self._lost += len(self._live) == self._live.maxlen
            self._live.append(change)
        elif not (self._is_born and self.around.picture.links.get(device)):  # else its birth, which is due, says it
            self._put_by([change])

    def _live_is_history(self) -> None:
        self._put_by(self._live)
        self._live.clear()

    def _put_by(self, changes: Iterable[Change]) -> None:
        """What cannot be told as live becomes history; the oldest make room."""
        self._history.extend(changes)
        while len(self._history) > self._history_max:
            self._history.popleft()
            self._lost += 1

    def _numbered(self, verb: str, device: str, metrics: Sequence[Metric], now: Instant) -> Message:
        self._seq = (self._seq + 1) % _SEQ_MODULUS
        return Message(self._topic(verb, device), encode(milliseconds(now), metrics, self._seq))

    def _topic(self, verb: str, device: str = "") -> str:
        return "/".join([NAMESPACE, self._group, verb, self._node, *([device] if device else [])])


def _metric(change: Change, *, is_birth: bool = False, is_historical: bool = False) -> Metric:
    quantity, unit = change.key[1], unit_of(change.key[1])
    properties: dict[str, str | int] = {"engUnit": unit} if is_birth and unit else {}
    if change.said.quality is not None:
        properties["Quality"] = change.said.quality
    return Metric(quantity, Datatype.DOUBLE, change.said.value, change.at_ms, is_historical, properties)


def _keep(queue: deque[Change], is_kept: Callable[[Change], bool]) -> None:
    kept = [change for change in queue if is_kept(change)]
    queue.clear()
    queue.extend(kept)
