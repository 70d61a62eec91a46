# SPDX-License-Identifier: Apache-2.0
"""The outbox seen from the event loop: what it does while the card is slow. Time is virtual, the card's thread is the test itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.events import SensorMeasured
from gateway.clock import Instant
from gateway.metrics import Metrics
from gateway.outbox import Answer, Outbox, OutboxDamagedError, OutboxFullError
from gateway.store import Store
from tests.simulation.virtual_time import InlineExecutor, run

_BEGAN = datetime(2026, 11, 22, 8, tzinfo=UTC)


class SlowCard(Executor):
    """Keeps what it is given until the test lets it pass."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, fn: Callable[..., Any], /, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append(lambda: _settle(future, fn))
        return future

    def let_one_pass(self) -> None:
        self.waiting.pop(0)()


def _settle(future: Future[Any], fn: Callable[[], Any]) -> None:
    try:
        future.set_result(fn())
    except OutboxDamagedError as error:
        future.set_exception(error)


def sample(number: int) -> SensorMeasured:
    return SensorMeasured(event_time=_BEGAN, station="cold-1", device="s-1", quantity="temperature_c", value=float(number))


@asynccontextmanager
async def slow_store(folder: Path) -> AsyncIterator[tuple[Store, SlowCard]]:
    card = SlowCard()
    store = Store(Outbox(folder / "outbox.db"), Metrics(), lambda: Instant(_BEGAN, asyncio.get_running_loop().time()))
    store._thread = card  # type: ignore[assignment]
    yield store, card
    store._thread = InlineExecutor()  # type: ignore[assignment]
    await store.close()


@pytest.mark.requirement("E10")
def test_samples_wait_for_the_commit_under_way_and_share_the_next_one_when_the_card_is_slow(tmp_path: Path) -> None:
    async def live() -> None:
        async with slow_store(tmp_path) as (store, card):
            for number in range(20):
                store.put_telemetry([sample(number)])
                await asyncio.sleep(0.5)
            assert len(card.waiting) == 1, "commits queue up in memory before a card that is slower than they come"
            card.let_one_pass()
            await asyncio.sleep(1.0)
            assert len(card.waiting) == 1
            card.let_one_pass()
            await asyncio.sleep(1.0)
            assert (store.level("telemetry").accepted, card.waiting) == (20, [])

    run(live())


def test_samples_go_along_with_a_movement_that_does_not_wait_for_their_commit(tmp_path: Path) -> None:
    async def live() -> None:
        async with slow_store(tmp_path) as (store, card):
            for number in range(3):
                store.put_telemetry([sample(number)])
                await asyncio.sleep(0.5)
            accepted = asyncio.create_task(store.append([], {"door-1": b"{}"}, {}))
            await asyncio.sleep(0.5)
            assert len(card.waiting) == 2
            for _ in range(2):
                card.let_one_pass()
                await asyncio.sleep(0.5)
            await accepted
            assert (store.level("telemetry").accepted, card.waiting) == (3, [])

    run(live())


def _failing(error: Exception) -> Callable[..., None]:
    def append(*_: object, **__: object) -> None:
        raise error

    return append


def test_samples_that_a_damaged_outbox_does_not_take_end_the_gateway_although_nobody_waits_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> None:
        async with slow_store(tmp_path) as (store, _):
            store._thread = InlineExecutor()  # type: ignore[assignment]
            with monkeypatch.context() as damaged:
                damaged.setattr(store._outbox, "append", _failing(OutboxDamagedError("the outbox cannot be written")))
                store.put_telemetry([sample(1)])
                await asyncio.sleep(1.0)
            with pytest.raises(OutboxDamagedError, match="cannot be written"):
                await store.answers()

    run(live())


def test_samples_that_a_full_disk_does_not_take_are_counted_once_and_the_next_ones_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> None:
        async with slow_store(tmp_path) as (store, _):
            store._thread = InlineExecutor()  # type: ignore[assignment]
            with monkeypatch.context() as full:
                full.setattr(store._outbox, "append", _failing(OutboxFullError("the disk takes no more")))
                store.put_telemetry([sample(1)])
                await asyncio.sleep(1.0)
            store.put_telemetry([sample(2)])
            await asyncio.sleep(1.0)
            await store.answers()
            refused = store._metrics.registry.get_sample_value("dockline_outbox_refused_total", {"lane": "telemetry"})
            assert (store.level("telemetry").accepted, refused) == (1, 1.0)

    run(live())


def test_answer_is_heard_when_it_is_durable_and_not_before(tmp_path: Path) -> None:
    async def live() -> None:
        async with slow_store(tmp_path) as (store, card):
            waiting = asyncio.create_task(store.answer_within("c-1", 3.0))
            await asyncio.sleep(0.1)
            card.let_one_pass()  # the look: nothing yet
            for command in ("c-0", "c-1"):
                told = asyncio.create_task(store.append([], {}, {command: Answer("done", "")}))
                await asyncio.sleep(0.1)
                assert not waiting.done()
                card.let_one_pass()
                await told
                await asyncio.sleep(0.1)
                card.let_one_pass()  # another look
            assert await waiting == Answer("done", "")

    run(live())


def test_answer_that_does_not_come_is_waited_for_so_long_and_no_longer(tmp_path: Path) -> None:
    async def live() -> None:
        async with slow_store(tmp_path) as (store, _):
            store._thread = InlineExecutor()  # type: ignore[assignment]
            assert await store.answer_within("c-1", 3.0) is None
            assert asyncio.get_running_loop().time() == pytest.approx(3.0)

    run(live())
