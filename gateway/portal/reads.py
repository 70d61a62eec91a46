# SPDX-License-Identifier: Apache-2.0
"""The words of a portal: reads, edges, windows of them, and what is decided of a window.

All times `_s` are seconds on one line per portal (`gateway.stations.reader_time` lays the reader's clock on it); only differences mean anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from contracts.events import Direction

Side = Literal["inner", "outer"]
Eye = Literal["inner", "outer", "presence"]
"""A photo-eye before or behind the portal, or a sensor (radar, door contact, one single beam) that says only that something is there."""
ClosedBy = Literal["eyes", "presence", "quiet", "longest", "end"]
Result = Literal["moved_in", "moved_out", "stayed", "unknown"]
EVEN = 0.5
"""From this probability on something is rather so than not."""


class Read(NamedTuple):
    """A tag answered an antenna; `epc` upper-case hex, `rssi_dbm` None when the reader does not tell it."""

    t_s: float
    epc: str
    antenna: int
    rssi_dbm: float | None


class Edge(NamedTuple):
    """An eye or sensor changed; `level` true: something is there."""

    t_s: float
    eye: Eye
    level: bool


@dataclass(frozen=True, slots=True)
class Window:
    """What a portal saw from `start_s` to `end_s`, in order of time."""

    start_s: float
    end_s: float
    reads: tuple[Read, ...]
    edges: tuple[Edge, ...] = ()
    closed_by: ClosedBy = "end"


class TagResult(NamedTuple):
    """What became of one tag in one pass.

    `confidence` (0-1) is the probability that `result` is right, `moved` (0-1) that the tag went through with the goods. `evidence` for people and files.
    """

    epc: str
    result: Result
    confidence: float
    moved: float
    reads: int
    peak_dbm: float | None
    crossed_s: float | None
    evidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pass:
    """Goods (or, without tags, something that only the eyes saw) went, or came and turned back.

    `direction` unknown: doubtful, `reason` says why in words. `antennas` and `eyes` are the two pieces of evidence, each for itself.
    `crossed_s` is when the middle of the goods was in the portal's middle (None: not known).
    """

    start_s: float
    end_s: float
    crossed_s: float | None
    direction: Direction
    confidence: float
    tags: tuple[TagResult, ...]
    antennas: Direction = "unknown"
    antennas_confidence: float = 0.0
    eyes: tuple[Eye, ...] = ()
    reason: str = ""
    closed_by: ClosedBy = "end"
    reads: tuple[Read, ...] = field(default=(), repr=False)
    edges: tuple[Edge, ...] = field(default=(), repr=False)

    def moved(self) -> list[TagResult]:
        """The tags that went with the goods, also when nobody knows which way."""
        return [tag for tag in self.tags if tag.result in ("moved_in", "moved_out") or (self.direction == "unknown" and tag.moved >= EVEN)]

    def doubtful(self) -> list[TagResult]:
        """The tags of which it is not clear whether they went with goods whose direction is known."""
        return [tag for tag in self.tags if tag.result == "unknown" and self.direction != "unknown"]

    def stayed(self) -> list[TagResult]:
        """The tags that stood beside."""
        return [tag for tag in self.tags if tag.result == "stayed"]


class Judged(NamedTuple):
    """The passes of a window, in order of time. Reads from `keep_from_s` on belong to what is still under way and start the next window."""

    passes: list[Pass]
    keep_from_s: float
