# SPDX-License-Identifier: Apache-2.0
"""Two brokers side by side that share nothing: central is on both, gateways are on either, and each may be killed at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from benchmarks.swarm import Swarm, broker
from benchmarks.swarm_gateway import SwarmGateway
from central.app import create_app
from central.database import open_engine, reading, transaction
from central.fleet import service as fleet
from central.ingest.queries import counts
from central.ledger.tables import event
from central.settings import Settings
from contracts import wire
from contracts.addresses import parse_broker
from contracts.commands import AcknowledgeAlarm
from firmware_sims.stack import free_port

GATEWAYS, EVENTS = 20, 30
DEADLINE_S = 30.0
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.slow, pytest.mark.mosquitto]


@pytest.fixture
def stored(sqlite_url: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()


class Pair:
    """Two ports, and the broker on each that can be killed and started anew, empty."""

    def __init__(self) -> None:
        self.ports = (free_port(), free_port())
        self.urls = tuple(f"mqtt://127.0.0.1:{port}" for port in self.ports)
        self._stacks = [ExitStack(), ExitStack()]

    def start(self, number: int) -> None:
        self._stacks[number].enter_context(broker(self.ports[number]))

    def kill(self, number: int) -> None:
        self._stacks[number].close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    made.start(0)
    made.start(1)
    yield made
    made.kill(0)
    made.kill(1)


@asynccontextmanager
async def central(engine: Engine, urls: tuple[str, ...]) -> AsyncIterator[Any]:
    first, *more = (parse_broker(url) for url in urls)
    app = create_app(Settings(str(engine.url), first, more_brokers=tuple(more)), engine=engine)
    async with app.router.lifespan_context(app):
        async with asyncio.timeout(DEADLINE_S):
            await app.state.worker.connected.wait()
        yield app.state


def gateways_on(pair: Pair) -> Swarm:
    """Every second one begins with the second broker."""
    addresses = [parse_broker(url) for url in pair.urls]
    return Swarm([SwarmGateway(f"g{n}", f"site-{n}", addresses if n % 2 else addresses[::-1]) for n in range(GATEWAYS)])


async def until(state: Any, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await state.changes.wait(state.changes.count, 0.05)


def stored_events(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(event).where(event.c.kind == "DeviceLinkChanged")).scalar_one())


async def test_either_broker_may_be_killed_while_gateways_send(stored: Engine, pair: Pair) -> None:
    swarm = gateways_on(pair)
    async with central(stored, pair.urls) as state, swarm.running():
        swarm.accept(EVENTS)
        await until(state, lambda: any(not each.pending for each in swarm.gateways))
        for number in (0, 1):
            swarm.accept(EVENTS)
            pair.kill(number)
            swarm.accept(EVENTS)
            await swarm.within(DEADLINE_S)
            assert state.worker.connected.is_set()
            assert state.worker.faults() == [f"the broker 127.0.0.1:{pair.ports[number]} is not connected"]
            pair.start(number)
            await until(state, lambda: not state.worker.faults())

    given = GATEWAYS * 2 * 5 * EVENTS
    with reading(stored) as connection:
        counted = counts(connection)
    assert (counted.applied, counted.missing, counted.quarantined) == (given, 0, 0)
    assert stored_events(stored) == given


async def test_command_finds_its_gateway_on_whichever_broker_it_is(stored: Engine, pair: Pair) -> None:
    swarm = gateways_on(pair)
    now = datetime.now(UTC)
    async with central(stored, pair.urls) as state, swarm.running():
        swarm.accept(1)
        await swarm.within(DEADLINE_S)
        pair.kill(0)
        swarm.accept(1)
        await swarm.within(DEADLINE_S)
        with transaction(stored) as connection:
            for n in range(GATEWAYS):
                told = AcknowledgeAlarm(command_id=f"c{n}", station="cold-1", deadline_at=now + timedelta(minutes=1), alarm_id="a", actor="li")
                fleet.send(connection, f"g{n}", told, now)
        state.changes.tell()

        await until(state, lambda: all(each.commands for each in swarm.gateways))

        for n, each in enumerate(swarm.gateways):
            assert {wire.decode_command(body).command_id for body in each.commands} == {f"c{n}"}
