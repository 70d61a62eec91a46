# SPDX-License-Identifier: Apache-2.0
"""An ingest worker that breaks says that it takes nothing, so that whoever asks /readyz starts the service again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from central.changes import Changes
from central.exceptions.service import raise_work_order
from central.ingest.service import Door
from central.ingest.worker import IngestWorker
from central.metrics import Metrics


class ItsOwnFaultError(Exception):
    """A bug."""


async def test_worker_that_breaks_takes_nothing_any_more_and_says_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = IngestWorker(engine, [], Door({}, raise_work_order), Metrics(), Changes(), lambda: datetime.now(UTC))

    async def break_down() -> None:
        worker.connected.set()
        raise ItsOwnFaultError

    # The last of its tasks breaks; none of the others has gone to the database by then.
    monkeypatch.setattr(worker, "_keep_leases", asyncio.Event().wait)
    monkeypatch.setattr(worker, "_mark_commands", break_down)

    with pytest.raises(ExceptionGroup):
        await worker.run()

    assert not worker.connected.is_set()
    assert worker.faults() == ["ingest has ended; see the log for why, and start the service again"]
