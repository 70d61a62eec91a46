# SPDX-License-Identifier: Apache-2.0
"""One-wire probes, Bluetooth tags, pins, a tower and MQTT lights at their stations, through a gateway and up to central."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import MQTTv5

from contracts.commands import LightTasks, PickTask
from contracts.events import AlarmChanged, PickConfirmed
from contracts.quantities import Quantity
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.gpio_lines.twin import GpioBoxTwin
from firmware_sims.sensor_ble.twin import BleTagsTwin
from firmware_sims.sensor_onewire.twin import OneWireBusTwin
from firmware_sims.tower_patlite.twin import PatliteTwin
from tests.integration.gateway_bench import eventually, running_broker, running_central, running_gateway
from tests.unit.light_mqtt.test_mqtt_broker import PahoLight

pytestmark = pytest.mark.slow

ROOM = """
[[device]]
id = "probes-1"
driver = "sensor_onewire"
host = "127.0.0.1"
port = {probes}
interval_s = 0.1
probes = {{ "28-0316a2791e0b" = "shelf_temperature_c" }}
[[device]]
id = "tags-1"
driver = "sensor_ble"
host = "127.0.0.1"
port = {tags}
[device.tags]
gate = {{ mac = "a4:c1:38:3e:b3:93", contact_input = 1 }}
[[device]]
id = "pins-1"
driver = "gpio_lines"
host = "127.0.0.1"
port = {pins}
inputs = [{{ input = 1, line = 17, active_low = true, pull = "up", debounce_ms = 0 }}]
[[device]]
id = "tower-1"
driver = "tower_patlite"
host = "127.0.0.1"
port = {tower}
watchdog_s = 0.1
[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "probes-1"
quantity = "shelf_temperature_c"
high_c = 8
on_delay_s = 0
door = {{ device = "tags-1", input = 1, good = false }}
door_open_s = 0.05
mains = {{ device = "pins-1", input = 1 }}
mains_failed_s = 0
siren = {{ device = "tower-1", output = 6 }}
"""
ZONE = """
[[device]]
id = "lights-1"
driver = "light_mqtt"
broker = ""
mqtt_version = "5"
nodes = "1-9"
[[station]]
id = "zone-1"
kind = "pick_zone"
lights = "lights-1"
bins = { "A-01" = 1, "A-02" = 2 }
"""


@pytest.fixture(scope="module")
def broker_port() -> Iterator[int]:
    with running_broker() as port:
        yield port


@contextlib.asynccontextmanager
async def _served(**twins: Twin) -> AsyncIterator[dict[str, TcpTwinServer]]:
    servers = {name: TcpTwinServer(twin) for name, twin in twins.items()}
    for server in servers.values():
        await server.start()
    try:
        yield servers
    finally:
        for server in servers.values():
            await server.stop()


@pytest.mark.requirement("E7", "E9")
async def test_cold_room_of_small_devices_raises_its_alarms_and_sounds_the_tower(broker_port: int, tmp_path: Path) -> None:
    tower, pins = PatliteTwin(), GpioBoxTwin()
    pins.on_pin(17, high=False)
    twins = {"probes": OneWireBusTwin("28-0316a2791e0b", hasty=True), "tags": BleTagsTwin("bthome", interval_s=0.2), "pins": pins, "tower": tower}

    async with _served(**twins) as served, running_central(broker_port) as central:
        body = ROOM.format(**{name: server.port for name, server in served.items()})

        def raised() -> set[str]:
            alarms = [event for event in central.of(AlarmChanged) if isinstance(event, AlarmChanged)]
            return {event.condition for event in alarms if event.state == "unacknowledged"}

        async with running_gateway(tmp_path, broker_port, body) as gateway:
            await eventually(lambda: gateway.supervisor.devices_up == 4 and gateway.uplink.connected)
            served["probes"].stimulate("set", temperature_c=12.0)
            await eventually(lambda: tower.tower.buzzer == 1)
            served["tower"].stimulate("power_cut")
            await eventually(lambda: tower.tower.buzzer == 0)
            await eventually(lambda: tower.tower.buzzer == 1)
            served["tags"].stimulate("door", is_open=True)
            served["pins"].stimulate("pin", pin=17, high=True)
            await central.until(lambda: raised() == {"high", "door_open", "mains_failed"})


@pytest.mark.requirement("E8")
async def test_pick_zone_lights_what_hangs_at_the_gateways_broker(broker_port: int, tmp_path: Path) -> None:
    tasks = [
        PickTask(task_id="task-1", bin="A-01", item="milk", quantity=Quantity(3)),
        PickTask(task_id="task-2", bin="A-02", item="rice", quantity=Quantity(5)),
    ]
    light_two = LightTasks(command_id="light-1", station="zone-1", deadline_at=datetime.now(UTC) + timedelta(minutes=1), tasks=tasks)
    url = f"mqtt://127.0.0.1:{broker_port}"

    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, ZONE) as gateway:
        await eventually(lambda: gateway.supervisor.devices_up == 1 and gateway.uplink.connected)
        milk, rice = PahoLight(url, 1, MQTTv5), PahoLight(url, 2, MQTTv5)
        await central.command(light_two)
        await milk.until_shown('{"quantity": 3, "colour": "green"}')
        await rice.until_shown('{"quantity": 5, "colour": "green"}')
        milk.press(1, 3)
        rice.press(1, 4)
        await central.until(lambda: len(central.of(PickConfirmed)) == 2)
        await milk.until_shown("")
        milk.stop()
        rice.stop()

    taken = {event.task_id: (event.quantity.value, event.short) for event in central.of(PickConfirmed) if isinstance(event, PickConfirmed)}
    assert taken == {"task-1": (3, False), "task-2": (4, True)}
