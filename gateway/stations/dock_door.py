# SPDX-License-Identifier: Apache-2.0
"""Dock door: raw reads of a portal become `PalletPassed`, with direction, confidence and evidence; doubtful passes say unknown, never a guess.

What the reads mean is decided in `gateway.portal`; here are the devices: the reader's clock, eyes, lamps, the work list of the door, and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from contracts import wire
from contracts.commands import AnyCommand, DoorWork
from contracts.events import Event
from contracts.readings import AnyReading, InputChanged, LinkChanged, TagRead
from gateway.clock import Instant
from gateway.config import DockDoor, InputRef
from gateway.portal.arbiter import Arbiter, Claim, OpenWindow, Ruling
from gateway.portal.door import Door
from gateway.portal.pallets import Pallet, pallets
from gateway.portal.portal import Portal
from gateway.portal.reads import Edge, Eye, Pass, Read, Side
from gateway.portal.settings import Settings
from gateway.stations.lamps import Lamps
from gateway.stations.pass_events import Place, Told, checked_by, first_seen_s, is_clear, pallet_passed, pass_captured, pass_id_of
from gateway.stations.reader_time import ReaderTime
from gateway.stations.station import CommandRefusedError, DeviceAction, Output, Remember, Station

_HELD_BACK_S = 5.0  # reads that come so late were held back: what they belong to may still be coming
_PAUSE_S = 0.3  # held-back reports come one upon the other; after such a pause they are all there
_DRAINED_S = 3.0  # and after such a pause the reader has no more of them
_ROUNDING_S = 1e-6  # a deadline laid from the line onto our clock and back is still reached
_UNORDERED_S = 60.0  # so far out of order held-back reads may come
_ASK_EVERY_S = 0.1  # chosen: how often a pass that waits asks its neighbours; a lamp may be so much later
_LAMP_AGE_S_MAX = 10.0  # goods that passed longer ago are gone: no lamp
_TELL_AGAIN_S = 5.0  # chosen: so long after what was to be told was not accepted it is tried again
_STANDING_EVERY_S = 300.0  # chosen: what is known of standing tags is stored no more often, since a snapshot is written with each pass


class _Kept(msgspec.Struct, frozen=True):
    """A snapshot: the work list, and what stands beside the door."""

    work: DoorWork | None = None
    standing: bytes = b""


@dataclass(frozen=True)
class _Held:
    """A pass that waits for what neighbours say. `fallback` are its events, encoded, should a power cut come first: nobody knows then whose it is."""

    one: Pass
    pallet: Pallet
    claim: Claim
    until_s: float
    fallback: list[bytes]


class DockDoorStation(Station):
    """One door.

    Passes are cut by the reader's time stamps, so that reports which were held back and arrive in one burst do not become one giant pallet. `arbiter` is
    shared with the other doors of the gateway.
    """

    def __init__(self, config: DockDoor, site: str = "", arbiter: Arbiter | None = None, *, portal: Portal | None = None) -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._sides: dict[int, Side] = {**dict.fromkeys(config.outer_antennas, "outer"), **dict.fromkeys(config.inner_antennas, "inner")}
        self._place = Place(config.id, config.read_point or f"urn:dockline:{site}:{config.id}", config.biz_step, self._sides)
        self._eye_of = eyes_of(config)
        self._door = Door(self._sides, settings_of(config), eyes=frozenset(self._eye_of.values()), portal=portal)
        self._time = ReaderTime()
        self._levels: dict[tuple[str, int], bool] = {}
        self._held: list[_Held] = []
        self._untold: list[list[bytes]] = []  # events of passes that were held when the power was cut, or when there was no room for them
        self._tell_s = float("-inf")
        self._asked_s = float("-inf")
        self._work: DoorWork | None = None
        self._standing = b""
        self._standing_at_s = float("-inf")
        self._lamps = Lamps(config.stack_light, config.stack_light_red, config.light_s)
        self._arbiter = arbiter or Arbiter()
        self._arbiter.join(config.id, self._open_window, config.settle_s + config.session_max_s)

    # ---- what the floor calls

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case TagRead() if reading.device == self._config.reader:
                return self._read(reading, now)
            case InputChanged():
                return self._eye(reading, now)
            case LinkChanged(state="connected"):
                return self._lamps.shown_by(reading.device)
            case _:
                return ()

    def on_command(self, command: AnyCommand, now: Instant) -> Sequence[Output]:
        """Take a new work list; an older one than is known changes nothing. Raises: CommandRefusedError: another command."""
        if not isinstance(command, DoorWork):
            raise CommandRefusedError(f"dock door {self.id} takes a work list (DoorWork), no {type(command).__name__}")
        if self._work is None or command.version >= self._work.version:
            self._work = command
        return ()

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        outputs = [*self._recovered(now), *self._told(self._door.advance(self._reached_s(now)), now)]
        for held in self._held_to_ask(now):
            if self._arbiter.wait_until_s(held.claim) is None or now.monotonic_s >= held.until_s:
                self._held.remove(held)
                outputs += [*self._decide(held.one, held.pallet, held.claim, now), Remember()]
        return [*outputs, *self._lamps.put_out(now)]

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        due = [self._door_due_s(), self._lamps.due_s, self._asked_s + _ASK_EVERY_S if self._held else None, self._tell_s if self._untold else None]
        return min((due_s for due_s in due if due_s is not None), default=None)

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The pass was not accepted: red, if there is a red lamp; the green one stays dark. One that was held before is told again in a moment."""
        self._tell_s = now.monotonic_s + _TELL_AGAIN_S
        return self._lamps.answer(now, right=False)

    def snapshot(self) -> bytes:
        """The work list, and what stood beside the door some minutes ago."""
        return msgspec.msgpack.encode(_Kept(self._work, self._standing)) if self._work is not None or self._standing else b""

    def restore(self, data: bytes) -> None:
        """See `Station.restore`."""
        try:
            kept = msgspec.msgpack.decode(data, type=_Kept) if data else _Kept()
        except msgspec.MsgspecError as error:
            raise ValueError(f"snapshot of a dock door: {error}") from error
        if kept.standing and kept.standing != self._standing:
            self._door.restore(kept.standing)
        self._work, self._standing = kept.work, kept.standing

    def parts(self) -> Mapping[str, bytes]:
        """See `Station.parts`: apart from the list, the passes that wait to be told."""
        return {"": self.snapshot(), "untold": msgspec.msgpack.encode([*self._untold, *(held.fallback for held in self._held)])}

    def restore_parts(self, parts: Mapping[str, bytes]) -> None:
        """See `Station.restore_parts`. What still waits for a neighbour goes on waiting; what nobody waits for any more is to be told."""
        self.restore(parts.get("", b""))
        data = parts.get("untold", b"")
        try:
            kept = msgspec.msgpack.decode(data, type=list[list[bytes]]) if data else []
        except msgspec.MsgspecError as error:
            raise ValueError(f"passes of a dock door that were not told: {error}") from error
        self._held = [held for held in self._held if held.fallback in kept]
        self._untold = [fallback for fallback in kept if all(held.fallback != fallback for held in self._held)]

    def _recovered(self, now: Instant) -> list[Output]:
        """What passed before the power was cut and was not told: without a lamp, for the goods are gone."""
        if not self._untold or now.monotonic_s < self._tell_s:
            return []
        untold, self._untold = self._untold, []
        return [wire.decode_event(body) for fallback in untold for body in fallback]

    # ---- time

    def _held_to_ask(self, now: Instant) -> list[_Held]:
        """The passes that wait, a few times a second."""
        if not self._held or now.monotonic_s < self._asked_s + _ASK_EVERY_S:
            return []
        self._asked_s = now.monotonic_s
        return list(self._held)

    def _reached_s(self, now: Instant) -> float:
        """Up to where on the line everything has come. While held-back reads arrive one upon the other, that is well before the newest of them."""
        since_s = now.monotonic_s - self._time.newest_at_s + _ROUNDING_S
        if since_s >= _DRAINED_S:
            self._time.drained()
        if self._time.lag_s <= _HELD_BACK_S:
            return self._time.now_s(now.monotonic_s) - self._time.lag_s + _ROUNDING_S
        return self._time.newest_s + since_s - (_UNORDERED_S if since_s < _PAUSE_S else 0.0)

    def _door_due_s(self) -> float | None:
        due_s = self._door.next_deadline_s()
        if due_s is None:
            return None
        if self._time.lag_s <= _HELD_BACK_S:
            at_s = self._time.arrival_s(due_s)
            return max(at_s, min(at_s + self._time.lag_s, self._time.newest_at_s + _DRAINED_S))
        return self._time.newest_at_s + min(max(_PAUSE_S, due_s - self._time.newest_s), _DRAINED_S)

    # ---- readings

    def _read(self, tag: TagRead, now: Instant) -> list[Output]:
        line_s = self._time.line_s(tag.reader_time_us, tag.at_s)
        if tag.antenna not in self._sides:
            return []
        return self._told(self._door.read(Read(line_s, tag.epc, tag.antenna, tag.peak_rssi_dbm)), now)

    def _eye(self, change: InputChanged, now: Instant) -> list[Output]:
        key = (change.device, change.input)
        eye = self._eye_of.get(key)
        if eye is None:
            return []
        known, self._levels[key] = self._levels.get(key), change.level
        if change.reader_time_us is None and change.level == (known or False):
            return []  # what a device tells of its levels when it is connected is no change
        line_s = self._time.line_s(change.reader_time_us if change.device == self._config.reader else None, change.at_s)
        return self._told(self._door.edge(Edge(line_s, eye, change.level)), now)

    # ---- passes

    def _told(self, passes: Sequence[Pass], now: Instant) -> list[Output]:
        """What passes that are over lead to: events, or waiting for a neighbour."""
        outputs: list[Output] = []
        for one in passes:
            found = pallets(one)
            claims = [self._claim(one, pallet, now) for pallet in found]
            for pallet, claim in zip(found, claims, strict=True):
                wait_s = self._arbiter.wait_until_s(claim)
                if wait_s is None:
                    outputs += self._decide(one, pallet, claim, now)
                    continue
                fallback = [wire.encode(event) for event in self._events(one, self._rule(one, pallet, self._arbiter.unsettled(claim)), now)]
                self._held.append(_Held(one, pallet, claim, wait_s, fallback))
                outputs += [Remember(), *self._warn(one, pallet, claim, now)]
        if passes and now.monotonic_s - self._standing_at_s >= _STANDING_EVERY_S:
            self._standing, self._standing_at_s = self._door.snapshot(), now.monotonic_s
        return outputs

    def _claim(self, one: Pass, pallet: Pallet, now: Instant) -> Claim:
        start_s, end_s = self._time.arrival_s(one.start_s), self._time.arrival_s(one.end_s)
        own = {tag.epc: tag.peak_dbm for tag in (*pallet.tags, *pallet.doubtful)}
        claim = Claim(self.id, start_s, end_s, now.monotonic_s, own, {tag.epc: tag.peak_dbm for tag in one.stayed()})
        self._arbiter.claim(claim)
        return claim

    def _decide(self, one: Pass, pallet: Pallet, claim: Claim, now: Instant) -> list[Output]:
        """The events of a pallet, and the lamp."""
        told = self._rule(one, pallet, self._arbiter.rule(claim))
        events = self._events(one, told, now)
        return [*events, *self._show(one, told, claim, now)] if events else []

    def _events(self, one: Pass, told: Told, now: Instant) -> list[Event]:
        """What is told of a pallet; nothing when all of it went by a neighbour's door."""
        crossed_s = one.end_s if told.pallet.crossed_s is None else told.pallet.crossed_s
        passed_at = now.at(min(now.monotonic_s, self._time.arrival_s(crossed_s)))
        event = pallet_passed(self._place, one, told, passed_at, now.monotonic_s)
        if event is None:
            return []
        start_s = min([one.start_s, *(read.t_s for read in one.reads[:1]), *(edge.t_s for edge in one.edges[:1])])
        return [event, pass_captured(self._place, one, told.pass_id, now.at(self._time.arrival_s(start_s)), start_s, now)]

    def _rule(self, one: Pass, pallet: Pallet, ruling: Ruling) -> Told:
        first_s = first_seen_s(one, pallet)
        started_us = self._time.reader_us(first_s)
        name = pass_id_of(self._place.read_point, round(first_s * 1e6) if started_us is None else started_us, pallet)
        work = self._work
        return Told(pallet, ruling, checked_by(work, one, pallet.sscc), work.version if work is not None else 0, name)

    def _warn(self, one: Pass, pallet: Pallet, claim: Claim, now: Instant) -> list[DeviceAction]:
        """Red does not wait for neighbours."""
        told = Told(pallet, self._arbiter.foresee(claim), checked_by(self._work, one, pallet.sscc), 0, "")
        return [] if is_clear(one, told) else self._show(one, told, claim, now)

    # ---- lamps

    def _show(self, one: Pass, told: Told, claim: Claim, now: Instant) -> list[DeviceAction]:
        if now.monotonic_s - claim.end_s > _LAMP_AGE_S_MAX + self._config.session_max_s:
            return []
        right = is_clear(one, told)
        return [] if right and self._lamps.says_wrong else self._lamps.answer(now, right=right)

    # ---- neighbours

    def _open_window(self) -> OpenWindow | None:
        since_s = self._door.open_since_s
        return None if since_s is None else OpenWindow(self._time.arrival_s(since_s), self._door.open_tags())


def settings_of(config: DockDoor) -> Settings:
    """The portal's settings from the station's table."""
    return Settings(
        glimpsed_timeout_s=config.glimpsed_timeout_s,
        observed_time_threshold_s=config.observed_time_threshold_s,
        observed_count_threshold=config.observed_count_threshold,
        lost_timeout_s=config.lost_timeout_s,
        quiet_s=config.quiet_s,
        settle_s=config.settle_s,
        debounce_s=config.debounce_s,
        session_max_s=config.session_max_s,
        sure=config.sure,
    )


def eyes_of(config: DockDoor) -> dict[tuple[str, int], Eye]:
    """Which input is which eye."""
    wired: tuple[tuple[InputRef | None, Eye], ...] = (
        (config.photo_eye_outer, "outer"),
        (config.photo_eye_inner, "inner"),
        (config.presence, "presence"),
    )
    return {(given.device, given.input): eye for given, eye in wired if given is not None}
