# SPDX-License-Identifier: Apache-2.0
"""Simulated scales against programs that others wrote, over TCP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sartorius import Scale

from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.scale_lines.twin import LineScaleTwin


@asynccontextmanager
async def _asked_by_sartorius(make: str) -> AsyncIterator[tuple[TcpTwinServer, Scale]]:
    server = TcpTwinServer(LineScaleTwin(make=make, division=0.01))
    await server.start()
    client = Scale(f"{server.host}:{server.port}")
    try:
        yield server, client
    finally:
        client.hw.close()
        await server.stop()


@pytest.mark.requirement("E15")
async def test_client_of_sartorius_scales_reads_the_twin() -> None:
    async with _asked_by_sartorius("sartorius_sbi_22") as (server, client):
        assert await client.get() == {"mass": 0.0, "units": "kg", "stable": True, "measurement": "gross"}

        server.stimulate("place", weight_g=-150)
        moving = await client.get()

        assert moving["stable"] is False
        assert moving["units"] == "kg"


async def test_client_of_sartorius_scales_learns_who_the_twin_is() -> None:
    async with _asked_by_sartorius("sartorius_sbi_22") as (_, client):
        assert await client.get_info() == {"model": "Dockline SBI", "serial": "0021451387", "software": "01-02-03"}


async def test_client_of_sartorius_scales_sees_an_overload_as_off() -> None:
    async with _asked_by_sartorius("sartorius_sbi_22") as (server, client):
        server.twin.advance_to(server._clock())
        server.stimulate("place", weight_g=90_000)
        server.twin.advance_to(server._clock() + 5)

        assert await client.get() == {"on": False}
