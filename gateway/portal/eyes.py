# SPDX-License-Identifier: Apache-2.0
"""The eyes of a portal: what of their flickering was a change.

Edges are given in order of time. A change counts once it has lasted `debounce_s`, from when it began. A missed edge shows by the next one: free without having
been covered was covered a moment before; covered without having been free was free a moment before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.portal.reads import Edge, Eye


class _Pending(NamedTuple):
    """A change that may still be a flicker, and whether it is one by the level that counts (a missed edge shows by a change to the same level)."""

    edge: Edge
    was: bool


class Eyes:
    """The levels of the eyes, debounced."""

    def __init__(self, debounce_s: float) -> None:
        self._debounce_s = debounce_s
        self._pending: dict[Eye, _Pending] = {}
        self._levels: dict[Eye, Edge] = {}

    def take(self, edge: Edge) -> list[Edge]:
        """The changes that are certain by now, in order of time, with those that must have been missed."""
        certain = self.until(edge.t_s)
        pending = self._pending.get(edge.eye)
        if pending is not None:
            if edge.level != pending.edge.level:  # it lasted too short (else it would be certain by now)
                del self._pending[edge.eye]
            return certain
        known = self._levels.get(edge.eye)
        if known is not None and edge.t_s < known.t_s:  # it came too late to say how things stand
            return certain
        if known is None or edge.level != known.level or edge.t_s - known.t_s >= self._debounce_s:
            self._pending[edge.eye] = _Pending(edge, known.level if known is not None else not edge.level)
        return certain

    def until(self, t_s: float) -> list[Edge]:
        """The changes that have lasted long enough at `t_s`."""
        certain: list[Edge] = []
        for eye, (edge, was) in list(self._pending.items()):
            if t_s >= edge.t_s + self._debounce_s:
                del self._pending[eye]
                certain += [edge] if was != edge.level else [edge._replace(level=not edge.level), edge]
                self._levels[eye] = edge
        return sorted(certain, key=_time)

    def due_s(self) -> float | None:
        """When the next change is certain."""
        return min((pending.edge.t_s + self._debounce_s for pending in self._pending.values()), default=None)

    def covered_since_s(self, presence: bool) -> float | None:
        """Since when something has stood before the presence sensor, or before a photo-eye; None: nothing does."""
        return max((edge.t_s for eye, edge in self._levels.items() if edge.level and (eye == "presence") is presence), default=None)

    @property
    def levels(self) -> Mapping[Eye, bool]:
        """The level of each eye that was heard of."""
        return {eye: edge.level for eye, edge in self._levels.items()}


def _time(edge: Edge) -> float:
    return edge.t_s
