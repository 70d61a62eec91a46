# SPDX-License-Identifier: Apache-2.0
"""The small HTTP server of a gateway, spoken to by a real client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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


COLD_ROOM = """
[[device]]
id = "probe"
driver = "sensor_modbus"
host = "127.0.0.1"
port = 1
map = "comet_tx5xx"
[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "probe"
high_c = 8.0
stale_s = 0.1
"""


@pytest.mark.requirement("E10", "E13")
async def test_alarm_is_acknowledged_at_the_gateway_with_its_key_and_only_with_one(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("secret\n")
    file = gateway_file(tmp_path, 1, COLD_ROOM)
    answers = await _asked(Gateway(load_config(file)), [("POST", "cold-1.stale/acknowledge")])
    file.write_text(file.read_text().replace("[gateway]", f'[gateway]\napi_key_file = "{key}"'))

    addresses = ["cold-1.stale/acknowledge", "cold-1.fire/acknowledge", "cold-1.stale/acknowledge?actor=li", "cold-1.stale/acknowledge"]
    answers += await _asked(Gateway(load_config(file)), [("GET", addresses[0]), *(("POST", address) for address in addresses[1:])])

    assert [answer.status_code for answer, _ in answers] == [403, 405, 404, 200, 200]
    assert "cold-1 has: cold-1.high, cold-1.stale" in answers[2][0].text
    told = [body for body in answers[-1][1] if b'"state":"acknowledged"' in body]
    assert [b'"actor":"at the gateway: li"' in body for body in told] == [True], "once, by who said it first"


async def _asked(gateway: Gateway, asked: Sequence[tuple[str, str]]) -> list[tuple[httpx.Response, Sequence[bytes]]]:
    """What a gateway whose alarm stands answers, and what its outbox holds then."""
    running = asyncio.create_task(gateway.run())
    await eventually(gateway.started.is_set)
    async with asyncio.timeout(20):
        while not any(b'"state":"unacknowledged"' in body for body in await _stored(gateway)):  # noqa: ASYNC110  # what is stored announces nothing
            await asyncio.sleep(0.02)
    answers = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}/alarms/", headers={"Authorization": "Bearer secret"}) as client:
        for method, address in asked:
            answer = await client.request(method, address)
            answers.append((answer, await _stored(gateway)))
    gateway.stop()
    await running
    return answers


async def _stored(gateway: Gateway) -> Sequence[bytes]:
    batch = await gateway.store.batch_after("movements", 0, 0)
    return batch.events if batch is not None else ()
