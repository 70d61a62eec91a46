# SPDX-License-Identifier: Apache-2.0
"""A door on the floor: a reader twin over LLRP, the whole gateway, a broker, and central, which is away while pallets pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central.app import create_app
from central.database import open_engine, reading
from central.exceptions.tables import work_order
from central.fleet.tables import command
from central.fleet.tables import gateway as gateway_table
from central.settings import Settings
from central.shipping.tables import door_pass, load_package
from contracts.addresses import parse_broker
from contracts.identifiers import Sscc
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin
from gateway.app import Gateway
from gateway.config_file import load_config
from tests.integration.gateway_bench import eventually, running_broker
from tests.integration.test_areas_api import Http
from tests.integration.test_doors_that_load import boxes, plan
from tests.integration.warehouse import SITE, Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E2", "E3")]

GREEN, RED = 1, 2
FILE = """
[gateway]
id = "dock"
site = "{site}"
broker = "mqtt://127.0.0.1:{broker_port}"
data_dir = "{folder}"
listen = "127.0.0.1:0"
[[device]]
id = "reader-1"
driver = "rfid_llrp"
host = "127.0.0.1"
port = {reader_port}
[[station]]
id = "door-5"
kind = "dock_door"
reader = "reader-1"
biz_step = "loading"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
photo_eye_outer = {{ device = "reader-1", input = 1 }}
photo_eye_inner = {{ device = "reader-1", input = 2 }}
stack_light = {{ device = "reader-1", output = 1 }}
stack_light_red = {{ device = "reader-1", output = 2 }}
settle_s = 0.05
debounce_s = 0
light_s = 1
"""


@dataclass
class Yard:
    """A database with a load at door-5 that has `mine`, and one at door-6 that has `theirs`."""

    engine: Engine
    mine: str
    theirs: str

    def rows(self, table: Any) -> list[Any]:
        with reading(self.engine) as connection:
            return list(connection.execute(select(table)))


@pytest.fixture
def yard(sqlite_url: str) -> Any:
    engine = open_engine(sqlite_url)
    house = Warehouse(engine)
    house.fill()
    http = Http.of(house)
    assert http.put("shipping/sites", json={"site": SITE, "company_prefix": "0614141"}).status_code == 200
    mine, theirs = boxes(http, house, 2)
    plan(http, "L-5", mine, door="door-5")
    plan(http, "L-6", theirs, door="door-6")
    yield Yard(engine, mine, theirs)
    engine.dispose()


@asynccontextmanager
async def central(engine: Engine, broker_port: int) -> AsyncIterator[FastAPI]:
    app = create_app(Settings(str(engine.url), parse_broker(f"mqtt://127.0.0.1:{broker_port}"), warm_up=False), engine=engine)
    async with app.router.lifespan_context(app):
        await app.state.worker.connected.wait()
        yield app


@asynccontextmanager
async def floor(folder: Path, broker_port: int, reader_port: int) -> AsyncIterator[Gateway]:
    path = folder / "gateway.toml"
    path.write_text(FILE.format(site=SITE, broker_port=broker_port, folder=folder, reader_port=reader_port))
    gateway = Gateway(load_config(path))
    running = asyncio.create_task(gateway.run(), name="gateway")
    try:
        await gateway.started.wait()
        await eventually(lambda: gateway.supervisor.devices_up == 1)
        yield gateway
    finally:
        gateway.stop()
        await running


async def until(true: Callable[[], bool]) -> None:
    """For what another task writes into the database; it is looked at in a thread, so that the task goes on."""
    async with asyncio.timeout(15):
        while not await asyncio.to_thread(true):
            continue


def drive_out(server: TcpTwinServer, sscc: str) -> None:
    """A pallet goes from the hall onto the vehicle: past the inner eye and antennas first."""
    epc = Sscc("0614141", sscc[0] + sscc[8:17]).hex()
    server.stimulate("input", input=2, level=True)
    for antenna, rssi_dbm in ((1, -60.0), (2, -52.0), (1, -58.0), (3, -57.0), (4, -51.0), (3, -60.0)):
        server.stimulate("read", epc=epc, antenna=antenna, peak_rssi_dbm=rssi_dbm)
    server.stimulate("input", input=1, level=True)
    server.stimulate("input", input=2, level=False)
    server.stimulate("input", input=1, level=False)


async def test_wrong_pallet_is_red_without_central_and_told_when_central_is_back(yard: Yard, tmp_path: Path) -> None:
    twin = LlrpReaderTwin()
    server = TcpTwinServer(twin)
    await server.start()
    with running_broker() as broker_port:
        async with floor(tmp_path, broker_port, server.port):
            async with central(yard.engine, broker_port) as app:
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1/api/v1/") as http:
                    await until(lambda: "dock" in {row.id for row in yard.rows(gateway_table)})
                    stands = await http.put(f"doors/{SITE}/door-5", json={"gateway": "dock", "state": "loading", "load": "L-5"})
                assert stands.status_code == 200, stands.text
                await until(lambda: [row.state for row in yard.rows(command) if row.kind == "DoorWork"] == ["done"])

            drive_out(server, yard.theirs)
            await eventually(lambda: twin.outputs[RED])
            assert not twin.outputs[GREEN]
            assert yard.rows(door_pass) == []
            await eventually(lambda: not twin.outputs[RED])
            drive_out(server, yard.mine)
            await eventually(lambda: twin.outputs[GREEN])

            async with central(yard.engine, broker_port):
                await until(lambda: len(yard.rows(door_pass)) == 2)
    await server.stop()

    assert {row.sscc: (row.outcome, row.checked) for row in yard.rows(door_pass)} == {yard.theirs: ("wrong", "unexpected"), yard.mine: ("loaded", "expected")}
    assert [(row.kind, row.subject) for row in yard.rows(work_order) if row.station == "door-5"] == [("wrong_pallet_load", yard.theirs)]
    assert {row.sscc: row.loaded_at is not None for row in yard.rows(load_package)} == {yard.mine: True, yard.theirs: False}
