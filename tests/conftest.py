# SPDX-License-Identifier: Apache-2.0
"""For all tests: hypothesis profiles, and no test may leave an asyncio task behind."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

# `fast` is for make test-fast; no deadline, since two busy cores make any single example slow at times
settings.register_profile("default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("fast", settings.get_profile("default"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_ROUNDS_TO_END = 5  # a cancelled task needs a few turns of the loop to finish


@pytest.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fails an async test that leaves a task running, and names the task."""
    before = asyncio.all_tasks()
    yield
    for _ in range(_ROUNDS_TO_END):
        await asyncio.sleep(0)
    leaked = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task() and not task.done()]
    for task in leaked:
        task.cancel()
    await asyncio.gather(*leaked, return_exceptions=True)
    assert not leaked, f"tasks left running: {', '.join(repr(task.get_coro()) for task in leaked)}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every coroutine test is watched; others have no loop of their own. What takes minutes is begun first, so that nothing waits for it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("minutes") is None and "acceptance" not in item.path.parts)
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "no_leaked_tasks")
