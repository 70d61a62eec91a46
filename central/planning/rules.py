# SPDX-License-Identifier: Apache-2.0
"""Minimum and maximum replenishment, pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """What a place holds of an item against its limits, all in the item's unit. `incoming` is already on its way to the place."""

    on_hand: int
    reserved: int
    incoming: int
    minimum: int
    maximum: int

    @property
    def projected(self) -> int:
        """What will be free when all that is promised has gone and all that is on its way has come."""
        return self.on_hand - self.reserved + self.incoming

    @property
    def wanted(self) -> int:
        """What fills the place up to its maximum; 0 while it is not below its minimum."""
        return self.maximum - self.projected if self.projected < self.minimum else 0


@dataclass(frozen=True)
class Source:
    """Free stock that a shelf can be filled from, in the order in which it should leave (first expiry first)."""

    place: str
    lot: str
    owner: str
    unit: str
    free: int


@dataclass(frozen=True)
class Pull:
    """Move `quantity` from `source`."""

    source: Source
    quantity: int


def fill_from(wanted: int, sources: Sequence[Source]) -> tuple[Pull, ...]:
    """Take what is wanted from the sources in their order; less when they hold less."""
    pulls: list[Pull] = []
    for source in sources:
        quantity = min(wanted, source.free)
        if quantity > 0:
            pulls.append(Pull(source, quantity))
            wanted -= quantity
    return tuple(pulls)
