# SPDX-License-Identifier: Apache-2.0
"""The driver and lights that others wrote the client of, over Mosquitto."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import paho.mqtt.client as paho
import pytest

from contracts.addresses import parse_broker
from contracts.readings import ButtonPressed, LinkChanged, ReadingFailed
from drivers.base.config import parse_config
from drivers.base.errors import ConfigError, TransportError
from drivers.light_mqtt.config import LightMqttConfig
from drivers.light_mqtt.driver import LightMqttDriver, _check
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_mqtt.broker import LightsWithBroker
from firmware_sims.stack import free_port
from tests.conformance.test_life import Readings
from tests.integration.gateway_bench import running_broker
from tests.servers import mosquitto


class PahoLight:
    """A light with paho's client, its last will and its birth."""

    def __init__(self, url: str, node: int, version: int = paho.MQTTv311) -> None:
        self.node, self._loop, self.shown, self.changed = node, asyncio.get_running_loop(), "", asyncio.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=version)
        self._client.will_set(f"pick/{node}/status", "offline", 1, retain=True)
        self._client.on_connect = lambda *_: self._client.subscribe([(f"pick/{node}/show", 1), (f"pick/{node}/clear", 1)])
        self._client.on_subscribe = lambda *_: self._client.publish(f"pick/{node}/status", "online", 1, retain=True)
        self._client.on_message = lambda client, data, message: self._loop.call_soon_threadsafe(self._hear, message.topic, message.payload.decode())
        address = parse_broker(url)
        self._client.connect(address.host, address.port)
        self._client.loop_start()

    def _hear(self, topic: str, payload: str) -> None:
        self.shown = payload if topic.endswith("/show") else ""
        self.changed.set()

    async def until_shown(self, wanted: str) -> None:
        async with asyncio.timeout(8):
            while self.shown != wanted:
                self.changed.clear()
                await self.changed.wait()

    def press(self, number: int, quantity: int) -> None:
        self._client.publish(f"pick/{self.node}/pressed", json.dumps({"id": number, "key": "confirm", "quantity": quantity}), 1)

    def die(self) -> None:
        """Its power is cut: the broker tells its last will."""
        sock = self._client.socket()
        assert sock is not None
        self._client.loop_stop()
        sock.close()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _driver(url: str, **fields: Any) -> LightMqttDriver:
    return LightMqttDriver("lights-1", parse_config(LightMqttConfig, {"driver": "light_mqtt", "broker": url, "nodes": "1-9", **fields}))


@asynccontextmanager
async def _running(driver: LightMqttDriver, readings: Readings) -> AsyncIterator[None]:
    task = asyncio.create_task(driver.run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, LinkChanged))
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.slow
@pytest.mark.requirement("E8")
async def test_lights_are_lit_pressed_die_and_are_lit_again() -> None:
    shown = '{"quantity": 12, "colour": "blue"}'
    with mosquitto() as url:
        readings, driver = Readings(), _driver(url)
        async with _running(driver, readings):
            light = PahoLight(url, 5)
            await driver.execute("show", {"node": 5, "quantity": 12, "colour": "blue"})
            await light.until_shown(shown)

            light.die()
            await readings.until(lambda reading: isinstance(reading, ReadingFailed) and reading.quantity == "node_5")
            again = PahoLight(url, 5)
            await again.until_shown(shown)
            again.press(1, 10)
            again.press(1, 10)
            await again.until_shown("")
            again.press(2, 0)
            await readings.until(lambda reading: isinstance(reading, ButtonPressed) and reading.node == 5)

            again.stop()
    assert [(reading.node, reading.quantity) for reading in readings.all if isinstance(reading, ButtonPressed)][:1] == [(5, 10)]


@pytest.mark.slow
async def test_broker_that_restarts_loses_the_link_and_gets_everything_again() -> None:
    port = free_port()
    readings = Readings()
    with mosquitto(port) as url:
        driver = _driver(url)
        running = asyncio.create_task(driver.run(readings.emit))
        await readings.until(lambda reading: isinstance(reading, LinkChanged))
        await driver.execute("show", {"node": 5, "quantity": 3, "colour": "red"})
    with pytest.raises(TransportError, match="the broker is gone"):
        async with asyncio.timeout(8):
            await running

    with mosquitto(port) as url:
        light = PahoLight(url, 5)
        seen = len(readings.all)
        again = asyncio.create_task(driver.run(readings.emit))
        await readings.until(lambda reading: isinstance(reading, LinkChanged), after=seen)
        await light.until_shown('{"quantity": 3, "colour": "red"}')
        again.cancel()
        with pytest.raises(asyncio.CancelledError):
            await again
        light.stop()


async def test_what_was_commanded_last_is_still_said_before_the_connection_ends() -> None:
    lights = LightsWithBroker(nodes=40)
    server = TcpTwinServer(lights)
    await server.start()
    driver, readings = _driver(f"mqtt://127.0.0.1:{server.port}"), Readings()
    running = asyncio.create_task(driver.run(readings.emit))
    await readings.until(lambda reading: isinstance(reading, LinkChanged))

    for node in range(1, 10):
        await driver.execute("show", {"node": node, "quantity": node})
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert lights.lights.lit == {node: (node, "green") for node in range(1, 10)}
    await server.stop()


async def test_broker_that_is_away_at_the_start_is_told_with_what_to_check() -> None:
    with pytest.raises(TransportError, match=r"lights-1: cannot connect to the broker at 127\.0\.0\.1:\d+: .*check `broker`"):
        await _driver(f"mqtt://127.0.0.1:{free_port()}").run(lambda reading: None)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_lights_of_a_gateways_broker_need_a_gateway() -> None:
    with pytest.raises(ConfigError, match="give `broker`"):
        await _driver("").run(lambda reading: None)


@pytest.mark.slow
async def test_broker_that_speaks_only_mqtt_5_is_spoken_to_so() -> None:
    with running_broker() as port:
        readings, driver = Readings(), _driver(f"mqtt://127.0.0.1:{port}", connect_timeout_s=1)
        async with _running(driver, readings):
            light = PahoLight(f"mqtt://127.0.0.1:{port}", 5, paho.MQTTv5)
            await driver.execute("show", {"node": 5, "quantity": 3, "colour": "red"})
            await light.until_shown('{"quantity": 3, "colour": "red"}')
            light.press(1, 3)
            await readings.until(lambda reading: isinstance(reading, ButtonPressed) and reading.node == 5)
            light.stop()


async def test_twin_refuses_mqtt_5_as_the_standard_says() -> None:
    twin = LightsWithBroker()

    said = twin.receive_bytes(bytes.fromhex("100d00044d5154540502000a000000"), 0.0)

    assert (said, twin.wants_close) == (bytes.fromhex("20020001"), True)


@pytest.mark.parametrize("granted", [(0x80,), [0, 0x87]])
def test_subscription_that_is_refused_is_told(granted: Sequence[int]) -> None:
    with pytest.raises(PermissionError, match="subscribe to pick/1; check its access list"):
        _check("pick/1", granted)
