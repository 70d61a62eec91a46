# SPDX-License-Identifier: Apache-2.0
"""The small HTTP server of a gateway, spoken to by a real client."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from gateway.app import Gateway
from gateway.config_file import load_config
from tests.integration.gateway_bench import eventually, gateway_file

pytestmark = pytest.mark.slow


@pytest.mark.requirement("E17")
async def test_key_is_asked_for_when_one_is_set_and_wrong_paths_say_which_exist(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    file = gateway_file(tmp_path, 1, "")
    file.write_text(file.read_text().replace("[gateway]", f'[gateway]\napi_key_file = "{key}"'))
    gateway = Gateway(load_config(file))
    running = asyncio.create_task(gateway.run())
    await eventually(gateway.started.is_set)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        answers = [
            await client.get("/health"),
            await client.get("/health", headers={"Authorization": "Bearer wrong"}),
            await client.get("/health", headers={"Authorization": "Bearer secret"}),
            await client.get("/metrics", headers={"Authorization": "Bearer secret"}),
            await client.get("/", headers={"Authorization": "Bearer secret"}),
            await client.post("/health", headers={"Authorization": "Bearer secret"}),
        ]
    gateway.stop()
    await running

    assert [answer.status_code for answer in answers] == [401, 401, 200, 200, 404, 405]
    assert answers[2].json()["uplink"] is False
    assert "dockline_outbox_pending_events" in answers[3].text


async def test_client_that_talks_nonsense_does_not_disturb_the_server(tmp_path: Path) -> None:
    gateway = Gateway(load_config(gateway_file(tmp_path, 1, "")))
    running = asyncio.create_task(gateway.run())
    await eventually(gateway.started.is_set)

    for nonsense in (b"\x00" * 20_000, b"GET"):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(nonsense)
        writer.close()
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{gateway.port}/health")
    gateway.stop()
    await running

    assert answer.status_code == 200
