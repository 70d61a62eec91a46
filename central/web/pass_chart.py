# SPDX-License-Identifier: Apache-2.0
"""The picture of a pass: how strong each antenna read over time, what the photo-eyes saw, and when the goods were in the middle. Pure; the template draws it.

Reads are gathered by antenna and slice of time, so that twenty thousand reads cost a browser no more than two hundred. The plot is WIDTH units wide
(stretched to the page) and HEIGHT_PX high, y downwards; marks are lines of no length, whose caps make them round or square however far it is stretched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from central.inbound.captures import Columns

WIDTH = 1000
HEIGHT_PX = 240
EYE_PX = 16
"""Height of the lane of a photo-eye below the plot."""
SLICES = 60
"""So many slices of time at most: marks closer than that run into each other on a phone."""
STEPS_MAX = 6000
"""So many steps at most are played."""
_STEP_DB = 10
_SHORTEST_MS = 1000
_GAP_SLICES = 6
"""A longer pause of an antenna is not bridged by a line."""
_EYES = ("outer", "inner", "presence")


@dataclass(frozen=True, slots=True)
class Trace:
    """One antenna: its side, its reads, and SVG paths of what it read: `line` through the medians, `marks` on them, `spread` from weakest to strongest."""

    antenna: int
    side: str
    reads: int
    line: str
    marks: str
    spread: str


@dataclass(frozen=True, slots=True)
class EyeLane:
    """A photo-eye: where something covered it, as (x, width), and its edges."""

    eye: str
    y: int
    covered: tuple[tuple[float, float], ...]
    edges: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PassChart:
    """What to draw. `levels` are grid lines (y, dBm); `crossing` is the x of the moment in the middle; `times_s` stand below at left, middle and right."""

    duration_ms: int
    traces: tuple[Trace, ...]
    eyes: tuple[EyeLane, ...]
    levels: tuple[tuple[float, int], ...]
    crossing: float | None
    crossing_s: float | None
    times_s: tuple[float, float, float]
    unmeasured: int

    @property
    def height(self) -> int:
        """Of the plot and the lanes of the eyes together, in pixels."""
        return HEIGHT_PX + EYE_PX * len(self.eyes)


def pass_chart(columns: Columns, tags: Collection[int] | None = None, goods: Collection[int] = ()) -> PassChart:
    """The picture of a capture's reads of some tags (None: of all). `goods` are the tags that went through: they say when the middle was passed."""
    duration_ms = max([_SHORTEST_MS, *columns.read_ms, *columns.edge_ms])
    reads = _reads_by_antenna(columns, tags, duration_ms)
    strengths = [rssi for slices in reads.values() for values in slices.values() for rssi in values]
    bottom, top = _range(strengths)

    def to_y(dbm: float) -> float:
        return round((top - dbm) / (top - bottom) * HEIGHT_PX, 1)

    crossing_s = _crossing(columns, goods)
    return PassChart(
        duration_ms,
        tuple(_trace(antenna, columns.sides.get(str(antenna), ""), slices, to_y) for antenna, slices in sorted(reads.items())),
        _lanes(columns, duration_ms),
        tuple((to_y(level), level) for level in range(bottom + _STEP_DB, top, _STEP_DB)),
        None if crossing_s is None else round(crossing_s * 1000 / duration_ms * WIDTH, 1),
        crossing_s,
        (0.0, round(duration_ms / 2000, 1), round(duration_ms / 1000, 1)),
        sum(rssi is None for rssi in columns.read_rssi_dbm),
    )


def _slice_of(ms: int, duration_ms: int) -> int:
    return min(SLICES - 1, max(0, ms * SLICES // duration_ms))


def _reads_by_antenna(columns: Columns, tags: Collection[int] | None, duration_ms: int) -> dict[int, dict[int, list[float]]]:
    """Strengths by antenna and slice."""
    wanted = None if tags is None else frozenset(tags)
    found: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for ms, tag, antenna, rssi in zip(columns.read_ms, columns.read_tags, columns.read_antennas, columns.read_rssi_dbm, strict=True):
        if rssi is not None and (wanted is None or tag in wanted):
            found[antenna][_slice_of(ms, duration_ms)].append(rssi)
    return found


def _range(strengths: Sequence[float]) -> tuple[int, int]:
    """Bottom and top of the plot in whole tens of dBm, with room for the marks."""
    low, high = (min(strengths), max(strengths)) if strengths else (-80.0, -40.0)
    bottom, top = int((low - 3) // _STEP_DB * _STEP_DB), int(-((-high - 3) // _STEP_DB) * _STEP_DB)
    return bottom, max(top, bottom + 2 * _STEP_DB)


def _trace(antenna: int, side: str, slices: Mapping[int, Sequence[float]], to_y: Callable[[float], float]) -> Trace:
    points = [((n + 0.5) / SLICES * WIDTH, n, slices[n]) for n in sorted(slices)]
    middles = [(round(x, 1), n, to_y(median(values))) for x, n, values in points]
    line = ""
    for n, (x, at, y) in enumerate(middles):
        joined = n > 0 and at - middles[n - 1][1] <= _GAP_SLICES
        line += f"{'L' if joined else 'M'}{x:g} {y:g}"
    marks = "".join(f"M{x:g} {y:g}h0" for x, _, y in middles)
    spread = "".join(f"M{x:.1f} {to_y(max(values)):g}V{to_y(min(values)):g}" for x, _, values in points if len(values) > 1)
    return Trace(antenna, side, sum(len(values) for values in slices.values()), line, marks, spread)


def _crossing(columns: Columns, goods: Collection[int]) -> float | None:
    """Between the strongest reads of the goods' tags on the two sides."""
    wanted = frozenset(goods)
    strongest: dict[tuple[str, int], tuple[float, int]] = {}
    for ms, tag, antenna, rssi in zip(columns.read_ms, columns.read_tags, columns.read_antennas, columns.read_rssi_dbm, strict=True):
        key = (columns.sides.get(str(antenna), ""), tag)
        if rssi is not None and tag in wanted and (key not in strongest or rssi > strongest[key][0]):
            strongest[key] = (rssi, ms)
    peaks = [[ms for (side, _), (_, ms) in strongest.items() if side == wanted_side] for wanted_side in ("outer", "inner")]
    return round((median(peaks[0]) + median(peaks[1])) / 2000, 2) if all(peaks) else None


def _lanes(columns: Columns, duration_ms: int) -> tuple[EyeLane, ...]:
    named = [eye for eye in _EYES if eye in columns.edge_eyes]
    named += sorted({*columns.edge_eyes} - {*_EYES})
    return tuple(_lane(columns, eye, HEIGHT_PX + n * EYE_PX, duration_ms) for n, eye in enumerate(named))


def _lane(columns: Columns, name: str, y: int, duration_ms: int) -> EyeLane:
    """From each edge up to the next one down; what is covered at the beginning or the end reaches to the border."""
    edges = sorted((ms, level) for ms, eye, level in zip(columns.edge_ms, columns.edge_eyes, columns.edge_levels, strict=True) if eye == name)
    steps = [*edges, (duration_ms, False)]
    if edges and not edges[0][1]:
        steps = [(0, True), *steps]

    def to_x(ms: int) -> float:
        return round(ms / duration_ms * WIDTH, 1)

    covered = tuple((to_x(start), round(to_x(end) - to_x(start), 1)) for (start, level), (end, _) in pairwise(steps) if level)
    return EyeLane(name, y, covered, tuple(to_x(ms) for ms, _ in edges))


def steps(columns: Columns) -> list[tuple[int, int, str]]:
    """What is played: (millisecond, tag, side), once for each tag, side and slice of time, in order; fewer slices where there are many tags."""
    duration_ms = max([_SHORTEST_MS, *columns.read_ms])
    slice_ms = max(20, duration_ms // 100, duration_ms * 2 * max(1, len(columns.epcs)) // STEPS_MAX)
    found: dict[tuple[int, int, str], int] = {}
    for ms, tag, antenna in sorted(zip(columns.read_ms, columns.read_tags, columns.read_antennas, strict=True)):
        side = columns.sides.get(str(antenna), "")
        if side:
            found.setdefault((ms // slice_ms, tag, side), ms)
    return [(ms, tag, side) for (_, tag, side), ms in found.items()]
