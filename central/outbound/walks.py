# SPDX-License-Identifier: Apache-2.0
"""The floor of a site as a picker walks it: shortest walks over places from the site's own coordinates, by pick rank where they are not known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from central.catalog import service as catalog
from central.outbound.grouping import Ways
from central.tours.layout import Aisle, Layout, LayoutError, Point, Stop
from central.tours.tour import plan_tour

_MM = 1000
LEVEL_COST_MM = 1500
"""What a pick one level higher costs, in walking (guessed: three seconds of reaching at half a metre a second)."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Places in the order of the walk; its length and its corners (millimetres; None and empty where coordinates are missing)."""

    places: tuple[str, ...]
    length_mm: int | None = None
    exact: bool = False
    points: tuple[tuple[int, int], ...] = ()


class Floor:
    """One site's aisles and places. Built from the catalog's layout; a layout that cannot be walked is as good as none."""

    def __init__(self, layout: catalog.Layout) -> None:
        self.layout = layout
        self.places = {each.place: each for each in layout.places}

    @classmethod
    def of(cls, connection: Connection, site: str) -> Floor:
        """Read the floor of a site."""
        return cls(catalog.layout_of(connection, site))

    @cached_property
    def ways(self) -> Layout | None:
        """The aisles and cross aisles, or None: there are none that one can walk."""
        aisles = [Aisle(each.code, _mm(each.x_m), _mm(each.y_from_m), _mm(each.y_to_m), each.direction) for each in self.layout.aisles]
        try:
            return Layout(aisles, [_mm(each.y_m) for each in self.layout.cross_aisles], level_cost_mm=LEVEL_COST_MM) if aisles else None
        except LayoutError:
            return None

    def first_of(self, *kinds: str) -> str:
        """The place where walks begin or end: the first with coordinates of the first of these kinds that has any; empty: none."""
        for kind in kinds:
            known = [each for each in self.layout.places if each.kind == kind and each.x_m is not None and each.y_m is not None]
            if known:
                return min(known, key=lambda each: (each.pick_rank, each.code)).place
        return ""

    @cached_property
    def start(self) -> str:
        """Where a walk begins."""
        return self.first_of("start", "pack", "stage")

    @cached_property
    def end(self) -> str:
        """Where a walk ends."""
        return self.first_of("pack", "stage", "start")

    def walk(self, places: Collection[str], start: str = "", end: str = "") -> Walk:
        """The shortest walk over these places; by pick rank when one of them, start or end has no coordinates."""
        wanted = list(dict.fromkeys(places))
        start, end = start or self.start, end or self.end
        ways = self.ways
        if ways is None or not start or not end:
            return self._by_rank(wanted)
        try:
            stops = [self._stop(place) for place in wanted]
            tour = plan_tour(ways, stops, self._point(ways, start), self._point(ways, end))
        except (LayoutError, _NoCoordinatesError):
            return self._by_rank(wanted)
        return Walk(tuple(stop.code for stop in tour.order), tour.length_mm, tour.exact, tuple((each.x_mm, each.y_mm) for each in tour.walk))

    def ways_over(self, places: Collection[str]) -> Ways | None:
        """The floor for those who group walks over these places: those without coordinates are left out; None: no walk can be measured here."""
        if self.ways is None or not self.start or not self.end:
            return None
        found: dict[str, Stop] = {}
        for place in sorted(set(places)):
            try:
                found[place] = self._stop(place)
                self.ways.spot_of_stop(found[place])
            except (LayoutError, _NoCoordinatesError):
                found.pop(place, None)
        return Ways(self.ways, self._point(self.ways, self.start), self._point(self.ways, self.end), found)

    def _by_rank(self, places: Sequence[str]) -> Walk:
        return Walk(tuple(sorted(places, key=lambda place: (self.places[place].pick_rank if place in self.places else 0, place))))

    def _stop(self, place: str) -> Stop:
        at = self.places.get(place)
        if at is None or not at.aisle or at.y_m is None:
            raise _NoCoordinatesError(place)
        return Stop(place, at.aisle, _mm(at.y_m), self.level_of(place))

    def _point(self, ways: Layout, place: str) -> Point:
        at = self.places[place]
        if at.x_m is None or at.y_m is None:
            raise _NoCoordinatesError(place)
        return ways.nearest(_mm(at.x_m), _mm(at.y_m))[0]

    def level_of(self, place: str) -> int:
        """On which level a place lies, from 0: by the heights that its aisle has."""
        at = self.places[place]
        return self._levels.get(at.aisle, []).index(at.z_m) if at.z_m is not None else 0

    @cached_property
    def _levels(self) -> dict[str, list[float]]:
        heights: dict[str, set[float]] = {}
        for each in self.layout.places:
            if each.z_m is not None:
                heights.setdefault(each.aisle, set()).add(each.z_m)
        return {aisle: sorted(found) for aisle, found in heights.items()}


class _NoCoordinatesError(Exception):
    """A place whose position is not known."""


def _mm(metres: float | Any) -> int:
    return round(metres * _MM)
