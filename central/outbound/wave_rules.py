# SPDX-License-Identifier: Apache-2.0
"""Which orders go into a wave, pure: the most urgent first, as many as the limits and the zones can take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order that could go into a wave. Lines by the zone in which they are likely to be picked; volume in cubic centimetres as far as sizes are known."""

    order_id: str
    zones: Mapping[str, int]
    volume_cm3: int = 0

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return sum(self.zones.values())


@dataclass(frozen=True, slots=True)
class Limits:
    """What a wave may hold; None: as much as comes. `zones`: lines that a zone can still take in the time of the wave, by zone; others are not limited."""

    orders: int | None = None
    lines: int | None = None
    volume_cm3: int | None = None
    zones: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The orders of a wave, most urgent first, and those left out, each with the limit that it met (orders, lines, volume, or zone and its name)."""

    orders: tuple[Candidate, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def zones(self) -> dict[str, int]:
        """Lines of the wave by zone."""
        total: Counter[str] = Counter()
        for each in self.orders:
            total.update(each.zones)
        return dict(sorted(total.items()))

    @property
    def lines(self) -> int:
        """Lines of the wave."""
        return sum(each.lines for each in self.orders)

    @property
    def volume_cm3(self) -> int:
        """Volume of the wave."""
        return sum(each.volume_cm3 for each in self.orders)


def choose(candidates: Sequence[Candidate], limits: Limits) -> Chosen:
    """Fill a wave from the candidates, which come most urgent first. One that does not fit is left out, and a later one that fits may still go in."""
    chosen: list[Candidate] = []
    left_out: list[tuple[str, str]] = []
    lines, volume = 0, 0
    zones: Counter[str] = Counter()
    for each in candidates:
        met = _met(each, limits, len(chosen), lines, volume, zones)
        if met:
            left_out.append((each.order_id, met))
            continue
        chosen.append(each)
        lines += each.lines
        volume += each.volume_cm3
        zones.update(each.zones)
    return Chosen(tuple(chosen), tuple(left_out))


def _met(each: Candidate, limits: Limits, orders: int, lines: int, volume: int, zones: Mapping[str, int]) -> str:
    """The first limit that an order would break; empty if none."""
    if limits.orders is not None and orders + 1 > limits.orders:
        return "orders"
    if limits.lines is not None and lines + each.lines > limits.lines:
        return "lines"
    if limits.volume_cm3 is not None and volume + each.volume_cm3 > limits.volume_cm3:
        return "volume"
    full = [zone for zone, more in each.zones.items() if zone in limits.zones and zones.get(zone, 0) + more > limits.zones[zone]]
    return f"zone {min(full)}" if full else ""
