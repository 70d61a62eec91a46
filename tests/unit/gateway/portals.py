# SPDX-License-Identifier: Apache-2.0
"""A portal that judges by simple rules, so that what is around it can be tested for itself: who is known to stand, stood; all others went in."""

from __future__ import annotations

from collections.abc import Collection

from gateway.portal.eyes import order
from gateway.portal.portal import Portal
from gateway.portal.reads import Judged, Pass, TagResult, Window


class PlainPortal(Portal):
    """Keeps the windows that it was given; one pass for each that had a tag or an eye. What has not ended is left to the next window from `keep_s` on."""

    def __init__(self, standing: Collection[str] = (), *, keep_s: float = 0.0) -> None:
        super().__init__({1: "inner", 2: "outer"})
        self.standing = set(standing)
        self.keep_s = keep_s
        self.windows: list[Window] = []
        self.learnt: list[str] = []

    def judge(self, window: Window, *, ended: bool = True) -> Judged:
        self.windows.append(window)
        if not ended:
            return Judged([], window.end_s - self.keep_s)
        tags = sorted({read.epc for read in window.reads} - self.standing)
        results = tuple(TagResult(epc, "moved_in", 1.0, 1.0, 1, None, window.start_s, {}) for epc in tags)
        judged = Pass(
            window.start_s, window.end_s, window.start_s, "in", 1.0, results, eyes=order(list(window.edges)), closed_by=window.closed_by, reads=window.reads,
            edges=window.edges,
        )  # fmt: skip
        return Judged([judged] if results or window.edges else [], window.end_s)

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        return epc in self.standing

    def learn_standing(self, epc: str, antenna: int, rssi_dbm: float | None, t_s: float) -> None:
        self.learnt.append(epc)
        self.standing.add(epc)
