# SPDX-License-Identifier: Apache-2.0
"""A short day in the simulated warehouse, and what must be true of its books whatever happened to the programs meanwhile."""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from firmware_sims.stack import Stack, fetch_json
from firmware_sims.world.director import Director
from firmware_sims.world.goods import read_items
from firmware_sims.world.pace import Pace

COUNTS = (
    "pallets_passed",
    "pallets_received",
    "discrepancies",
    "strays_rejected",
    "lines_ordered",
    "lines_picked",
    "lines_short",
    "weights_recorded",
    "alarms_raised",
    "alarms_cleared",
    "lots_held",
    "replenishment_proposals",
    "events_accepted",
    "events_applied",
    "duplicates_refused",
    "exceptions",
)
Trouble = Callable[[Stack], Awaitable[None]]


async def no_trouble(_stack: Stack) -> None:
    """Nothing happens to the programs."""


async def live_a_day(data_dir: Path, for_s: float, trouble: Trouble = no_trouble, *, seed: int = 1, **servers: str) -> tuple[dict[str, Any], Director]:
    """Run the whole way for so long; `trouble` happens meanwhile. Returns the figures and who directed the day."""
    director = Director(Stack(data_dir, **servers), read_items(), Pace(speed=2.0, seed=seed), say=lambda _text: None)
    async with AsyncExitStack() as stack:
        await director.open(stack)
        day = asyncio.create_task(director.run(for_s, asyncio.Event()), name="day")
        await trouble(director.stack)
        await day
        figures = await director.close_the_books()
    return figures, director


def check_books(figures: dict[str, Any], seed: int) -> None:
    """Nothing lost, nothing twice, and every part of the warehouse has worked. Prints how to live the same day again."""
    again = f"live it again: dockline demo --speed 2 --seed {seed} --no-browser --for 30s; its figures were {figures}"
    assert figures["ledger_verified"] is True, again
    assert figures["events_applied"] == figures["events_accepted"] > 0, again
    idle = [name for name in COUNTS if name != "duplicates_refused" and not figures[name]]
    assert not idle, f"nothing counted for {idle}; {again}"
    assert figures["pallets_received"] <= figures["pallets_passed"], again
    assert max(figures["lines_picked"], figures["lines_short"]) <= figures["lines_ordered"], again
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"], again


async def _until(reached: Callable[[], Awaitable[object]]) -> None:
    """Another process's state has no event to wait on, so it is asked. Raises: TimeoutError: not within a minute."""
    async with asyncio.timeout(60):
        while not await reached():  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.1)


async def page_says(url: str, text: str) -> None:
    """Wait until a page has a text."""

    def page() -> str:
        with urllib.request.urlopen(url, timeout=10) as response:
            said: str = response.read().decode()
            return said

    async def says() -> bool:
        return text in await asyncio.to_thread(page)

    await _until(says)


async def accepted_more(stack: Stack, events: int) -> None:
    """Wait until the gateway has accepted so many more events."""

    async def accepted() -> int:
        health = await fetch_json(f"{stack.gateway_url}/health")
        return sum(lane["accepted"] for lane in health["lanes"].values())

    wanted = await accepted() + events

    async def enough() -> bool:
        return await accepted() >= wanted

    await _until(enough)


async def alarm_stands(stack: Stack) -> None:
    """Wait until central knows of an alarm; a program that is killed before forgets how long the room has been warm, as it should."""

    async def some() -> bool:
        return bool((await fetch_json(f"{stack.central_url}/api/v1/alarms"))["items"])

    await _until(some)


async def kill_and_restart(stack: Stack, name: str) -> None:
    """SIGKILL one program and start it again."""
    program = getattr(stack, name)
    await program.stop(signal.SIGKILL)
    await program.start()
