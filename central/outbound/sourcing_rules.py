# SPDX-License-Identifier: Apache-2.0
"""Which sites send an order, pure: as much as can be sent, in the fewest shipments, from sites that have hands free, from near.

The fewest sites that cover an order is set cover. With up to twelve candidates all 4,096 subsets are looked at, so the answer is exact; of more, the twelve
that offer most are kept, and the answer says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

CANDIDATES_MAX = 12
URGENT = 2
"""Orders of this priority and before go to a site that is full as well: it serves them first."""
_EARTH_RADIUS_KM = 6371.0088
"""Mean radius: IUGG, Geodetic Reference System 1980."""


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees north and east (WGS 84)."""

    latitude_deg: float
    longitude_deg: float


def distance_km(a: Position, b: Position) -> float:
    """Great-circle distance (haversine)."""
    lat_a, lat_b = math.radians(a.latitude_deg), math.radians(b.latitude_deg)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b.longitude_deg - a.longitude_deg) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(chord)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A site with what it can send soonest, by item; `distance_km` to the customer (None: not known), `load`: lines that wait for it against a day's."""

    site: str
    offers: Mapping[str, int]
    distance_km: float | None = None
    load: float = 0.0

    @property
    def full(self) -> bool:
        """Whether a day's work waits for it already."""
        return self.load >= 1.0


@dataclass(frozen=True, slots=True)
class Choice:
    """The sites that send, nearest first, and how many pieces none of them has. `exact`: no choice of fewer sites sends as much."""

    sites: tuple[str, ...]
    uncovered: int
    exact: bool


def choose_sites(needs: Mapping[str, int], candidates: Sequence[Candidate], priority: int = 5) -> Choice:
    """The best subset of candidates: least left uncovered, then fewest shipments, then fewest full sites (for urgent orders that does not count), then the
    shortest way in sum, then the least load, then by name. Raises: ValueError: no candidates."""
    if not candidates:
        raise ValueError("no site sends orders")
    kept = _strongest(needs, candidates)
    least = _uncovered(needs, kept)
    # Sizes upwards: the first size at which some subset leaves no more uncovered than all together is the fewest shipments.
    for size in range(1, len(kept) + 1):
        fitting = [subset for subset in combinations(kept, size) if _uncovered(needs, subset) == least]
        if fitting:
            best = min(fitting, key=lambda subset: _rank(subset, priority))
            return Choice(tuple(each.site for each in sorted(best, key=_nearness)), least, len(kept) == len(candidates))
    raise AssertionError("all candidates together leave uncovered what all together leave uncovered")


def _uncovered(needs: Mapping[str, int], chosen: Sequence[Candidate]) -> int:
    return sum(max(0, wanted - sum(each.offers.get(item, 0) for each in chosen)) for item, wanted in needs.items())


def _strongest(needs: Mapping[str, int], candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of many candidates those that offer most, the nearer on a tie, in the order of their names."""
    ranked = sorted(candidates, key=lambda each: (-sum(min(each.offers.get(item, 0), wanted) for item, wanted in needs.items()), *_nearness(each)))
    return sorted(ranked[:CANDIDATES_MAX], key=lambda each: each.site)


def _nearness(each: Candidate) -> tuple[float, float, str]:
    return (math.inf if each.distance_km is None else each.distance_km, each.load, each.site)


def _rank(chosen: Sequence[Candidate], priority: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
    full = 0 if priority <= URGENT else sum(each.full for each in chosen)
    unknown = sum(each.distance_km is None for each in chosen)
    numbers = (full, unknown, sum(each.distance_km or 0.0 for each in chosen), sum(each.load for each in chosen))
    return numbers, tuple(each.site for each in chosen)


def assign(wanted: int, sites: Sequence[str], offers: Mapping[str, int]) -> list[tuple[str, int]]:
    """How a line is spread over the chosen sites, given nearest first: whole from the nearest that has it all, else piece by piece from near to far.

    What nobody has goes to the nearest that has some, or to the nearest.
    """
    whole = next((site for site in sites if offers.get(site, 0) >= wanted), None)
    if whole is not None:
        return [(whole, wanted)]
    given = []
    for site in sites:
        part = min(wanted, offers.get(site, 0))
        if part:
            given.append((site, part))
            wanted -= part
    if wanted and given:
        return [(given[0][0], given[0][1] + wanted), *given[1:]]
    return given or [(sites[0], wanted)]
