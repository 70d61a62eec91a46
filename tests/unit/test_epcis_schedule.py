# SPDX-License-Identifier: Apache-2.0
"""Schedules of standing EPCIS queries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from central.trace.schedule import next_after, schedule_of

pytestmark = pytest.mark.requirement("X10")

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"hour": "1", "minute": "5"}, ["2026-11-23T01:05:00", "2026-11-24T01:05:00"]),
        ({"second": "0/30"}, ["2026-11-22T08:00:30", "2026-11-22T08:01:00"]),
        ({"minute": "0,[20-21]"}, ["2026-11-22T08:20:00", "2026-11-22T08:21:00", "2026-11-22T09:00:00"]),
        ({"minute": 5, "second": 10}, ["2026-11-22T08:05:10", "2026-11-22T09:05:10"]),
        ({"dayOfWeek": "[1-5]", "hour": "*/12"}, ["2026-11-23T00:00:00", "2026-11-23T12:00:00", "2026-11-24T00:00:00"]),
        ({"month": "1"}, ["2027-01-01T00:00:00", "2028-01-01T00:00:00"]),
        ({"dayOfMonth": "29", "month": "2", "hour": "12"}, ["2028-02-29T12:00:00"]),
        ({"dayOfMonth": "31"}, ["2026-12-31T00:00:00", "2027-01-31T00:00:00", "2027-03-31T00:00:00"]),
        ({"hour": "8", "minute": "0", "second": "0"}, ["2026-11-23T08:00:00"]),
    ],
)
def test_schedule_comes_again_when_it_says(said: dict[str, Any], expected: list[str]) -> None:
    at: datetime | None = NOW
    for moment in expected:
        assert at is not None
        at = next_after(schedule_of(said), at)
        assert at == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({}, "an object with some of"),
        ("daily", "an object with some of"),
        ({"week": "1"}, "week is none of"),
        ({"hour": "24"}, "hour: 24 is not within 0 to 23"),
        ({"dayOfWeek": "0"}, "dayOfWeek: 0 is not within 1 to 7"),
        ({"minute": "[5-1]"}, "minute: [5-1] is not within"),
        ({"minute": "0/0"}, "minute: 0/0 is not within"),
        ({"minute": "five"}, "minute: 'five' is none of"),
        ({"minute": True}, "minute is text"),
        ({"dayOfMonth": "30", "month": "2"}, "no day has this month"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_reason(said: Any, text: str) -> None:
    with pytest.raises(ValueError, match="^.*" + text.replace("[", r"\[")):
        schedule_of(said)
