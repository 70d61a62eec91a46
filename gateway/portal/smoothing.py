# SPDX-License-Identifier: Apache-2.0
"""Tag smoothing with the names and the meaning of ALE 1.1 (EPCglobal Application Level Events, part I, tag smoothing of logical readers).

UNKNOWN -- read --> GLIMPSED -- ObservedCountThreshold reads, or read over ObservedTimeThreshold --> OBSERVED
GLIMPSED -- no read for GlimpsedTimeout --> UNKNOWN            OBSERVED -- no read for LostTimeout --> UNKNOWN
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.portal.reads import Read
from gateway.portal.settings import Settings

TAGS_MAX = 20_000  # chosen: tags remembered; then those that were lost are forgotten


class Smoother:
    """Which reads are of OBSERVED tags. Reads are given in order of time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._count, self._time_s = settings.observed_count_threshold, settings.observed_time_threshold_s
        self._tags: dict[str, tuple[bool, int, float, float]] = {}  # observed, reads, first and last second
        self.at_once = self._count <= 1  # a first read is a read of one: each tag is OBSERVED by it, and there is nothing to remember

    def observe(self, reads: Sequence[Read]) -> Sequence[Read]:
        """Those of the reads at which their tag is OBSERVED, the one that made it so included."""
        if self.at_once:
            return reads
        return [read for read in reads if self.first_seen_s(read) is not None]

    def first_seen_s(self, read: Read) -> float | None:
        """When the tag was first GLIMPSED, if with this read it is OBSERVED; else None."""
        t_s = read.t_s
        if self.at_once:
            return t_s
        observed, count, first_s, last_s = self._tags.get(read.epc, (False, 0, t_s, t_s))
        if abs(t_s - last_s) > (self._settings.lost_timeout_s if observed else self._settings.glimpsed_timeout_s):  # also of what was held back since long ago
            observed, count, first_s, last_s = False, 0, t_s, t_s
        count += 1
        observed = observed or count >= self._count or 0.0 < self._time_s <= t_s - first_s
        first_s = min(first_s, t_s)
        self._tags[read.epc] = (observed, count, first_s, max(last_s, t_s))
        if len(self._tags) > TAGS_MAX:
            self._forget(t_s)
        return first_s if observed else None

    def _forget(self, now_s: float) -> None:
        """Drop what is lost anyway; if that is not enough, everything: a tag that is still there is GLIMPSED again."""
        longest_s = max(self._settings.lost_timeout_s, self._settings.glimpsed_timeout_s)
        self._tags = {epc: tag for epc, tag in self._tags.items() if now_s - tag[3] <= longest_s}
        if len(self._tags) > TAGS_MAX // 2:
            self._tags = {}
