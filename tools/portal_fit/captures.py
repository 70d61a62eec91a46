# SPDX-License-Identifier: Apache-2.0
"""Captured runs of a portal: a stack of labelled tags goes to and fro past others that stand.

The portal's own `find_crossings` says when: the models are fitted to the moments at which the portal asks them. How right the moments are is measured by
`benchmarks.accuracy.captured`, which finds them in its own way.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.captured import SIDES, captures
from gateway.portal.crossings import Crossing, by_tag, find_crossings
from gateway.portal.models import Models
from gateway.portal.portal import Portal
from gateway.portal.reads import Read, Window
from tools.portal_fit.looking import LookingPortal, tag_examples
from tools.portal_fit.regression import Example

_TAG_REACHES_S = (12.0, 5.0)
_TAG_GROUPS = (100, 40, 12)
_MOMENT_REACHES_S = (10.0, 6.0)
_MOMENT_GROUPS = (100, 30, 8, 4, 2, 0)
"""Passes are also shown with so few of their moving tags: pallets are smaller than the captured stack, and often nothing passes."""
_NEAR_S = 1.5


@dataclass(frozen=True)
class Run:
    """One run; `crossings` are those of the whole stack, which nothing disturbs."""

    name: str
    reads: tuple[Read, ...]
    moving: frozenset[str]
    crossings: tuple[Crossing, ...]

    def tags(self) -> Iterator[Example]:
        """Every tag at every crossing."""
        rng = random.Random(f"{self.name} tags")
        for crossing, window, went in self._windows(_TAG_REACHES_S, _TAG_GROUPS, rng):
            (look,) = Portal(SIDES).look_at(window, [crossing], by_tag(window.reads, SIDES))
            yield from tag_examples(look, went, look.tags)

    def moments(self, models: Models) -> Iterator[Example]:
        """Every moment that looks like a crossing, with all, few and none of the moving tags there; `models` tell the tags."""
        rng = random.Random(f"{self.name} moments")
        for crossing, window, went in self._windows(_MOMENT_REACHES_S, _MOMENT_GROUPS, rng):
            portal = LookingPortal(SIDES, models)
            portal.judge(window)
            for look in portal.looks_taken:
                found, group = look.part.crossing, look.group()
                right = abs(found.t_s - crossing.t_s) < _NEAR_S and found.sign == crossing.sign
                yield Example(look.whole, bool(went) and right and 2 * len(group & went) >= len(group))

    def _windows(self, reaches_s: tuple[float, ...], groups: tuple[int, ...], rng: random.Random) -> Iterator[tuple[Crossing, Window, frozenset[str]]]:
        times = [self.reads[0].t_s, *(each.t_s for each in self.crossings), self.reads[-1].t_s]
        for before_s, crossing, after_s in zip(times, self.crossings, times[2:], strict=False):
            for reach_s in reaches_s:
                from_s, to_s = max((before_s + crossing.t_s) / 2, crossing.t_s - reach_s), min((after_s + crossing.t_s) / 2, crossing.t_s + reach_s)
                part = [read for read in self.reads if from_s <= read.t_s <= to_s]
                for size in groups:
                    went = frozenset(rng.sample(sorted(self.moving), min(size, len(self.moving))))
                    reads = tuple(read for read in part if read.epc not in self.moving or read.epc in went)
                    yield crossing, Window(from_s, to_s, reads), went


def load(folder: Path) -> list[Run]:
    """The runs of a folder, in the order of their names. Raises: FileNotFoundError: no captures, or no labels."""
    moving, reads_of = captures(folder)
    return [Run(name, reads, moving, tuple(find_crossings(by_tag(reads, SIDES), reads[0].t_s, reads[-1].t_s))) for name, reads in reads_of.items()]
