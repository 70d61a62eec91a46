# SPDX-License-Identifier: Apache-2.0
"""A close look at crossings: what each tag's reads around one say, how likely it went with the group, and whether anything passed at all."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gateway.portal import direction, evidence, passed
from gateway.portal.crossings import Crossing, Tags, by_tag
from gateway.portal.logistic import odds_among, sigmoid
from gateway.portal.memory import Memory
from gateway.portal.models import Models
from gateway.portal.reads import EVEN, Edge, Read, Side, Window
from gateway.portal.template import Seen

REACH_S = 12.0
"""So far before and after a crossing reads still tell who went with it (chosen: a pallet waits so long before a door)."""
AGAIN_S = 4.0
"""A crossing of the same goods that lies no farther from the last one is the same, seen once more."""
_SAME_SHARE = 0.5
"""So much of the smaller group makes two groups the same goods (chosen)."""


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
    """A crossing looked at closely.

    By tag: `tags` its reads, `numbers` those named in `evidence.NAMES`, `own` what they say for its having moved (log likelihood ratio), `moved` how likely
    that is (0-1) with what was known before. Of all together: `whole` the numbers named in `passed.NAMES`; `by_antennas` the log odds that something passed
    the way it seems, `log_odds` the same with what the eyes say.
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
        return {epc for epc, chance in self.moved.items() if chance >= EVEN}

    def is_same_goods(self, other: Look) -> bool:
        """Whether another look is at the same tags."""
        mine, theirs = self.group(), other.group()
        both = mine & theirs
        return bool(both) and len(both) >= _SAME_SHARE * min(len(mine), len(theirs))


class Observer:
    """Looks at the crossings of one portal with what it remembers of standing tags."""

    def __init__(self, sides: Mapping[int, Side], models: Models, memory: Memory) -> None:
        self._sides = sides
        self._models = models
        self._memory = memory

    def look_at(self, window: Window, crossings: Sequence[Crossing], among: Collection[str], last_crossed_s: float) -> list[Look]:
        """Each of some crossings of a window (in order of time), by the tags `among`; the last pass before them crossed at `last_crossed_s`."""
        if not crossings:
            return []
        return [self._look(part, _next_clearness(part.crossing, crossings), among) for part in _parts(window, crossings, last_crossed_s)]

    def _look(self, part: Part, next_clearness: float, among: Collection[str]) -> Look:
        crossing = part.crossing
        tags = _seen_from(by_tag([read for read in part.reads if read.epc in among], self._sides), crossing)
        numbers = evidence.gather(tags, crossing.t_s - part.start_s, part.end_s - crossing.t_s) if tags else {}
        own = {epc: self._models.moved.sum(values) for epc, values in numbers.items()}
        ratios = {epc: value + self._memory.prior(epc) for epc, value in own.items()}
        odds = odds_among(list(ratios.values()))
        moved = {epc: sigmoid(value + odds) for epc, value in ratios.items()}
        whole = passed.gather(tags, moved, ratios, crossing, next_clearness)
        by_antennas = self._models.passed.sum(whole)
        _, eyes = direction.by_eyes(direction.about(part.edges, crossing.t_s))
        return Look(part, tags, numbers, own, moved, whole, by_antennas, by_antennas + crossing.sign * eyes.inward)


def _next_clearness(crossing: Crossing, crossings: Sequence[Crossing]) -> float:
    """Of the next clearest moment that is near enough to be compared."""
    return max((other.clearness for other in crossings if other is not crossing and abs(other.t_s - crossing.t_s) <= REACH_S), default=0.0)


def _parts(window: Window, crossings: Sequence[Crossing], last_crossed_s: float) -> list[Part]:
    """Cut a window half-way between its crossings and the last one told; the eyes of goods that follow each other closely are those of all of them."""
    one_way = len({each.sign for each in crossings}) == 1
    times = [each.t_s for each in crossings]
    middles = [(one + other) / 2 for one, other in itertools.pairwise(times)]
    first_s = max(window.start_s, (last_crossed_s + times[0]) / 2) if last_crossed_s < times[0] - AGAIN_S else window.start_s
    parts = []
    for crossing, start_s, end_s in zip(crossings, [first_s, *middles], [*middles, window.end_s], strict=True):
        from_s, to_s = max(start_s, crossing.t_s - REACH_S), min(end_s, crossing.t_s + REACH_S)
        reads = tuple(read for read in window.reads if from_s <= read.t_s <= to_s)
        edges = window.edges if one_way else tuple(edge for edge in window.edges if start_s <= edge.t_s <= end_s)
        parts.append(Part(from_s, to_s, crossing, reads, edges))
    return parts


def _seen_from(tags: Tags, crossing: Crossing) -> dict[str, list[Seen]]:
    return {epc: [Seen(read.t_s - crossing.t_s, read.side * crossing.sign, read.antenna, read.rssi_dbm) for read in reads] for epc, reads in tags.items()}
