# SPDX-License-Identifier: Apache-2.0
"""A hundred registers from the controller's bytes to central, every read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.events import SensorArrayMeasured
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.sensor_modbus.controller import ModbusControllerTwin
from tests.integration.gateway_bench import eventually, running_broker, running_central, running_gateway

pytestmark = pytest.mark.slow

MAP = 'title = "PLC"\nsource = "its project"\nworst_reply_s = 0.5\n[[arrays]]\nquantity = "raw"\naddress = 0\ncount = 100\n'
BODY = """
[[device]]
id = "plc-1"
driver = "sensor_modbus"
host = "127.0.0.1"
port = {port}
map = "{map}"
interval_s = 0.1
[[station]]
id = "compressors"
kind = "data_logger"
sensors = ["plc-1"]
"""


@pytest.mark.requirement("E12", "E17")
async def test_every_read_of_a_controller_reaches_central_as_one_event(tmp_path: Path) -> None:
    twin = ModbusControllerTwin(count=100, stamps=True)
    server = TcpTwinServer(twin)
    await server.start()
    (tmp_path / "wide.toml").write_text(MAP, encoding="utf-8")

    with running_broker() as port:
        body = BODY.format(port=server.port, map=tmp_path / "wide.toml")
        async with running_central(port) as central, running_gateway(tmp_path, port, body) as gateway:
            await eventually(lambda: twin.reads >= 8)
            server.faults.mute = True
            reads = twin.reads
            await central.until(lambda: len(central.of(SensorArrayMeasured)) >= reads)
            text = (await gateway.reporter.metrics()).decode()
    await server.stop()

    arrays = [event for event in central.of(SensorArrayMeasured) if isinstance(event, SensorArrayMeasured)]
    assert [event.values[0] for event in arrays] == list(range(1, reads + 1))
    assert {(event.station, event.device, event.quantity, event.first, len(event.values)) for event in arrays} == {("compressors", "plc-1", "raw", 0, 100)}
    assert 'dockline_polls_missed{device="plc-1"}' in text
