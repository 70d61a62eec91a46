# SPDX-License-Identifier: Apache-2.0
"""What became of each tag in a pass, and when it went through."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from gateway.portal import evidence
from gateway.portal.direction import Verdict
from gateway.portal.looks import Look
from gateway.portal.reads import EVEN, Result, TagResult
from gateway.portal.strength import Heard, strongest_dbm, weights
from gateway.portal.template import Seen

_STAYED, _MOVED = 0.48, 0.52
"""Between them the odds are even, and nobody knows."""
_CLOSE_BEHIND_S = 6.0
"""Goods that cross so long before or after others may be found with them (chosen)."""
_AROUND_S = 1.5
"""So near to a tag's change of sides its reads say when it was in the portal."""
_POWER_DB = 10.0
"""Reads count by the power that they were received with."""


def of_look(look: Look, verdict: Verdict) -> tuple[TagResult, ...]:
    """The tags of a look, in the order of their EPCs."""
    return tuple(_of_tag(look, epc, verdict) for epc in sorted(look.tags))


def without_crossing(epc: str, reads: Sequence[Heard], moved: float) -> TagResult:
    """A tag of a window in which nothing changed sides; `moved` is how likely it went through all the same."""
    return TagResult(epc, "unknown" if moved >= EVEN else "stayed", max(moved, 1 - moved), moved, len(reads), strongest_dbm(reads), None, {})


def _of_tag(look: Look, epc: str, verdict: Verdict) -> TagResult:
    reads, moved = look.tags[epc], look.moved[epc]
    result, confidence = _decided(moved, verdict)
    told = {name: round(number, 2) for name, number in zip(evidence.NAMES, look.numbers[epc], strict=True)}
    crossed_s = look.part.crossing.t_s + _crossed_after_s(reads) if moved >= EVEN else None
    return TagResult(epc, result, confidence, moved, len(reads), strongest_dbm(reads), crossed_s, told)


def _decided(moved: float, verdict: Verdict) -> tuple[Result, float]:
    if moved < _STAYED:
        return "stayed", 1 - moved
    if moved < _MOVED or verdict.direction == "unknown":
        return "unknown", max(moved, 1 - moved)
    return ("moved_in" if verdict.direction == "in" else "moved_out"), moved * verdict.confidence


def _crossed_after_s(reads: Sequence[Seen]) -> float:
    """When the tag itself was in the portal, from the group's crossing: the middle of its strong reads, and its own change of sides if it was seen."""
    around = [read for read in reads if abs(read.after_s) <= _CLOSE_BEHIND_S] or reads
    changed_s = _changed_sides_s(around)
    if changed_s is None:
        return _middle_s(around)
    near = [read for read in around if abs(read.after_s - changed_s) <= _AROUND_S]
    return (changed_s + _middle_s(near)) / 2 if near else changed_s


def _middle_s(reads: Sequence[Seen]) -> float:
    powers = weights(reads, _POWER_DB)
    return sum(power * read.after_s for power, read in zip(powers, reads, strict=True)) / sum(powers)


def _changed_sides_s(reads: Sequence[Seen]) -> float | None:
    """The moment between two reads with most reads behind before it and ahead after it, of several the middle one; None: read on one side only."""
    if len({read.ahead for read in reads}) == 1:
        return None
    ahead_before = list(itertools.accumulate(read.ahead for read in reads))
    scores = [ahead_before[-1] - 2 * before for before in ahead_before[:-1]]
    best = max(scores)
    moments = [(one.after_s + other.after_s) / 2 for score, (one, other) in zip(scores, itertools.pairwise(reads), strict=True) if score == best]
    return moments[len(moments) // 2]
