# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on strengths in dBm, some of which the reader may not have told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol


class Heard(Protocol):
    """A read, by which antenna and how strong it was (None: not told)."""

    @property
    def antenna(self) -> int:
        """Its number."""

    @property
    def rssi_dbm(self) -> float | None:
        """In dBm."""


USUAL_SPREAD_DB = 3.0
"""Strengths of tags, moving and standing ones together, scatter by about so much (captures)."""
_USUAL_FREE = 2
"""As much as so many reads the usual spread counts."""


def known_dbm(reads: Sequence[Heard]) -> list[float]:
    """The strengths that were told."""
    return [read.rssi_dbm for read in reads if read.rssi_dbm is not None]


def strongest_dbm(reads: Sequence[Heard]) -> float | None:
    """The strongest read; None without any strength."""
    return max(known_dbm(reads), default=None)


def weights(reads: Sequence[Heard], decade_db: float) -> list[float]:
    """A weight for each read that is ten times as great for each `decade_db` of strength; where it was not told, that of the tag's mean."""
    known = known_dbm(reads)
    usual_dbm = sum(known) / len(known) if known else 0.0
    return [10 ** ((usual_dbm if read.rssi_dbm is None else read.rssi_dbm) / decade_db) for read in reads]


def spread_db(reads: Sequence[Heard]) -> float:
    """Standard deviation of the strengths around their means by antenna; drawn towards the usual one where reads are few."""
    by_antenna: dict[int, list[float]] = {}
    for read in reads:
        if read.rssi_dbm is not None:
            by_antenna.setdefault(read.antenna, []).append(read.rssi_dbm)
    squares, free = 0.0, 0
    for values in by_antenna.values():
        mean = sum(values) / len(values)
        squares += sum((value - mean) ** 2 for value in values)
        free += len(values) - 1
    return math.sqrt((squares + _USUAL_FREE * USUAL_SPREAD_DB**2) / (free + _USUAL_FREE))
