# SPDX-License-Identifier: Apache-2.0
"""SQLite says "database or disk is full": movements are refused visibly, accepted ones stay and go up, and it goes on when there is room again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from contracts.commands import LightTasks, PickTask
from contracts.events import CommandAnswered, ItemScanned, PickConfirmed, SensorMeasured
from contracts.quantities import Quantity
from contracts.wire import decode_event
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from gateway.outbox import Outbox, OutboxFullError
from tests.integration.gateway_bench import eventually, running_broker, running_central, running_gateway

pytestmark = pytest.mark.requirement("E12")

_BYTES_MAX = 65_536


@contextmanager
def no_page_left(outbox: Outbox) -> Iterator[None]:
    """SQLite may not make the file longer than it is."""
    db = outbox._file.db
    (allowed,), (used,) = db.execute("PRAGMA max_page_count").fetchone(), db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count={used}")
    yield
    db.execute(f"PRAGMA max_page_count={allowed}")


def scan(text: str) -> ItemScanned:
    return ItemScanned(event_time=datetime.now(UTC), station="scan-1", text=text)


def sample(value: float) -> SensorMeasured:
    return SensorMeasured(event_time=datetime.now(UTC), station="cold-1", device="s", quantity="temperature_c", value=value)


def scans(outbox: Outbox) -> list[str]:
    texts, seq = [], 0
    while (batch := outbox.batch_after("movements", seq)) is not None:
        texts += [event.text for body in batch.events if isinstance(event := decode_event(body), ItemScanned)]
        seq = batch.last_seq
    return texts


def test_full_disk_refuses_the_whole_append_and_keeps_what_was_accepted(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", bytes_max=_BYTES_MAX)
    outbox.append([scan("accepted"), sample(1.0)], {"zone": b"one"})
    accepted = 0

    def fill() -> None:
        nonlocal accepted
        while True:
            outbox.append([scan(f"fits-{accepted}")], {"zone": b"fits"})
            accepted += 1

    with no_page_left(outbox):
        with pytest.raises(OutboxFullError, match="database or disk is full"):
            fill()
        with pytest.raises(OutboxFullError):
            outbox.append([scan("x" * 5000)], {"zone": b"refused"})
        assert outbox.snapshots() == {"zone": b"fits" if accepted else b"one"}
        assert outbox.levels["movements"].pending == 1 + accepted
    outbox.append([scan("room again")])
    outbox.close()

    again = Outbox(tmp_path / "outbox.db", bytes_max=_BYTES_MAX)
    assert scans(again) == ["accepted", *(f"fits-{number}" for number in range(accepted)), "room again"]
    again.close()


ZONE = """
outbox_bytes_max = 65536
report_interval_s = 0.2
[[device]]
id = "lights-1"
driver = "light_ablepick"
press_filter_s = 0
host = "127.0.0.1"
port = {port}
[[station]]
id = "zone-1"
kind = "pick_zone"
lights = "lights-1"
bins = {{ "A-01" = 1 }}
"""


@pytest.mark.slow
async def test_gateway_with_a_full_disk_leaves_the_light_on_lives_and_takes_the_press_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = TcpTwinServer(twin := AblePickTwin())
    await server.start()
    now = datetime.now(UTC)
    tasks = [PickTask(task_id=f"task-{number}", bin="A-01", item="milk", quantity=Quantity(3)) for number in range(2)]
    light = LightTasks(command_id="c-1", station="zone-1", deadline_at=now + timedelta(minutes=1), tasks=tasks)

    with running_broker() as port:
        async with running_central(port) as central, running_gateway(tmp_path, port, ZONE.format(port=server.port)) as gateway:
            await eventually(lambda: gateway.supervisor.devices_up == 1 and gateway.uplink.connected)
            await central.command(light)
            await central.until(lambda: bool(central.of(CommandAnswered)))
            await eventually(lambda: 1 in twin.lit)
            with no_page_left(gateway.store._outbox):
                await fill_pages(gateway.store.append)
                server.stimulate("press", node=1)
                await eventually(lambda: any(record.message == "events not accepted" for record in caplog.records))
                await eventually(lambda: 1 in twin.lit)
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
                    assert (await client.get("/health")).status_code == 200
                    metrics = (await client.get("/metrics")).text
                assert not central.of(PickConfirmed)
            server.stimulate("press", node=1)
            await central.until(lambda: bool(central.of(PickConfirmed)))
            await eventually(lambda: gateway.store.level("movements").pending == 0)

    await server.stop()
    assert 'dockline_outbox_refused_total{lane="movements"} 1.0' in metrics
    assert [event.task_id for event in central.of(PickConfirmed) if isinstance(event, PickConfirmed)] == ["task-0"]


async def fill_pages(append) -> None:  # type: ignore[no-untyped-def]
    """Use up what is free in the pages that the outbox has."""
    for size in (2000, 200, 20, 1):
        try:
            while True:
                await append([scan("x" * size)], {}, {})
        except OutboxFullError:
            continue
