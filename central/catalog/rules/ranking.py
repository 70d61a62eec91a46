# SPDX-License-Identifier: Apache-2.0
"""In which order pickers pass the places of a site, from coordinates: up one aisle and down the next, or by distance from the start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Method = Literal["serpentine", "distance"]
RANK_STEP = 10
"""Places that are added later find a rank between."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place with its position in metres; `aisle` empty: reached from none."""

    code: str
    aisle: str
    x_m: float
    y_m: float
    z_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Way:
    """An aisle: middle line at x, from y to y, walked both ways, up (towards higher y) or down."""

    code: str
    x_m: float
    y_from_m: float
    y_to_m: float
    direction: str = "both"


def ranked(method: Method, spots: Sequence[Spot], ways: Sequence[Way], start: tuple[float, float]) -> list[str]:
    """Codes of the places in the order in which they are passed; `start` is x and y in metres."""
    if method == "distance":
        return [spot.code for spot in sorted(spots, key=lambda spot: (_distance(spot, start), spot.z_m, spot.code))]
    return [spot.code for spot in _serpentine(spots, {way.code: way for way in ways}, start)]


def _distance(spot: Spot, start: tuple[float, float]) -> float:
    # Along the axes: nobody walks through a rack.
    return abs(spot.x_m - start[0]) + abs(spot.y_m - start[1])


def _serpentine(spots: Sequence[Spot], ways: Mapping[str, Way], start: tuple[float, float]) -> list[Spot]:
    in_aisle: dict[str, list[Spot]] = defaultdict(list)
    for spot in spots:
        in_aisle[spot.aisle if spot.aisle in ways else ""].append(spot)
    outside = sorted(in_aisle.pop("", []), key=lambda spot: (_distance(spot, start), spot.code))
    used = sorted((ways[code] for code in in_aisle), key=lambda way: (way.x_m, way.code))
    if used and abs(used[-1].x_m - start[0]) < abs(used[0].x_m - start[0]):
        used.reverse()
    path: list[Spot] = []
    upwards = not used or abs(start[1] - used[0].y_from_m) <= abs(start[1] - used[0].y_to_m)
    for way in used:
        upwards = way.direction == "up" if way.direction != "both" else upwards
        sign = 1 if upwards else -1
        path += sorted(in_aisle[way.code], key=lambda spot, sign=sign: (sign * spot.y_m, spot.z_m, spot.x_m, spot.code))  # type: ignore[misc]
        upwards = not upwards
    return path + outside
