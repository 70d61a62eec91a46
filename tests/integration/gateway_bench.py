# SPDX-License-Identifier: Apache-2.0
"""What the gateway's integration tests share: an embedded broker in a child process and a central that can be told to misbehave."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiomqtt

from contracts import wire
from contracts.commands import AnyCommand
from contracts.events import LANES, AnyEvent, Lane
from contracts.topics import ALL_STATES, ALL_UP, CENTRAL_STATE, GatewayAddress, parse_topic, partition_of
from gateway.app import Gateway
from gateway.config_file import load_config

SITE, GATEWAY = "test-site", "gw-1"
ADDRESS = GatewayAddress(partition_of(SITE), SITE, GATEWAY)
_START_S = 20.0


@contextmanager
def running_broker() -> Iterator[int]:
    """The port of a broker that ends with the test."""
    command = [sys.executable, "-m", "dockline", "broker", "run", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if "listening on mqtt://" in line), "")
            yield int(line.rpartition(":")[2])
        finally:
            process.terminate()
            process.wait(_START_S)


class FakeCentral:
    """Takes what has the next number and says so after "committing". `mute`: says nothing. `lose_next`: so many batches vanish."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.events: dict[Lane, list[AnyEvent]] = {lane: [] for lane in LANES}
        self.marks: dict[tuple[str, Lane], int] = {}
        self.states: list[wire.GatewayState] = []
        self.batches = 0
        self.duplicates = 0
        self.mute = False
        self.lose_next = 0
        self.changed = asyncio.Condition()

    async def serve(self) -> None:
        await self.client.subscribe(ALL_UP, qos=1)
        await self.client.subscribe(ALL_STATES, qos=1)
        async for message in self.client.messages:
            address, leaf = parse_topic(str(message.topic)) or (None, "")
            assert address is not None
            assert isinstance(message.payload, bytes)
            if leaf == "state":
                self.states.append(wire.decode_gateway_state(message.payload))
            else:
                await self._take(address, wire.decode_batch(message.payload))
            async with self.changed:
                self.changed.notify_all()

    async def _take(self, address: GatewayAddress, batch: wire.Batch) -> None:
        self.batches += 1
        if self.lose_next:
            self.lose_next -= 1
            return
        if self.mute:
            return
        key = (batch.epoch, batch.lane)
        mark = self.marks.get(key, 0)
        gap = batch.first_seq > mark + 1
        for offset, raw in enumerate(batch.events):
            seq = batch.first_seq + offset
            if gap or seq <= mark:
                self.duplicates += not gap
                continue
            event = wire.decode_event(bytes(raw))
            assert event.seq == seq
            self.events[batch.lane].append(event)
            mark = seq
        self.marks[key] = mark
        ack = wire.Ack(epoch=batch.epoch, lane=batch.lane, upto=mark, resend=gap)
        await self.client.publish(address.topic("ack"), wire.encode(ack), qos=1)

    async def command(self, command: AnyCommand) -> None:
        await self.client.publish(ADDRESS.topic("down"), wire.encode(command), qos=1)

    async def announce(self, *, online: bool = True) -> None:
        state = wire.CentralState(online=online, session_id="central-1", encodings=["zstd"])
        await self.client.publish(CENTRAL_STATE, wire.encode(state), qos=1, retain=True)

    async def until(self, condition: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait for something to become true of what came; fails with what there is."""
        try:
            async with asyncio.timeout(within_s), self.changed:
                await self.changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(
                f"not within {within_s} s; got {[type(e).__name__ for lane in LANES for e in self.events[lane]][-20:]}, marks {self.marks}"
            ) from None

    def of(self, kind: type) -> list[AnyEvent]:
        return [event for lane in LANES for event in self.events[lane] if isinstance(event, kind)]


@asynccontextmanager
async def running_central(port: int, *, has_mqtt_5: bool = True) -> AsyncIterator[FakeCentral]:
    clean: dict[str, Any] = {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": True}
    if has_mqtt_5:
        clean = {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": True}
    async with aiomqtt.Client("127.0.0.1", port, timeout=5, **clean) as client:
        client.pending_calls_threshold = 1000
        central = FakeCentral(client)
        serving = asyncio.create_task(central.serve(), name="fake-central")
        try:
            yield central
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def gateway_file(folder: Path, broker_port: int, body: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f'[gateway]\nid = "{GATEWAY}"\nsite = "{SITE}"\nbroker = "mqtt://127.0.0.1:{broker_port}"\ndata_dir = "{folder}"\nlisten = "127.0.0.1:0"\n{body}\n'
    )
    return path


@asynccontextmanager
async def running_gateway(folder: Path, broker_port: int, body: str = "") -> AsyncIterator[Gateway]:
    async with serving(gateway_file(folder, broker_port, body)) as gateway:
        yield gateway


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[Gateway]:
    """The gateway of that file, until the block ends."""
    gateway = Gateway(load_config(file))
    running = asyncio.create_task(gateway.run(), name="gateway")
    started = asyncio.create_task(gateway.started.wait(), name="gateway-started")
    try:
        await asyncio.wait([running, started], timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        yield gateway
    finally:
        started.cancel()
        gateway.stop()
        await running


async def eventually(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """For states that announce nothing: look at every turn of the loop's clock until true."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not true within {within_s} s"
        await asyncio.sleep(0.01)
