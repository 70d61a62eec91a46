# SPDX-License-Identifier: Apache-2.0
"""Tag smoothing with the names and the meaning of ALE 1.1 (EPCglobal Application Level Events, part I, tag smoothing of logical readers).

UNKNOWN -- read --> GLIMPSED -- ObservedCountThreshold reads, or read over ObservedTimeThreshold --> OBSERVED
GLIMPSED -- no read for GlimpsedTimeout --> UNKNOWN            OBSERVED -- no read for LostTimeout --> UNKNOWN
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gateway.portal.reads import Read
from gateway.portal.settings import Settings

TAGS_MAX = 20_000  # chosen: tags remembered; with more, those that were lost or glimpsed long ago are forgotten


class Smoother:
    """Which reads are of OBSERVED tags. Reads are given in order of time; one from before counts for the time that it has."""

    def __init__(self, settings: Settings) -> None:
        self._glimpsed_s, self._lost_s = settings.glimpsed_timeout_s, settings.lost_timeout_s
        self._count, self._time_s = settings.observed_count_threshold, settings.observed_time_threshold_s
        self._glimpsed: dict[str, tuple[int, float, float]] = {}  # reads, first and last second
        self._observed: dict[str, float] = {}  # last second
        self.at_once = self._count <= 1  # a first read is a read of one: each tag is OBSERVED by it, and there is nothing to remember

    def observe(self, reads: Sequence[Read]) -> Sequence[Read]:
        """Those of the reads at which their tag is OBSERVED, the one that made it so included."""
        if self.at_once:
            return reads
        observed, lost_s = self._observed, self._lost_s
        found = []
        for read in reads:
            t_s, epc, _, _ = read
            if 0.0 <= t_s - observed.get(epc, math.inf) <= lost_s:
                observed[epc] = t_s
                found.append(read)
            elif self.first_seen_s(read) is not None:
                found.append(read)
        return found

    def first_seen_s(self, read: Read) -> float | None:
        """When the tag was first GLIMPSED (or, OBSERVED before, read now), if with this read it is OBSERVED; else None."""
        t_s, epc = read.t_s, read.epc
        if self.at_once:
            return t_s
        last_s = self._observed.get(epc)
        if last_s is not None:
            if abs(t_s - last_s) <= self._lost_s:
                self._observed[epc] = max(last_s, t_s)
                return t_s
            del self._observed[epc]
        return self._glimpse(epc, t_s)

    def _glimpse(self, epc: str, t_s: float) -> float | None:
        count, first_s, last_s = self._glimpsed.pop(epc, (0, t_s, t_s))
        if abs(t_s - last_s) > self._glimpsed_s:  # also what was held back since long ago
            count, first_s, last_s = 0, t_s, t_s
        count, first_s, last_s = count + 1, min(first_s, t_s), max(last_s, t_s)
        if count >= self._count or 0.0 < self._time_s <= last_s - first_s:
            self._observed[epc] = last_s
            if len(self._observed) > TAGS_MAX:
                self._observed = {known: seen_s for known, seen_s in self._observed.items() if abs(t_s - seen_s) <= self._lost_s}
            if len(self._observed) > TAGS_MAX:
                self._observed = {epc: last_s}  # those that are still there are GLIMPSED again
            return first_s
        self._glimpsed[epc] = (count, first_s, last_s)
        if len(self._glimpsed) > TAGS_MAX:
            del self._glimpsed[next(iter(self._glimpsed))]
        return None
