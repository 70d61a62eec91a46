# SPDX-License-Identifier: Apache-2.0
"""A recording through the door's own code: what a door would have said of these reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from gateway.portal.door import Door
from gateway.portal.models import Models
from gateway.portal.portal import Portal
from gateway.portal.reads import Edge, Eye, Pass, Read, Side
from gateway.portal.settings import Settings

_STEP_S = 0.5
"""A reader's reports come about so often; the door works in such steps."""


def replay(
    reads: Sequence[Read],
    edges: Sequence[Edge],
    sides: Mapping[int, Side],
    settings: Settings | None = None,
    *,
    eyes: Iterable[Eye] | None = None,
    models: Models | None = None,
) -> list[Pass]:
    """The passes of reads and edges (each in order of time). `eyes` that the door has; None: those that have edges. Antennas without a side are left out.

    `models` are those that judge; None: those that come with the gateway.
    """
    fitted = frozenset(edge.eye for edge in edges) if eyes is None else frozenset(eyes)
    door = Door(sides, settings, eyes=fitted, portal=Portal(sides, settings, models))
    passes: list[Pass] = []
    merged: list[Read | Edge] = sorted([*(read for read in reads if read.antenna in sides), *edges], key=lambda each: each.t_s)
    for step, group in groupby(merged, key=lambda each: int(each.t_s // _STEP_S)):
        passes += door.advance(step * _STEP_S)
        seen = list(group)
        passes += door.read_all([each for each in seen if isinstance(each, Read)])
        for each in seen:
            if isinstance(each, Edge):
                passes += door.edge(each)
    passes += door.finish()
    return passes
