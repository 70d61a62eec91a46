# SPDX-License-Identifier: Apache-2.0
"""A door on the floor: a reader twin over LLRP, the whole gateway, a broker, and central, which is away while pallets pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, select

from central.app import create_app
from central.catalog import rules as catalog
from central.catalog.tables import lot
from central.database import open_engine, reading
from central.exceptions.tables import work_order
from central.fleet.tables import command
from central.fleet.tables import gateway as gateway_table
from central.inbound.tables import passage
from central.settings import Settings
from central.shipping.tables import door_pass, load_package
from central.web.docks import tiles
from contracts.addresses import parse_broker
from contracts.identifiers import Sgtin, Sscc
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


TWO_DOORS = """
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
[[device]]
id = "reader-2"
driver = "rfid_llrp"
host = "127.0.0.1"
port = {other_port}
[[station]]
id = "dock-1"
kind = "dock_door"
reader = "reader-1"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
photo_eye_outer = {{ device = "reader-1", input = 1 }}
photo_eye_inner = {{ device = "reader-1", input = 2 }}
settle_s = 0.05
debounce_s = 0
[[station]]
id = "dock-2"
kind = "dock_door"
reader = "reader-2"
inner_antennas = [1, 2]
outer_antennas = [3, 4]
quiet_s = 0.3
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
async def floor(folder: Path, broker_port: int, reader_port: int, file: str = FILE, **ports: int) -> AsyncIterator[Gateway]:
    path = folder / "gateway.toml"
    path.write_text(file.format(site=SITE, broker_port=broker_port, folder=folder, reader_port=reader_port, **ports))
    gateway = Gateway(load_config(path))
    running = asyncio.create_task(gateway.run(), name="gateway")
    try:
        await gateway.started.wait()
        await eventually(lambda: gateway.supervisor.devices_up == 1 + len(ports))
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
    epc = pallet_tag(sscc)
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


class Ahead:
    """A clock of a reader that runs ahead by as much as a test lets pass: goods need seconds for a door, the test does not."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


def drive_in(server: TcpTwinServer, clock: Ahead, epcs: Sequence[str], *, eyes: bool) -> None:
    """Goods go from the yard into the hall in two seconds: strongest at the outer antennas first, at the inner ones then."""
    if eyes:
        server.stimulate("input", input=1, level=True)
    for step in range(41):
        at_s = step / 20
        for antenna, peak_s in ((3, 0.6), (4, 0.6), (1, 1.4), (2, 1.4)):
            for epc in epcs:
                server.stimulate("read", epc=epc, antenna=antenna, peak_rssi_dbm=-42.0 - 25.0 * abs(at_s - peak_s))
        if eyes and step == 20:
            server.stimulate("input", input=2, level=True)
            server.stimulate("input", input=1, level=False)
        clock.ahead_s += 0.05
    if eyes:
        server.stimulate("input", input=2, level=False)


NOTICES = """number,site,supplier,door,pallet,item,lot,expiry,quantity,serials
ASN-1,{site},dairy,dock-1,{first},milk,L1,2027-12-24,24,11 12
ASN-2,{site},dairy,dock-2,{second},milk,L2,2027-12-25,36,21 22 23
"""


@pytest.mark.requirement("E1", "E4", "R4", "R7", "R10", "R18")
async def test_pallets_of_a_list_come_in_with_and_without_photo_eyes_and_wait_to_be_put_away(sqlite_url: str, tmp_path: Path) -> None:
    engine = open_engine(sqlite_url)
    house = Warehouse(engine)
    house.keep(*(catalog.Location(site=SITE, code=f"dock-{n}", kind="dock") for n in (1, 2)))
    first, second = "006141410000000012", "006141410000000029"
    clocks = (Ahead(), Ahead())
    servers = [TcpTwinServer(LlrpReaderTwin(), clock=clock) for clock in clocks]
    for server in servers:
        await server.start()
    with running_broker() as broker_port:
        async with (
            central(engine, broker_port) as app,
            floor(tmp_path, broker_port, servers[0].port, TWO_DOORS, other_port=servers[1].port),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1/api/v1/") as http,
        ):
            listed = await http.post(
                "imports/ship-notices", content=NOTICES.format(site=SITE, first=first, second=second), headers={"Content-Type": "text/csv"}
            )
            assert (listed.status_code, listed.json()["new"]) == (200, 2), listed.text
            drive_in(servers[0], clocks[0], [pallet_tag(first), *map(milk_tag, ("11", "12"))], eyes=True)
            drive_in(servers[1], clocks[1], [pallet_tag(second), *map(milk_tag, ("21", "23"))], eyes=False)
            await until(lambda: len(house.rows(passage)) == 2)

            receipts = {row["sscc"]: row for row in (await http.get("receipts")).json()["items"]}
            tasks = {row["sscc"]: row for row in (await http.get("putaway-tasks")).json()["items"]}
            board = tiles_of(engine, house)
    for server in servers:
        await server.stop()

    assert [
        (row.station, row.direction, row.outcome, row.cases_seen, row.cases_expected) for row in sorted(house.rows(passage), key=lambda row: row.station)
    ] == [
        ("dock-1", "in", "received", 2, 2),
        ("dock-2", "in", "differences", 2, 3),
    ]
    assert {sscc: row["place"] for sscc, row in receipts.items()} == {first: f"{SITE}/dock-1", second: f"{SITE}/dock-2"}
    assert house.stock() == {"dock-1 milk L1": (24, 0), "dock-2 milk L2": (24, 0)}
    assert {row.lot: str(row.expiry) for row in house.rows(lot)} == {"L1": "2027-12-24", "L2": "2027-12-25"}
    assert {sscc: (row["place"], row["to_place"]) for sscc, row in tasks.items()} == {
        first: (f"{SITE}/dock-1", f"{SITE}/cool-1"),
        second: (f"{SITE}/dock-2", f"{SITE}/cool-1"),
    }
    assert house.asked() == ["pallet_cases_missing"]
    assert board == {"dock-1": ("receiving", "received", 1, 1), "dock-2": ("waits", "differences", 1, 1)}
    house.assert_sound()
    engine.dispose()


def tiles_of(engine: Engine, house: Warehouse) -> dict[str, tuple[str, str, int, int]]:
    """What the board says of each door: its state, what came last, pallets received of announced."""
    with reading(engine) as connection:
        shown = tiles(connection, SITE, datetime.now(UTC))
    return {
        tile.station: (tile.state, tile.last.outcome, tile.receiving.done, tile.receiving.planned)
        for tile in shown
        if tile.last is not None and tile.receiving is not None
    }


def pallet_tag(sscc: str) -> str:
    return Sscc("0614141", sscc[0] + sscc[8:17]).hex()


def milk_tag(serial: str) -> str:
    return Sgtin("0614141", "000001", serial).hex()
