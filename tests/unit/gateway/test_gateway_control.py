# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.driver import ScannerSerialDriver
from gateway import taps
from gateway.control import Answer, ControlError, ControlServer, ask_gateway, is_running, process_of
from gateway.metrics import Metrics
from gateway.supervisor import Supervisor

pytestmark = pytest.mark.requirement("E17")


async def half(request: Answer) -> AsyncGenerator[Answer, None]:
    yield {"line": "one"}


async def whole(request: Answer) -> AsyncGenerator[Answer, None]:
    yield {"done": True}


async def test_answer_that_breaks_off_is_an_error_and_a_whole_one_is_not(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, {"half": half, "whole": whole})
    await server.start()
    try:
        assert await asyncio.to_thread(process_of, tmp_path) == os.getpid()
        assert await asyncio.to_thread(lambda: list(ask_gateway(tmp_path, {"do": "whole"}, 20))) == [{"done": True}]
        with pytest.raises(ControlError, match="ended before it had answered"):
            await asyncio.to_thread(lambda: list(ask_gateway(tmp_path, {"do": "half"}, 20)))
        with pytest.raises(ControlError, match="there is no 'nothing'"):
            await asyncio.to_thread(lambda: list(ask_gateway(tmp_path, {"do": "nothing"}, 20)))
    finally:
        await server.stop()
    assert not is_running(tmp_path)


async def test_recording_that_nobody_fetches_ends_before_it_takes_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taps, "_WAITING_BYTES_MAX", 1000)
    driver = ScannerSerialDriver("gun", ScannerSerialConfig(path="/dev/null"))
    supervisor = Supervisor({"gun": ("scanner_serial", driver)}, lambda reading: None, Metrics(), lambda: 0.0)
    recording = taps.Taps(supervisor).tap({"device": "gun", "for_s": 60})
    told: list[Answer] = []
    async for answer in recording:
        told.append(answer)
        if driver.tape.listeners:
            for _ in range(100):
                driver.tape.add(1.0, "from_device", bytes(100))
        elif len(told) == 2:  # the head is told: what follows is heard from now on
            asyncio.get_running_loop().call_soon(driver.tape.add, 1.0, "from_device", b"x")

    assert [answer for answer in told if "gave up" in str(answer)] == [{"line": "# gave up: more came than was fetched"}]
    assert told[-1] == {"done": True}
    assert len(told) < 30
    assert not driver.tape.listeners
