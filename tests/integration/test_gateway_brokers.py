# SPDX-License-Identifier: Apache-2.0
"""Several brokers, and brokers of other makes: the gateway stays with the one that works, goes to the next when it fails, and speaks what it speaks."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import pytest

from contracts.addresses import parse_broker
from contracts.events import ItemScanned
from firmware_sims.engine.network import LinkProxy
from gateway.app import Gateway
from tests import servers
from tests.integration.gateway_bench import FakeCentral, eventually, running_broker, running_central, running_gateway

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E12")]


async def append(gateway: Gateway, first: int, count: int) -> None:
    await gateway.store.append(
        [ItemScanned(event_time=datetime.now(UTC), station="scan-1", text=f"item-{number}") for number in range(first, first + count)], {}, {}
    )


def texts(central: FakeCentral) -> list[str]:
    return [event.text for event in central.of(ItemScanned) if isinstance(event, ItemScanned)]


def names(count: int) -> list[str]:
    return [f"item-{number}" for number in range(count)]


@pytest.mark.mosquitto
@pytest.mark.parametrize("fault", ["cut", "hole"])
async def test_gateway_goes_to_the_other_broker_when_one_fails_and_stays_there(tmp_path: Path, fault: str) -> None:
    with ExitStack() as running:
        ports = [parse_broker(running.enter_context(servers.mosquitto())).port for _ in range(2)]
        async with (
            LinkProxy(ports[0]) as first_line,
            LinkProxy(ports[1]) as second_line,
            running_central(ports[0]) as first,
            running_central(ports[1]) as second,
        ):
            second.marks, second.events = first.marks, first.events  # one central that listens to both
            lines = (first_line, second_line)

            async def fail(line: LinkProxy) -> None:
                if fault == "cut":
                    await line.cut()
                else:
                    line.hole(forgets=True)

            more = f'brokers_more = ["mqtt://127.0.0.1:{second_line.port}"]\n'
            async with running_gateway(tmp_path, lines[0].port, more) as gateway:
                await append(gateway, 0, 10)
                await first.until(lambda: len(texts(first)) == 10)
                await fail(lines[0])
                await append(gateway, 10, 10)
                await second.until(lambda: len(texts(second)) == 20)
                assert gateway.uplink.status.broker.endswith(str(lines[1].port))

                await lines[0].heal()
                before = first.batches
                await append(gateway, 20, 10)
                await second.until(lambda: len(texts(second)) == 30)
                assert first.batches == before

                await fail(lines[1])
                await append(gateway, 30, 10)
                await first.until(lambda: len(texts(first)) == 40)

    assert texts(first) == names(40)


async def test_broker_without_mqtt_5_is_spoken_to_in_3_1_1(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with servers.nats() as url:
        port = parse_broker(url).port
        async with running_central(port, has_mqtt_5=False) as central:
            with caplog.at_level("WARNING"):
                async with running_gateway(tmp_path, port) as gateway:
                    await append(gateway, 0, 500)
                    await central.until(lambda: len(texts(central)) == 500)
                    await eventually(lambda: gateway.store.level("movements").pending == 0)
                await central.until(lambda: not central.states[-1].online)

    assert texts(central) == names(500)
    assert [record.message for record in caplog.records if record.name.startswith("gateway")] == []


async def test_version_that_is_wanted_is_the_only_one_that_is_tried(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with servers.nats() as url, caplog.at_level("WARNING"):
        async with running_gateway(tmp_path, parse_broker(url).port, 'mqtt_version = "5"\n') as gateway:
            await eventually(lambda: "uplink lost" in caplog.messages)
            assert not gateway.uplink.connected

    (lost,) = (record for record in caplog.records if record.message == "uplink lost")
    assert "protocol version" in lost.__dict__["reason"]


async def test_gateway_that_a_broker_kicks_out_again_and_again_comes_more_and_more_seldom(tmp_path: Path) -> None:
    """Two gateways under one name: each welcome throws the other one out."""
    with running_broker() as port:
        async with running_central(port) as central, running_gateway(tmp_path, port) as gateway:
            await eventually(lambda: gateway.uplink.connected)
            await central.until(lambda: bool(central.states))
            name = "dockline-test-site-gw-1"
            for births in range(2, 5):
                async with aiomqtt.Client("127.0.0.1", port, identifier=name, protocol=aiomqtt.ProtocolVersion.V5, clean_start=True) as twin:
                    with pytest.raises(aiomqtt.MqttError):
                        async for _ in twin.messages:
                            pass
                await central.until(lambda births=births: len({state.session_id for state in central.states if state.online}) >= births)

            assert gateway.uplink._reconnect._in_a_row >= 2
