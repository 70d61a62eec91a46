# SPDX-License-Identifier: Apache-2.0
"""A dock door without its devices: reads and edges of eyes in, passes out. The station and `dockline door replay` run the same code."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gateway.portal.portal import Portal
from gateway.portal.reads import Edge, Eye, Pass, Read, Side
from gateway.portal.settings import Settings


class Door:
    """One door. Times are seconds on one line; what comes late is put in its place as long as its window is not judged.

    `eyes` names the eyes and sensors that the door has: a pass that none of two photo-eyes saw is doubtful.
    """

    def __init__(self, sides: Mapping[int, Side], settings: Settings | None = None, *, eyes: Collection[Eye] = (), portal: Portal | None = None) -> None:
        self._settings = settings or Settings()
        self._portal = portal or Portal(sides, self._settings)

    def read(self, read: Read) -> list[Pass]:
        """A tag was read; the passes that are known to be over by that."""
        return self.read_all((read,))

    def read_all(self, reads: Sequence[Read]) -> list[Pass]:
        """Many reads at once: as one after the other, and faster."""
        return []

    def edge(self, edge: Edge) -> list[Pass]:
        """An eye or sensor changed."""
        return []

    def advance(self, t_s: float) -> list[Pass]:
        """Everything up to `t_s` has come: what is over by then is judged."""
        return []

    def next_deadline_s(self) -> float | None:
        """The second on the line at which `advance` is due; None: not before something comes."""
        return None

    def finish(self) -> list[Pass]:
        """Nothing more will come (the end of a file): judge what is open."""
        return []

    def snapshot(self) -> bytes:
        """What must survive a restart: which tags stand there."""
        return self._portal.snapshot()

    def restore(self, data: bytes) -> None:
        """Take up a snapshot. Raises: ValueError: it is damaged."""
        self._portal.restore(data)
