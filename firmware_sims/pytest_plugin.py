# SPDX-License-Identifier: Apache-2.0
"""Pytest plugin: simulated warehouse devices as fixtures for other people's tests.

def test_my_program_reads_the_scale(dockline_sim):
    scale = dockline_sim("scale_sics")
    scale.stimulate("place", weight_g=1250)
    assert my_program(scale.host, scale.port) == 1250
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer
    from firmware_sims.engine.twin import StimulusValue, Twin


class SimulatedDevice:
    """A running twin. `host` and `port` for TCP, `path` for a pty; `twin` is its state, to be looked at."""

    def __init__(self, server: TcpTwinServer | PtyTwinServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop

    @property
    def twin(self) -> Twin:
        """The device's state."""
        return self._server.twin

    @property
    def host(self) -> str:
        """Loopback address, empty for a pty."""
        return getattr(self._server, "host", "")

    @property
    def port(self) -> int:
        """TCP port, 0 for a pty."""
        return getattr(self._server, "port", 0)

    @property
    def path(self) -> str:
        """Serial device, empty for TCP."""
        return getattr(self._server, "path", "")

    def stimulate(self, name: str, **arguments: StimulusValue) -> None:
        """Let something happen to the device and wait until it has. Raises: UnknownStimulusError: it has no such stimulus."""

        async def act() -> None:
            self._server.stimulate(name, **arguments)

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(timeout=10)


@pytest.fixture
def dockline_sim() -> Iterator[Callable[..., SimulatedDevice]]:
    """Start simulated devices: `dockline_sim("scale_sics", serial=False, **options)`; all are switched off after the test."""
    from firmware_sims import registry
    from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dockline-sim", daemon=True)
    thread.start()
    servers: list[TcpTwinServer | PtyTwinServer] = []

    def start(name: str, *, serial: bool = False, **options: StimulusValue) -> SimulatedDevice:
        twin = registry.make(name, options)
        server = PtyTwinServer(twin) if serial else TcpTwinServer(twin)
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(timeout=10)
        servers.append(server)
        return SimulatedDevice(server, loop)

    yield start
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()
