# SPDX-License-Identifier: Apache-2.0
"""From device bytes to central and back: real twins over TCP, a real broker, the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contracts.commands import AcknowledgeAlarm, LightTasks, PickTask
from contracts.events import AlarmChanged, CommandAnswered, DeviceLinkChanged, ItemScanned, PalletPassed, PickConfirmed, SensorMeasured, WeightRecorded
from contracts.identifiers import Sgtin, Sscc
from contracts.quantities import Quantity
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.sensor_modbus.twin import ModbusRelayTwin, ModbusSensorTwin
from tests.integration.gateway_bench import eventually, running_broker, running_central, running_gateway

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def broker_port() -> Iterator[int]:
    with running_broker() as port:
        yield port


def in_a_minute() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.mark.requirement("E2")
async def test_pallet_through_a_door_reaches_central_with_its_direction(broker_port: int, tmp_path: Path) -> None:
    twin = LlrpReaderTwin()
    server = TcpTwinServer(twin)
    await server.start()
    body = f"""
[[device]]
id = "reader-1"
driver = "rfid_llrp"
host = "127.0.0.1"
port = {server.port}
[[station]]
id = "door-1"
kind = "dock_door"
reader = "reader-1"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
photo_eye_outer = {{ device = "reader-1", input = 1 }}
photo_eye_inner = {{ device = "reader-1", input = 2 }}
stack_light = {{ device = "reader-1", output = 1 }}
settle_s = 0.05
debounce_s = 0.0
"""
    pallet = Sscc("0614141", "1234567890")
    case = Sgtin("0614141", "812345", "6789")

    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, body) as gateway:
        await eventually(lambda: gateway.supervisor.devices_up == 1)
        server.stimulate("input", input=1, level=True)
        for antenna, rssi_dbm in ((3, -60.0), (3, -55.0), (1, -58.0)):
            for epc in (pallet.hex(), case.hex()):
                server.stimulate("read", epc=epc, antenna=antenna, peak_rssi_dbm=rssi_dbm)
        server.stimulate("input", input=2, level=True)
        server.stimulate("input", input=1, level=False)
        server.stimulate("input", input=2, level=False)
        await central.until(lambda: bool(central.of(PalletPassed)))
        await eventually(lambda: twin.outputs[1])

    (passed,) = central.of(PalletPassed)
    await server.stop()
    assert isinstance(passed, PalletPassed)
    assert (passed.direction, passed.parent_id) == ("in", "urn:epc:id:sscc:0614141.1234567890")
    assert passed.child_epcs == ["urn:epc:id:sgtin:0614141.812345.6789"]
    assert passed.evidence.eyes == "outer-inner"


ZONE = """
[[device]]
id = "lights-1"
driver = "light_ablepick"
host = "127.0.0.1"
port = {port}
[[station]]
id = "zone-1"
kind = "pick_zone"
lights = "lights-1"
bins = {{ "A-01" = 1, "A-02" = 2 }}
"""


def light_two() -> LightTasks:
    tasks = [
        PickTask(task_id="task-1", bin="A-01", item="milk", quantity=Quantity(3)),
        PickTask(task_id="task-2", bin="A-02", item="rice", quantity=Quantity(5), colour="red"),
    ]
    return LightTasks(command_id="light-1", station="zone-1", deadline_at=in_a_minute(), tasks=tasks)


@pytest.mark.requirement("E8")
async def test_lit_order_is_confirmed_and_shorted_at_its_lights(broker_port: int, tmp_path: Path) -> None:
    twin = AblePickTwin()
    server = TcpTwinServer(twin)
    await server.start()

    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, ZONE.format(port=server.port)) as gateway:
        await eventually(lambda: gateway.supervisor.devices_up == 1 and gateway.uplink.connected)
        await central.command(light_two())
        await eventually(lambda: {node: tag.quantity for node, tag in twin.lit.items()} == {1: 3, 2: 5})
        server.stimulate("press", node=1)
        server.stimulate("shortage", node=2, quantity=4)
        await central.until(lambda: len(central.of(PickConfirmed)) == 2)
        await eventually(lambda: not twin.lit)

    await server.stop()
    taken = {event.task_id: (event.quantity.value, event.short) for event in central.of(PickConfirmed) if isinstance(event, PickConfirmed)}
    assert taken == {"task-1": (3, False), "task-2": (4, True)}


@pytest.mark.requirement("E8")
async def test_lights_burn_again_when_gateway_and_controller_restart(broker_port: int, tmp_path: Path) -> None:
    twin = AblePickTwin()
    server = TcpTwinServer(twin)
    await server.start()
    body = ZONE.format(port=server.port)

    async with running_central(broker_port) as central:
        async with running_gateway(tmp_path, broker_port, body) as gateway:
            await eventually(lambda: gateway.supervisor.devices_up == 1 and gateway.uplink.connected)
            await central.command(light_two())
            await eventually(lambda: set(twin.lit) == {1, 2})
        for tag in twin.tags.values():
            tag.go_dark()
        async with running_gateway(tmp_path, broker_port, body) as gateway:
            await eventually(lambda: {node: tag.quantity for node, tag in twin.lit.items()} == {1: 3, 2: 5})
            await eventually(lambda: gateway.uplink.connected)
            await central.command(light_two())
            await central.until(lambda: len(central.of(CommandAnswered)) == 2)
            server.stimulate("press", node=1)
            await central.until(lambda: bool(central.of(PickConfirmed)))

    await server.stop()
    assert [event.outcome for event in central.of(CommandAnswered) if isinstance(event, CommandAnswered)] == ["done", "done"]
    assert len(central.of(PickConfirmed)) == 1


@pytest.mark.requirement("E10")
async def test_siren_sounds_without_a_broker_and_central_acknowledges_later(broker_port: int, tmp_path: Path) -> None:
    sensor, relay = ModbusSensorTwin(), ModbusRelayTwin()
    servers = [TcpTwinServer(sensor), TcpTwinServer(relay)]
    for server in servers:
        await server.start()
    body = f"""
[[device]]
id = "sensor-1"
driver = "sensor_modbus"
host = "127.0.0.1"
port = {servers[0].port}
map = "xy_md02"
interval_s = 0.1
[[device]]
id = "relay-1"
driver = "sensor_modbus"
host = "127.0.0.1"
port = {servers[1].port}
map = "waveshare_relay"
[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "sensor-1"
high_c = 8.0
on_delay_s = 0.2
off_delay_s = 0.2
sample_interval_s = 0
siren = {{ device = "relay-1", output = 1 }}
"""
    servers[0].stimulate("set", quantity="temperature_c", value=4.0)

    async with running_gateway(tmp_path, 1, body) as gateway:  # nothing listens on port 1
        await eventually(lambda: gateway.supervisor.devices_up == 2)
        servers[0].stimulate("set", quantity="temperature_c", value=9.5)
        await eventually(lambda: relay.outputs.get(1, False))
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, body) as gateway:
        await central.until(lambda: bool(central.of(AlarmChanged)))
        await eventually(lambda: gateway.supervisor.devices_up == 2)
        await central.command(AcknowledgeAlarm(command_id="ack-1", station="cold-1", deadline_at=in_a_minute(), alarm_id="cold-1.high", actor="li"))
        await eventually(lambda: not relay.outputs.get(1, False))
        servers[0].stimulate("set", quantity="temperature_c", value=4.0)
        await central.until(lambda: any(isinstance(event, AlarmChanged) and event.state == "normal" for event in central.of(AlarmChanged)))
        await central.until(lambda: any(isinstance(event, SensorMeasured) and event.value > 9 for event in central.of(SensorMeasured)))

    for server in servers:
        await server.stop()
    assert [event.state for event in central.of(AlarmChanged) if isinstance(event, AlarmChanged)] == ["unacknowledged", "acknowledged", "normal"]
    assert any(event.historical for event in central.of(SensorMeasured))


@pytest.mark.requirement("E7")
async def test_scan_then_weight_becomes_one_record_of_the_scanned_unit(broker_port: int, tmp_path: Path) -> None:
    scale, scanner = SicsScaleTwin(), ScannerTwin()
    scale_server, scanner_server = TcpTwinServer(scale), TcpTwinServer(scanner)
    await scale_server.start()
    await scanner_server.start()
    body = f"""
[[device]]
id = "scale-1"
driver = "scale_sics"
host = "127.0.0.1"
port = {scale_server.port}
[[device]]
id = "scanner-1"
driver = "scanner_serial"
host = "127.0.0.1"
port = {scanner_server.port}
[[station]]
id = "weigh-1"
kind = "weigh_point"
scale = "scale-1"
scanner = "scanner-1"
[[station]]
id = "scan-1"
kind = "scan_point"
scanner = "scanner-1"
"""
    sscc = Sscc("0614141", "1234567890").sscc

    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, body) as gateway:
        await eventually(lambda: gateway.supervisor.devices_up == 2)
        scanner_server.stimulate("scan", text=f"00{sscc}", symbology="]C1")
        await central.until(lambda: bool(central.of(ItemScanned)))
        scale_server.stimulate("place", weight_g=1520.0)
        await central.until(lambda: bool(central.of(WeightRecorded)))
        async with httpx.AsyncClient() as client:
            health = (await client.get(f"http://127.0.0.1:{gateway.port}/health")).json()
            metrics = (await client.get(f"http://127.0.0.1:{gateway.port}/metrics")).text

    await scale_server.stop()
    await scanner_server.stop()
    (record,) = central.of(WeightRecorded)
    assert isinstance(record, WeightRecorded)
    assert (record.weight_mg, record.subject.sscc) == (1_520_000, sscc)
    assert health["lanes"]["movements"]["accepted"] == 2
    assert health["devices_up"] == 2
    assert 'dockline_device_up{device="scale-1",driver="scale_sics"} 1.0' in metrics


@pytest.mark.requirement("E12")
async def test_device_that_vanishes_is_served_again_and_disturbs_no_other(broker_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scanners = [TcpTwinServer(ScannerTwin()) for _ in range(2)]
    for server in scanners:
        await server.start()
    body = "".join(
        f"""
[[device]]
id = "scanner-{number}"
driver = "scanner_serial"
host = "127.0.0.1"
port = {server.port}
[[station]]
id = "scan-{number}"
kind = "scan_point"
scanner = "scanner-{number}"
"""
        for number, server in enumerate(scanners)
    )

    with caplog.at_level("INFO"):
        async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port, body) as gateway:
            await eventually(lambda: gateway.supervisor.devices_up == 2)
            port = scanners[0].port
            await scanners[0].stop()
            await eventually(lambda: gateway.supervisor.devices_up == 1)
            scanners[1].stimulate("scan", text="while the other is away")
            await central.until(lambda: len(central.of(ItemScanned)) == 1)
            scanners[0] = TcpTwinServer(ScannerTwin(), port=port)
            await scanners[0].start()
            await eventually(lambda: gateway.supervisor.devices_up == 2)
            scanners[0].stimulate("scan", text="back again")
            await central.until(lambda: len(central.of(ItemScanned)) == 2)
            await central.until(lambda: len(central.of(DeviceLinkChanged)) == 4)

    for server in scanners:
        await server.stop()
    about = [(record.message, vars(record)["device"]) for record in caplog.records if record.message in ("device connected", "device lost")]
    assert about.count(("device lost", "scanner-0")) == 1
    assert about.count(("device connected", "scanner-0")) == 2
    assert about.count(("device lost", "scanner-1")) == 0
