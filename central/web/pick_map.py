# SPDX-License-Identifier: Apache-2.0
"""The map of a walk as a drawing: metres of the floor to the units of an SVG, y upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WIDTH = 320.0
"""Width of the drawing in its own units: the pixels of a small phone."""
HEIGHT_MAX = 280.0
MARGIN = 16.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line from one point to another, in the drawing's units."""

    x1: float
    y1: float
    x2: float
    y2: float
    name: str = ""
    way: str = "both"


@dataclass(frozen=True, slots=True)
class Mark:
    """A stop: its number on the walk and whether it is done, the next one, or later."""

    x: float
    y: float
    n: int
    state: str
    bin: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Aisles, cross aisles, the walk's points ("x,y x,y"), the stops, and where it begins and ends."""

    width: float
    height: float
    aisles: tuple[Line, ...]
    crossings: tuple[Line, ...]
    walk: str
    stops: tuple[Mark, ...]
    ends: tuple[tuple[float, float], ...]


def draw(found: dict[str, Any] | None) -> Drawing | None:
    """The drawing of a tour's map; None where the floor has no coordinates."""
    if found is None or not found["known"] or not found["aisles"]:
        return None
    xs = [each["x_m"] for each in found["aisles"]] + [x for x, _ in found["walk"]]
    ys = [y for each in found["aisles"] for y in (each["y_from_m"], each["y_to_m"])] + [y for _, y in found["walk"]]
    left, right, low, high = min(xs), max(xs), min(ys), max(ys)
    scale = min((WIDTH - 2 * MARGIN) / max(right - left, 1.0), (HEIGHT_MAX - 2 * MARGIN) / max(high - low, 1.0))
    width, height = (right - left) * scale + 2 * MARGIN, (high - low) * scale + 2 * MARGIN

    def at(x_m: float, y_m: float) -> tuple[float, float]:
        return round(MARGIN + (x_m - left) * scale, 1), round(MARGIN + (high - y_m) * scale, 1)

    aisles = tuple(Line(*at(each["x_m"], each["y_from_m"]), *at(each["x_m"], each["y_to_m"]), each["code"], each["direction"]) for each in found["aisles"])
    crossings = tuple(Line(*at(left, each["y_m"]), *at(right, each["y_m"]), each["code"]) for each in found["cross_aisles"])
    ends = tuple(at(each["x_m"], each["y_m"]) for each in (found["start"], found["end"]) if each is not None and each["x_m"] is not None)
    walk = " ".join("{},{}".format(*at(x_m, y_m)) for x_m, y_m in found["walk"])
    return Drawing(round(width, 1), round(height, 1), aisles, crossings, walk, _marks(found["stops"], at), ends)


def _marks(stops: list[dict[str, Any]], at: Any) -> tuple[Mark, ...]:
    first_open = next((each["n"] for each in stops if each["state"] == "open"), None)
    made = []
    for each in stops:
        state = "done" if each["state"] == "done" else "next" if each["n"] == first_open else "later"
        x, y = at(each["x_m"], each["y_m"])
        made.append(Mark(x, y, each["n"], state, each["bin"]))
    return tuple(made)
