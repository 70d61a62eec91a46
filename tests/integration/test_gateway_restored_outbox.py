# SPDX-License-Identifier: Apache-2.0
"""An old image of the outbox is restored: every event is applied once, none ends in quarantine; with central's own ingest, and over a real broker."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import Engine, select

from central.database import reading
from central.ingest.service import Taken, read_message
from central.ledger.tables import event as event_table
from contracts import wire
from contracts.events import LANES, ItemScanned, Lane, SensorMeasured
from gateway.epoch import FORGOTTEN, EpochWatch
from gateway.outbox import Outbox, StoredBatch
from tests.integration.gateway_bench import FakeCentral, eventually, running_broker, running_central, running_gateway
from tests.integration.test_ingest_exactly_once import ADDRESS, milk, orders, take

pytestmark = pytest.mark.requirement("E12")


def scanned(text: str) -> ItemScanned:
    return ItemScanned(event_time=datetime.now(UTC), station="scan-1", text=text)


def measured(value: float) -> SensorMeasured:
    return SensorMeasured(event_time=datetime.now(UTC), station="cold-1", device="sensor-1", quantity="temperature_c", value=value)


def send(engine: Engine, batch: StoredBatch, oldest: int = 0) -> Taken:
    """A batch to central's ingest, as the uplink words it."""
    events = [msgspec.Raw(body) for body in batch.events]
    made = wire.Batch(gateway=ADDRESS.gateway, epoch=batch.epoch, lane=batch.lane, first_seq=batch.first_seq, oldest_seq=oldest, events=events)
    return take(engine, read_message(ADDRESS.topic(f"up/{batch.lane}"), ADDRESS, batch.lane, wire.encode(made)))


def deliver(engine: Engine, outbox: Outbox, *, says_oldest: bool = True) -> str:
    """Ask, begin anew if need be, and send everything; returns why it began anew."""
    watch = EpochWatch(outbox.known)
    while watch.to_ask:
        lane = watch.asked = watch.to_ask[0]
        acked, oldest = outbox.levels[lane].acked, outbox.levels[lane].oldest_kept
        ack = send(engine, StoredBatch(lane, acked + 1, (), outbox.epoch), oldest if says_oldest else 0).ack
        assert ack is not None
        outbox.acknowledge(lane, watch.on_ack(lane, ack.upto, resend=ack.resend, acked=acked, oldest_kept=oldest))
        if lane in watch.rewinds:
            outbox.rewind(lane, watch.rewinds[lane])
    if watch.must_begin_anew:
        outbox.begin_epoch(watch.central_has)
    else:
        outbox.answered()
    for lane in LANES:
        send_lane(engine, outbox, lane)
    return watch.fault


def send_lane(engine: Engine, outbox: Outbox, lane: Lane) -> None:
    while (batch := outbox.batch_after(lane, outbox.levels[lane].acked)) is not None:
        ack = send(engine, batch).ack
        assert ack is not None
        assert ack.upto == batch.last_seq
        outbox.acknowledge(lane, ack.upto)


def bodies(engine: Engine) -> list[str]:
    """What was scanned and measured, as central's ledger has it, sorted."""
    with reading(engine) as connection:
        found = [wire.decode_event(bytes(body)) for body in connection.execute(select(event_table.c.body)).scalars()]
    return sorted(event.text if isinstance(event, ItemScanned) else f"{event.value:g} C" for event in found if isinstance(event, ItemScanned | SensorMeasured))


def append(outbox: Outbox, name: str, count: int) -> list[str]:
    """So many scans and as many samples; returns how they look in `bodies`."""
    texts = [f"{name}-{number}" for number in range(count)]
    values = [float(1000 * len(name) + number) for number in range(count)]
    outbox.append([scanned(text) for text in texts] + [measured(value) for value in values])
    return texts + [f"{value:g} C" for value in values]


def copy(source: Path, target: Path) -> None:
    """What a backup of the running gateway's file holds."""
    with closing(sqlite3.connect(source)) as running, closing(sqlite3.connect(target)) as made:
        running.backup(made)


@pytest.mark.parametrize("original_goes_on", [3, 60, 200])
def test_real_ingest_applies_all_events_of_original_and_restored_outbox_once(engine: Engine, tmp_path: Path, original_goes_on: int) -> None:
    original = Outbox(tmp_path / "original.db")
    said = append(original, "first", 70)
    deliver(engine, original)
    said += append(original, "pending-in-image", 30)
    original.batch_after("telemetry", original.levels["telemetry"].last_seq)
    copy(tmp_path / "original.db", tmp_path / "image.db")
    said += append(original, "later", original_goes_on)
    for lane in LANES:
        send_lane(engine, original, lane)
    original.close()

    restored = Outbox(tmp_path / "image.db")
    said += append(restored, "restored-offline", 55)
    restored.close()
    restored = Outbox(tmp_path / "image.db")
    said += append(restored, "restored-again-offline", 55)
    fault = deliver(engine, restored)
    said += append(restored, "online", 5)
    for lane in LANES:
        send_lane(engine, restored, lane)
    restored.close()

    assert "restored" in fault
    assert restored.epoch != original.epoch
    assert bodies(engine) == sorted(said)
    assert milk(engine) == sum("-" in text for text in said)
    assert orders(engine) == []


def test_central_restored_from_a_backup_gets_again_what_it_lost_and_the_outbox_still_keeps(engine: Engine, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    said = append(outbox, "before-the-backup", 60)
    deliver(engine, outbox)
    said += append(outbox, "after-the-backup", 40)
    for lane in LANES:  # acknowledged by the database that is gone
        while (batch := outbox.batch_after(lane, outbox.levels[lane].acked)) is not None:
            outbox.acknowledge(lane, batch.last_seq)
    epoch = outbox.epoch
    outbox.close()

    outbox = Outbox(tmp_path / "outbox.db")
    said += append(outbox, "since", 5)
    fault = deliver(engine, outbox)

    assert (fault, outbox.epoch, outbox.epochs_begun) == ("", epoch, 0)
    assert bodies(engine) == sorted(said)
    assert orders(engine) == []
    outbox.close()


@pytest.mark.parametrize(("kept_s", "stock", "why_anew"), [(0.0, 3, FORGOTTEN), (3600.0, 83, "")])
def test_real_ingest_with_a_new_database_gets_all_that_is_kept_instead_of_a_gap_for_ever(
    engine: Engine, tmp_path: Path, kept_s: float, stock: int, why_anew: str
) -> None:
    outbox = Outbox(tmp_path / "outbox.db", kept_s=kept_s)
    outbox.answered()
    append(outbox, "gone", 80)
    outbox.acknowledge("movements", 80)
    outbox.trim(everything=True)
    outbox.close()

    outbox = Outbox(tmp_path / "outbox.db", kept_s=kept_s)
    append(outbox, "left", 3)
    fault = deliver(engine, outbox, says_oldest=False)
    outbox.close()

    assert fault == why_anew
    assert milk(engine) == stock
    assert orders(engine) == []


@pytest.fixture(scope="module")
def broker_port() -> Iterator[int]:
    with running_broker() as port:
        yield port


def texts(central: FakeCentral) -> list[str]:
    return [event.text for event in central.of(ItemScanned) if isinstance(event, ItemScanned)]


@pytest.mark.slow
async def test_restored_gateway_says_so_once_and_goes_on_in_a_new_epoch(broker_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, image = tmp_path / "outbox.db", tmp_path / "image.db"
    async with running_central(broker_port) as central:
        async with running_gateway(tmp_path, broker_port) as gateway:
            await gateway.store.append([scanned("first")], {}, {})
            await central.until(lambda: texts(central) == ["first"])
            copy(file, image)
            for number in range(20):
                await gateway.store.append([scanned(f"original-{number}")], {}, {})
            await central.until(lambda: len(texts(central)) == 21)
            old = gateway.store.epoch
        shutil.copy(image, file)
        with caplog.at_level("WARNING"):
            async with running_gateway(tmp_path, broker_port) as gateway:
                for number in range(30):
                    await gateway.store.append([scanned(f"restored-{number}")], {}, {})
                await central.until(lambda: len(texts(central)) == 51)
                await central.until(lambda: any(state.online and state.epoch == gateway.store.epoch for state in central.states))
                await eventually(lambda: gateway.store.level("movements").pending == 0)
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
                    health, metrics = (await client.get("/health")).json(), (await client.get("/metrics")).text

    assert texts(central) == ["first"] + [f"original-{number}" for number in range(20)] + [f"restored-{number}" for number in range(30)]
    assert central.duplicates == 0, "no number may be used twice"
    assert (health["epochs_begun"], health["epoch"] != old) == (1, True)
    assert "dockline_outbox_epochs_begun 1.0" in metrics
    warnings = [record.message for record in caplog.records if record.name in ("gateway.uplink", "gateway.delivery") and record.levelname != "INFO"]
    assert warnings == ["numbers begin anew"]


@pytest.mark.slow
async def test_gateway_whose_outbox_is_gone_says_so_in_births_and_health_until_it_begins_again(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central:
        said: list[str] = []
        for number in range(3):
            if number == 1:
                (tmp_path / "outbox.db").unlink()
            central.states.clear()
            async with running_gateway(tmp_path, broker_port) as gateway:
                await central.until(lambda: any(state.online for state in central.states))
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
                    said.append((await client.get("/health")).json()["outbox_harm"])
            assert said[-1] == next(state.outbox for state in central.states if state.online)

    assert [bool(text) for text in said] == [False, True, False]
    assert "outbox.db is gone: what central had not acknowledged is lost" in said[1]


@pytest.mark.slow
async def test_copy_that_overtakes_in_the_middle_of_work_is_found_and_nothing_is_lost(broker_port: int, tmp_path: Path) -> None:
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port) as gateway:
        await gateway.store.append([scanned("first")], {}, {})
        await eventually(lambda: gateway.store.level("movements").acked == 1)
        old = gateway.store.epoch
        central.marks[old, "movements"] = 40  # the copy sent so many
        await gateway.store.append([scanned("second")], {}, {})
        await central.until(lambda: texts(central) == ["first", "second"])

        assert gateway.store.epoch != old
        assert gateway.store.epochs_begun == 1


@pytest.mark.slow
async def test_central_that_loses_its_last_events_in_the_middle_of_work_gets_them_again_in_the_same_epoch(
    broker_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_central(broker_port) as central, running_gateway(tmp_path, broker_port) as gateway:
        for number in range(30):
            await gateway.store.append([scanned(f"item-{number}")], {}, {})
        await eventually(lambda: gateway.store.level("movements").acked == 30)
        epoch = gateway.store.epoch
        central.marks[epoch, "movements"] = 12
        del central.events["movements"][12:]
        with caplog.at_level("WARNING"):
            await gateway.store.append([scanned("item-30")], {}, {})
            await central.until(lambda: len(texts(central)) == 31)

        assert (gateway.store.epoch, gateway.store.epochs_begun) == (epoch, 0)
    assert texts(central) == [f"item-{number}" for number in range(31)]
    assert central.duplicates == 0
    (warning,) = (record for record in caplog.records if record.name == "gateway.delivery")
    assert (warning.__dict__["first"], warning.__dict__["last"]) == (13, 30)


@pytest.mark.slow
async def test_gateway_with_a_damaged_outbox_says_so_asks_and_sends_what_was_saved_once(
    broker_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "outbox.db"
    async with running_central(broker_port) as central:
        async with running_gateway(tmp_path, broker_port) as gateway:
            for number in range(5):
                await gateway.store.append([scanned(f"delivered-{number}")], {}, {})
            await central.until(lambda: len(texts(central)) == 5)
            old = gateway.store.epoch
        outbox = Outbox(file)
        outbox.append([scanned("offline")])
        outbox.close()
        with file.open("r+b") as stream:
            stream.write(bytes(100))  # the header: SQLite takes it for no database
        async with running_gateway(tmp_path, broker_port) as gateway:
            await gateway.store.append([scanned("afterwards")], {}, {})
            await central.until(lambda: len(texts(central)) == 7)
            await eventually(lambda: gateway.store.level("movements").pending == 0)

            assert (gateway.store.found.state, gateway.store.epoch != old) == ("salvaged", True)
    assert texts(central) == [*(f"delivered-{number}" for number in range(5)), "offline", "afterwards"]
    assert [record.levelname for record in caplog.records if record.message == "outbox was not as it was left"] == ["ERROR"]
