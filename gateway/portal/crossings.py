# SPDX-License-Identifier: Apache-2.0
"""When, and which way, a group of tags changed from one side of a portal to the other. No tag needs to be known; what stands still cancels out."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from gateway.portal.reads import Read, Side

_STEP_S = 0.5
_REACH_S = 4.0
"""So far before and after a moment reads speak for it: a pallet at a slow 0.5 m/s goes 2 m in it."""
_TOGETHER_S, _WEAKER_DB = 0.6, 4.0
"""Both sides hear a tag at the same time when it is read so close together; so much is clearly weaker (reads scatter by 1.5 dB)."""
_THREE = 3
_APART_S = 4.0
"""Two crossings are at least so far apart; goods that follow each other closely are told apart by their tags' own times."""
_SHARE = 0.25
"""A moment that is so little as clear as the greatest one is noise beside it (chosen)."""
_LEAST = 0.3
_WRONG_SIDE = 0.05
"""A moving tag is read on the wrong side by chance (reflection) so often."""
_PRIOR = 0.02
"""How likely any one tag changes sides at any one moment; so small that many tags that stand do not hide the few that move."""
_TAG_MAX = 4.0
"""One tag alone proves no more than this."""
_NEAR_S = 1.25
_STRONG_PER_DB, _STRONG = 0.1, (-1.0, 3.0)
"""Tags that are stronger at the moment than most tags ever are, are near (captures)."""
_RISE_PER_DB, _RISE_FREE_DB, _RISE = 0.2, 1.5, (-1.0, 2.0)
"""So are those that are stronger than at other times."""


class Crossing(NamedTuple):
    """A moment at which tags changed sides: `sign` +1 from outer to inner, -1 the other way.

    `clearness` is the log likelihood ratio to "nothing changed sides"; tags that stand reach 1.1 once in twenty windows. `agreement` (0-1) is
    the share of what speaks for this way rather than the other.
    """

    t_s: float
    sign: int
    agreement: float
    clearness: float


class SideRead(NamedTuple):
    """A read with its side as a sign: -1 outer, +1 inner."""

    t_s: float
    side: int
    antenna: int
    rssi_dbm: float | None


Tags = Mapping[str, Sequence[SideRead]]


def by_tag(reads: Sequence[Read], sides: Mapping[int, Side]) -> dict[str, list[SideRead]]:
    """The reads of each tag in order of time; those of antennas that have no side are left out."""
    tags: dict[str, list[SideRead]] = {}
    for read in reads:
        side = sides.get(read.antenna)
        if side is not None:
            tags.setdefault(read.epc, []).append(SideRead(read.t_s, 1 if side == "inner" else -1, read.antenna, read.rssi_dbm))
    return {epc: _heard_best(seen) for epc, seen in tags.items()}


def _heard_best(reads: list[SideRead]) -> list[SideRead]:
    """Without the reads of a side that hears the tag clearly weaker than the other does at the same time: the stronger one is nearer."""
    if len({read.side for read in reads}) == 1:
        return reads
    strengths = [(read.t_s, read.side, read.rssi_dbm) for read in reads if read.rssi_dbm is not None]
    kept = []
    low = 0
    for read in reads:
        while low < len(strengths) and strengths[low][0] < read.t_s - _TOGETHER_S:
            low += 1
        together = itertools.takewhile(lambda other, upto_s=read.t_s + _TOGETHER_S: other[0] <= upto_s, itertools.islice(strengths, low, None))  # type: ignore[misc]
        best_dbm = max((dbm for _, side, dbm in together if side != read.side), default=-math.inf)
        if read.rssi_dbm is None or read.rssi_dbm > best_dbm - _WEAKER_DB:
            kept.append(read)
    return kept


def find_crossings(tags: Tags, start_s: float, end_s: float, prior: Mapping[str, float] | None = None) -> list[Crossing]:
    """The moments between `start_s` and `end_s` at which a group changed sides, in order of time. `prior`: log odds of tags that they move at all."""
    steps = max(1, math.ceil((end_s - start_s) / _STEP_S)) + 1
    inward, outward = [0.0] * steps, [0.0] * steps
    usual_dbm = _usual_dbm(tags)
    for epc, reads in tags.items():
        for step, to_inner, to_outer in _changes(reads, start_s, steps, usual_dbm, 0.0 if prior is None else prior.get(epc, 0.0)):
            inward[step] += to_inner
            outward[step] += to_outer
    clear = [max(both) for both in zip(inward, outward, strict=True)]
    greatest = max(clear)
    moments: list[Crossing] = []
    for step in sorted(range(steps), key=lambda step: -clear[step]):
        if clear[step] < max(_LEAST, _SHARE * greatest):
            break
        t_s = start_s + step * _STEP_S
        if all(abs(t_s - other.t_s) >= _APART_S for other in moments) and clear[step] == max(clear[max(0, step - 1) : step + 2]):
            for_in, for_out = math.exp(min(50.0, inward[step])), math.exp(min(50.0, outward[step]))
            t_s += _STEP_S * _top(clear[max(0, step - 1) : step + 2])
            moments.append(Crossing(t_s, 1 if for_in > for_out else -1, max(for_in, for_out) / (for_in + for_out), clear[step]))
    return sorted(moments)


def _top(values: Sequence[float]) -> float:
    """Where between three steps the top of a parabola through them lies, from the middle one; 0 at the ends."""
    if len(values) < _THREE or 2 * values[1] - values[0] - values[2] <= 0:
        return 0.0
    return 0.5 * (values[2] - values[0]) / (2 * values[1] - values[0] - values[2])


def _usual_dbm(tags: Tags) -> float | None:
    """The median of the tags' strongest reads."""
    peaks = sorted(max(values) for reads in tags.values() if (values := [read.rssi_dbm for read in reads if read.rssi_dbm is not None]))
    return peaks[len(peaks) // 2] if peaks else None


def _changes(reads: Sequence[SideRead], start_s: float, steps: int, usual_dbm: float | None, prior: float) -> list[tuple[int, float, float]]:
    """For each moment what a tag says for its having gone in, and out, then: log likelihood ratios to "nothing happened", as one of many tags.

    Coming into sight, or going out of it, is not yet a change of sides: the tag must have been read before and after.
    """
    times = [read.t_s for read in reads]
    inner = [0, *itertools.accumulate(int(read.side > 0) for read in reads)]
    first, last = max(0, math.floor((times[0] - start_s) / _STEP_S)), min(steps - 1, math.ceil((times[-1] - start_s) / _STEP_S))
    found = []
    for step in range(first, last + 1):
        t_s = start_s + step * _STEP_S
        low, middle, high = bisect_left(times, t_s - _REACH_S), bisect_left(times, t_s), bisect_left(times, t_s + _REACH_S)
        if low == middle or middle == high:
            continue
        inner_before, inner_after = inner[middle] - inner[low], inner[high] - inner[middle]
        outer_before, outer_after = middle - low - inner_before, high - middle - inner_after
        to_inner = _change(outer_before + inner_after, inner_before + outer_after, inner_before + inner_after)
        to_outer = _change(inner_before + outer_after, outer_before + inner_after, inner_before + inner_after)
        if max(to_inner, to_outer) + prior < _HOPELESS:
            found.append((step, _NOTHING, _NOTHING))
            continue
        near = prior + _nearness(reads[low:high], t_s, usual_dbm)
        found.append((step, _as_one_of_many(to_inner + near), _as_one_of_many(to_outer + near)))
    return found


def _as_one_of_many(ratio: float) -> float:
    return math.log(1 - _PRIOR + _PRIOR * math.exp(max(-_TAG_MAX, min(_TAG_MAX, ratio))))


_NOTHING = _as_one_of_many(-_TAG_MAX)
_HOPELESS = -_TAG_MAX - _STRONG[1] - _RISE[1] + 3.0
"""Strength cannot make up for such sides by so much that it would be seen."""


@lru_cache(maxsize=4096)
def _change(fitting: int, contrary: int, inner: int) -> float:
    """Log likelihood ratio of reads that fit and do not fit a change of sides to those of a tag that stands and is read `inner` times on the inner side."""
    total = fitting + contrary
    standing = math.lgamma(inner + 0.5) + math.lgamma(total - inner + 0.5) - math.lgamma(total + 1) - math.log(math.pi)
    return fitting * math.log(1 - _WRONG_SIDE) + contrary * math.log(_WRONG_SIDE) - standing


def _nearness(reads: Sequence[SideRead], t_s: float, usual_dbm: float | None) -> float:
    """What a tag's strength says for its being in the portal at a moment."""
    near = [read.rssi_dbm for read in reads if read.rssi_dbm is not None and abs(read.t_s - t_s) <= _NEAR_S]
    if not near or usual_dbm is None:
        return 0.0
    peak_dbm = max(near)
    away = [read.rssi_dbm for read in reads if read.rssi_dbm is not None and abs(read.t_s - t_s) > _NEAR_S]
    said = _within(_STRONG_PER_DB * (peak_dbm - usual_dbm), _STRONG)
    return said + (_within(_RISE_PER_DB * (peak_dbm - sum(away) / len(away) - _RISE_FREE_DB), _RISE) if away else 0.0)


def _within(value: float, bounds: tuple[float, float]) -> float:
    return max(bounds[0], min(bounds[1], value))
