# SPDX-License-Identifier: Apache-2.0
"""Samples of the charts, kept between readings so that each reading fetches only what is new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from central.coldchain.tables import measurement

WINDOWS = (timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=30))
"""A chart spans the shortest of these that holds everything measured within the longest: a new sensor is not a dot at the edge."""
STEP = timedelta(seconds=5)
"""The window moves in steps, so that a board without new values stays equal to itself for that long."""
_REFETCH = timedelta(seconds=60)
"""As often everything is fetched anew: samples that a gateway sends afterwards lie in the past."""

Series = tuple[str, str, str]
"""Site, station, quantity."""
Sample = tuple[datetime, float]


def window_of(samples: Sequence[Sample], now: datetime) -> tuple[datetime, datetime]:
    """The window of a chart with these samples, oldest first; it ends at the next step after now."""
    end = now + STEP - (now - datetime.min.replace(tzinfo=now.tzinfo)) % STEP
    held = samples[0][0] if samples else end
    return next((end - width for width in WINDOWS if end - width <= held), end - WINDOWS[-1]), end


class Samples:
    """The samples of all series within the longest window. For one thread at a time."""

    def __init__(self) -> None:
        self._kept: dict[Series, tuple[Sample, ...]] = {}
        self._whole_at: dict[Series, datetime] = {}

    def of(self, connection: Connection, series: Series, now: datetime) -> tuple[Sample, ...]:
        """The samples of a series, oldest first."""
        start = now - WINDOWS[-1]
        whole_at = self._whole_at.get(series)
        kept = self._kept.get(series, ()) if whole_at is not None and now - whole_at < _REFETCH else ()
        if not kept:
            self._whole_at[series] = now
        newer = _fetch(connection, series, kept[-1][0] if kept else start)
        self._kept[series] = tuple(sample for sample in (*kept, *newer) if sample[0] >= start)
        return self._kept[series]


def _fetch(connection: Connection, series: Series, after: datetime) -> list[Sample]:
    site, station, quantity = series
    mine = (measurement.c.site == site) & (measurement.c.station == station) & (measurement.c.quantity == quantity)
    query = select(measurement.c.measured_at, measurement.c.value).where(mine, measurement.c.measured_at > after).order_by(measurement.c.measured_at)
    return [(row.measured_at, row.value) for row in connection.execute(query)]
