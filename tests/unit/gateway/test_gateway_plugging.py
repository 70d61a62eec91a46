# SPDX-License-Identifier: Apache-2.0
"""How long the supervisor waits before it seeks a device that was unplugged."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from contracts.readings import AnyReading, LinkChanged
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.driver import LightAblepickDriver
from firmware_sims.engine.servers import PtyTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from gateway import plugging
from gateway.attempts import Attempts
from gateway.metrics import Metrics
from gateway.plugging import path_of, pause
from gateway.supervisor import Supervisor

pytestmark = pytest.mark.requirement("R98")


async def ends_soon(pausing: asyncio.Task[None]) -> None:
    """Raises: TimeoutError: it is still waiting after 20 s, where an hour was due."""
    async with asyncio.timeout(20):
        await pausing


@pytest.mark.parametrize("given_up", [False, True])
async def test_pause_ends_when_the_device_is_plugged_in_again(tmp_path: Path, given_up: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugging, "_TAKEN_OUT_S", 0.3)
    path = tmp_path / "ttyUSB0"
    pausing = asyncio.create_task(pause(3600, str(path), given_up=given_up))
    asyncio.get_running_loop().call_later(0.7, path.touch)

    await ends_soon(pausing)


async def test_loose_contact_does_not_end_the_pause_of_a_device_that_was_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugging, "_TAKEN_OUT_S", 3600.0)
    path = tmp_path / "ttyUSB0"
    loop = asyncio.get_running_loop()
    before_s = loop.time()
    loop.call_later(0.3, path.touch)

    await pause(0.8, str(path), given_up=True)

    assert loop.time() - before_s >= 0.75


async def test_pause_of_a_device_that_is_there_is_not_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "ttyUSB0"
    path.touch()
    loop = asyncio.get_running_loop()
    before_s = loop.time()

    await pause(0.3, str(path))
    await pause(0.1, "")

    assert loop.time() - before_s >= 0.35


async def test_supervisor_serves_a_device_that_is_plugged_in_during_a_long_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attempts, "delay_s", lambda attempts, now_s, jitter: 3600.0)
    link, server, connected = tmp_path / "usb-lights-if00", PtyTwinServer(AblePickTwin()), asyncio.Event()
    driver = LightAblepickDriver("lights-1", LightAblepickConfig(path=str(link)))

    def emit(reading: AnyReading) -> None:
        if isinstance(reading, LinkChanged) and reading.state == "connected":
            connected.set()

    supervisor = Supervisor({"lights-1": ("light_ablepick", driver)}, emit, Metrics(), time.monotonic)
    running = asyncio.create_task(supervisor.run())
    await server.start()
    asyncio.get_running_loop().call_later(0.5, link.symlink_to, server.path)

    async with asyncio.timeout(20):
        await connected.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await server.stop()


def test_devices_that_are_no_files_have_no_path() -> None:
    assert path_of(LightAblepickDriver("lights-1", LightAblepickConfig(path="/dev/serial/by-id/x"))) == "/dev/serial/by-id/x"
    assert path_of(LightAblepickDriver("lights-1", LightAblepickConfig(host="lights", port=1))) == ""
