# SPDX-License-Identifier: Apache-2.0
"""Dock door: raw reads of a portal become `PalletPassed`, with direction, confidence and evidence; doubtful passes say unknown, never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from contracts.events import Direction, PalletPassed, PassEvidence
from contracts.identifiers import epc_uri
from contracts.readings import AnyReading, InputChanged, LinkChanged, TagRead
from gateway.clock import Instant
from gateway.config import DockDoor, InputRef, OutputRef
from gateway.stations.passage import SIDES, Read, Side, Track, Verdict, judge, side_peaks_s, split_strays
from gateway.stations.reader_time import ReaderTime
from gateway.stations.station import DeviceAction, Output, Station

_EYES_CONFIDENCE = 0.95  # two photo-eyes in sequence, no antennas to agree (guessed: a person may walk through as well)
_TAGS_MAX = 5000  # tags of one pass; beyond it further ones are ignored (memory; a full truck has fewer)
_STATIC_MAX = 20_000  # static tags remembered; the least recent is forgotten
_GLIMPSE_READS_MAX = 2
_TAIL_S = 3.0  # so long goods that have passed may still be read (4 m at a slow 1.3 m/s)
_SSCC = "urn:epc:id:sscc:"


@dataclass
class _Session:
    """One pass, seconds on the reader's own time line; `arrived_s` is the monotonic second of the last reading that kept it open."""

    start_s: float
    last_s: float
    arrived_s: float
    tracks: dict[str, Track] = field(default_factory=dict)
    eyes: list[Side] = field(default_factory=list)
    settled_at_s: float | None = None


class _Tail(NamedTuple):
    """A tag of the last pass that is still being read: when it passed, when it was read last, on the reader's time line."""

    passed_s: float
    last_s: float


class DockDoorStation(Station):
    """One door. Opened by a photo-eye or the first read of a tag that is not known to stand there; closed by the other eye, quiet, or the longest time.

    Passes are cut by the reader's time stamps, so that reports which were held back and arrive in one burst do not become one giant pallet.
    """

    def __init__(self, config: DockDoor, site: str = "") -> None:
        super().__init__(config.id, config.devices())
        self._config = config
        self._read_point = config.read_point or f"urn:dockline:{site}:{config.id}"
        self._side_of: dict[int, Side] = {**dict.fromkeys(config.outer_antennas, "outer"), **dict.fromkeys(config.inner_antennas, "inner")}
        self._reader_time = ReaderTime()
        self._session: _Session | None = None
        self._static: dict[str, float] = {}
        self._tail: dict[str, _Tail] = {}
        self._lamp: OutputRef | None = None
        self._lamp_off_s: float | None = None

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        """See `Station.on_reading`."""
        match reading:
            case TagRead() if reading.device == self._config.reader:
                return self._read(reading, now)
            case InputChanged():
                return self._eye(reading, now)
            case LinkChanged(state="connected"):
                return self._lamps_off(reading.device)
            case _:
                return ()

    def advance_to(self, now: Instant) -> Sequence[Output]:
        """See `Station.advance_to`."""
        outputs: list[Output] = []
        close_s = self._close_s()
        if close_s is not None and now.monotonic_s >= close_s:
            outputs += self._close(now.at(close_s))
        if self._lamp_off_s is not None and now.monotonic_s >= self._lamp_off_s:
            outputs += self._light(None, now)
        return outputs

    def next_deadline_s(self) -> float | None:
        """See `Station.next_deadline_s`."""
        return min((due_s for due_s in (self._close_s(), self._lamp_off_s) if due_s is not None), default=None)

    def refused(self, now: Instant) -> Sequence[DeviceAction]:
        """The pass was not accepted: red, if there is a red lamp; the green one stays dark."""
        return self._light(self._config.stack_light_red, now)

    def _close_s(self) -> float | None:
        """When the open session ends by itself, in monotonic seconds of arrival."""
        if self._session is None:
            return None
        if self._session.settled_at_s is not None:
            return self._session.settled_at_s
        lag_s = self._session.arrived_s - self._session.last_s
        return min(self._session.arrived_s + self._config.quiet_s, self._session.start_s + lag_s + self._config.session_max_s)

    def _read(self, tag: TagRead, now: Instant) -> list[Output]:
        side = self._side_of.get(tag.antenna)
        if side is None:
            return []
        t_s = self._reader_time.line_s(tag.reader_time_us, tag.at_s)
        outputs = self._cut(t_s, tag.at_s, now)
        if self._stands_still(tag, t_s):
            if self._session is not None and (track := self._session.tracks.get(tag.epc)) is not None:
                track.reads.append(Read(t_s, side, tag.peak_rssi_dbm))
            return outputs
        session = self._session or self._open(t_s, tag.at_s)
        if tag.epc in session.tracks or len(session.tracks) < _TAGS_MAX:
            session.tracks.setdefault(tag.epc, Track()).reads.append(Read(t_s, side, tag.peak_rssi_dbm))
        if not self._drags_on(session.tracks.get(tag.epc)):
            session.last_s, session.arrived_s = max(session.last_s, t_s), tag.at_s
        return outputs

    def _open(self, t_s: float, at_s: float) -> _Session:
        self._session = _Session(start_s=t_s, last_s=t_s, arrived_s=at_s)
        return self._session

    def _cut(self, t_s: float, at_s: float, now: Instant) -> list[Output]:
        """End the open session if what has come belongs, by the reader's time, to a later one."""
        session = self._session
        if session is None or session.settled_at_s is not None:
            return []
        if t_s - session.last_s > self._config.quiet_s or t_s - session.start_s > self._config.session_max_s:
            return self._close(now.at(at_s))
        return []

    def _stands_still(self, tag: TagRead, t_s: float) -> bool:
        """Whether a tag neither opens a pass nor keeps it open: known to stand there, or the tail of goods that have just passed."""
        if (tail := self._tail.get(tag.epc)) is not None:
            if t_s - tail.last_s > self._config.quiet_s:
                del self._tail[tag.epc]
            elif t_s - tail.passed_s <= _TAIL_S or tag.peak_rssi_dbm is None:
                self._tail[tag.epc] = tail._replace(last_s=max(tail.last_s, t_s))
                return True
            else:  # the goods are long gone: this one stands here
                del self._tail[tag.epc]
                self._learn(tag.epc, tag.peak_rssi_dbm)
                return True
        usual_dbm = self._static.get(tag.epc)
        if usual_dbm is None or tag.peak_rssi_dbm is None:
            return usual_dbm is not None
        if tag.peak_rssi_dbm >= usual_dbm + self._config.mobility_db:
            return False
        if self._session is None:
            self._learn(tag.epc, tag.peak_rssi_dbm)
        return True

    def _drags_on(self, track: Track | None) -> bool:
        """A tag that is read on and on without coming or going does not keep a pass open for ever."""
        return track is not None and track.span_s >= self._config.static_after_s

    def _learn(self, epc: str, rssi_dbm: float) -> None:
        """How strong a static tag usually is at its best: rises quickly, sinks slowly, so that its spread counts as usual."""
        usual_dbm = self._static.pop(epc, rssi_dbm)
        self._static[epc] = usual_dbm + (rssi_dbm - usual_dbm) * (0.3 if rssi_dbm > usual_dbm else 0.01)
        if len(self._static) > _STATIC_MAX:
            del self._static[next(iter(self._static))]

    def _eye(self, change: InputChanged, now: Instant) -> list[Output]:
        side = self._eye_side(change)
        if side is None:
            return []
        t_s = self._reader_time.line_s(change.reader_time_us, change.at_s)
        outputs: list[Output] = []
        if change.level:
            outputs = (
                self._close(now.at(change.at_s)) if self._session is not None and self._session.settled_at_s is not None else self._cut(t_s, change.at_s, now)
            )
            session = self._session or self._open(t_s, change.at_s)
            if not session.eyes or session.eyes[-1] != side:
                session.eyes.append(side)
            self._tail.clear()
        if self._session is not None:
            self._session.last_s, self._session.arrived_s = max(self._session.last_s, t_s), change.at_s
            if not change.level and len(self._session.eyes) >= 2 and side == self._session.eyes[-1]:
                self._session.settled_at_s = change.at_s + self._config.settle_s
        return outputs

    def _eye_side(self, change: InputChanged) -> Side | None:
        eyes: dict[Side, InputRef | None] = {"outer": self._config.photo_eye_outer, "inner": self._config.photo_eye_inner}
        return next((side for side, eye in eyes.items() if eye is not None and (eye.device, eye.input) == (change.device, change.input)), None)

    def _close(self, now: Instant) -> list[Output]:
        session, self._session = self._session, None
        if session is None:
            return []
        moved, strays = split_strays(session.tracks, self._static, static_after_s=self._config.static_after_s, mobility_db=self._config.mobility_db)
        for epc in strays:
            if session.tracks[epc].is_flat():
                self._learn(epc, session.tracks[epc].strongest_dbm() or 0.0)
        tracks = {epc: session.tracks[epc] for epc in moved}
        if not session.eyes and all(_is_glimpse(track) for track in tracks.values()):
            for epc, track in tracks.items():
                self._learn(epc, track.strongest_dbm() or 0.0)
            return []
        for epc in moved:
            self._static.pop(epc, None)
        self._tail = dict.fromkeys(moved, _Tail(session.last_s, session.last_s))
        event = self._passed(session, tracks, strays, now)
        clear = event.direction != "unknown" and event.parent_id is not None
        return [event, *self._light(self._config.stack_light if clear else self._config.stack_light_red, now)]

    def _passed(self, session: _Session, tracks: dict[str, Track], strays: set[str], now: Instant) -> PalletPassed:
        """The goods passed when they were read last; what decided the event is the moment `now` at which no more came."""
        verdict = judge(tracks.values())
        direction, confidence, reason = self._decide(session.eyes, verdict, bool(tracks))
        uris = sorted(_uri(epc) for epc in tracks)
        parents = [uri for uri in uris if uri.startswith(_SSCC)]
        evidence = PassEvidence(
            reads=sum(len(track.reads) for track in tracks.values()),
            eyes="-".join(session.eyes),
            peaks_s=side_peaks_s(tracks.values(), session.start_s),
            tags_in=verdict.tags_in,
            tags_out=verdict.tags_out,
            tags_unknown=verdict.tags_unknown,
            duration_s=round(session.last_s - session.start_s, 3),
            reason=reason,
        )
        return PalletPassed(
            **{**now.at(min(now.monotonic_s, session.last_s)).stamp(), "monotonic_s": now.monotonic_s},
            station=self.id,
            read_point=self._read_point,
            biz_step=self._config.biz_step,
            direction=direction,
            confidence=round(confidence, 3),
            parent_id=parents[0] if len(parents) == 1 else None,
            child_epcs=[uri for uri in uris if not uri.startswith(_SSCC)],
            other_parents=parents if len(parents) > 1 else [],
            stray_epcs=sorted(_uri(epc) for epc in strays),
            evidence=evidence,
        )

    def _decide(self, eyes: list[Side], antennas: Verdict, has_tags: bool) -> tuple[Direction, float, str]:
        """Direction, confidence and, for people, why it is unknown."""
        by_eyes: Direction = "unknown"
        if len(eyes) == 2:
            by_eyes = "in" if eyes[0] == "outer" else "out"
        if len(eyes) > 2:
            return "unknown", 0.0, "the photo-eyes saw it turn round"
        if self._has_both_eyes() and not eyes:
            return "unknown", 0.0, "no photo-eye saw it"
        if by_eyes == "unknown":
            reason = (
                ""
                if antennas.direction != "unknown"
                else "the antennas do not agree"
                if antennas.tags_in or antennas.tags_out
                else "it was not read on both sides"
            )
            return antennas.direction, antennas.confidence, reason
        if antennas.direction == "unknown":
            return by_eyes, _EYES_CONFIDENCE, "" if has_tags else "no tag was read"
        if antennas.direction != by_eyes:
            return "unknown", 0.0, f"photo-eyes say {by_eyes}, antennas say {antennas.direction}"
        return by_eyes, 1 - (1 - _EYES_CONFIDENCE) * (1 - antennas.confidence), ""

    def _has_both_eyes(self) -> bool:
        return self._config.photo_eye_inner is not None and self._config.photo_eye_outer is not None

    def _light(self, lamp: OutputRef | None, now: Instant) -> list[DeviceAction]:
        """Light one lamp and put out the other; None puts out what is lit."""
        actions = [_switch(self._lamp, on=False)] if self._lamp is not None and self._lamp != lamp else []
        if lamp is not None:
            actions.append(_switch(lamp, on=True))
        self._lamp = lamp
        self._lamp_off_s = now.monotonic_s + self._config.light_s if lamp is not None else None
        return actions

    def _lamps_off(self, device: str) -> list[Output]:
        """After a reconnect nobody knows what the outputs show."""
        lamps = [lamp for lamp in (self._config.stack_light, self._config.stack_light_red) if lamp is not None and lamp.device == device]
        return [_switch(lamp, on=lamp == self._lamp) for lamp in lamps]


def _is_glimpse(track: Track) -> bool:
    """A tag that was hardly seen and on one side only: it came near but did not pass."""
    return len(track.reads) <= _GLIMPSE_READS_MAX and len({read.side for read in track.reads}) < len(SIDES)


def _uri(epc: str) -> str:
    """The pure identity of a tag; what is no GS1 EPC of ours stays raw (TDS 1.13 section 12)."""
    return epc_uri(epc) or f"urn:epc:raw:{len(epc) * 4}.x{epc}"


def _switch(lamp: OutputRef, *, on: bool) -> DeviceAction:
    return DeviceAction(lamp.device, "switch_output", {"output": lamp.output, "on": on})
