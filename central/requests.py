# SPDX-License-Identifier: Apache-2.0
"""What routes of every area take from a request: the database, the clock, and the news that something changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request
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


Database = Annotated[Engine, Depends(_engine)]
"""The engine; open a `transaction` or `reading` on it."""
Now = Annotated[datetime, Depends(_now)]
"""The instant of the request, aware UTC."""
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="its number", examples=[17])]
"""A number that the database gave, in a path."""
Filter = Annotated[str | None, Query(max_length=200, description="only these; left out: all")]
"""A word that must fit exactly."""
News = Annotated[Changes, Depends(_changes)]
"""Tell it after a commit that something changed; pages and the command publisher wait on it."""
