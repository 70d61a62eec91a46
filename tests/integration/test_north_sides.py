# SPDX-License-Identifier: Apache-2.0
"""North sides over a real Mosquitto, from a sensor's bytes to Home Assistant's topics and to a Sparkplug host that reads with Eclipse Tahu."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiomqtt
import msgspec
import pytest

from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.sensor_modbus.twin import ModbusSensorTwin
from firmware_sims.stack import free_port
from gateway.config import SparkplugNorth
from gateway.metrics import Metrics
from gateway.north.side import Message
from gateway.north.sides import BdSeq, NorthSides
from gateway.north.sparkplug import EdgeNode
from tests.integration.gateway_bench import eventually, gateway_file, running_gateway
from tests.servers import mosquitto
from tests.unit.gateway.north import REBIRTH, Heard, Site, read

pytestmark = [pytest.mark.slow, pytest.mark.mosquitto]

DEVICE = """
[[device]]
id = "sensor-1"
driver = "sensor_modbus"
host = "127.0.0.1"
port = {port}
map = "xy_md02"
interval_s = 0.1
reply_timeout_s = 0.5
[[station]]
id = "room-1"
kind = "cold_room"
sensor = "sensor-1"
high_c = 8.0
on_delay_s = 0.0
off_delay_s = 0.0
stale_s = 5.0
"""
HOME = '[[north]]\nid = "home"\nkind = "home_assistant"\ninterval_s = 0.1\n'
SPARKPLUG = '[[north]]\nid = "scada"\nkind = "sparkplug_b"\ngroup_id = "hall"\nprimary_host_id = "scada"\ninterval_s = 0.1\n'
ROOT = Path(__file__).resolve().parents[2]
_INSTANTS = itertools.count(1_000_000)
"""Later with each STATE, whatever the clock of the machine does."""
NODE, BASE = "dockline_test-site_gw-1", "dockline-home/test-site/gw-1"


class Broker:
    """Everything that goes over the broker under a topic, as it comes."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.messages: list[Message] = []
        self.changed = asyncio.Condition()

    async def listen(self, *topics: str) -> None:
        for topic in topics:
            await self.client.subscribe(topic, qos=1)
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            async with self.changed:
                self.messages.append(Message(str(message.topic), message.payload, message.qos, message.retain))
                self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(10), self.changed:
                await self.changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"not within 10 s; heard: {[(m.topic, m.payload[:60]) for m in self.messages][-30:]}") from None

    def last(self, topic: str) -> bytes | None:
        return next((message.payload for message in reversed(self.messages) if message.topic == topic), None)

    def sparkplug(self) -> list[Heard]:
        told = (message for message in self.messages if message.topic.startswith("spBv1.0/"))
        return [read(message) for message in told if "/STATE/" not in message.topic and "/NCMD/" not in message.topic]

    def verbs(self) -> list[str]:
        return [heard.verb for heard in self.sparkplug()]

    async def state(self, *, online: bool) -> None:
        state = {"online": online, "timestamp": next(_INSTANTS)}
        await self.client.publish("spBv1.0/STATE/scada", json.dumps(state).encode(), qos=1, retain=True)

    async def ask_for_rebirth(self) -> None:
        await self.client.publish("spBv1.0/hall/NCMD/test-site.gw-1", REBIRTH, qos=0)


@asynccontextmanager
async def listening(port: int, *topics: str) -> AsyncIterator[Broker]:
    async with aiomqtt.Client("127.0.0.1", port, timeout=5) as client:
        broker = Broker(client)
        task = asyncio.create_task(broker.listen(*topics), name="listening")
        try:
            yield broker
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def sensor(temperature_c: float) -> AsyncIterator[tuple[ModbusSensorTwin, TcpTwinServer]]:
    twin = ModbusSensorTwin()
    twin.on_set("temperature_c", temperature_c)
    twin.on_set("humidity_pct", 50.0)
    server = TcpTwinServer(twin)
    await server.start()
    try:
        yield twin, server
    finally:
        await server.stop()


@contextmanager
def program(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A gateway as a process of its own, to be killed."""
    process = subprocess.Popen([sys.executable, "-m", "dockline", "gateway", "run", str(file), "--log-level", "error"])
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture(scope="module")
def broker_port() -> Iterator[int]:
    with mosquitto() as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.requirement("E12")
async def test_home_assistant_finds_a_sensor_and_sees_it_live(tmp_path: Path, broker_port: int) -> None:
    async with sensor(4.2) as (twin, server), listening(broker_port, "homeassistant/#", f"{BASE}/#") as home:
        async with running_gateway(tmp_path, broker_port, DEVICE.format(port=server.port) + HOME):
            await home.until(lambda: home.last(f"{BASE}/dev/sensor-1/temperature_c") == b"4.2" and home.last(f"{BASE}/state") == b"online")
            twin.on_set("temperature_c", 9.5)
            await home.until(lambda: home.last(f"{BASE}/alarm/room-1.high") == b"ON" and home.last(f"{BASE}/dev/sensor-1/temperature_c") == b"9.5")
            heard = len(home.messages)
            await home.client.publish("homeassistant/status", b"online", qos=1)
            again = f"homeassistant/sensor/{NODE}/dev_sensor-1_humidity__pct/config"
            await home.until(lambda: any(message.topic == again for message in home.messages[heard:]))
            await home.until(lambda: any(message.topic.endswith("sensor-1/temperature_c") for message in home.messages[heard:]))
        await home.until(lambda: home.last(f"{BASE}/state") == b"offline")

    async with listening(broker_port, "homeassistant/#", f"{BASE}/#") as later:
        await later.until(lambda: later.last(f"homeassistant/binary_sensor/{NODE}/alarm_room-1_high/config") is not None and bool(later.last(f"{BASE}/state")))
        entity = json.loads(later.last(f"homeassistant/sensor/{NODE}/dev_sensor-1_temperature__c/config") or b"{}")
        assert (entity["state_topic"], entity["expire_after"]) == (f"{BASE}/dev/sensor-1/temperature_c", 5)
        assert later.last(f"{BASE}/state") == b"offline"
        assert later.last(f"{BASE}/dev/sensor-1/temperature_c") is None  # nobody takes an old value for live


async def test_home_assistant_forgets_a_device_that_another_run_knew(tmp_path: Path, broker_port: int) -> None:
    left, stays = (f"homeassistant/sensor/{NODE}/dev_{device}_temperature__c/config" for device in ("sensor-7", "sensor-1"))
    async with sensor(4.2) as (_, server), listening(broker_port, "homeassistant/#") as home:
        server.faults.mute = True
        for topic in (left, stays):
            await home.client.publish(topic, b'{"state_topic": "x"}', qos=1, retain=True)
        async with running_gateway(tmp_path, broker_port, DEVICE.format(port=server.port) + HOME):
            await home.until(lambda: home.last(left) == b"" and (home.last(stays) or b"").startswith(b'{"unique_id"'))


@pytest.mark.requirement("E12")
async def test_sparkplug_host_sees_births_data_and_a_rebirth_on_request(tmp_path: Path, broker_port: int) -> None:
    async with sensor(4.2) as (twin, server), listening(broker_port, "spBv1.0/hall/#") as host:
        await host.state(online=True)
        async with running_gateway(tmp_path, broker_port, DEVICE.format(port=server.port) + SPARKPLUG) as gateway:
            await host.until(lambda: "DBIRTH" in host.verbs())
            twin.on_set("temperature_c", 5.5)
            await host.until(lambda: any(heard.metrics.get("temperature_c") == 5.5 for heard in host.sparkplug()))
            live, births = host.sparkplug()[-1], host.verbs().count("DBIRTH")
            await host.ask_for_rebirth()
            await host.until(lambda: host.verbs().count("DBIRTH") > births)
            assert b'dockline_north_up{north="scada"} 1' in await gateway.reporter.metrics()
        await host.until(lambda: host.verbs()[-1] == "NDEATH")
    heard = host.sparkplug()

    assert (heard[0].verb, heard[0].seq, heard[0].metrics["bdSeq"], heard[1].verb, heard[1].seq) == ("NBIRTH", 0, 0, "DBIRTH", 1)
    assert (live.verb, live.metric("temperature_c").is_historical) == ("DDATA", False)
    assert {each.metrics["bdSeq"] for each in heard if each.verb in ("NBIRTH", "NDEATH")} == {0}
    assert {(each.message.qos, each.message.retain) for each in heard if each.verb != "NDEATH"} == {(0, False)}
    assert host.verbs().count("NDEATH") == 1
    assert_numbered(heard)


@pytest.mark.requirement("E12")
async def test_what_is_measured_while_the_primary_host_is_away_comes_as_history(tmp_path: Path, broker_port: int) -> None:
    async with sensor(4.2) as (twin, server), listening(broker_port, "spBv1.0/hall/#") as host:
        await host.state(online=True)
        async with running_gateway(tmp_path, broker_port, DEVICE.format(port=server.port) + SPARKPLUG) as gateway:
            await host.until(lambda: "DBIRTH" in host.verbs())
            assert gateway.north is not None
            node = gateway.north.publishers["scada"]._side
            assert isinstance(node, EdgeNode)
            await host.state(online=False)
            await host.until(lambda: host.verbs()[-1] == "NDEATH")
            silent = len(host.sparkplug())
            for temperature_c in (6.0, 6.5, 7.0):
                twin.on_set("temperature_c", temperature_c)
                await eventually(lambda: any(change.said.value == temperature_c for change in node._history))  # noqa: B023  # awaited here
            await eventually(lambda: gateway.north.publishers["scada"].connected)  # type: ignore[union-attr]
            assert len(host.sparkplug()) == silent
            await host.state(online=True)
            await host.until(lambda: historical(host.sparkplug()) != [])
    heard = host.sparkplug()[silent:]

    assert [each.verb for each in heard[:2]] == ["NBIRTH", "DBIRTH"]
    assert (heard[0].metrics["bdSeq"], heard[1].metrics["temperature_c"]) == (1, 7.0)
    assert historical(heard)[:2] == [6.0, 6.5]
    assert_numbered(heard)


@pytest.mark.requirement("E12")
async def test_gateway_that_is_killed_dies_by_its_will_and_comes_back_with_the_next_bdseq(tmp_path: Path, broker_port: int) -> None:
    async with sensor(4.2) as (_, server), listening(broker_port, "spBv1.0/hall/#") as host:
        file = gateway_file(tmp_path, broker_port, DEVICE.format(port=server.port) + SPARKPLUG)
        await host.state(online=True)
        with program(file) as process:
            await host.until(lambda: "DBIRTH" in host.verbs())
            process.send_signal(signal.SIGKILL)
            await host.until(lambda: "NDEATH" in host.verbs())
        with program(file):
            await host.until(lambda: host.verbs().count("DBIRTH") == 2)
    heard = [each for each in host.sparkplug() if each.verb in ("NBIRTH", "NDEATH")]

    assert [(each.verb, each.metrics["bdSeq"]) for each in heard[:3]] == [("NBIRTH", 0), ("NDEATH", 0), ("NBIRTH", 1)]


async def test_example_of_an_access_list_lets_both_sides_do_their_work(tmp_path: Path) -> None:
    example = (ROOT / "deploy/north/acl.conf").read_text()
    (tmp_path / "acl").write_text(f"topic readwrite #\n{example.replace('shanghai-1', 'test-site').replace('dock-1', 'gw-1').replace('shanghai', 'hall')}")
    (tmp_path / "acl").chmod(0o644)
    (tmp_path / "password").write_text("any")
    with mosquitto(more=f"user root\nacl_file {tmp_path / 'acl'}") as url:
        port = int(url.rpartition(":")[2])
        users = {side: f'broker = "{url}"\nbroker_username = "gw-1-{side}"\nbroker_password_file = "{tmp_path / "password"}"\n' for side in ("home", "scada")}
        body = HOME + users["home"] + SPARKPLUG + users["scada"]
        async with sensor(4.2) as (_, server), listening(port, "homeassistant/#", f"{BASE}/#", "spBv1.0/#") as all_of_it:
            await all_of_it.state(online=True)
            async with running_gateway(tmp_path, port, DEVICE.format(port=server.port) + body):
                await all_of_it.until(lambda: all_of_it.last(f"{BASE}/dev/sensor-1/temperature_c") == b"4.2" and "DBIRTH" in all_of_it.verbs())
                await all_of_it.client.publish("homeassistant/status", b"online", qos=1)
                await all_of_it.ask_for_rebirth()
                await all_of_it.until(lambda: all_of_it.verbs().count("NBIRTH") >= 2)
                config = f"homeassistant/sensor/{NODE}/dev_sensor-1_temperature__c/config"
                await all_of_it.until(lambda: [message.topic for message in all_of_it.messages].count(config) >= 2)


async def test_broker_that_says_nothing_disturbs_neither_uplink_nor_stations(tmp_path: Path, broker_port: int) -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    body = HOME + f'broker = "mqtt://127.0.0.1:{silent.sockets[0].getsockname()[1]}"\n' + SPARKPLUG + f'broker = "mqtt://127.0.0.1:{free_port()}"\n'
    async with sensor(9.5) as (_, server), running_gateway(tmp_path, broker_port, DEVICE.format(port=server.port) + body) as gateway:
        await eventually(lambda: gateway.uplink.connected and gateway.floor.alarms().get("room-1.high") == "unacknowledged")
        assert gateway.north is not None
        assert [publisher.connected for publisher in gateway.north.publishers.values()] == [False, False]
    silent.close()
    await silent.wait_closed()


async def test_side_with_a_fault_of_its_own_begins_again_and_ends_nothing(tmp_path: Path, broker_port: int, caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    table = SparkplugNorth(id="scada", group_id="faulty", broker=f"mqtt://127.0.0.1:{broker_port}", interval_s=0.1)
    site.config = msgspec.structs.replace(
        site.config, north={"scada": table}, gateway=msgspec.structs.replace(site.config.gateway, data_dir=str(tmp_path), broker=table.broker)
    )
    sides = NorthSides(lambda: site.config, lambda: site.alarms, lambda: True, "1.2.3", site.now, Metrics(), begin_again_s=0.01)
    site.picture = sides._picture
    running = asyncio.create_task(sides.run(), name="north")
    async with listening(broker_port, "spBv1.0/faulty/#") as host:
        await host.until(lambda: host.verbs()[-1:] == ["NBIRTH"])
        site.picture.samples["sensor-1", "temperature_c"] = None  # type: ignore[assignment]
        await host.until(lambda: "NDEATH" in host.verbs())
        del site.picture.samples["sensor-1", "temperature_c"]
        await host.until(lambda: host.verbs().count("NBIRTH") == 2)

        assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "north side failed" in caplog.messages


def test_bdseq_counts_over_restarts_and_is_0_after_255(tmp_path: Path) -> None:
    file = tmp_path / "north-scada.json"
    assert [BdSeq(file)() for _ in range(2)] == [0, 1]
    file.write_bytes(b'{"bd_seq": 254}')
    assert [BdSeq(file)() for _ in range(3)] == [255, 0, 1]

    file.write_bytes(b"damaged")

    assert BdSeq(file)() == 0


def historical(heard: list[Heard]) -> list[float]:
    """The temperatures that came as history."""
    metrics = [metric for each in heard if each.verb == "DDATA" for metric in each.payload.metrics]
    return [metric.double_value for metric in metrics if metric.name == "temperature_c" and metric.is_historical]


def assert_numbered(heard: list[Heard]) -> None:
    """Every message but a death of the node has the next number."""
    seq = -1
    for each in heard:
        if each.verb != "NDEATH":
            seq = 0 if each.verb == "NBIRTH" else (seq + 1) % 256
            assert each.seq == seq
