# SPDX-License-Identifier: Apache-2.0
"""One portal's judgement: windows of reads go in, passes come out; what stands beside the portal is learnt on the way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.portal import direction, evidence, passed
from gateway.portal.crossings import Crossing, SideRead, Tags, by_tag, find_crossings
from gateway.portal.direction import UNDECIDED, Verdict, Vote
from gateway.portal.logistic import odds_among, sigmoid
from gateway.portal.memory import Memory
from gateway.portal.models import Models, shipped
from gateway.portal.reads import Edge, Judged, Pass, Read, Result, Side, TagResult, Window
from gateway.portal.settings import Settings
from gateway.portal.template import Seen

_SETTLED_S = 4.0
"""A crossing that may go on changing is judged when so much more was seen of it."""
_CORE_S = 1.5
_REACH_S = 12.0
"""So far before and after a crossing reads still tell who went with it."""
_CLOSE_BEHIND_S = 6.0
"""Goods that cross so long before or after others may be found with them."""
_TURN_S = 8.0
"""Goods that come back sooner turned round; those that come later went, and came back."""
_TURNED = 0.25
"""One in a hundred goods that go through are read so often on the wrong side well before or after; of those that turn round, four in ten (simulation)."""
_AGAIN_S = 4.0
_LINGERING_S = 16.0
"""So long after goods went through they may still be seen in the door (chosen: a truck is loaded from there)."""
_SAME_SHARE = 0.5
_LEAST_LOG_ODDS = -0.7
"""What may well have been a pass is told as a doubtful one rather than not at all."""
_MORE_LOG_ODDS = 1.0
"""A second group in the same window must be rather likely: the tags that stand are searched a second time for it."""
_GROUPS_MAX = 4
_NEAR_SPREAD_DB = 3.8
"""Strengths of a tag that stands scatter by 1.2 to 1.7 dB at each antenna, of one that is carried past by 4 and more."""
_NEAR_READS = 5
_EVEN = 0.5
_STANDING_LOG_ODDS = -2.0
"""What one window without any crossing says of a tag in it."""


@dataclass(frozen=True, slots=True)
class Part:
    """The piece of a window that belongs to one crossing."""

    start_s: float
    end_s: float
    crossing: Crossing
    reads: tuple[Read, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A crossing looked at closely: what each tag's reads say, how likely it moved, and the log odds that something passed the way it seems.

    `by_antennas` are the log odds without what the eyes say.
    """

    part: Part
    tags: Mapping[str, Sequence[Seen]]
    numbers: Mapping[str, tuple[float, ...]]
    own: Mapping[str, float]
    moved: Mapping[str, float]
    whole: tuple[float, ...]
    by_antennas: float
    log_odds: float

    def group(self) -> set[str]:
        """The tags that rather moved than stood."""
        return {epc for epc, chance in self.moved.items() if chance >= _EVEN}


class Portal:
    """Judges the windows of one portal in order of time. `sides` says which way each antenna looks."""

    def __init__(self, sides: Mapping[int, Side], settings: Settings | None = None, models: Models | None = None) -> None:
        self._sides = dict(sides)
        self._models = models or shipped()
        self._settings = settings or Settings()
        self._memory = Memory()
        self._told: Look | None = None

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        """The passes in a window. `ended` false: more reads follow without a pause; what is still under way is left to the next window."""
        tags = by_tag(window.reads, self._sides)
        looks = self.looks(window, tags, ended=ended)
        if not looks and (by_eyes := _crossing_by_eyes(window.edges)) is not None:
            looks = looked_at(self, window, [by_eyes], tags)
        if not looks and not ended:
            return Judged([], window.start_s if window.edges else max(window.start_s, window.end_s - _REACH_S))
        if not looks:
            return Judged(self._without_crossing(window, tags), window.end_s)
        passes = [self._turned(window, group) if len(group) > 1 else self._pass(window, group[0]) for group in _turns(looks)]
        return Judged(passes, window.end_s if ended else max(look.part.crossing.t_s for look in looks) + _CORE_S)

    def looks(self, window: Window, tags: Tags, *, ended: bool = True) -> list[Look]:
        """The crossings in a window by which something rather passed than not, in order of time.

        Chance is left out one by one, the least likely first. What stays beside one group may be another that crossed close behind it: then it is looked
        for among the tags that are left.
        """
        looks: list[Look] = []
        left = dict(tags)
        while left and len(looks) < _GROUPS_MAX:
            found = self._clear_looks(window, left, ended=ended, least=_MORE_LOG_ODDS if looks else _LEAST_LOG_ODDS)
            if not found:
                break
            looks += found
            gone = {epc for look in found for epc in look.group()}
            left = {epc: reads for epc, reads in left.items() if epc not in gone} if gone else {}
        return sorted((look for look in looks if not self._is_told(look)), key=lambda look: look.part.crossing.t_s)

    def _clear_looks(self, window: Window, tags: Tags, *, ended: bool, least: float) -> list[Look]:
        prior = {epc: self._memory.prior(epc) for epc in tags}
        crossings = find_crossings(tags, window.start_s, window.end_s, prior)
        settled_s = window.end_s if ended else window.end_s - _SETTLED_S
        while any(each.t_s <= settled_s for each in crossings):
            looks = [look for look in looked_at(self, window, crossings, tags) if look.part.crossing.t_s <= settled_s]
            doubtful = min(looks, key=lambda look: look.log_odds)
            if doubtful.log_odds >= least:
                return looks
            crossings = [each for each in crossings if each is not doubtful.part.crossing]
        return []

    def _is_told(self, look: Look) -> bool:
        """Whether this is the crossing of the last pass, seen once more with what came after it."""
        return self._is_same_way(look, _AGAIN_S)

    def _is_same_way(self, look: Look, within_s: float) -> bool:
        told = self._told
        if told is None or told.part.crossing.sign != look.part.crossing.sign or abs(look.part.crossing.t_s - told.part.crossing.t_s) > within_s:
            return False
        return _same_goods(told, look)

    @property
    def last_crossed_s(self) -> float:
        """When the last goods crossed that were told of."""
        return -math.inf if self._told is None else self._told.part.crossing.t_s

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

    def look(self, part: Part, next_clearness: float, among: Collection[str]) -> Look:
        """What the reads of some tags around a crossing say."""
        tags = seen_from(by_tag([read for read in part.reads if read.epc in among], self._sides), part.crossing)
        numbers = evidence.gather(tags, part.crossing.t_s - part.start_s, part.end_s - part.crossing.t_s) if tags else {}
        own = {epc: self._models.moved.sum(values) for epc, values in numbers.items()}
        ratios = {epc: value + self._memory.prior(epc) for epc, value in own.items()}
        odds = odds_among(list(ratios.values()))
        moved = {epc: sigmoid(value + odds) for epc, value in ratios.items()}
        whole = passed.gather(tags, moved, ratios, part.crossing, next_clearness)
        _, eyes = direction.by_eyes(direction.about(part.edges, part.crossing.t_s))
        by_eyes = {"unknown": 0.0, "in": 1.0, "out": -1.0}[eyes.direction] * part.crossing.sign * eyes.log_odds
        by_antennas = self._models.passed.sum(whole)
        return Look(part, tags, numbers, own, moved, whole, by_antennas, by_antennas + by_eyes)

    def _pass(self, window: Window, look: Look) -> Pass:
        part = look.part
        edges = direction.about(part.edges, part.crossing.t_s)
        order, eyes = direction.by_eyes(edges)
        antennas = direction.by_antennas(look.tags, look.moved, part.crossing, look.by_antennas) if part.crossing.clearness else UNDECIDED
        verdict = direction.decide(antennas, eyes, self._settings.sure, has_turned=direction.has_turned(edges), has_tags=bool(look.group()))
        if look.part.crossing.clearness and passed.turned(look.tags, look.moved) > _TURNED:
            verdict = Verdict("unknown", 0.0, "it turned round in the door")
        elif self._is_same_way(look, _LINGERING_S):
            verdict = Verdict("unknown", 0.0, "it went the same way a moment ago, and nobody saw it come back")
        self._remember(look)
        self._told = look
        return _told(window, part, verdict, antennas, order, self._results(look, verdict), part.crossing.t_s)

    def _turned(self, window: Window, looks: Sequence[Look]) -> Pass:
        """The same goods went through and came back at once: nobody knows where they are to stay."""
        clearest = max(looks, key=lambda look: look.log_odds)
        for look in looks:
            self._remember(look)
        self._told = looks[-1]
        verdict = Verdict("unknown", 0.0, "it turned round in the door")
        part = replace(clearest.part, start_s=looks[0].part.start_s, end_s=looks[-1].part.end_s)
        part = replace(part, reads=tuple(read for look in looks for read in look.part.reads), edges=tuple(edge for look in looks for edge in look.part.edges))
        order, _ = direction.by_eyes(part.edges)
        return _told(window, part, verdict, UNDECIDED, order, self._results(clearest, verdict), None)

    def _remember(self, look: Look) -> None:
        for epc, value in look.own.items():
            self._memory.passed(epc, value, evidence.strongest(look.tags[epc]))

    @staticmethod
    def _results(look: Look, verdict: Verdict) -> tuple[TagResult, ...]:
        return tuple(_result(epc, look.tags[epc], look.moved[epc], look.numbers[epc], verdict, look.part.crossing) for epc in sorted(look.tags))

    def _without_crossing(self, window: Window, tags: Tags) -> list[Pass]:
        """Nothing changed sides. Something may have come near all the same, or the eyes saw what carries no tag."""
        order, eyes = direction.by_eyes(window.edges)
        lingering = self._told.group() if self._told is not None and window.start_s - self._told.part.crossing.t_s <= _LINGERING_S else set()
        near = {epc for epc, reads in tags.items() if _came_near(reads) and self._memory.prior(epc) > _STANDING_LOG_ODDS} - lingering
        for epc, reads in tags.items():
            if epc not in near:
                self._memory.passed(epc, _STANDING_LOG_ODDS, _strongest(reads))
        if not near and not any(edge.level for edge in window.edges):
            return []
        verdict = direction.decide(UNDECIDED, eyes, self._settings.sure, has_turned=direction.has_turned(window.edges), has_tags=bool(near))
        part = Part(window.start_s, window.end_s, Crossing(window.end_s, 1, 0.0, 0.0), window.reads, window.edges)
        results = tuple(_result_without_crossing(epc, reads, near=epc in near) for epc, reads in sorted(tags.items()))
        return [_told(window, part, verdict, UNDECIDED, order, results, None)]


def looked_at(portal: Portal, window: Window, crossings: Sequence[Crossing], tags: Collection[str]) -> list[Look]:
    """A close look at each of some crossings of a window, by some of its tags."""
    if not crossings:
        return []
    parts = _parts(window, crossings, portal.last_crossed_s)
    return [portal.look(part, _next_clearness(part.crossing, crossings), tags) for part in parts]


def _turns(looks: Sequence[Look]) -> list[list[Look]]:
    """Crossings of the same goods there and back within a moment belong together."""
    groups: list[list[Look]] = []
    for look in looks:
        last = groups[-1][-1] if groups else None
        if last is not None and _came_back(last, look):
            groups[-1].append(look)
        else:
            groups.append([look])
    return groups


def _came_back(there: Look, back: Look) -> bool:
    one, other = there.part.crossing, back.part.crossing
    if one.sign == other.sign or other.t_s - one.t_s > _TURN_S:
        return False
    return _same_goods(there, back)


def _same_goods(one: Look, other: Look) -> bool:
    both = one.group() & other.group()
    return bool(both) and len(both) >= _SAME_SHARE * min(len(one.group()), len(other.group()))


def _next_clearness(crossing: Crossing, crossings: Sequence[Crossing]) -> float:
    """Of the next clearest moment that is near enough to be compared."""
    return max((other.clearness for other in crossings if other is not crossing and abs(other.t_s - crossing.t_s) <= _REACH_S), default=0.0)


def _crossing_by_eyes(edges: Sequence[Edge]) -> Crossing | None:
    """What the eyes alone saw pass."""
    _, eyes = direction.by_eyes(edges)
    return None if eyes.direction == "unknown" else Crossing(_middle_s(edges), 1 if eyes.direction == "in" else -1, 0.0, 0.0)


def _told(window: Window, part: Part, verdict: Verdict, antennas: Vote, order: Sequence[str], results: tuple[TagResult, ...], crossed_s: float | None) -> Pass:
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


def _parts(window: Window, crossings: Sequence[Crossing], last_crossed_s: float) -> list[Part]:
    """Cut a window half-way between its crossings and the last one told; the eyes of goods that follow each other closely are those of all of them."""
    one_way = len({each.sign for each in crossings}) == 1
    times = [each.t_s for each in crossings]
    middles = [(one + other) / 2 for one, other in itertools.pairwise(times)]
    start_s = max(window.start_s, (last_crossed_s + times[0]) / 2) if last_crossed_s < times[0] - _AGAIN_S else window.start_s
    starts, ends = [start_s, *middles], [*middles, window.end_s]
    parts = []
    for crossing, start_s, end_s in zip(crossings, starts, ends, strict=True):
        from_s, to_s = max(start_s, crossing.t_s - _REACH_S), min(end_s, crossing.t_s + _REACH_S)
        reads = tuple(read for read in window.reads if from_s <= read.t_s <= to_s)
        edges = window.edges if one_way else tuple(edge for edge in window.edges if start_s <= edge.t_s <= end_s)
        parts.append(Part(from_s, to_s, crossing, reads, edges))
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


_STAYED, _MOVED = 0.48, 0.52
"""Between them nobody knows."""


def _decided(moved: float, verdict: Verdict) -> tuple[Result, float]:
    if moved < _STAYED:
        return "stayed", 1 - moved
    if moved < _MOVED or verdict.direction == "unknown":
        return "unknown", 0.5 + abs(moved - 0.5) if verdict.direction == "unknown" else max(moved, 1 - moved)
    return ("moved_in" if verdict.direction == "in" else "moved_out"), moved * verdict.confidence


def _crossed_after_s(reads: Sequence[Seen]) -> float:
    """When the tag itself was in the portal: the middle of its stronger reads, those around the moment at which it changed sides if it was seen to."""
    around = [read for read in reads if abs(read.after_s) <= _CLOSE_BEHIND_S] or list(reads)
    changed_s = _changed_sides_s(around)
    near = around if changed_s is None else [read for read in around if abs(read.after_s - changed_s) <= _CORE_S]
    weights = [10 ** ((read.rssi_dbm or 0.0) / 10) for read in near]
    if changed_s is not None:
        near, weights = [*near, Seen(changed_s, 0, 0, None)], [*weights, sum(weights) or 1.0]
    return sum(weight * read.after_s for weight, read in zip(weights, near, strict=True)) / sum(weights)


def _changed_sides_s(reads: Sequence[Seen]) -> float | None:
    """The moment between two reads with most reads behind before it and ahead after it, of several the middle one; None: read on one side only."""
    if len({read.ahead for read in reads}) == 1:
        return None
    ahead_before = list(itertools.accumulate(read.ahead for read in reads))
    scores = [ahead_before[-1] - 2 * before for before in ahead_before[:-1]]
    best = max(scores)
    moments = [(one.after_s + other.after_s) / 2 for score, (one, other) in zip(scores, itertools.pairwise(reads), strict=True) if score == best]
    return moments[len(moments) // 2]


def _middle_s(edges: Sequence[Edge]) -> float:
    times = [edge.t_s for edge in edges if edge.eye != "presence"]
    return (min(times) + max(times)) / 2


def _strongest(reads: Sequence[SideRead]) -> float | None:
    return max((read.rssi_dbm for read in reads if read.rssi_dbm is not None), default=None)


def _came_near(reads: Sequence[SideRead]) -> bool:
    """Whether a tag's strength rose and fell as it does when it is carried past, and does not when it stands."""
    seen = [Seen(0.0, read.side, read.antenna, read.rssi_dbm) for read in reads]
    return len(reads) >= _NEAR_READS and evidence.spread_db(seen) >= _NEAR_SPREAD_DB
