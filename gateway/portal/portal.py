# SPDX-License-Identifier: Apache-2.0
"""One portal's judgement: windows of reads go in, passes come out; what stands beside the portal is learnt on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gateway.portal import direction, passed, results
from gateway.portal.crossings import Crossing, SideRead, Tags, by_tag, find_crossings
from gateway.portal.direction import UNDECIDED, Verdict, Vote
from gateway.portal.logistic import sigmoid
from gateway.portal.looks import AGAIN_S, REACH_S, Look, Observer, Part
from gateway.portal.memory import Memory
from gateway.portal.models import Models, shipped
from gateway.portal.reads import EVEN, Edge, Eye, Judged, Pass, Side, TagResult, Window
from gateway.portal.settings import Settings
from gateway.portal.strength import spread_db, strongest_dbm

_SETTLED_S = 4.0
"""A crossing that may go on changing is judged when so much more was seen of it."""
_AFTER_S = 1.5
"""So long after a crossing that was told the next window begins: its goods are through."""
_TURN_S = 8.0
"""Goods that come back sooner turned round; those that come later went, and came back (chosen)."""
_TURNED = 0.25
"""One in a hundred goods that go through are read so often on the wrong side well before or after; of those that turn round, four in ten (simulation)."""
_LINGERING_S = 16.0
"""So long after goods went through they may still be seen in the door (chosen: a truck is loaded from there)."""
_LEAST_LOG_ODDS = -0.7
"""What may well have been a pass is told as a doubtful one rather than not at all (chosen)."""
_MORE_LOG_ODDS = 1.0
"""A second group in the same window must be rather likely: the tags that stand are searched a second time for it (chosen)."""
_GROUPS_MAX = 4
"""More groups in one window are not looked for (chosen: four pallets in half a minute)."""
_NEAR_READS, _NEAR_SPREAD_DB = 5, 3.8
"""Strengths of a tag that stands scatter by 1.2 to 1.7 dB at each antenna, of one that is carried past by 4 and more; fewer reads do not tell (captures)."""
_STANDING_LOG_ODDS = -2.0
"""What one window without any crossing says of a tag in it (chosen)."""


class Portal:
    """Judges the windows of one portal in order of time. `sides` says which way each antenna looks; `models` None: those that come with the gateway."""

    def __init__(self, sides: Mapping[int, Side], settings: Settings | None = None, models: Models | None = None) -> None:
        self._sides = dict(sides)
        self._settings = settings or Settings()
        self._memory = Memory()
        self._observer = Observer(self._sides, models or shipped(), self._memory)
        self._last: Look | None = None

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        """The passes in a window. `ended` false: more reads follow without a pause; what is still under way is left to the next window."""
        tags = by_tag(window.reads, self._sides)
        looks = self.looks(window, tags, ended=ended)
        if not looks and (by_eyes := _crossing_by_eyes(window.edges)) is not None:
            looks = self.look_at(window, [by_eyes], tags)
        if not looks and not ended:
            return Judged([], window.start_s if window.edges else max(window.start_s, window.end_s - REACH_S))
        if not looks:
            return Judged(self._without_crossing(window, tags), window.end_s)
        passes = [self._turned(window, group) if len(group) > 1 else self._passed(window, group[0]) for group in _turns(looks)]
        return Judged(passes, window.end_s if ended else max(look.part.crossing.t_s for look in looks) + _AFTER_S)

    def looks(self, window: Window, tags: Tags, *, ended: bool = True) -> list[Look]:
        """The crossings in a window by which something rather passed than not, in order of time.

        Chance is left out one by one, the least likely first. What stays beside one group may be another that crossed close behind it: then it is looked
        for among the tags that are left.
        """
        looks: list[Look] = []
        left = dict(tags)
        while left and len(looks) < _GROUPS_MAX:
            found = self._clear_looks(window, left, ended=ended, least=_MORE_LOG_ODDS if looks else _LEAST_LOG_ODDS)
            gone = {epc for look in found for epc in look.group()}
            looks += found
            left = {epc: reads for epc, reads in left.items() if epc not in gone} if gone else {}
        return sorted((look for look in looks if not self._went_same_way(look, AGAIN_S)), key=lambda look: look.part.crossing.t_s)

    def look_at(self, window: Window, crossings: Sequence[Crossing], tags: Tags) -> list[Look]:
        """A close look at each of some crossings of a window, by some of its tags."""
        return self._observer.look_at(window, crossings, tags, -math.inf if self._last is None else self._last.part.crossing.t_s)

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        """Whether a read is what this portal is used to of a tag that stands there: it neither opens a session nor keeps one open."""
        return self._memory.stands(epc, rssi_dbm)

    def learn_standing(self, epc: str, rssi_dbm: float | None) -> None:
        """Take note of a read outside sessions."""
        self._memory.read(epc, rssi_dbm)

    def snapshot(self) -> bytes:
        """What stands beside the portal, to be kept over a restart."""
        return self._memory.snapshot()

    def restore(self, data: bytes) -> None:
        """Take up a snapshot. Raises: ValueError: it is damaged."""
        self._memory.restore(data)

    def _clear_looks(self, window: Window, tags: Tags, *, ended: bool, least: float) -> list[Look]:
        prior = {epc: self._memory.prior(epc) for epc in tags}
        crossings = find_crossings(tags, window.start_s, window.end_s, prior)
        settled_s = window.end_s if ended else window.end_s - _SETTLED_S
        while any(each.t_s <= settled_s for each in crossings):
            looks = [look for look in self.look_at(window, crossings, tags) if look.part.crossing.t_s <= settled_s]
            doubtful = min(looks, key=lambda look: look.log_odds)
            if doubtful.log_odds >= least:
                return looks
            crossings = [each for each in crossings if each is not doubtful.part.crossing]
        return []

    def _went_same_way(self, look: Look, within_s: float) -> bool:
        """Whether the goods of the last pass seem to go the same way again: nothing does without coming back."""
        last = self._last
        if last is None or last.part.crossing.sign != look.part.crossing.sign or abs(look.part.crossing.t_s - last.part.crossing.t_s) > within_s:
            return False
        return last.is_same_goods(look)

    def _passed(self, window: Window, look: Look) -> Pass:
        part = look.part
        edges = direction.about(part.edges, part.crossing.t_s)
        order, eyes = direction.by_eyes(edges)
        antennas = direction.by_antennas(look.tags, look.moved, part.crossing, look.by_antennas) if part.crossing.clearness else UNDECIDED
        verdict = direction.decide(antennas, eyes, self._settings.sure, has_turned=direction.has_turned(edges), has_tags=bool(look.group()))
        if part.crossing.clearness and passed.turned(look.tags, look.moved) > _TURNED:
            verdict = Verdict("unknown", 0.0, "it turned round in the door")
        elif self._went_same_way(look, _LINGERING_S):
            verdict = Verdict("unknown", 0.0, "it went the same way a moment ago, and nobody saw it come back")
        self._take_note([look])
        return _pass_of(part, window, verdict, antennas, order, results.of_look(look, verdict), part.crossing.t_s)

    def _turned(self, window: Window, looks: Sequence[Look]) -> Pass:
        """The same goods went through and came back at once: nobody knows where they are to stay."""
        self._take_note(looks)
        clearest = max(looks, key=lambda look: look.log_odds)
        verdict = Verdict("unknown", 0.0, "it turned round in the door")
        span = Window(
            looks[0].part.start_s,
            looks[-1].part.end_s,
            tuple(read for look in looks for read in look.part.reads),
            tuple(edge for look in looks for edge in look.part.edges),
        )
        order, _ = direction.by_eyes(span.edges)
        return _pass_of(span, window, verdict, UNDECIDED, order, results.of_look(clearest, verdict), None)

    def _take_note(self, looks: Sequence[Look]) -> None:
        """Remember which tags stood, and what was told last."""
        for look in looks:
            for epc, ratio in look.own.items():
                self._memory.passed(epc, ratio, strongest_dbm(look.tags[epc]))
        self._last = looks[-1]

    def _without_crossing(self, window: Window, tags: Tags) -> list[Pass]:
        """Nothing changed sides. Something may have come near all the same, or the eyes saw what carries no tag."""
        lingering = self._last.group() if self._last is not None and window.start_s - self._last.part.crossing.t_s <= _LINGERING_S else set()
        near = {epc for epc, reads in tags.items() if _came_near(reads) and self._memory.prior(epc) > _STANDING_LOG_ODDS} - lingering
        for epc, reads in tags.items():
            if epc not in near:
                self._memory.passed(epc, _STANDING_LOG_ODDS, strongest_dbm(reads))
        if not near and not any(edge.level for edge in window.edges):
            return []
        order, eyes = direction.by_eyes(window.edges)
        verdict = direction.decide(UNDECIDED, eyes, self._settings.sure, has_turned=direction.has_turned(window.edges), has_tags=bool(near))
        standing = sigmoid(_STANDING_LOG_ODDS)
        found = tuple(results.without_crossing(epc, reads, EVEN if epc in near else standing) for epc, reads in sorted(tags.items()))
        return [_pass_of(window, window, verdict, UNDECIDED, order, found, None)]


def _turns(looks: Sequence[Look]) -> list[list[Look]]:
    """Crossings of the same goods there and back within a moment belong together."""
    groups: list[list[Look]] = []
    for look in looks:
        if groups and _came_back(groups[-1][-1], look):
            groups[-1].append(look)
        else:
            groups.append([look])
    return groups


def _came_back(there: Look, back: Look) -> bool:
    one, other = there.part.crossing, back.part.crossing
    return one.sign != other.sign and other.t_s - one.t_s <= _TURN_S and there.is_same_goods(back)


def _crossing_by_eyes(edges: Sequence[Edge]) -> Crossing | None:
    """What the eyes alone saw pass."""
    _, eyes = direction.by_eyes(edges)
    times = [edge.t_s for edge in edges if edge.eye != "presence"]
    return None if eyes.direction == "unknown" else Crossing((min(times) + max(times)) / 2, 1 if eyes.direction == "in" else -1, 0.0, 0.0)


def _came_near(reads: Sequence[SideRead]) -> bool:
    """Whether a tag's strength rose and fell as it does when it is carried past, and does not when it stands."""
    return len(reads) >= _NEAR_READS and spread_db(reads) >= _NEAR_SPREAD_DB


def _pass_of(
    span: Window | Part, window: Window, verdict: Verdict, antennas: Vote, order: tuple[Eye, ...], tags: tuple[TagResult, ...], crossed_s: float | None
) -> Pass:
    """The pass that a span of a window was."""
    return Pass(
        start_s=span.start_s,
        end_s=span.end_s,
        crossed_s=crossed_s,
        direction=verdict.direction,
        confidence=verdict.confidence,
        tags=tags,
        antennas=antennas.direction,
        antennas_confidence=antennas.confidence,
        eyes=order,
        reason=verdict.reason,
        closed_by=window.closed_by,
        reads=span.reads,
        edges=span.edges,
    )
