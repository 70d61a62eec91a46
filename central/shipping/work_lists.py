# SPDX-License-Identifier: Apache-2.0
"""When lists of doors and scan points are looked at: a round after every change, at least every second, never more than a tenth of the time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from central.changes import Changes
from central.errors import BusyError
from central.shipping import door_lists, scan_lists

log = logging.getLogger(__name__)

_POLL_S = 1.0
_GATHER_S = 0.05
"""Commits within this time share a round."""
_IDLE_PER_WORK = 9.0
"""A round that took a second is followed by nine of rest: lists take at most a tenth of a processor."""


def work_once(engine: Engine, now: datetime) -> int:
    """One round over doors and scan points; returns how many lists were sent."""
    return door_lists.work_once(engine, now) + scan_lists.work_once(engine, now)


async def watch(engine: Engine, clock: Callable[[], datetime], changes: Changes) -> None:
    """Rounds until cancelled: after every change, at least every second, never more than a tenth of the time."""
    while True:
        seen = changes.count
        began_s = time.monotonic()
        try:
            if await asyncio.to_thread(work_once, engine, clock()):
                changes.tell()
        except (BusyError, SQLAlchemyError) as error:
            log.warning("lists could not be told, trying again", extra={"reason": str(error)})
        await asyncio.sleep(_GATHER_S + _IDLE_PER_WORK * (time.monotonic() - began_s))
        await changes.wait(seen, _POLL_S)
