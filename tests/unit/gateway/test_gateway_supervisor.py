# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contracts.readings import AnyReading, LinkChanged, Measured
from drivers.base.errors import ConfigError, DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, TransportError
from drivers.base.session import Argument
from drivers.base.spec import Emit
from gateway.breaker import TURNS_MAX
from gateway.metrics import Metrics
from gateway.stations.station import DeviceAction
from gateway.supervisor import Supervisor


class FakeDriver:
    """Connects when told, ends with the error it is given, and records what it was asked to do."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        self.runs = 0
        self.error: BaseException | None = None
        self.connects = True
        self.done: list[tuple[str, Mapping[str, Argument]]] = []
        self.refusal: Exception | None = None
        self.changed = asyncio.Condition()
        self.second_run = asyncio.Event()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, emit: Emit) -> None:
        self.runs += 1
        if self.runs == 2:
            self.second_run.set()
        if self.error is not None:
            raise self.error
        self._broken = asyncio.get_running_loop().create_future()
        emit(LinkChanged(device=self.device_id, at_s=1.0, state="connected"))
        await self._broken

    def break_with(self, error: BaseException) -> None:
        self._broken.set_exception(error)

    async def execute(self, command: str, arguments: Mapping[str, Argument]) -> Mapping[str, Argument | None]:
        async with self.changed:
            self.done.append((command, arguments))
            self.changed.notify_all()
        if self.refusal is not None:
            raise self.refusal
        return {}


@asynccontextmanager
async def supervised(*drivers: FakeDriver) -> AsyncIterator[tuple[Supervisor, asyncio.Queue[AnyReading]]]:
    readings: asyncio.Queue[AnyReading] = asyncio.Queue()
    supervisor = Supervisor({driver.device_id: ("fake", driver) for driver in drivers}, readings.put_nowait, Metrics(), lambda: 1.0)
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, readings
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def next_states(readings: asyncio.Queue[AnyReading], count: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(20):
        got = [await readings.get() for _ in range(count)]
    return [(reading.device, reading.state) for reading in got if isinstance(reading, LinkChanged)]


async def test_driver_with_a_bug_is_started_again_and_others_go_on() -> None:
    bad, good = FakeDriver("bad"), FakeDriver("good")
    async with supervised(bad, good) as (supervisor, readings):
        assert sorted(await next_states(readings, 2)) == [("bad", "connected"), ("good", "connected")]
        bad.break_with(ZeroDivisionError("a bug"))

        assert await next_states(readings, 2) == [("bad", "lost"), ("bad", "connected")]
        assert (good.runs, supervisor.devices["bad"].reconnects) == (1, 1)


async def test_loss_is_told_once_however_often_connecting_fails() -> None:
    driver = FakeDriver("d")
    driver.error = TransportError("refused")
    async with supervised(driver) as (supervisor, readings):
        assert await next_states(readings, 1) == [("d", "lost")]
        async with asyncio.timeout(20):
            await driver.second_run.wait()
        driver.error = None

        assert await next_states(readings, 1) == [("d", "connected")]
        assert supervisor.devices_up == 1


async def test_what_a_device_that_is_back_has_against_us_is_told_once_for_each_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.attempts._FIRST_DELAY_S", 0.001)
    driver = FakeDriver("d")
    errors = [
        TransportError("away"),
        LocalProtocolError("2 antennas"),
        TransportError("no route"),
        LocalProtocolError("2 antennas"),
        RemoteProtocolError("busy"),
    ]

    async def run(emit: Emit) -> None:
        if not errors:
            emit(LinkChanged(device="d", at_s=1.0, state="connected"))
            await asyncio.Event().wait()
        raise errors.pop(0)

    driver.run = run  # type: ignore[method-assign]
    async with supervised(driver) as (_, readings), asyncio.timeout(20):
        told = [await readings.get() for _ in range(4)]

    assert [reading.reason for reading in told if isinstance(reading, LinkChanged)] == ["away", "2 antennas", "busy", ""]


async def test_wrong_configuration_is_not_tried_again() -> None:
    driver = FakeDriver("d")
    driver.error = ConfigError("no such map")
    async with supervised(driver) as (supervisor, readings):
        await next_states(readings, 1)

        assert driver.runs == 1
        assert "not tried again" in supervisor.devices["d"].reason


async def test_newer_action_about_the_same_node_replaces_the_waiting_one() -> None:
    driver = FakeDriver("d")
    async with supervised(driver) as (supervisor, readings):
        await next_states(readings, 1)
        supervisor.perform(DeviceAction("d", "show", {"node": 1, "quantity": 3}))
        supervisor.perform(DeviceAction("d", "show", {"node": 2, "quantity": 4}))
        supervisor.perform(DeviceAction("d", "clear", {"node": 1}))
        async with asyncio.timeout(20), driver.changed:
            await driver.changed.wait_for(lambda: len(driver.done) == 2)

    assert [(command, arguments["node"]) for command, arguments in driver.done] == [("show", 2), ("clear", 1)]


async def test_action_that_a_device_refuses_is_not_repeated_and_counted() -> None:
    driver = FakeDriver("d")
    driver.refusal = DeviceFault("0C", "cannot")
    async with supervised(driver) as (supervisor, readings):
        await next_states(readings, 1)
        supervisor.perform(DeviceAction("d", "show", {"node": 1}))
        supervisor.perform(DeviceAction("d", "show", {"node": 2}))
        async with asyncio.timeout(20), driver.changed:
            await driver.changed.wait_for(lambda: len(driver.done) == 2)

    assert [arguments["node"] for _, arguments in driver.done] == [1, 2]
    assert (supervisor._metrics.registry.get_sample_value("dockline_device_actions_failed_total", {"device": "d"}) or 0) >= 1


@pytest.mark.requirement("E17")
async def test_device_that_reconnects_all_the_time_is_given_up_and_told_so_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("gateway.attempts._FIRST_DELAY_S", 0.0001)
    monkeypatch.setattr("gateway.attempts._DELAY_S_MAX", 0.0001)
    driver = FakeDriver("d")

    async def run(emit: Emit) -> None:
        emit(LinkChanged(device="d", at_s=1.0, state="connected"))
        raise TransportError("gone again")

    driver.run = run  # type: ignore[method-assign]
    async with supervised(driver) as (supervisor, readings):
        await next_states(readings, 2 * TURNS_MAX)

        assert supervisor.devices_given_up == 1
        assert "given up, tried again every 30 s" in supervisor.devices["d"].reason
    assert sum("given up" in str(getattr(record, "reason", "")) for record in caplog.records) == 1


@pytest.mark.requirement("E17")
async def test_other_hardware_at_a_place_is_a_fault_and_nothing_that_it_says_counts() -> None:
    driver = FakeDriver("reader-3")

    async def run(emit: Emit) -> None:
        with contextlib.suppress(DriverError):
            emit(LinkChanged(device="reader-3", at_s=1.0, state="connected", serial="37-40-01"))
        emit(Measured(device="reader-3", at_s=1.0, quantity="temperature_c", value=1.0))
        emit(LinkChanged(device="reader-3", at_s=1.0, state="connected", serial="37-40-01"))
        raise LocalProtocolError("over")

    driver.run = run  # type: ignore[method-assign]
    readings: asyncio.Queue[AnyReading] = asyncio.Queue()
    supervisor = Supervisor({"reader-3": ("fake", driver)}, readings.put_nowait, Metrics(), lambda: 1.0, {"reader-3": "37-11-22"})
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(20):
        first = await readings.get()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert (type(first).__name__, readings.empty(), supervisor.devices["reader-3"].up) == ("LinkChanged", True, False)
    assert supervisor.devices["reader-3"].serial == "37-40-01"


@pytest.mark.requirement("E17")
async def test_device_that_floods_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.supervisor.READINGS_PER_S_MAX", 5)
    driver, flooded = FakeDriver("d"), asyncio.Event()

    async def run(emit: Emit) -> None:
        emit(LinkChanged(device="d", at_s=1.0, state="connected"))
        try:
            for _ in range(10):
                emit(Measured(device="d", at_s=1.0, quantity="temperature_c", value=1.0))
        finally:
            flooded.set()

    driver.run = run  # type: ignore[method-assign]
    async with supervised(driver) as (_, readings), asyncio.timeout(20):
        await flooded.wait()
        got = [await readings.get() for _ in range(7)]

    assert [type(reading).__name__ for reading in got] == ["LinkChanged", *["Measured"] * 5, "LinkChanged"]


async def test_replaced_device_begins_anew_and_others_do_not_notice() -> None:
    old, other, new = FakeDriver("d"), FakeDriver("e"), FakeDriver("d")
    async with supervised(old, other) as (supervisor, readings):
        await next_states(readings, 2)
        await supervisor.replace("d", "fake", new)

        assert await next_states(readings, 2) == [("d", "lost"), ("d", "connected")]
        assert (old.runs, new.runs, other.runs) == (1, 1, 1)


async def test_removed_device_is_lost_and_takes_no_more_actions() -> None:
    driver = FakeDriver("d")
    async with supervised(driver) as (supervisor, readings):
        await next_states(readings, 1)
        await supervisor.remove("d", "taken out")
        supervisor.perform(DeviceAction("d", "show", {"node": 1}))

        assert await next_states(readings, 1) == [("d", "lost")]
        assert not supervisor.devices


async def test_fault_of_the_supervisor_itself_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver("d")
    driver.error = TransportError("away")
    supervisor = Supervisor({"d": ("fake", driver)}, lambda reading: 1 / 0, Metrics(), lambda: 1.0)  # type: ignore[arg-type]

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(supervisor.run(), 20)


async def test_device_that_two_change_at_once_has_one_conversation_in_the_end() -> None:
    old, second, third = FakeDriver("d"), FakeDriver("d"), FakeDriver("d")
    talking: list[FakeDriver] = []
    for driver in (old, second, third):
        driver.run = _counted(driver, talking)  # type: ignore[method-assign, assignment]
    async with supervised(old) as (supervisor, readings):
        await next_states(readings, 1)
        await asyncio.gather(supervisor.replace("d", "fake", second), supervisor.replace("d", "fake", third), supervisor.reconnect("d", "a recording begins"))
        async with asyncio.timeout(20):
            while not talking:
                await readings.get()

        assert talking == [third] == [supervisor.devices["d"].driver]


def _counted(driver: FakeDriver, talking: list[FakeDriver]) -> Callable[[Emit], Coroutine[Any, Any, None]]:
    run = driver.run

    async def counted(emit: Emit) -> None:
        talking.append(driver)
        try:
            await run(emit)
        finally:
            talking.remove(driver)

    return counted


async def test_device_that_is_taken_out_wakes_nobody_any_more() -> None:
    driver, other = FakeDriver("d"), FakeDriver("e")
    metrics = Metrics()
    supervisor = Supervisor({"d": ("fake", driver), "e": ("fake", other)}, lambda reading: None, metrics, lambda: 1.0)
    supervisor.devices["d"].up = supervisor.devices["e"].up = True

    await supervisor.remove("d", "it is not configured any more")
    await supervisor.replace("e", "another", FakeDriver("e"))

    assert metrics.device_up.children == {}
    assert b'device="d"' not in metrics.rendered()
