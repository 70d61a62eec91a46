# SPDX-License-Identifier: Apache-2.0
"""Two central programs on one PostgreSQL: they share the gateways, one that stands still is replaced, and when it wakes it changes nothing."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from benchmarks.swarm import Swarm
from benchmarks.swarm_gateway import SwarmGateway
from central.database import open_engine, reading
from central.ingest.queries import counts
from central.ledger.tables import event
from central.ledger.verify import verify
from contracts.addresses import parse_broker
from contracts.topics import PARTITIONS
from firmware_sims.stack import free_port
from tests import servers

ROOT = Path(__file__).resolve().parents[2]
GATEWAYS, EVENTS = 16, 20
DEADLINE_S = 40.0
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.slow, pytest.mark.postgres, pytest.mark.mosquitto]


class Program:
    """A running `dockline central run --ingest-only`, with a short term."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process, self._url = process, url

    async def partitions(self) -> int:
        """How many it says that it holds; 0 while it does not answer."""
        async with httpx.AsyncClient() as client:
            try:
                found = re.search(r"^dockline_ingest_partitions (\d+)", (await client.get(f"{self._url}/metrics", timeout=5)).text, re.MULTILINE)
            except httpx.TransportError:
                return 0
        return int(found[1]) if found else 0


@contextmanager
def program(database: str, broker: str) -> Iterator[Program]:
    port = free_port()
    said = ["--listen", f"127.0.0.1:{port}", "--database", database, "--broker", broker, "--ingest-only"]
    process = subprocess.Popen([sys.executable, "-m", "tests.integration.quick_central", *said], cwd=ROOT)
    try:
        yield Program(process, f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Poll a program outside of this one, which gives no event to wait on."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if await true():
                return
            await asyncio.sleep(0.05)


async def test_worker_that_stands_still_is_replaced_and_changes_nothing_when_it_wakes(postgres_url: str) -> None:
    with servers.mosquitto() as broker, program(postgres_url, broker) as first, program(postgres_url, broker) as second:
        swarm = Swarm([SwarmGateway(f"g{n}", f"site-{n}", [parse_broker(broker)]) for n in range(GATEWAYS)])
        async with swarm.running():

            async def both_share() -> bool:
                return [await first.partitions(), await second.partitions()] == [PARTITIONS // 2] * 2

            async def second_has_all() -> bool:
                return await second.partitions() == PARTITIONS

            await until(both_share)
            swarm.accept(EVENTS)
            first.process.send_signal(signal.SIGSTOP)
            await until(second_has_all)
            await swarm.within(DEADLINE_S)
            swarm.accept(EVENTS)
            first.process.send_signal(signal.SIGCONT)
            swarm.accept(EVENTS)
            await until(both_share)
            await swarm.within(DEADLINE_S)

    given = GATEWAYS * 2 * 3 * EVENTS
    engine = open_engine(postgres_url)
    with reading(engine) as connection:
        counted = counts(connection)
        stored = connection.execute(select(func.count()).select_from(event).where(event.c.kind == "DeviceLinkChanged")).scalar_one()
        assert verify(connection).texts() == []
    assert (counted.applied, counted.missing, counted.quarantined, stored) == (given, 0, 0, given)
    engine.dispose()
