# SPDX-License-Identifier: Apache-2.0
"""Background work of the ledger: snapshots of past months, each in a transaction of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from central.database import in_transaction
from central.errors import BusyError
from central.ledger import past

log = logging.getLogger(__name__)

EVERY_S = 600.0
"""How often the service looks whether a month is over; its snapshot is due a day later anyway."""


def snapshot_once(engine: Engine, now: datetime) -> int:
    """Take the oldest snapshot of each basis that is due and missing; returns how many were taken."""
    return sum(in_transaction(engine, partial(_take, by=by, now=now)) for by in past.BASES)


def _take(connection: Connection, by: past.Basis, now: datetime) -> int:
    due = past.due_snapshot(connection, by, now)
    if due is None:
        return 0
    past.take_snapshot(connection, by, due, now)
    return 1


async def watch(engine: Engine, clock: Callable[[], datetime], every_s: float = EVERY_S) -> None:
    """Take what is due for as long as the service lives."""
    while True:
        taken = 0
        try:
            taken = await asyncio.to_thread(snapshot_once, engine, clock())
        except (BusyError, SQLAlchemyError) as error:
            log.warning("taking a monthly snapshot failed, trying again", extra={"reason": str(error)})
        await asyncio.sleep(1 if taken else every_s)
