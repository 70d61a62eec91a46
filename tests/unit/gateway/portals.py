# SPDX-License-Identifier: Apache-2.0
"""A portal that judges by simple rules, so that what is around it can be tested for itself: who is known to stand, stood; all others went in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from statistics import fmean

from contracts.events import Direction
from gateway.portal.direction import by_eyes
from gateway.portal.portal import Portal
from gateway.portal.reads import Judged, Pass, Read, Result, TagResult, Window


class PlainPortal(Portal):
    """Keeps the windows that it was given; one pass for each that had a tag or an eye. What has not ended is left to the next window from `keep_s` on."""

    def __init__(self, standing: Collection[str] = (), *, keep_s: float = 0.0, direction: Direction = "in") -> None:
        super().__init__({1: "inner", 2: "outer"})
        self.standing = set(standing)
        self.keep_s = keep_s
        self.direction = direction
        self.windows: list[Window] = []
        self.learnt: list[str] = []

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        self.windows.append(window)
        if not ended:
            return Judged([], window.end_s - self.keep_s)
        tags = sorted({read.epc for read in window.reads} - self.standing)
        result: Result = "unknown" if self.direction == "unknown" else "moved_in" if self.direction == "in" else "moved_out"
        results = tuple(self._tag(epc, result, [read for read in window.reads if read.epc == epc]) for epc in tags)
        results += tuple(self._tag(epc, "stayed", []) for epc in sorted({read.epc for read in window.reads} & self.standing))
        judged = Pass(
            start_s=window.start_s,
            end_s=window.end_s,
            crossed_s=fmean([read.t_s for read in window.reads] or [window.start_s]),
            direction=self.direction,
            confidence=1.0,
            tags=results,
            eyes=by_eyes(window.edges)[0],
            closed_by=window.closed_by,
            reads=window.reads,
            edges=window.edges,
        )
        return Judged([judged] if tags or window.edges else [], window.end_s)

    def _tag(self, epc: str, result: Result, reads: Sequence[Read]) -> TagResult:
        peak_dbm = max((read.rssi_dbm for read in reads if read.rssi_dbm is not None), default=None)
        crossed_s = sum(read.t_s for read in reads) / len(reads) if reads else None
        return TagResult(epc, result, 1.0, 0.0 if result == "stayed" else 1.0, len(reads), peak_dbm, crossed_s, {})

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        return epc in self.standing

    def learn_standing(self, epc: str, rssi_dbm: float | None) -> None:
        self.learnt.append(epc)
        self.standing.add(epc)
