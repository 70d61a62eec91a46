# SPDX-License-Identifier: Apache-2.0
"""One portal's judgement: windows of reads go in, passes come out; what stands beside the portal is learnt on the way."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.portal import direction, evidence
from gateway.portal.crossings import Crossing, SideRead, Tags, by_tag, find_crossings
from gateway.portal.direction import UNDECIDED, Verdict, Vote
from gateway.portal.memory import Memory
from gateway.portal.moved import model, odds_among
from gateway.portal.reads import Edge, Judged, Pass, Read, Result, Side, TagResult, Window
from gateway.portal.settings import Settings
from gateway.portal.template import Seen, sigmoid

_SETTLED_S = 4.0
"""A crossing that may go on changing is judged when so much more was seen of it."""
_CORE_S = 1.5
_REACH_S = 12.0
"""So far before and after a crossing reads still tell who went with it."""
_APART_S = 3.0
_CLEAR = 0.8
"""What changes sides less clearly is chance (captures: tags that stand are clearer in one of ten windows)."""
_NEAR_SPREAD_DB = 3.8
"""Strengths of a tag that stands scatter by 1.2 to 1.7 dB at each antenna, of one that is carried past by 4 and more."""
_NEAR_READS = 5
_STANDING_LOG_ODDS = -2.0
"""What one window without any crossing says of a tag in it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The piece of a window that belongs to one crossing."""

    start_s: float
    end_s: float
    crossing: Crossing
    reads: tuple[Read, ...]
    edges: tuple[Edge, ...]


class Portal:
    """Judges the windows of one portal in order of time. `sides` says which way each antenna looks."""

    def __init__(self, sides: Mapping[int, Side], settings: Settings | None = None) -> None:
        self._sides = dict(sides)
        self._settings = settings or Settings()
        self._memory = Memory()

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        """The passes in a window. `ended` false: more reads follow without a pause; what is still under way is left to the next window."""
        tags = by_tag(window.reads, self._sides)
        prior = {epc: self._memory.prior(epc) for epc in tags}
        crossings = [each for each in find_crossings(tags, window.start_s, window.end_s, prior) if each.clearness >= _CLEAR]
        if not ended:
            crossings = [each for each in crossings if each.t_s <= window.end_s - _SETTLED_S]
        _, eyes = direction.by_eyes(window.edges)
        if not crossings:
            if eyes.direction != "unknown":
                crossings = [Crossing(_middle_s(window.edges), 1 if eyes.direction == "in" else -1, 0.0, 0.0)]
            elif not ended:
                return Judged([], window.start_s if window.edges else max(window.start_s, window.end_s - _REACH_S))
        if not crossings:
            return Judged(self._without_crossing(window, tags), window.end_s)
        parts = _parts(window, crossings, ended=ended)
        return Judged([self._pass(window, part) for part in parts], window.end_s if ended else crossings[-1].t_s + _CORE_S)

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        """Whether a read is what this portal is used to of a tag that stands there: it neither opens a session nor keeps one open."""
        return self._memory.stands(epc, rssi_dbm)

    def learn_standing(self, epc: str, antenna: int, rssi_dbm: float | None, t_s: float) -> None:
        """Take note of a read outside sessions."""
        self._memory.read(epc, rssi_dbm)

    def snapshot(self) -> bytes:
        """What stands beside the portal, to be kept over a restart."""
        return self._memory.snapshot()

    def restore(self, data: bytes) -> None:
        """Take up a snapshot. Raises: ValueError: it is damaged."""
        self._memory.restore(data)

    def _pass(self, window: Window, part: _Part) -> Pass:
        tags = seen_from(by_tag(part.reads, self._sides), part.crossing)
        numbers = evidence.gather(tags, part.crossing.t_s - part.start_s, part.end_s - part.crossing.t_s) if tags else {}
        own = {epc: model().ratio(values) for epc, values in numbers.items()}
        ratios = {epc: value + self._memory.prior(epc) for epc, value in own.items()}
        odds = odds_among(list(ratios.values()))
        moved = {epc: sigmoid(value + odds) for epc, value in ratios.items()}
        antennas = direction.by_antennas(tags, moved, part.crossing) if part.crossing.clearness else UNDECIDED
        order, eyes = direction.by_eyes(part.edges)
        verdict = direction.decide(antennas, order, eyes, self._settings.sure, has_tags=any(chance >= 0.5 for chance in moved.values()))
        results = tuple(_result(epc, tags[epc], moved[epc], numbers[epc], verdict, part.crossing) for epc in sorted(tags))
        for epc, value in own.items():
            self._memory.passed(epc, value, evidence.strongest(tags[epc]))
        return _told(window, part, verdict, antennas, order, results, part.crossing.t_s)

    def _without_crossing(self, window: Window, tags: Tags) -> list[Pass]:
        """Nothing changed sides. Something may have come near all the same, or the eyes saw what carries no tag."""
        order, eyes = direction.by_eyes(window.edges)
        near = {epc for epc, reads in tags.items() if _came_near(reads) and self._memory.prior(epc) > _STANDING_LOG_ODDS}
        for epc, reads in tags.items():
            if epc not in near:
                self._memory.passed(epc, _STANDING_LOG_ODDS, _strongest(reads))
        if not near and not order:
            return []
        verdict = direction.decide(UNDECIDED, order, eyes, self._settings.sure, has_tags=bool(near))
        part = _Part(window.start_s, window.end_s, Crossing(window.end_s, 1, 0.0, 0.0), window.reads, window.edges)
        results = tuple(_result_without_crossing(epc, reads, near=epc in near) for epc, reads in sorted(tags.items()))
        return [_told(window, part, verdict, UNDECIDED, order, results, None)]


def _told(window: Window, part: _Part, verdict: Verdict, antennas: Vote, order: Sequence[str], results: tuple[TagResult, ...], crossed_s: float | None) -> Pass:
    return Pass(
        start_s=part.start_s,
        end_s=part.end_s,
        crossed_s=crossed_s,
        direction=verdict.direction,
        confidence=verdict.confidence,
        tags=results,
        antennas=antennas.direction,
        antennas_confidence=antennas.confidence,
        eyes=tuple(order),  # type: ignore[arg-type]
        reason=verdict.reason,
        closed_by=window.closed_by,
        reads=part.reads,
        edges=part.edges,
    )


def _result_without_crossing(epc: str, reads: Sequence[SideRead], *, near: bool) -> TagResult:
    moved = 0.5 if near else sigmoid(_STANDING_LOG_ODDS)
    return TagResult(epc, "unknown" if near else "stayed", max(moved, 1 - moved), moved, len(reads), _strongest(reads), None, {})


def _parts(window: Window, crossings: Sequence[Crossing], *, ended: bool) -> list[_Part]:
    """Cut a window half-way between its crossings."""
    times = [each.t_s for each in crossings]
    middles = [(one + other) / 2 for one, other in itertools.pairwise(times)]
    starts, ends = [window.start_s, *middles], [*middles, window.end_s]
    parts = []
    for crossing, start_s, end_s in zip(crossings, starts, ends, strict=True):
        from_s, to_s = max(start_s, crossing.t_s - _REACH_S), min(end_s, crossing.t_s + _REACH_S)
        reads = tuple(read for read in window.reads if from_s <= read.t_s <= to_s)
        edges = tuple(edge for edge in window.edges if start_s <= edge.t_s <= end_s)
        parts.append(_Part(from_s, to_s, crossing, reads, edges))
    return parts


def seen_from(tags: Tags, crossing: Crossing) -> dict[str, list[Seen]]:
    """The reads of tags as seen from a crossing."""
    return {epc: [Seen(read.t_s - crossing.t_s, read.side * crossing.sign, read.antenna, read.rssi_dbm) for read in reads] for epc, reads in tags.items()}


def _result(epc: str, reads: Sequence[Seen], moved: float, numbers: Sequence[float], verdict: Verdict, crossing: Crossing) -> TagResult:
    result, confidence = _decided(moved, verdict)
    peak_dbm = evidence.strongest(reads)
    told = {name: round(number, 2) for name, number in zip(evidence.NAMES, numbers, strict=True)}
    crossed_s = crossing.t_s + _crossed_after_s(reads) if moved >= 0.5 else None
    return TagResult(epc, result, confidence, moved, len(reads), peak_dbm, crossed_s, told)


_STAYED, _MOVED = 0.45, 0.55
"""Between them nobody knows."""


def _decided(moved: float, verdict: Verdict) -> tuple[Result, float]:
    if moved < _STAYED:
        return "stayed", 1 - moved
    if moved < _MOVED or verdict.direction == "unknown":
        return "unknown", 0.5 + abs(moved - 0.5) if verdict.direction == "unknown" else max(moved, 1 - moved)
    return ("moved_in" if verdict.direction == "in" else "moved_out"), moved * verdict.confidence


def _crossed_after_s(reads: Sequence[Seen]) -> float:
    """When the tag itself was in the portal: the middle of its stronger reads near the crossing."""
    near = [read for read in reads if abs(read.after_s) <= _APART_S] or list(reads)
    weights = [10 ** ((read.rssi_dbm or 0.0) / 10) for read in near]
    return sum(weight * read.after_s for weight, read in zip(weights, near, strict=True)) / sum(weights)


def _middle_s(edges: Sequence[Edge]) -> float:
    times = [edge.t_s for edge in edges if edge.eye != "presence"]
    return (min(times) + max(times)) / 2


def _strongest(reads: Sequence[SideRead]) -> float | None:
    return max((read.rssi_dbm for read in reads if read.rssi_dbm is not None), default=None)


def _came_near(reads: Sequence[SideRead]) -> bool:
    """Whether a tag's strength rose and fell as it does when it is carried past, and does not when it stands."""
    seen = [Seen(0.0, read.side, read.antenna, read.rssi_dbm) for read in reads]
    return len(reads) >= _NEAR_READS and evidence.spread_db(seen) >= _NEAR_SPREAD_DB
