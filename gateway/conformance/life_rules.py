# SPDX-License-Identifier: Apache-2.0
"""How every driver comes, goes and comes back, over a real way to its twin."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.readings import AnyReading, LinkChanged
from drivers import registry
from drivers.base.driver import StreamDriver
from drivers.base.errors import DriverError, TransportError
from drivers.base.transports import Transport
from gateway.conformance.kit import driver, entry, twin, way
from gateway.conformance.sample import AnyServer
from gateway.metrics import Metrics
from gateway.supervisor import Supervisor

PATIENCE_S = 8.0
ATTEMPTS_IN_VAIN = 2
CYCLES = 10


class Readings:
    """Collects what a driver emits; `until` waits for something to come."""

    def __init__(self) -> None:
        self.all: list[AnyReading] = []
        self._more = asyncio.Event()

    def emit(self, reading: AnyReading) -> None:
        self.all.append(reading)
        self._more.set()

    async def until(self, wanted: Callable[[AnyReading], bool], after: int = 0) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(wanted(reading) for reading in self.all[after:]):
                self._more.clear()
                await self._more.wait()


def _connected(reading: AnyReading) -> bool:
    return isinstance(reading, LinkChanged) and reading.state == "connected"


async def _up(server: AnyServer, readings: Readings, after: int = 0) -> None:
    """Connected, and the other side has seen it: who only listens to a file counts as connected as soon as it is open."""
    await readings.until(_connected, after=after)
    async with asyncio.timeout(PATIENCE_S):
        while not server.has_client:  # noqa: ASYNC110  # a pipe tells nobody that it was opened
            await asyncio.sleep(0.002)


@asynccontextmanager
async def _served(name: str) -> AsyncIterator[AnyServer]:
    server = way(name).serve(twin(name))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _driver(name: str, server: AnyServer) -> StreamDriver[Any]:
    sample = entry(name)
    return driver(registry.load(name), sample.fields, way(name).fields(server))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _works(name: str, server: AnyServer, readings: Readings) -> None:
    """The device's world moves and a reading of it arrives, after the link was reported."""
    before = len(readings.all)
    sample = entry(name)
    assert sample.stimulus, f"{name} names no stimulus in its sample"
    server.stimulate(sample.stimulus[0], **sample.stimulus[1])
    await readings.until(lambda reading: type(reading).__name__ == sample.reading, after=before)


@pytest.mark.asyncio
async def test_reconnects_after_peer_vanishes(name: str) -> None:
    async with _served(name) as server:
        device, readings = _driver(name, server), Readings()
        first = asyncio.create_task(device.run(readings.emit))
        await _up(server, readings)

        server.drop_client()
        with pytest.raises(DriverError) as lost:
            async with asyncio.timeout(PATIENCE_S):
                await first
        seen = len(readings.all)
        second = asyncio.create_task(device.run(readings.emit))
        await _up(server, readings, after=seen)

        assert lost.value.device_id == "device-1"
        await _works(name, server, readings)
        await _cancelled(second)


@pytest.mark.asyncio
async def test_close_is_idempotent_and_leaves_no_task(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _served(name) as server:
        device, readings, gone = _driver(name, server), Readings(), asyncio.Event()
        monkeypatch.setattr(server.twin, "disconnected", lambda now_s: gone.set())
        running = asyncio.create_task(device.run(readings.emit))
        await _up(server, readings)

        await _cancelled(running)
        running.cancel()
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()

        spec = registry.load(name)
        for command in spec.commands:
            arguments = {argument.name: argument.kind(1) for argument in command.arguments}
            with pytest.raises(TransportError, match="not connected"):
                await device.execute(command.name, arguments)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.asyncio
async def test_cancel_during_read_is_clean(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _served(name) as server:
        device, readings, gone = _driver(name, server), Readings(), asyncio.Event()
        forget = server.twin.disconnected

        def disconnected(now_s: float) -> None:
            forget(now_s)
            gone.set()

        monkeypatch.setattr(server.twin, "disconnected", disconnected)
        open_files = []
        for _ in range(CYCLES):
            seen = len(readings.all)
            running = asyncio.create_task(device.run(readings.emit))
            await _up(server, readings, after=seen)
            await _cancelled(running)
            async with asyncio.timeout(PATIENCE_S):
                await gone.wait()
            gone.clear()
            open_files.append(_open_files())

        seen = len(readings.all)
        again = asyncio.create_task(device.run(readings.emit))
        await _up(server, readings, after=seen)
        await _works(name, server, readings)
        await _cancelled(again)

    assert open_files == open_files[:1] * CYCLES, "open files pile up"


@pytest.mark.asyncio
async def test_refused_connection_says_where(name: str, unused_tcp_port: int) -> None:
    sample = entry(name)
    device = driver(registry.load(name), sample.fields, way(name).nowhere(unused_tcp_port))

    with pytest.raises(TransportError, match=f"device-1.*{way(name).refused(unused_tcp_port)}"):
        await device.run(lambda reading: None)


@pytest.mark.asyncio
async def test_logs_once_when_lost_and_once_when_back(name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.INFO)
    async with _served(name) as server:
        device, readings, refused = _driver(name, server), Readings(), asyncio.Semaphore(0)
        connect = device._connect

        async def counted(config: Any) -> Transport:
            try:
                return await connect(config)
            except DriverError:
                refused.release()
                raise

        monkeypatch.setattr(device, "_connect", counted)
        supervisor = Supervisor({"device-1": (name, device)}, readings.emit, Metrics(), time.monotonic)
        supervised = asyncio.create_task(supervisor.run())
        await readings.until(_connected)

        await server.stop()
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(ATTEMPTS_IN_VAIN):
                await refused.acquire()
        seen = len(readings.all)
        await server.start()
        await readings.until(_connected, after=seen)
        await _cancelled(supervised)

    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert said == ["device connected", "device lost", "device connected"]
    assert [reading.state for reading in readings.all if isinstance(reading, LinkChanged)] == ["connected", "lost", "connected"]
