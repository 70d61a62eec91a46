# SPDX-License-Identifier: Apache-2.0
"""When a standing query is run: the schedule of a subscription (EPCIS 2.0, section 8.2.5.3), in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_BOUNDS = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "dayOfMonth": (1, 31), "month": (1, 12), "dayOfWeek": (1, 7)}
"""dayOfWeek: 1 is Monday."""
_DAYS = ("dayOfMonth", "month", "dayOfWeek")
_ELEMENT = re.compile(r"(?:([0-9]{1,2})|\[([0-9]{1,2})-([0-9]{1,2})\]|(\*|[0-9]{1,2})/([0-9]{1,2}))")
_AHEAD_DAYS = 8 * 366
"""Even 29 February on a given day of the month comes again within eight years (1896 to 1904)."""


class Schedule(NamedTuple):
    """Values that a moment must have in each of its fields."""

    second: frozenset[int]
    minute: frozenset[int]
    hour: frozenset[int]
    dayOfMonth: frozenset[int]  # noqa: N815  # the standard's names
    month: frozenset[int]
    dayOfWeek: frozenset[int]  # noqa: N815


def schedule_of(said: Any) -> Schedule:
    """The schedule that a subscription says: numbers, ranges `[1-5]` and steps `0/30`, with commas between.

    A field that is left out may have any value, or its least when it is finer than all that are given: `{"hour": "1", "minute": "5"}` is once a day.
    Raises: ValueError: no such schedule, or one that never comes.
    """
    if not isinstance(said, Mapping) or not said:
        raise ValueError(f"a schedule is an object with some of {', '.join(_BOUNDS)}")
    if unknown := sorted(set(map(str, said)) - set(_BOUNDS)):
        raise ValueError(f"{unknown[0]} is none of {', '.join(_BOUNDS)}")
    least = {name for name in _BOUNDS if name not in said and _is_finer(name, said)}
    made = Schedule(*(_values(name, said[name]) if name in said else _open(name, least) for name in _BOUNDS))
    if next_after(made, datetime(2026, 1, 1, tzinfo=UTC)) is None:
        raise ValueError("no day has this month, day of the month and day of the week")
    return made


def _is_finer(name: str, said: Mapping[str, Any]) -> bool:
    if name == "second":
        return any(each != "second" for each in said)
    if name == "minute":
        return any(each not in ("second", "minute") for each in said) and "second" not in said
    if name == "hour":
        return any(each in _DAYS for each in said) and not {"second", "minute"} & set(said)
    return name == "dayOfMonth" and "month" in said and set(said) <= {"month"}


def _open(name: str, least: set[str]) -> frozenset[int]:
    low, high = _BOUNDS[name]
    return frozenset([low]) if name in least else frozenset(range(low, high + 1))


def _values(name: str, said: Any) -> frozenset[int]:
    if isinstance(said, bool) or not isinstance(said, int | str):
        raise ValueError(f"{name} is text, as 5 or [1-5] or 0/30, with commas between")  # noqa: TRY004  # said by a client: a value of the wrong kind is a wrong value
    return frozenset(value for part in str(said).split(",") for value in _element(name, part.strip()))


def _element(name: str, text: str) -> range:
    low, high = _BOUNDS[name]
    match = _ELEMENT.fullmatch(text)
    if text == "*":
        return range(low, high + 1)
    if match is None:
        raise ValueError(f"{name}: {text!r} is none of a number, a range [1-5] and a step 0/30")
    one, first, last, start, step = match.groups()
    if one is not None:
        found = range(int(one), int(one) + 1)
    elif first is not None:
        found = range(int(first), int(last) + 1)
    else:
        found = range(low if start == "*" else int(start), high + 1, max(1, int(step)))
    if not found or found[0] < low or found[-1] > high or (step is not None and not int(step)):
        raise ValueError(f"{name}: {text} is not within {low} to {high}")
    return found


def next_after(schedule: Schedule, at: datetime) -> datetime | None:
    """The first second of the schedule after `at`; None: there is none."""
    start = at.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    for days in range(_AHEAD_DAYS):
        day = start if not days else (start + timedelta(days=days)).replace(hour=0, minute=0, second=0)
        if day.day in schedule.dayOfMonth and day.month in schedule.month and day.isoweekday() in schedule.dayOfWeek:
            found = _within_day(schedule, day)
            if found is not None:
                return found
    return None


def _within_day(schedule: Schedule, start: datetime) -> datetime | None:
    earliest = (start.hour, start.minute, start.second)
    for hour in sorted(each for each in schedule.hour if each >= start.hour):
        for minute in sorted(schedule.minute):
            second = next((each for each in sorted(schedule.second) if (hour, minute, each) >= earliest), None)
            if second is not None:
                return start.replace(hour=hour, minute=minute, second=second)
    return None
