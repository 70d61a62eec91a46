# SPDX-License-Identifier: Apache-2.0
"""A dock door without its devices: reads and edges of eyes in, passes out. The station and `dockline door replay` run the same code."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace

from gateway.portal.portal import Portal
from gateway.portal.reads import Edge, Eye, Pass, Read, Side, Window
from gateway.portal.sessions import Cut, Sessions
from gateway.portal.settings import Settings

LATE_S = 0.25  # chosen: so much later than what was seen after it a read may come (readers collect reads into reports) and still be put in its place
STANDING_SHARE = 0.6  # chosen: goods that pass are not read for 18 s
_STANDING_READS = 10  # of each tag, so many say where it stands
WAITING_MAX = 50_000  # reads that wait for `advance`; with more, the door goes on by itself


class Door:
    """One door. Times are seconds on one line; nothing is judged before `advance` (or `finish`) says that all up to then has come, so order does not matter.

    `eyes` names the eyes and sensors that the door has: a pass that none of two photo-eyes saw is doubtful.
    """

    def __init__(self, sides: Mapping[int, Side], settings: Settings | None = None, *, eyes: Collection[Eye] = (), portal: Portal | None = None) -> None:
        self._settings = settings or Settings()
        self._sides = dict(sides)
        self._portal = portal or Portal(sides, self._settings)
        self._has_both_eyes = {"inner", "outer"} <= set(eyes)
        self._sessions = Sessions(self._settings, self._portal)
        self._settled_until_s = -math.inf

    def read(self, read: Read) -> list[Pass]:
        """A tag was read; passes only when too much waits for `advance`."""
        return self.read_all((read,)) if read.antenna in self._sides else []

    def read_all(self, reads: Sequence[Read]) -> list[Pass]:
        """Many reads at once; their antennas must be the door's."""
        self._sessions.take(reads)
        return self._overflow() if self._sessions.waiting > WAITING_MAX else []

    def edge(self, edge: Edge) -> list[Pass]:
        """An eye or sensor changed; passes only when too much waits for `advance`."""
        self._settled_until_s = -math.inf
        self._sessions.take_edge(edge)
        return self._overflow() if self._sessions.waiting > WAITING_MAX else []

    def advance(self, t_s: float) -> list[Pass]:
        """Everything up to `t_s` has come: what is over by then is judged."""
        if t_s < self._settled_until_s and self._sessions.waiting <= WAITING_MAX:
            return []
        passes: list[Pass] = []
        while (cut := self._sessions.cut(t_s)) is not None:
            passes += self._judge(cut)
        self._settled_until_s = self._sessions.settled_until_s()
        return passes

    def next_deadline_s(self) -> float | None:
        """The second on the line at which `advance` is due; None: not before something comes."""
        if self._settled_until_s > -math.inf:
            return self._settled_until_s
        waiting_s = self._sessions.waiting_since_s()
        due = [second for second in (self._sessions.due_s(), None if waiting_s is None else waiting_s + LATE_S) if second is not None]
        return min(due, default=None)

    def finish(self) -> list[Pass]:
        """Nothing more will come (the end of a file): judge what is open."""
        passes: list[Pass] = []
        while (cut := self._sessions.end()) is not None:
            passes += self._judge(cut)
        self._settled_until_s = -math.inf
        return passes

    def snapshot(self) -> bytes:
        """What must survive a restart: which tags stand there."""
        return self._portal.snapshot()

    def restore(self, data: bytes) -> None:
        """Take up a snapshot. Raises: ValueError: it is damaged."""
        self._portal.restore(data)

    def open_reads(self) -> Sequence[Read]:
        """The reads of the open window, as far as they were gone through."""
        return self._sessions.open_reads()

    def open_tags(self) -> dict[str, float | None]:
        """The tags that the open window has read so far, each with its strongest read; for neighbours that must wait for it."""
        strongest: dict[str, float | None] = {}
        for read in self.open_reads():
            known = strongest.get(read.epc)
            strongest[read.epc] = read.rssi_dbm if known is None else known if read.rssi_dbm is None else max(known, read.rssi_dbm)
        return strongest

    @property
    def open_since_s(self) -> float | None:
        """When the open window opened, as far as reads were gone through."""
        return self._sessions.open_since_s

    def _overflow(self) -> list[Pass]:
        """Too much waits: go on without what may still come."""
        newest_s = self._sessions.newest_s()
        passes = self.advance(newest_s - LATE_S)
        return passes if self._sessions.waiting <= WAITING_MAX else [*passes, *self.advance(newest_s)]

    def _judge(self, cut: Cut) -> list[Pass]:
        judged = self._portal.judge(cut.window, ended=cut.ended)
        if not cut.ended:
            self._learn_standing(cut.window, {tag.epc for one in judged.passes for tag in one.moved()})
            self._sessions.keep_from(judged.keep_from_s)
        if judged.passes:
            self._sessions.passed([tag.epc for one in judged.passes for tag in one.moved()], cut.window.end_s)
        return [self._seen_by_eyes(one) for one in judged.passes]

    def _learn_standing(self, window: Window, moved: Set[str]) -> None:
        """What was read on and on through a window that found no end, and went nowhere, stands there: else it would keep windows open for ever."""
        seen: dict[str, list[Read]] = {}
        for read in window.reads:
            if read.epc not in moved:
                seen.setdefault(read.epc, []).append(read)
        least_s = STANDING_SHARE * (window.end_s - window.start_s)
        for reads in seen.values():
            if reads[-1].t_s - reads[0].t_s >= least_s:
                for read in reads[:: max(1, len(reads) // _STANDING_READS)]:
                    self._portal.learn_standing(read.epc, read.rssi_dbm)

    def _seen_by_eyes(self, one: Pass) -> Pass:
        """Goods that none of two photo-eyes saw went perhaps by the neighbour's door: nobody decides that but a person."""
        if not self._has_both_eyes or any(edge.eye != "presence" for edge in one.edges) or one.direction == "unknown":
            return one
        return replace(one, direction="unknown", confidence=0.0, reason="no photo-eye saw it")
