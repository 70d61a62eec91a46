# SPDX-License-Identifier: Apache-2.0
"""`dockline device try`, as a program of its own, hears what happens to the twin of every driver there is."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from drivers import registry
from tests.conformance.entries import entry, twin
from tests.integration.gateway_bench import eventually

pytestmark = pytest.mark.slow

FOR_S = 2
_AT_ONCE = 6


def _words(fields: dict[str, Any]) -> list[str]:
    def text(value: Any) -> str:
        if isinstance(value, dict):
            return json.dumps(value)
        if isinstance(value, list | tuple):
            return ",".join(map(text, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    return [f"{key}={text(value)}" for key, value in fields.items()]


async def _tried(name: str, at_once: asyncio.Semaphore) -> str:
    """What is wrong; empty: nothing."""
    sample = entry(name)
    assert sample.stimulus
    async with at_once:
        server = sample.way.serve(twin(name))
        await server.start()
        words = [*_words({**sample.way.fields(server), **sample.fields}), "--for", f"{FOR_S}s", "--json"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dockline", "device", "try", name, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        ended = asyncio.create_task(process.communicate())
        try:
            await eventually(lambda: server.has_client or ended.done(), within_s=30.0)  # six programs start at once, on a machine that may be busy
            while not ended.done():
                server.stimulate(sample.stimulus[0], **sample.stimulus[1])
                await asyncio.wait([ended], timeout=0.3)
            out, err = ended.result()
        finally:
            if process.returncode is None:
                process.kill()
            await asyncio.gather(ended, return_exceptions=True)
            await server.stop()
    types = {json.loads(line)["type"] for line in out.decode().splitlines()}
    return "" if {"LinkChanged", sample.reading} <= types else f"{name}: {sorted(types)} {err.decode()}"


async def test_try_hears_every_driver() -> None:
    at_once = asyncio.Semaphore(_AT_ONCE)

    async with asyncio.TaskGroup() as tasks:
        trials = [tasks.create_task(_tried(name, at_once)) for name in registry.BUILT_IN]

    assert [trial.result() for trial in trials if trial.result()] == []
