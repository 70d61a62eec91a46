# SPDX-License-Identifier: Apache-2.0
"""Central's disk is full: nothing is acknowledged, nothing is half done, the service says so and goes on by itself when there is room.

SQLite is limited for real (`PRAGMA max_page_count` makes it answer SQLITE_FULL). PostgreSQL's own limit would need a file system of its own: there a trigger
raises what the server raises then, SQLSTATE 53100.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event, text

from benchmarks.swarm import Swarm
from benchmarks.swarm_gateway import SwarmGateway
from central.app import create_app
from central.database import open_engine, reading, transaction
from central.ingest.queries import counts
from central.ledger.verify import verify
from central.settings import Settings
from contracts.addresses import parse_broker
from tests import servers

GATEWAYS, EVENTS = 4, 40
DEADLINE_S = 25.0
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.slow, pytest.mark.mosquitto]


class Disk:
    """How much room a database has."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pages = 1 << 30
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", self._limit)

    def _limit(self, connection: Any) -> None:
        connection.connection.driver_connection.execute(f"PRAGMA max_page_count={self._pages}")

    def fill(self) -> None:
        if self._engine.dialect.name == "sqlite":
            with reading(self._engine) as connection:
                self._pages = int(connection.execute(text("PRAGMA page_count")).scalar_one()) + 3
            return
        with transaction(self._engine) as connection:
            said = 'could not extend file "base/16384/16397": No space left on device'
            connection.execute(
                text(
                    "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = '{said}'; END $$"
                )
            )
            connection.execute(text("CREATE TRIGGER no_room BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION no_room()"))

    def make_room(self) -> None:
        self._pages = 1 << 30
        if self._engine.dialect.name == "postgresql":
            with transaction(self._engine) as connection:
                connection.execute(text("DROP TRIGGER no_room ON event"))


async def until(state: Any, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await state.changes.wait(state.changes.count, 0.05)


async def until_said(client: httpx.AsyncClient, path: str, status: int, words: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = await client.get(path)
            if answer.status_code == status and words in answer.text:
                return
            await asyncio.sleep(0.05)


async def test_full_disk_acknowledges_nothing_and_heals_by_itself(database_url: str) -> None:
    engine = open_engine(database_url)
    disk = Disk(engine)
    with servers.mosquitto() as url:
        broker = parse_broker(url)
        swarm = Swarm([SwarmGateway(f"g{n}", f"site-{n}", [broker]) for n in range(GATEWAYS)])
        app = create_app(Settings(database_url, broker, seal_every_s=3600), engine=engine)
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), swarm.running(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            state = app.state
            swarm.accept(1)
            await swarm.within(DEADLINE_S)
            await asyncio.to_thread(disk.fill)
            swarm.accept(EVENTS)
            await until(state, lambda: any("no room" in fault for fault in state.worker.faults()))

            acknowledged = sum(lane.acked for each in swarm.gateways for lane in each.lanes.values())
            # A small transaction may still find room in a page, so what it says comes and goes while the disk is nearly full.
            await until_said(client, "/readyz", 503, "has no room left")
            await until_said(client, "/metrics", 200, "dockline_ingest_stands_still 1.0")
            assert (await client.get("/livez")).status_code == 200
            with reading(engine) as connection:
                assert counts(connection).accepted >= acknowledged
            await until(state, lambda: any(not each.central_up for each in swarm.gateways))

            await asyncio.to_thread(disk.make_room)
            await swarm.within(DEADLINE_S)
            await until(state, lambda: not state.worker.faults())
            assert (await client.get("/readyz")).status_code == 200

    with reading(engine) as connection:
        counted = counts(connection)
        assert verify(connection).texts() == []
    assert (counted.applied, counted.quarantined, counted.missing) == (GATEWAYS * 2 * (1 + EVENTS), 0, 0)
    engine.dispose()
