# SPDX-License-Identifier: Apache-2.0
"""A gateway that woke up in 1970: what it said is dated once its clock is synchronised, and what it said stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, select

from central.coldchain.tables import alarm, measurement, sensor_array, sensor_value
from central.database import in_transaction, reading
from central.exceptions import service as exceptions
from central.fleet.tables import clock_setting, dated_event
from central.inbound.tables import passage
from central.ingest.registry import collect_handlers, collect_many
from central.ingest.service import Door, read_message, take_message
from central.ledger.tables import event as event_table
from contracts import wire
from contracts.events import AlarmChanged, Clock, ClockSet, Event, PalletPassed, SensorArrayMeasured, SensorFailed, SensorMeasured, lane_of
from contracts.topics import GatewayAddress
from gateway.clock import Instant
from gateway.clock_watch import watch_clock
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.store import Store
from tests.integration.warehouse import NOW

pytestmark = pytest.mark.requirement("E12", "E17")
WOKE = datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)
SYNC = ClockSet(event_time=NOW, clock="synced", boot_id="b1", monotonic_s=3620.0, offset_s=(NOW - WOKE).total_seconds() - 3600, reason="first_sync")


class Gateway:
    """Says events to central, numbered by lane."""

    def __init__(self, engine: Engine, name: str = "gate-1") -> None:
        self._engine = engine
        self._name = name
        self._door = Door(collect_handlers(), exceptions.raise_work_order, collect_many())
        self._seqs = {"movements": 0, "telemetry": 0}

    def say(self, *events: Event) -> None:
        for event in events:
            lane = lane_of(event)
            self._seqs[lane] += 1
            seq = self._seqs[lane]
            body = msgspec.Raw(wire.encode(msgspec.structs.replace(event, seq=seq)))
            address = GatewayAddress(1, "s1", self._name)
            payload = wire.encode(wire.Batch(gateway=self._name, epoch="e1", lane=lane, first_seq=seq, oldest_seq=seq, events=[body]))
            message = read_message(address.topic(f"up/{lane}"), address, lane, payload)
            taken = in_transaction(self._engine, partial(take_message, message=message, door=self._door, now=NOW))
            assert (taken.applied, taken.quarantined) == (1, 0)


def sample(monotonic_s: float, value: float, *, clock: Clock = "unsynced", boot_id: str = "b1", historical: bool = False) -> SensorMeasured:
    at = WOKE + timedelta(seconds=monotonic_s - 20) if clock == "unsynced" else NOW + timedelta(seconds=monotonic_s - SYNC.monotonic_s)
    stamp = {"event_time": at, "clock": clock, "boot_id": boot_id, "monotonic_s": monotonic_s}
    return SensorMeasured(**stamp, station="cold-1", device="s-1", quantity="temperature_c", value=value, historical=historical)  # type: ignore[arg-type]


def test_what_was_said_before_the_sync_is_dated_and_what_it_said_stays(engine: Engine) -> None:
    gateway = Gateway(engine)
    passed = PalletPassed(
        event_time=WOKE, clock="unsynced", boot_id="b1", monotonic_s=20.0, station="door-1", read_point="urn:x", direction="unknown", confidence=0.5
    )
    gateway.say(passed, sample(620.0, 4.0), sample(3610.0, 5.0), SYNC, sample(3630.0, 6.0, clock="synced"))

    with reading(engine) as connection:
        measured = connection.execute(select(measurement.c.measured_at).order_by(measurement.c.value)).scalars().all()
        passages = connection.execute(select(passage.c.passed_at)).scalars().all()
        both = connection.execute(select(dated_event.c.said_at, dated_event.c.dated_at).order_by(dated_event.c.said_at)).all()
        said = [wire.decode_event(body).event_time for body in connection.execute(select(event_table.c.body)).scalars()]
    assert measured == [NOW - timedelta(seconds=3000), NOW - timedelta(seconds=10), NOW + timedelta(seconds=10)]
    assert passages == [NOW - timedelta(hours=1)]
    assert [tuple(row) for row in both] == [(at, at - WOKE + NOW - timedelta(hours=1)) for at in sorted(at for at in said if at.year == 1970)]
    assert len(both) == 3


def test_what_stands_since_before_the_sync_is_as_old_as_it_is(engine: Engine) -> None:
    """A sensor that has failed and an array that does not change are not heard of again; another gateway said something at the same time."""
    stamp = {"event_time": WOKE, "clock": "unsynced", "boot_id": "b1", "monotonic_s": 20.0, "station": "cold-1"}
    gateway, other = Gateway(engine), Gateway(engine, "gate-2")
    other.say(sample(620.0, 9.0))
    gateway.say(
        sample(620.0, 4.0),
        SensorFailed(**stamp, device="s-2", quantity="temperature_c", reason="no reply"),  # type: ignore[arg-type]
        SensorArrayMeasured(**stamp, device="plc-1", quantity="register", values=[1, 2]),  # type: ignore[arg-type]
        AlarmChanged(**stamp, alarm_id="cold-1.high", state="unacknowledged", condition="high", quantity="temperature_c", priority=2),  # type: ignore[arg-type]
        SYNC,
    )

    with reading(engine) as connection:
        sensors = {(row.gateway, row.device): (row.measured_at, row.failed_at) for row in connection.execute(select(sensor_value))}
        arrays = connection.execute(select(sensor_array.c.measured_at)).scalars().all()
        alarms = connection.execute(select(alarm.c.raised_at, alarm.c.since, alarm.c.cleared_at)).all()
    assert sensors == {
        ("gate-1", "s-1"): (NOW - timedelta(seconds=3000), None),
        ("gate-1", "s-2"): (None, NOW - timedelta(hours=1)),
        ("gate-2", "s-1"): (WOKE + timedelta(seconds=600), None),
    }
    assert arrays == [NOW - timedelta(hours=1)]
    assert [tuple(row) for row in alarms] == [(NOW - timedelta(hours=1), NOW - timedelta(hours=1), None)]


def test_backlog_that_comes_after_the_sync_is_dated_when_it_is_taken(engine: Engine) -> None:
    Gateway(engine).say(SYNC, sample(620.0, 4.0, historical=True))

    with reading(engine) as connection:
        assert connection.execute(select(measurement.c.measured_at)).scalars().all() == [NOW - timedelta(seconds=3000)]
        (row,) = connection.execute(select(dated_event)).all()
    assert (row.said_at, row.dated_at) == (WOKE + timedelta(seconds=600), NOW - timedelta(seconds=3000))


@pytest.mark.parametrize(
    "event",
    [sample(620.0, 4.0, boot_id="b0"), sample(620.0, 4.0, clock="holdover"), sample(620.0, 4.0, clock="synced")],
    ids=["another boot", "holdover", "synced"],
)
def test_other_boots_and_trusted_clocks_are_left_as_they_are(engine: Engine, event: SensorMeasured) -> None:
    Gateway(engine).say(event, SYNC)

    with reading(engine) as connection:
        assert connection.execute(select(measurement.c.measured_at)).scalars().all() == [event.event_time]
        assert connection.execute(select(dated_event)).all() == []


def test_clock_that_was_right_all_along_dates_nothing(engine: Engine) -> None:
    right = msgspec.structs.replace(SYNC, offset_s=0.0)
    early = msgspec.structs.replace(sample(620.0, 4.0), event_time=NOW - timedelta(seconds=3000.2))
    Gateway(engine).say(early, right)

    with reading(engine) as connection:
        assert connection.execute(select(dated_event)).all() == []
        assert [row.offset_s for row in connection.execute(select(clock_setting))] == [0.0]


async def test_gateway_says_what_it_saw_of_its_clock(tmp_path: Path) -> None:
    """The loop itself: 1970, then the time; one event, durable, and a file for the next run."""
    looks = iter([Instant(WOKE, 20.0, "unsynced", "b1"), Instant(NOW, 3620.0, "synced", "b1")])
    outbox = Outbox(tmp_path / "outbox.db")
    store = Store(outbox, Metrics(), lambda: Instant(NOW, 3620.0, "synced", "b1"))

    class Over(Exception):
        pass

    def now() -> Instant:
        try:
            return next(looks)
        except StopIteration:
            raise Over from None

    with pytest.raises(Over):
        await watch_clock(now, store, tmp_path / "clock")
    batch = await store.batch_after("movements", 0, 0)
    await store.close()

    assert batch is not None
    (told,) = (wire.decode_event(body) for body in batch.events)
    assert isinstance(told, ClockSet)
    assert (told.reason, told.offset_s, told.clock) == ("first_sync", SYNC.offset_s, "synced")
    assert b'"synced"' in (tmp_path / "clock").read_bytes()
