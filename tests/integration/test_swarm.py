# SPDX-License-Identifier: Apache-2.0
"""Hundreds of gateways that come back at once after their broker was killed; ten thousand are measured by `python -m benchmarks swarm`."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.swarm import Swarm, books, broker
from benchmarks.swarm_gateway import SwarmGateway
from central.app import create_app
from central.database import open_engine
from central.settings import Settings
from contracts.addresses import parse_broker
from firmware_sims.stack import free_port

GATEWAYS, EVENTS = 200, 1
DEADLINE_S = 45.0
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.slow, pytest.mark.mosquitto]


async def test_all_marks_advance_after_the_broker_came_back_empty(sqlite_url: str) -> None:
    port = free_port()
    address = parse_broker(f"mqtt://127.0.0.1:{port}")
    swarm = Swarm([SwarmGateway(f"g{n}", f"site-{n // 5}", [address]) for n in range(GATEWAYS)])
    engine = open_engine(sqlite_url)
    app = create_app(Settings(sqlite_url, address), engine=engine)
    async with app.router.lifespan_context(app), swarm.running():
        with broker(port) as first:
            swarm.accept(EVENTS)
            await swarm.within(DEADLINE_S)
            first.kill()
            await asyncio.to_thread(first.wait)
        swarm.accept(EVENTS)
        with broker(port):
            await swarm.within(DEADLINE_S)

    assert books(sqlite_url.removeprefix("sqlite:///"), GATEWAYS, EVENTS) == {"lost": 0, "stored_twice": 0, "applied_beyond": 0}
