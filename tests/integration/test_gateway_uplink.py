# SPDX-License-Identifier: Apache-2.0
"""The uplink against a real broker and a central that loses, stays mute or goes away: nothing is lost, nothing is applied twice."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.commands import CancelTasks, LightTasks, PickTask
from contracts.events import CommandAnswered, ItemScanned, SensorMeasured
from contracts.quantities import Quantity
from firmware_sims.engine.network import LinkProxy
from gateway import delivery as delivery_module
from gateway.app import Gateway
from tests.integration.gateway_bench import FakeCentral, eventually, running_broker, running_central, running_gateway

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def broker_port() -> Iterator[int]:
    with running_broker() as port:
        yield port


def scanned(number: int) -> ItemScanned:
    return ItemScanned(event_time=datetime.now(UTC), station="scan-1", text=f"item-{number}")


def measured(value: float) -> SensorMeasured:
    return SensorMeasured(event_time=datetime.now(UTC), station="cold-1", device="sensor-1", quantity="temperature_c", value=value)


async def append(gateway: Gateway, first: int, count: int) -> None:
    for number in range(first, first + count):
        await gateway.store.append([scanned(number)], {}, {})


def texts(central: FakeCentral) -> list[str]:
    return [event.text for event in central.of(ItemScanned) if isinstance(event, ItemScanned)]


@pytest.mark.requirement("E12")
async def test_events_are_trimmed_only_when_central_has_them(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port) as gateway:
        central.mute = True
        await append(gateway, 0, 120)
        await central.until(lambda: central.batches > 0)
        assert gateway.store.level("movements").pending == 120
        central.mute = False
        await central.until(lambda: len(texts(central)) == 120)
        await eventually(lambda: gateway.store.level("movements").pending == 0)

    assert texts(central) == [f"item-{number}" for number in range(120)]


@pytest.mark.requirement("E12")
async def test_lost_batches_are_sent_again_in_order(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port) as gateway:
        await append(gateway, 0, 10)
        await central.until(lambda: len(texts(central)) == 10)
        central.lose_next = 2
        await append(gateway, 10, 300)
        await central.until(lambda: len(texts(central)) == 310)

    assert texts(central) == [f"item-{number}" for number in range(310)]


@pytest.mark.requirement("E12")
async def test_mute_central_makes_the_gateway_resend_and_then_reconnect(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port) as gateway:
        await eventually(lambda: gateway.uplink.connected)
        central.mute = True
        await append(gateway, 0, 1)
        await central.until(lambda: len({state.session_id for state in central.states if state.online}) >= 2, within_s=15)
        central.mute = False
        await central.until(lambda: len(texts(central)) == 1)

    assert central.batches >= 3


@pytest.mark.requirement("E12")
@pytest.mark.parametrize("forgets", [False, True])
async def test_blackholed_network_costs_no_event(broker_port: int, tmp_path: Path, forgets: bool) -> None:
    async with LinkProxy(broker_port) as line, running_central(broker_port) as central, running_gateway(tmp_path, line.port) as gateway:
        await append(gateway, 0, 5)
        await central.until(lambda: len(texts(central)) == 5)
        line.hole(forgets=forgets)
        await append(gateway, 5, 200)
        await eventually(lambda: not gateway.uplink.connected)
        assert len(texts(central)) == 5
        await line.heal()
        await central.until(lambda: len(texts(central)) == 205, within_s=20)

    assert texts(central) == [f"item-{number}" for number in range(205)]


@pytest.mark.requirement("E12")
async def test_line_that_is_slow_and_loses_segments_is_used_and_not_given_up(broker_port: int, tmp_path: Path) -> None:
    """64 kB/s, 300 ms there and back, 5 % of the segments lost, for several times what fits on the line at once."""
    async with LinkProxy(broker_port, seed=5) as line, running_central(broker_port) as central:
        line.shape(bytes_per_s=64_000, delay_s=0.15, jitter_s=0.05, loss=0.05)
        async with running_gateway(tmp_path, line.port) as gateway:
            await eventually(lambda: gateway.uplink.connected)
            await gateway.store.append([scanned(number) for number in range(1200)], {}, {})
            await central.until(lambda: len(texts(central)) == 1200, within_s=40)
        sessions = {state.session_id for state in central.states if state.online and state.epoch == gateway.store.epoch}

    assert len(sessions) == 1
    assert central.duplicates < 150


@pytest.mark.requirement("E12")
async def test_backlog_of_an_offline_gateway_is_historical_and_follows_live_samples(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    async with running_gateway(tmp_path, port) as gateway:
        for value in range(120):
            gateway.store.put_telemetry([measured(float(value))])
        await eventually(lambda: gateway.store.level("telemetry").waiting == 120)
    with running_broker() as broker:
        async with running_central(broker) as central, running_gateway(tmp_path, broker) as gateway:
            await eventually(lambda: gateway.uplink.connected)
            gateway.store.put_telemetry([measured(1000.0)])
            await central.until(lambda: len(central.of(SensorMeasured)) == 121)

    values = [(event.value, event.historical) for event in central.of(SensorMeasured) if isinstance(event, SensorMeasured)]
    assert {value for value, historical in values if historical} == {float(value) for value in range(120)}
    assert (1000.0, False) in values


@pytest.mark.requirement("E12")
async def test_death_is_published_when_the_gateway_ends_and_when_it_dies(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central:
        async with running_gateway(tmp_path, broker_port) as gateway:
            await central.until(lambda: any(state.online and state.epoch == gateway.store.epoch for state in central.states))
            born = central.states[-1]
        await central.until(lambda: not central.states[-1].online)

    assert central.states[-1].session_id == born.session_id


@pytest.mark.requirement("E17")
async def test_health_tells_which_broker_and_how_fast_central_answers(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port) as gateway:
        await append(gateway, 0, 20)
        await central.until(lambda: len(texts(central)) == 20)
        await eventually(lambda: gateway.store.level("movements").pending == 0)
        link = (await gateway.reporter.health()).link

    assert link is not None
    assert (link.connected, link.broker) == (True, f"mqtt://127.0.0.1:{broker_port}")
    assert link.acked_per_s <= 2.0
    assert link.since_s >= 0
    assert 0 < link.round_trip_ms < 10_000


@pytest.mark.requirement("E13")
async def test_gateway_waits_for_a_central_that_said_goodbye_and_goes_on_when_it_returns(
    broker_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "PROBE_S", 3600)  # it must go on because central says that it is back, not because it knocks again
    async with running_central(broker_port) as central:
        await central.announce(online=False)
        central.mute = True
        async with running_gateway(tmp_path, broker_port) as gateway:
            await eventually(lambda: gateway.uplink._delivery.central is not None)
            await append(gateway, 0, 200)
            await central.until(lambda: central.batches == 1)
            knocks = central.batches
            central.mute = False
            await central.announce(online=True)
            await central.until(lambda: len(texts(central)) == 200)
        sessions = {state.session_id for state in central.states if state.online and state.epoch == gateway.store.epoch}

    assert (knocks, len(sessions)) == (1, 1)
    assert texts(central) == [f"item-{number}" for number in range(200)]


async def test_repeated_and_late_commands_change_nothing(broker_port: int, tmp_path: Path) -> None:
    body = """
[[device]]
id = "lights-1"
driver = "light_ablepick"
host = "127.0.0.1"
port = 1
[[station]]
id = "zone-1"
kind = "pick_zone"
lights = "lights-1"
bins = { "A-01" = 1 }
"""
    now = datetime.now(UTC)
    task = PickTask(task_id="task-1", bin="A-01", item="milk", quantity=Quantity(3))
    light = LightTasks(command_id="c-1", station="zone-1", deadline_at=now + timedelta(minutes=1), tasks=[task])
    stranger = LightTasks(command_id="c-2", station="zone-9", deadline_at=now + timedelta(minutes=1), tasks=[task])
    cancel = CancelTasks(command_id="c-3", station="zone-1", deadline_at=now + timedelta(minutes=1), task_ids=["task-1"])

    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, body) as gateway:
        await eventually(lambda: gateway.uplink.connected)
        for command in (light, light, stranger, cancel, light):
            await central.command(command)
        await central.until(lambda: len(central.of(CommandAnswered)) == 5)

    answers = [(event.command_id, event.outcome) for event in central.of(CommandAnswered) if isinstance(event, CommandAnswered)]
    assert answers == [("c-1", "done"), ("c-1", "done"), ("c-2", "refused"), ("c-3", "done"), ("c-1", "done")]
