# SPDX-License-Identifier: Apache-2.0
"""The geometry of a temperature chart as SVG paths: limits, line with its gaps, shaded excursions. Pure; the template draws it.

The plot is 1000 units wide (stretched to the page by the browser) and HEIGHT_PX high, y downwards, so that strokes and labels keep their size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

WIDTH = 1000
HEIGHT_PX = 96
POINTS_MAX = 160
"""More samples than this are thinned to the extremes of each slice of time: about two points per pixel of a narrow column are never seen."""
GAP_S = 60.0
"""A pause longer than this is drawn as a gap, not bridged by a line that nobody measured; a value as old as that is called old, too."""
_ROOM_ABOVE_PX = 8
_LABEL_STEP_PX = 14

Sample = tuple[float, float]
"""Seconds since the window began, and the value."""


@dataclass(frozen=True, slots=True)
class Label:
    """A value written beside the plot at height `y` (pixels). `limit` marks limits apart from plain grid values."""

    y: float
    value: float
    limit: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw: SVG path data, the band inside the limits (top, height), limit lines and labels, and the last point."""

    line: str
    excursion: str
    band: tuple[float, float]
    limits: tuple[float, ...]
    labels: tuple[Label, ...]
    last: tuple[float, float] | None


def chart(samples: Sequence[tuple[datetime, float]], window_from: datetime, window_to: datetime, low: float | None, high: float | None) -> Chart:
    """Lay out the samples of a window (oldest first) with the limits, either of which may be None."""
    points = _inside(samples, window_from, window_to)
    bottom, top = _value_range([value for _, value in points], low, high)
    span_s = max((window_to - window_from).total_seconds(), 1.0)

    def to_x(at_s: float) -> float:
        return round(at_s / span_s * WIDTH, 1)

    def to_y(value: float) -> float:
        return round(_ROOM_ABOVE_PX + (top - value) / (top - bottom) * (HEIGHT_PX - 2 * _ROOM_ABOVE_PX), 1)

    runs = _runs(points)
    band_top, band_bottom = (0.0 if high is None else to_y(high)), (float(HEIGHT_PX) if low is None else to_y(low))
    return Chart(
        line=" ".join(_path([(to_x(at), to_y(value)) for at, value in thinned(run)]) for run in runs),
        excursion=" ".join(filter(None, (_beyond(run, limit, above, to_x, to_y) for run in runs for limit, above in ((high, True), (low, False))))),
        band=(band_top, round(band_bottom - band_top, 1)),
        limits=tuple(to_y(limit) for limit in (high, low) if limit is not None),
        labels=_labels(low, high, bottom, top, to_y),
        last=(to_x(points[-1][0]), to_y(points[-1][1])) if points else None,
    )


def _inside(samples: Sequence[tuple[datetime, float]], window_from: datetime, window_to: datetime) -> list[Sample]:
    return [((at - window_from).total_seconds(), value) for at, value in samples if window_from <= at <= window_to]


def _value_range(values: Sequence[float], low: float | None, high: float | None) -> tuple[float, float]:
    """Smallest and largest value of the plot: everything measured and both limits, at least 2 apart, so that noise does not look like weather."""
    known = [*values, *(limit for limit in (low, high) if limit is not None)] or [0.0]
    middle, half = (min(known) + max(known)) / 2, max(max(known) - min(known), 2.0) / 2
    return middle - half, middle + half


def _runs(points: Sequence[Sample]) -> list[list[Sample]]:
    """The samples cut where the sensor paused."""
    runs = [[points[0]]] if points else []
    for earlier, later in pairwise(points):
        if later[0] - earlier[0] > GAP_S:
            runs.append([])
        runs[-1].append(later)
    return runs


def thinned(run: Sequence[Sample], points_max: int = POINTS_MAX) -> list[Sample]:
    """At most about `points_max` samples: of each slice of time its smallest and its largest, so that no excursion is smoothed away."""
    if len(run) <= points_max:
        return list(run)
    size = -(-len(run) * 2 // points_max)
    kept: list[Sample] = []
    for start in range(0, len(run), size):
        part = run[start : start + size]
        kept += sorted({min(part, key=lambda sample: sample[1]), max(part, key=lambda sample: sample[1])})
    return kept if kept[-1] == run[-1] else [*kept, run[-1]]


def _path(points: Sequence[tuple[float, float]]) -> str:
    # A lone point is drawn as a line of no length, which round caps make a dot.
    return "M" + " L".join(f"{x:g} {y:g}" for x, y in (points if len(points) > 1 else [*points, *points]))


def _beyond(run: Sequence[Sample], limit: float | None, above: bool, to_x: Callable[[float], float], to_y: Callable[[float], float]) -> str:
    """The area between the line and a limit where the line is beyond it."""
    if limit is None or not any(value > limit if above else value < limit for _, value in run):
        return ""
    clamp = max if above else min
    outline = [(to_x(at), to_y(clamp(value, limit))) for at, value in _with_crossings(thinned(run), limit)]
    base = to_y(limit)
    return _path([(outline[0][0], base), *outline, (outline[-1][0], base)]) + " Z"


def _with_crossings(run: Sequence[Sample], limit: float) -> list[Sample]:
    """The samples with a point added wherever the straight line between two of them crosses the limit."""
    points = [run[0]]
    for earlier, later in pairwise(run):
        if (earlier[1] - limit) * (later[1] - limit) < 0:
            share = (limit - earlier[1]) / (later[1] - earlier[1])
            points.append((earlier[0] + share * (later[0] - earlier[0]), limit))
        points.append(later)
    return points


def _labels(low: float | None, high: float | None, bottom: float, top: float, to_y: Callable[[float], float]) -> tuple[Label, ...]:
    """The limits first, then the ends of the scale where there is room for them."""
    labels = [Label(to_y(limit), limit, limit=True) for limit in (high, low) if limit is not None]
    for value in (top, bottom):
        if all(abs(to_y(value) - label.y) >= _LABEL_STEP_PX for label in labels):
            labels.append(Label(to_y(value), value, limit=False))
    return tuple(sorted(labels, key=lambda label: label.y))
