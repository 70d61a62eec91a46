# SPDX-License-Identifier: Apache-2.0
"""A service that stops leaves nothing behind: its threads have ended and its connections are given back before it says that it has stopped."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, event

from central.app import create_app
from central.database import in_transaction
from central.requests import utc_now
from central.settings import Settings
from central.train import Train

HELD_S = 0.2
"""Long against what a stop without waiting takes, short for a test."""


class Borrowed:
    """How many connections of an engine are out of its pool."""

    def __init__(self, engine: Engine) -> None:
        self.now = 0
        self._lock = threading.Lock()
        event.listen(engine, "checkout", lambda *_: self._add(1))
        event.listen(engine, "checkin", lambda *_: self._add(-1))

    def _add(self, number: int) -> None:
        with self._lock:
            self.now += number


async def test_background_work_that_is_in_its_transaction_is_waited_for(engine: Engine) -> None:
    borrowed, at_work, go_on = Borrowed(engine), threading.Event(), threading.Event()

    def clock() -> datetime:
        if threading.current_thread() is not threading.main_thread() and borrowed.now:
            at_work.set()
            go_on.wait(20)
        return utc_now()

    app = create_app(Settings(str(engine.url), seal_every_s=0), clock, engine)
    async with app.router.lifespan_context(app):
        assert await asyncio.to_thread(at_work.wait, 20)
        asyncio.get_running_loop().call_later(HELD_S, go_on.set)

    assert go_on.is_set()
    assert borrowed.now == 0


async def test_train_under_way_arrives_before_the_service_has_stopped(engine: Engine) -> None:
    borrowed, at_work, go_on = Borrowed(engine), threading.Event(), threading.Event()

    def journey(_connection: Connection, requests: Any) -> list[str]:
        at_work.set()
        go_on.wait(20)
        return ["done" for _ in requests]

    app = create_app(Settings(str(engine.url)), engine=engine)
    async with app.router.lifespan_context(app):
        train: Train[str, str] = Train(engine, journey)
        caller = asyncio.create_task(train.ride("order"))
        assert await asyncio.to_thread(at_work.wait, 20)
        caller.cancel()
        asyncio.get_running_loop().call_later(HELD_S, go_on.set)

    assert go_on.is_set()
    assert borrowed.now == 0


async def test_loop_of_a_service_that_has_stopped_still_has_threads(engine: Engine) -> None:
    for _ in range(2):
        app = create_app(Settings(str(engine.url)), engine=engine)
        async with app.router.lifespan_context(app):
            pass

        assert await asyncio.to_thread(in_transaction, engine, lambda _: "works") == "works"
