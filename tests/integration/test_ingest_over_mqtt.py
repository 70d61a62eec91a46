# SPDX-License-Identifier: Apache-2.0
"""The ingest worker against real brokers: acknowledgement after the commit, states, commands down, and a broker that goes away."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiomqtt
import msgspec
import psutil
import pytest
from sqlalchemy import Engine, select

from central.app import create_app
from central.database import open_engine, reading, transaction
from central.fleet import service as fleet
from central.fleet.tables import command as command_table
from central.fleet.tables import gateway as gateway_table
from central.ingest.queries import counts
from central.settings import Settings
from contracts import wire
from contracts.addresses import parse_broker
from contracts.commands import AcknowledgeAlarm
from contracts.events import CommandAnswered, DeviceLinkChanged
from contracts.topics import CENTRAL_STATE, GatewayAddress, partition_of
from contracts.wire import Batch, GatewayState
from tests import servers

ADDRESS = GatewayAddress(partition_of("s1"), "s1", "g1")
DEADLINE_S = 20.0
pytestmark = pytest.mark.slow


@pytest.fixture
def stored(sqlite_url: str) -> Any:
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()


@asynccontextmanager
async def central(engine: Engine, broker: str) -> AsyncIterator[Any]:
    """The application with its worker connected, without an HTTP server."""
    app = create_app(Settings(str(engine.url), parse_broker(broker)), engine=engine)
    async with app.router.lifespan_context(app), asyncio.timeout(DEADLINE_S):
        await app.state.worker.connected.wait()
        yield app.state


@asynccontextmanager
async def gateway(broker: str) -> AsyncIterator[aiomqtt.Client]:
    """A bare MQTT client that stands for a gateway."""
    address = parse_broker(broker)
    async with aiomqtt.Client(address.host, address.port, protocol=aiomqtt.ProtocolVersion.V5, clean_start=True) as client:
        for topic in (ADDRESS.topic("ack"), ADDRESS.topic("down"), CENTRAL_STATE):
            await client.subscribe(topic, qos=1)
        yield client


async def heard(client: aiomqtt.Client, topic: str) -> bytes:
    """The next message on a topic."""
    async with asyncio.timeout(DEADLINE_S):
        async for message in client.messages:
            if str(message.topic) == topic:
                assert isinstance(message.payload, bytes)
                return message.payload
    raise AssertionError(f"nothing on {topic}")


def batch(first_seq: int, *events: Any, compressed: bool = False) -> bytes:
    for n, event in enumerate(events):
        event.seq = first_seq + n
    made = Batch(gateway="g1", epoch="e1", lane="telemetry", first_seq=first_seq, events=[msgspec.Raw(wire.encode(event)) for event in events])
    return wire.compress(wire.encode(made)) if compressed else wire.encode(made)


def link(device: str) -> DeviceLinkChanged:
    return DeviceLinkChanged(event_time=datetime.now(UTC), device=device, state="connected")


async def until(state: Any, true: Callable[[], bool]) -> None:
    """Wait on the news until something is true."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(true):
            await state.changes.wait(state.changes.count, 0.2)


@pytest.mark.parametrize("compressed", [False, True])
async def test_batch_is_acknowledged_after_it_was_committed(stored: Engine, broker: str, compressed: bool) -> None:
    async with central(stored, broker), gateway(broker) as client:
        state = wire.decode_central_state(await heard(client, CENTRAL_STATE))
        assert (state.online, state.encodings) == (True, ["zstd"])

        await client.publish(ADDRESS.topic("up/telemetry"), batch(1, link("a"), link("b"), compressed=compressed), qos=1)

        ack = wire.decode_ack(await heard(client, ADDRESS.topic("ack")))
        assert (ack.epoch, ack.upto, ack.resend) == ("e1", 2, False)
        with reading(stored) as connection:
            assert counts(connection).applied == 2


async def test_hundreds_of_batches_in_flight_are_all_taken_in_order(stored: Engine, broker: str) -> None:
    async with central(stored, broker), gateway(broker) as client:
        for n in range(300):
            await client.publish(ADDRESS.topic("up/telemetry"), batch(1 + 2 * n, link("a"), link("b")), qos=1)

        while wire.decode_ack(await heard(client, ADDRESS.topic("ack"))).upto < 600:
            pass

    with reading(stored) as connection:
        assert counts(connection).accepted == counts(connection).applied == 600


async def test_birth_and_death_of_a_gateway_are_kept_and_a_late_death_is_ignored(stored: Engine, broker: str) -> None:
    def online(expected: bool) -> Callable[[], bool]:
        def look() -> bool:
            with reading(stored) as connection:
                return connection.execute(select(gateway_table.c.online).where(gateway_table.c.id == "g1")).scalar() is expected

        return look

    async def say(client: aiomqtt.Client, is_online: bool, session: str) -> None:
        state = GatewayState(online=is_online, boot_id="boot", session_id=session, version="1")
        await client.publish(ADDRESS.topic("state"), wire.encode(state), qos=1, retain=True)

    async with gateway(broker) as client:
        await say(client, True, "first")
        async with central(stored, broker) as state:
            await until(state, online(True))
            await say(client, True, "second")
            await say(client, False, "first")
            await client.publish(ADDRESS.topic("up/telemetry"), batch(1, link("a")), qos=1)
            await heard(client, ADDRESS.topic("ack"))
            assert online(True)()
            await say(client, False, "second")
            await until(state, online(False))


async def test_what_is_said_to_the_broker_does_not_wait_for_an_acknowledgement_of_tcp(stored: Engine, broker: str) -> None:
    port = parse_broker(broker).port
    async with central(stored, broker):
        (line,) = (each for each in psutil.Process().net_connections("tcp") if each.raddr and each.raddr.port == port)
        with socket.socket(fileno=os.dup(line.fd)) as same:
            assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


async def test_command_goes_down_until_it_is_answered(stored: Engine, broker: str) -> None:
    now = datetime.now(UTC)
    told = AcknowledgeAlarm(command_id="c1", station="cold-1", deadline_at=now + timedelta(minutes=1), alarm_id="cold-1.high", actor="li")
    with transaction(stored) as connection:
        fleet.enrol(connection, ADDRESS, now)

    def state_of_command() -> str | None:
        with reading(stored) as connection:
            return connection.execute(select(command_table.c.state)).scalar()

    async with gateway(broker) as client, central(stored, broker) as state:
        with transaction(stored) as connection:
            fleet.send(connection, "g1", told, now)
        state.changes.tell()
        assert wire.decode_command(await heard(client, ADDRESS.topic("down"))) == told
        assert wire.decode_command(await heard(client, ADDRESS.topic("down"))) == told

        answer = CommandAnswered(event_time=now, station="cold-1", command_id="c1", outcome="done")
        await client.publish(ADDRESS.topic("up/telemetry"), batch(1, answer), qos=1)
        await until(state, lambda: state_of_command() == "done")


@pytest.mark.mosquitto
async def test_worker_comes_back_after_the_broker_was_away(stored: Engine) -> None:
    port = servers.free_port()
    with servers.mosquitto(port) as broker:
        async with central(stored, broker) as state:
            pass
    app = create_app(Settings(str(stored.url), parse_broker(f"mqtt://127.0.0.1:{port}")), engine=stored)
    async with app.router.lifespan_context(app):
        state = app.state
        with servers.mosquitto(port) as broker:
            async with asyncio.timeout(DEADLINE_S):
                await state.worker.connected.wait()
        async with asyncio.timeout(DEADLINE_S):
            while state.worker.connected.is_set():
                await state.changes.wait(state.changes.count, 0.05)
        with servers.mosquitto(port) as broker:
            async with asyncio.timeout(DEADLINE_S), gateway(broker) as client:
                await state.worker.connected.wait()
                await client.publish(ADDRESS.topic("up/telemetry"), batch(1, link("a")), qos=1)
                assert wire.decode_ack(await heard(client, ADDRESS.topic("ack"))).upto == 1
