# SPDX-License-Identifier: Apache-2.0
"""What routes of every area take from a request: the database, the clock, and the news that something changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy import Engine

from central.changes import Changes


# Coroutines, though they wait for nothing: FastAPI sends every other function through a thread, which costs a request more than all of its routing.
async def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


async def _now(request: Request) -> datetime:
    clock: Callable[[], datetime] = request.app.state.clock
    return clock()


async def _changes(request: Request) -> Changes:
    changes: Changes = request.app.state.changes
    return changes


def utc_now() -> datetime:
    """The wall clock: now, aware, UTC."""
    return datetime.now(UTC)


def _written_out(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and "-" not in value[1:]):
        raise ValueError("write a day as 2026-11-21, an instant as 2026-11-21T08:00:00Z")
    return value


Database = Annotated[Engine, Depends(_engine)]
"""The engine; open a `transaction` or `reading` on it."""
Now = Annotated[datetime, Depends(_now)]
"""The instant of the request, aware UTC."""
Day = Annotated[date, BeforeValidator(_written_out)]
"""A day in an address; days since 1970 are refused."""
NUMBER_MAX = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 8259, section 6); no number that the database gives comes near it."""
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="its number", examples=[17])]
"""A number that the database gave, in a path."""
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""An instant in an address, with its time zone (RFC 3339); seconds since 1970 are refused. In a body AwareDatetime does, see `central.forms`."""
Filter = Annotated[str | None, Query(max_length=200, description="only these; left out: all")]
"""A word that must fit exactly."""
News = Annotated[Changes, Depends(_changes)]
"""Tell it after a commit that something changed; pages and the command publisher wait on it."""
