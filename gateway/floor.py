# SPDX-License-Identifier: Apache-2.0
"""The floor: hands readings, commands and time to the stations, makes what they say durable, and only then lets devices act on it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.commands import AnyCommand
from contracts.events import AlarmState, CommandAnswered, DeviceLinkChanged, Event, SensorMeasured, lane_of
from contracts.readings import AnyReading, ConditionChanged, LinkChanged, LinkState
from gateway.clock import Instant, Now
from gateway.device_conditions import DeviceConditions
from gateway.gateway_commands import late_answer
from gateway.metrics import Metrics
from gateway.outbox import Answer, OutboxFullError
from gateway.stations.station import CommandRefusedError, DeviceAction, Output, Remember, Station
from gateway.store import Store

_TURN_INPUTS_MAX = 64
"""So many inputs share one commit when they have queued up; a single one never waits for company."""

_PART = "/"  # no station has it in its name

log = logging.getLogger(__name__)


@dataclass
class _Turn:
    """What came of some inputs: made durable together, in order."""

    events: list[Event] = field(default_factory=list)
    actions: list[DeviceAction] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    remembers: bool = False

    def add(self, station: str, outputs: Sequence[Output]) -> None:
        self.actions += [output for output in outputs if isinstance(output, DeviceAction)]
        self.events += [output for output in outputs if isinstance(output, Event)]
        self.remembers = self.remembers or any(isinstance(output, Remember) for output in outputs)
        if outputs:
            self.touched.add(station)

    @property
    def needs_commit(self) -> bool:
        """Whether something must be durable before anybody is told."""
        return self.remembers or bool(self.answers) or any(lane_of(event) == "movements" for event in self.events)


class Floor:
    """All stations of a gateway, one input after the other."""

    def __init__(self, stations: Sequence[Station], store: Store, perform: Callable[[DeviceAction], None], now: Now, metrics: Metrics) -> None:
        self._stations = {station.id: station for station in stations}
        self._listeners: dict[str, list[Station]] = {}
        self._listen()
        self._store = store
        self._perform = perform
        self._now = now
        self._metrics = metrics
        self._inputs: deque[AnyReading | AnyCommand] = deque()
        self._wake = asyncio.Event()
        self._stored: dict[str, bytes] = {}
        self._links: dict[str, tuple[LinkState, float]] = {}
        self._conditions = DeviceConditions()
        self._busy_since_s: float | None = None
        self._exchanges: list[tuple[Collection[str], Sequence[Station], asyncio.Future[None]]] = []
        self.silent = ""
        """Why no station works; empty: they do."""

    def busy_s(self) -> float:
        """Seconds since the turn began that is not finished; 0 while the floor waits for something to do."""
        return 0.0 if self._busy_since_s is None else self._now().monotonic_s - self._busy_since_s

    def take(self, given: AnyReading | AnyCommand) -> None:
        """Queue a reading of a device or a command of central."""
        self._inputs.append(given)
        self._wake.set()

    def device_is_over(self, device: str) -> None:
        """Its driver is not used any more; another one, or none, takes its place: what it said of its condition is over."""
        at_s = self._now().monotonic_s
        for condition in self._conditions.held(device):
            self.take(ConditionChanged(device=device, at_s=at_s, condition=condition, active=False))

    def alarms(self) -> dict[str, AlarmState]:
        """Every alarm by its id, as it stands."""
        return {alarm_id: state for station in self._stations.values() for alarm_id, state in station.alarms().items()}

    async def exchange(self, gone: Collection[str], put: Sequence[Station]) -> None:
        """Take stations away and put others in, between two turns; one with the same id goes on from what the one before knew. The others notice nothing."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._exchanges.append((gone, put, done))
        self._wake.set()
        await done

    def _exchange_now(self) -> None:
        exchanges, self._exchanges = self._exchanges, []
        for gone, put, done in exchanges:
            for station_id in gone:
                self._stations.pop(station_id, None)
            for station in put:
                before = self._stations.get(station.id)
                self._stations[station.id] = station
                self._restore_one(station, self._parts_of(station.id) if before is None else before.parts())
            self._listen()
            if not done.done():
                done.set_result(None)

    def _listen(self) -> None:
        """Who wants the readings of which device."""
        self._listeners = {}
        for station in self._stations.values():
            for device in station.devices:
                self._listeners.setdefault(device, []).append(station)

    async def run(self) -> None:
        """Restore the stations and work until cancelled."""
        await self._restore()
        await self._finish(self._advance(_Turn(), self._now()))
        while True:
            await self._wait()
            self._busy_since_s = self._now().monotonic_s
            self._exchange_now()
            await self._turn()
            self._busy_since_s = None

    async def _restore(self) -> None:
        self._stored = dict(await self._store.snapshots())
        for station in self._stations.values():
            self._restore_one(station, self._parts_of(station.id))

    def _restore_one(self, station: Station, kept: Mapping[str, bytes]) -> None:
        try:
            if kept:
                station.restore_parts(kept)
        except ValueError as error:
            log.error("station begins anew, its stored state cannot be read", extra={"station": station.id, "reason": str(error)})  # noqa: TRY400  # the reason says all
            for name in kept:
                self._stored.pop(_key(station.id, name), None)
        for name, state in station.parts().items():
            self._stored.setdefault(_key(station.id, name), state)

    def _parts_of(self, station_id: str) -> dict[str, bytes]:
        """What is durable of a station, by part."""
        parts = {key.partition(_PART)[::2]: state for key, state in self._stored.items()}
        return {name: state for (owner, name), state in parts.items() if owner == station_id}

    async def _wait(self) -> None:
        """Until something comes or a station's time is due."""
        all_due_s = (self._conditions.next_deadline_s(), *(station.next_deadline_s() for station in self._stations.values()))
        due_s = min((due_s for due_s in all_due_s if due_s is not None), default=None)
        if self._inputs or self._exchanges:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(None if due_s is None else max(0.0, due_s - self._now().monotonic_s)):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _turn(self) -> None:
        turn = _Turn()
        for _ in range(min(len(self._inputs), _TURN_INPUTS_MAX)):
            given = self._inputs.popleft()
            if isinstance(given, AnyReading):
                self._reading(turn, given)
            else:
                await self._command(turn, given)
        turn.events += self._conditions.due(self._now())
        await self._finish(self._advance(turn, self._reached()))

    def _reached(self) -> Instant:
        """Up to when the stations have heard everything: now, or the arrival of the next reading that waits while there is more to do than time for it."""
        now = self._now()
        at_s = next((given.at_s for given in self._inputs if isinstance(given, AnyReading)), now.monotonic_s)
        return now.at(min(at_s, now.monotonic_s))

    def _advance(self, turn: _Turn, now: Instant) -> _Turn:
        for station in self._stations.values():
            turn.add(station.id, station.advance_to(now))
        return turn

    def _reading(self, turn: _Turn, reading: AnyReading) -> None:
        now = self._now()
        at = now.at(reading.at_s)
        if isinstance(reading, LinkChanged):
            turn.events.append(self._link_changed(reading, now))
            turn.events += self._conditions.again(reading.device, now) if reading.state == "connected" else []
        elif isinstance(reading, ConditionChanged):
            self._metrics.device_condition.labels(device=reading.device, condition=reading.condition).set(float(reading.active))
            turn.events += self._conditions.changed(reading, now)
        for station in self._listeners.get(reading.device, ()):
            due_s = station.next_deadline_s()
            if due_s is not None and due_s <= reading.at_s:
                turn.add(station.id, station.advance_to(at))
            turn.add(station.id, station.on_reading(reading, now))

    def _link_changed(self, change: LinkChanged, now: Instant) -> DeviceLinkChanged:
        """At the time of the change: a loss for which another reason is found goes on since it began."""
        state, since_s = self._links.get(change.device, (None, change.at_s))
        since_s = since_s if state == change.state else change.at_s
        self._links[change.device] = (change.state, since_s)
        return DeviceLinkChanged(**now.at(since_s).stamp(), device=change.device, state=change.state, reason=change.reason)

    async def _command(self, turn: _Turn, command: AnyCommand) -> None:
        now = self._now()
        answer = turn.answers.get(command.command_id) or await self._store.answer_to(command.command_id)
        if answer is None:
            answer = self._carry_out(turn, command, now)
            turn.answers[command.command_id] = answer
        self._metrics.commands.labels(outcome=answer.outcome).inc()
        turn.events.append(CommandAnswered(**now.stamp(), station=command.station, command_id=command.command_id, outcome=answer.outcome, reason=answer.reason))

    def _carry_out(self, turn: _Turn, command: AnyCommand, now: Instant) -> Answer:
        """Do a new command. Without a trusted clock a deadline cannot be judged; then the command is done."""
        station = self._stations.get(command.station)
        if station is None:
            return Answer("refused", self.silent or f"this gateway has no station {command.station!r}; it has: {', '.join(self._stations)}")
        if (late := late_answer(command, now)) is not None:
            return late
        try:
            turn.add(station.id, station.on_command(command, now))
        except CommandRefusedError as error:
            return Answer("refused", str(error))
        turn.touched.add(station.id)
        return Answer("done", "")

    async def _finish(self, turn: _Turn) -> None:
        """Durable first, then lights, sirens and beeps."""
        for event in turn.events:
            if isinstance(event, SensorMeasured) and event.quantity == "temperature_c":
                self._metrics.temperature_celsius.labels(station=event.station).set(event.value)
        if not turn.needs_commit:
            self._store.put_telemetry(turn.events)
        elif not await self._commit(turn):
            return
        for event in turn.events:
            self._metrics.events.labels(lane=lane_of(event)).inc()
        for action in turn.actions:
            self._perform(action)

    async def _commit(self, turn: _Turn) -> bool:
        snapshots = self._changed_snapshots(turn.touched)
        try:
            await self._store.append(turn.events, snapshots, turn.answers)
        except OutboxFullError as error:
            self._refuse(turn, str(error))
            return False
        self._stored.update(snapshots)
        return True

    def _changed_snapshots(self, touched: set[str]) -> Mapping[str, bytes]:
        states = {_key(station_id, name): state for station_id in touched for name, state in self._stations[station_id].parts().items()}
        return {key: state for key, state in states.items() if state and state != self._stored.get(key)}

    def _refuse(self, turn: _Turn, reason: str) -> None:
        """Put the stations back to what is durable and let the people see that it did not count."""
        log.error("events not accepted", extra={"events": len(turn.events), "stations": sorted(turn.touched), "reason": reason})
        self._metrics.outbox_refused.labels(lane="movements").inc(sum(lane_of(event) == "movements" for event in turn.events))
        now = self._now()
        for station_id in turn.touched:
            station = self._stations[station_id]
            if kept := self._parts_of(station_id):
                station.restore_parts(kept)
            for action in station.refused(now):
                self._perform(action)


def _key(station_id: str, part: str) -> str:
    """Under which name a part of a station's state is stored; the part without a name under the station's."""
    return f"{station_id}{_PART}{part}" if part else station_id
