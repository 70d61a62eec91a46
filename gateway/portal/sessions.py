# SPDX-License-Identifier: Apache-2.0
"""Cuts what a portal sees into windows, by the time at which it was seen and not by when or in which order it arrived.

A window opens when an eye or sensor is covered, or by the first OBSERVED tag that does not stand there; it closes `settle_s` after both photo-eyes (or the
presence sensor) are free again, after `quiet_s` without anything that moves, or after `session_max_s`. Reads of some seconds before it opened belong to it:
they show what the tags did before. Nothing is kept without bound.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from gateway.portal.eyes import Eyes
from gateway.portal.reads import ClosedBy, Edge, Read, Window
from gateway.portal.settings import Settings
from gateway.portal.smoothing import Smoother

BEFORE_S = 5.0  # chosen: so much of what was seen before belongs to a window
COVERED_S = 5.0  # chosen: goods that stand before a photo-eye and are not read keep a window open so much longer; an eye whose end was missed no more than that
LINGER_S = 1.0  # chosen: so long after the second eye is free reads of what has just passed are still awaited; they show who went with it
TAIL_S = 3.0  # so long goods that have passed may still be read (4 m at a slow 1.3 m/s)
READS_MAX = 60_000  # of one window; a reader at its 1,100 reads/s needs 54 s for them
_BEFORE_READS_MAX = 8_000
_PRUNE_READS_MIN = 256
_LATE_MAX = 200_000
_EDGES_MAX = 2_000
_TAILS_MAX = 5_000
_SPANS_MAX = 64
_BOTH_EYES = 2
_time = itemgetter(0)


class Standing(Protocol):
    """What a portal knows of tags that stand there (`Portal` has it)."""

    def stands(self, epc: str, rssi_dbm: float | None) -> bool:
        """Whether a read is what is usual of this tag."""

    def learn_standing(self, epc: str, rssi_dbm: float | None) -> None:
        """Note a read outside windows."""


class Cut(NamedTuple):
    """A window to be judged; not `ended`: goods are still under way at its end."""

    window: Window
    ended: bool


class _Closing(NamedTuple):
    at_s: float
    by: ClosedBy
    ended: bool


class Sessions:
    """The cutter. `take` and `take_edge` note what was seen; `cut` gives the windows that are over at a second before which nothing more will come."""

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._settings = settings
        self._standing = standing
        self._smoother = Smoother(settings)
        self._eyes = Eyes(settings.debounce_s)
        self._new: list[Read] = []
        self._new_edges: list[Edge] = []
        self._in_order = True
        self._late: list[Read] = []  # from before the open window; their turn comes when it is closed
        self._open_s: float | None = None
        self._limit_from_s = 0.0
        self._moving_s = 0.0
        self._free: tuple[float, ClosedBy] | None = None
        self._reads: list[Read] = []  # of the open window, or of the last seconds
        self._edges: list[Edge] = []
        self._prune_at = _PRUNE_READS_MIN
        self._judged_s = -math.inf
        self._tails: dict[str, tuple[float, float]] = {}  # tags of the last window that are still read: when it ended, last read
        self._spans: list[tuple[float, float]] = []  # windows that had tags, oldest first
        self._last = Window(0.0, 0.0, ())

    # ---- what was seen, in any order

    def take(self, reads: Sequence[Read]) -> None:
        """Note reads."""
        if self._in_order and (len(reads) > 1 or (self._new and reads and reads[0].t_s < self._new[-1].t_s)):
            self._in_order = False  # sorting what is in order is as cheap as looking whether it is
        self._new += reads

    def take_edge(self, edge: Edge) -> None:
        """Note an edge."""
        self._new_edges.append(edge)
        self._new_edges.sort(key=_time)

    @property
    def waiting(self) -> int:
        """How much was noted and not gone through yet."""
        return len(self._new) + len(self._new_edges)

    def settled_until_s(self) -> float:
        """Up to here nothing can be decided, whatever reads wait to be gone through: they can but keep the open window open."""
        if self._open_s is None or self._new_edges or self._eyes.due_s() is not None or len(self._reads) + len(self._new) > READS_MAX:
            return -math.inf
        return self._closing().at_s

    def waiting_since_s(self) -> float | None:
        """The earliest second of what was noted and not gone through yet."""
        self._sort()
        return min([read.t_s for read in self._new[:1]] + [edge.t_s for edge in self._new_edges[:1]], default=None)

    def newest_s(self) -> float:
        """The latest second of what was noted and not gone through yet."""
        self._sort()
        return max([read.t_s for read in self._new[-1:]] + [edge.t_s for edge in self._new_edges[-1:]], default=-math.inf)

    @property
    def open_since_s(self) -> float | None:
        """When the open window opened."""
        return self._open_s

    def open_reads(self) -> Sequence[Read]:
        """What the open window has so far, with what waits to be gone through."""
        return [*self._reads, *self._new] if self._open_s is not None else ()

    def due_s(self) -> float | None:
        """When the open window closes if nothing more comes, or a change of an eye is certain."""
        return min([due_s for due_s in (self._eyes.due_s(), self._closing().at_s if self._open_s is not None else None) if due_s is not None], default=None)

    # ---- windows, in order of time

    def cut(self, upto_s: float) -> Cut | None:
        """The next window that is over at `upto_s`; call it until there is none. What was noted up to then is gone through."""
        self._sort()
        while True:
            edge_s = self._new_edges[0].t_s if self._new_edges else math.inf
            next_s = min(edge_s, self._new[0].t_s if self._new else math.inf)
            eyes_s = self._eyes.due_s()
            closing = self._closing() if self._open_s is not None else None
            found: Cut | None = None
            if eyes_s is not None and eyes_s <= min(next_s, upto_s):
                self._change(self._eyes.until(eyes_s))
            elif closing is not None and closing.at_s < next_s and closing.at_s <= upto_s:
                found = self._close(closing)
            elif next_s > upto_s or next_s == math.inf:
                return None
            elif edge_s <= next_s:
                self._change(self._eyes.take(self._new_edges.pop(0)))
            else:
                self._run(min(upto_s, closing.at_s if closing else math.inf), min(edge_s, eyes_s if eyes_s is not None else math.inf))
                if self._open_s is not None and len(self._reads) > READS_MAX:
                    found = self._close(_Closing(self._reads[-1].t_s, "longest", ended=False))
            if found is not None:
                return found

    def end(self) -> Cut | None:
        """The next window although its time is not over, since nothing more will come."""
        found = self.cut(math.inf)
        if found is None and self._open_s is not None:
            found = self._close(self._closing())
        return found

    def keep_from(self, from_s: float) -> None:
        """After a cut that had not ended: reads from `from_s` on begin the next window, if they are of anything that moves."""
        kept = [read for read in self._last.reads if read.t_s >= from_s][-READS_MAX // 2 :]
        moving = next((read for read in reversed(kept) if not self._standing.stands(read.epc, read.rssi_dbm)), None)
        if moving is None:
            self._reads = [read for read in kept if read.t_s >= self._last.end_s - BEFORE_S] + self._reads
            return
        self._spans = self._spans[:-1]
        self._open(kept[0].t_s)
        self._limit_from_s, self._moving_s = self._last.end_s, moving.t_s
        self._reads = kept + self._reads
        self._edges = [edge for edge in self._last.edges if edge.t_s >= from_s]

    def passed(self, epcs: Sequence[str], end_s: float) -> None:
        """These tags went with the goods of a window: what is read of them for a moment longer opens no other one."""
        self._tails = dict.fromkeys(epcs[:_TAILS_MAX], (end_s, end_s))

    # ---- reads

    def _sort(self) -> None:
        if not self._in_order:
            self._new.sort(key=_time)
            self._in_order = True

    def _run(self, last_s: float, before_s: float) -> None:
        """Go through the reads up to `last_s` and before `before_s`; at least one, for neither comes before the first."""
        new = self._new
        if new[-1].t_s <= last_s and new[-1].t_s < before_s:
            count = len(new)
        else:
            count = max(1, bisect_right(new, last_s, key=_time))
            while count > 1 and new[count - 1].t_s >= before_s:
                count -= 1
        done = self._take_open(new[:count]) if self._open_s is not None else self._take_idle(new[:count])
        self._new = new[done:]

    def _take_open(self, reads: list[Read]) -> int:
        """Reads in the time of the open window. Only the last one that moves matters for when it closes."""
        assert self._open_s is not None
        if reads[0].t_s < self._open_s - BEFORE_S:
            older = bisect_right(reads, self._open_s - BEFORE_S, key=_time)
            self._late += reads[: older if len(self._late) < _LATE_MAX else 0]
            reads = reads[older:]
            if not reads:
                return older
            return older + self._take_open(reads)
        observed = self._smoother.observe(reads)
        stands = self._standing.stands
        for read in reversed(observed):
            if read.t_s <= self._moving_s:
                break
            if not stands(read.epc, read.rssi_dbm):
                self._moving_s = read.t_s
                break
        self._reads += reads
        return len(reads)

    def _take_idle(self, reads: list[Read]) -> int:
        """Reads while nothing is under way; ends with the one that opens a window."""
        before = self._reads
        for number, read in enumerate(reads, 1):
            if read.t_s <= self._judged_s and self._came_too_late(read.t_s):
                continue
            before.append(read)
            first_s = self._smoother.first_seen_s(read)
            if first_s is not None and not self._is_explained(read):
                self._open(max(first_s, read.t_s - BEFORE_S), read.t_s)
                return number
        if len(before) > self._prune_at:  # so seldom that each read is looked at twice on average
            self._reads = [read for read in before[-_BEFORE_READS_MAX:] if read.t_s >= before[-1].t_s - BEFORE_S]
            self._prune_at = 2 * len(self._reads) + _PRUNE_READS_MIN
        return len(reads)

    def _came_too_late(self, t_s: float) -> bool:
        """Whether a read belongs to a window that is judged."""
        return any(start_s <= t_s <= end_s for start_s, end_s in self._spans)

    def _is_explained(self, read: Read) -> bool:
        """Whether a tag opens nothing: it stands there, or is the tail of goods that have just passed."""
        epc, t_s = read.epc, read.t_s
        tail = self._tails.get(epc)
        if tail is not None and t_s - tail[1] > self._settings.quiet_s:
            del self._tails[epc]
        elif tail is not None:
            if t_s - tail[0] > TAIL_S:  # the goods are long gone: this one stands here
                del self._tails[epc]
                self._standing.learn_standing(epc, read.rssi_dbm)
            else:
                self._tails[epc] = (tail[0], max(tail[1], t_s))
            return True
        if not self._standing.stands(epc, read.rssi_dbm):
            return False
        self._standing.learn_standing(epc, read.rssi_dbm)
        return True

    # ---- eyes

    def _change(self, edges: list[Edge]) -> None:
        """Certain changes of eyes. What is covered while the window settles belongs to it: it may be the same goods, turning round."""
        for edge in edges:
            if edge.level and self._open_s is None:
                self._open(edge.t_s, math.inf)
                self._tails.clear()
            if self._open_s is None or edge.t_s < self._open_s - BEFORE_S:
                continue
            if len(self._edges) < _EDGES_MAX:
                self._edges.append(edge)
            self._moving_s = max(self._moving_s, edge.t_s)
            self._free = None if edge.level else self._freed(max(edge.t_s, self._open_s))

    def _freed(self, t_s: float) -> tuple[float, ClosedBy] | None:
        """Since when, and by what, the goods are through."""
        levels = self._eyes.levels
        if any(edge_level for eye, edge_level in levels.items() if eye != "presence" and self._was_covered(eye)):
            return None
        freed = [edge.eye for edge in self._edges if edge.eye != "presence" and not edge.level]
        if len(set(freed)) == _BOTH_EYES and freed.count(freed[0]) <= freed.count(freed[-1]):
            return t_s, "eyes"
        return (t_s, "presence") if self._was_covered("presence") and not levels.get("presence") else None

    def _was_covered(self, eye: str) -> bool:
        return any(edge.eye == eye and edge.level for edge in self._edges)

    # ---- opening and closing

    def _open(self, at_s: float, upto_s: float = math.inf) -> None:
        self._open_s = self._limit_from_s = self._moving_s = at_s
        self._free = None
        self._edges = []
        if self._reads and upto_s < math.inf:
            self._moving_s = upto_s
        self._reads = [read for read in self._reads if at_s - BEFORE_S <= read.t_s <= max(upto_s, at_s)]

    def _closing(self) -> _Closing:
        """When the open window closes if nothing more comes."""
        settings = self._settings
        limit_s = self._limit_from_s + settings.session_max_s
        quiet_s = self._moving_s + settings.quiet_s
        if self._free is not None:
            free_s, by = self._free
            settle_s = max(settings.settle_s, settings.debounce_s)
            still_s = min(self._moving_s, free_s + (TAIL_S if by == "presence" else LINGER_S))  # a sensor without a place says less of where the goods are
            return _Closing(max(free_s, still_s) + settle_s, by, ended=True)
        if self._is_covered(presence=True):
            return _Closing(limit_s, "longest", ended=quiet_s <= limit_s)
        if self._is_covered(presence=False):
            quiet_s += COVERED_S
        return _Closing(quiet_s, "quiet", ended=True) if quiet_s <= limit_s else _Closing(limit_s, "longest", ended=False)

    def _is_covered(self, *, presence: bool) -> bool:
        """Whether something stands there; an eye that was dark long before is dirty or broken."""
        since_s = self._eyes.covered_since_s(presence)
        return since_s is not None and self._open_s is not None and since_s >= self._open_s - BEFORE_S

    def _close(self, closing: _Closing) -> Cut:
        assert self._open_s is not None
        reads = sorted(self._reads, key=_time)
        split = bisect_right(reads, closing.at_s, key=_time)
        self._last = Window(self._open_s, closing.at_s, tuple(reads[:split]), tuple(sorted(self._edges, key=_time)), closing.by)
        if split:
            self._spans = [*self._spans[-_SPANS_MAX:], (self._open_s, closing.at_s)]
            self._judged_s = max(self._judged_s, closing.at_s)
        self._open_s, self._free, self._reads, self._edges = None, None, [], []
        if self._late or split < len(reads):
            self._new = self._late + reads[split:] + self._new
            self._late, self._in_order = [], False
            self._sort()
        return Cut(self._last, closing.ended)
