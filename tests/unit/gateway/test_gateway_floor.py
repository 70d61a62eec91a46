# SPDX-License-Identifier: Apache-2.0
"""The floor with a real outbox in virtual time: what is not durable is not acted upon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.commands import LightTasks, PickTask, ScanLine, ScanWork
from contracts.events import CommandAnswered, DeviceLinkChanged, Event, ItemScanned, PickConfirmed
from contracts.quantities import Quantity
from contracts.readings import AnyReading, ButtonPressed, ConditionChanged, Identifiers, LinkChanged, Scan
from contracts.wire import decode_event
from gateway.clock import Instant
from gateway.config import PickZone, ScanPoint
from gateway.floor import Floor
from gateway.metrics import Metrics
from gateway.outbox import Answer, Outbox, OutboxFullError
from gateway.stations.pick_zone import PickZoneStation
from gateway.stations.scan_point import ScanPointStation
from gateway.stations.station import DeviceAction, Output, Remember, Station
from gateway.store import Store
from tests.unit.gateway.virtual_time import DEADLINE, EPOCH, instant


class Rig:
    """A floor with one station, a pick zone unless another is given; `now_s` is the clock, `actions` what the devices were asked to do."""

    def __init__(self, path: Path, station: Station | None = None) -> None:
        self.now_s = 10.0
        self.clock = "synced"
        self.outbox = Outbox(path)
        self.metrics = Metrics()
        self.store = Store(self.outbox, self.metrics, self.now)
        self.actions: list[DeviceAction] = []
        self.acted = asyncio.Condition()
        station = station or PickZoneStation(PickZone(id="zone-1", lights="l", bins={"A": 1}))
        self.floor = Floor([station], self.store, self.actions.append, self.now, self.metrics)

    def now(self) -> Instant:
        at = instant(self.now_s)
        return Instant(at.utc, at.monotonic_s, self.clock, at.boot_id)  # type: ignore[arg-type]

    async def turn(self) -> None:
        await self.floor._turn()

    def stored(self) -> list[object]:
        batch = self.outbox.batch_after("movements", 0)
        return [decode_event(body) for body in batch.events] if batch else []


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path / "outbox.db")
    await made.floor._restore()
    yield made
    await made.store.close()


def light(command_id: str = "c-1", task_id: str = "t-1") -> LightTasks:
    task = PickTask(task_id=task_id, bin="A", item="milk", quantity=Quantity(3))
    return LightTasks(command_id=command_id, station="zone-1", deadline_at=DEADLINE, tasks=[task])


def press(at_s: float) -> ButtonPressed:
    return ButtonPressed(device="l", at_s=at_s, node=1, press="confirm")


async def test_light_burns_only_after_its_command_is_durable(rig: Rig) -> None:
    durable: list[int] = []
    rig.floor._perform = lambda action: durable.append(rig.outbox.levels["movements"].last_seq)

    rig.floor.take(light())
    await rig.turn()

    assert durable == [1]
    assert [type(event) for event in rig.stored()] == [CommandAnswered]


@pytest.mark.requirement("E12")
async def test_press_that_cannot_be_stored_leaves_the_light_burning(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.floor.take(light())
    await rig.turn()
    rig.actions.clear()

    def full(*_: object, **__: object) -> None:
        raise OutboxFullError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(rig.outbox, "append", full)
        rig.floor.take(press(11.0))
        await rig.turn()
    assert [(action.command, action.arguments["node"]) for action in rig.actions] == [("show", 1)]

    rig.floor.take(press(12.0))
    await rig.turn()
    assert [type(event) for event in rig.stored()] == [CommandAnswered, PickConfirmed]


async def test_late_command_expires_unless_the_clock_cannot_be_trusted(rig: Rig) -> None:
    rig.now_s = (DEADLINE - EPOCH + timedelta(seconds=5)).total_seconds()
    rig.floor.take(light("late-1"))
    await rig.turn()
    rig.clock = "unsynced"
    rig.floor.take(light("late-2"))
    await rig.turn()

    answers = [(event.command_id, event.outcome) for event in rig.stored() if isinstance(event, CommandAnswered)]
    assert answers == [("late-1", "expired"), ("late-2", "done")]


async def test_two_presses_in_one_turn_share_a_commit_and_keep_their_order(rig: Rig) -> None:
    rig.floor.take(light("c-1", "t-1"))
    rig.floor.take(light("c-2", "t-2"))
    rig.floor.take(press(11.0))
    rig.floor.take(press(12.0))
    await rig.turn()

    assert [event.task_id for event in rig.stored() if isinstance(event, PickConfirmed)] == ["t-1", "t-2"]
    assert rig.metrics.registry.get_sample_value("dockline_outbox_commit_seconds_count") == 1


async def test_change_of_a_link_is_telemetry_and_relights_the_zone(rig: Rig) -> None:
    rig.floor.take(LinkChanged(device="l", at_s=10.0, state="connected"))
    await rig.turn()

    assert [(action.command, action.arguments) for action in rig.actions] == [("clear", {"node": 1})]
    assert rig.stored() == []


async def test_loss_that_finds_another_reason_goes_on_since_it_began(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    monkeypatch.setattr(rig.store, "put_telemetry", told.extend)
    rig.now_s = 30.0
    for at_s, state, reason in ((10.0, "lost", "no answer"), (20.0, "lost", "2 antennas"), (21.0, "connected", ""), (22.0, "lost", "no answer")):
        rig.floor.take(LinkChanged(device="l", at_s=at_s, state=state, reason=reason))  # type: ignore[arg-type]  # two words of the wire
    await rig.turn()

    assert [(event.event_time, event.monotonic_s, event.state, event.reason) for event in told if isinstance(event, DeviceLinkChanged)] == [
        (instant(10.0).utc, 10.0, "lost", "no answer"),
        (instant(10.0).utc, 10.0, "lost", "2 antennas"),
        (instant(21.0).utc, 21.0, "connected", ""),
        (instant(22.0).utc, 22.0, "lost", "no answer"),
    ]


async def test_stations_are_told_no_later_time_than_they_have_readings_of_when_the_floor_is_behind(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a door closes the window of a pass of which half still waits in the queue."""
    told_s: list[float] = []
    (zone,) = rig.floor._stations.values()

    def advance_to(now: Instant) -> list[Output]:
        told_s.append(now.monotonic_s)
        return []

    monkeypatch.setattr(zone, "advance_to", advance_to)
    for number in range(130):
        rig.floor.take(Scan(device="elsewhere", at_s=11.0 + number / 100, text="x"))
    rig.now_s = 20.0
    while rig.floor._inputs:
        await rig.turn()

    assert told_s == pytest.approx([11.64, 12.28, 20.0])


@pytest.mark.requirement("E12")
async def test_list_and_counts_of_a_scan_point_come_back_after_a_power_cut_and_a_scan_stores_only_the_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path / "outbox.db", ScanPointStation(ScanPoint(id="pack-1", scanner="k")))
    await rig.floor._restore()
    lines = [ScanLine(line=f"t-{n}", codes={f"{n:014d}": 1}) for n in range(100)]
    rig.floor.take(ScanWork(command_id="c", station="pack-1", deadline_at=DEADLINE, version=1, expected=lines))
    await rig.turn()
    written: list[set[str]] = []
    append = rig.outbox.append

    def noted(events: Sequence[Event], snapshots: Mapping[str, bytes], answers: Mapping[str, Answer], **more: Any) -> None:
        written.append(set(snapshots))
        append(events, snapshots, answers, **more)

    monkeypatch.setattr(rig.outbox, "append", noted)
    rig.floor.take(Scan(device="k", at_s=10.0, text="1", identifiers=Identifiers(gtin=f"{1:014d}")))
    await rig.turn()
    await rig.store.close()

    again = Rig(tmp_path / "outbox.db", ScanPointStation(ScanPoint(id="pack-1", scanner="k")))
    await again.floor._restore()
    for n in (1, 2):
        again.floor.take(Scan(device="k", at_s=10.0, text="1", identifiers=Identifiers(gtin=f"{n:014d}")))
    await again.turn()

    assert written == [{"pack-1/taken"}]
    assert [event.checked for event in again.stored() if isinstance(event, ItemScanned)] == ["expected", "repeated", "expected"]
    await again.store.close()


class Thoughtful(PickZoneStation):
    """Keeps what it was told, and tells nothing."""

    kept = b"\x00"

    def on_reading(self, reading: AnyReading, now: Instant) -> Sequence[Output]:
        self.kept = b"\x01"
        return [Remember()]

    def parts(self) -> Mapping[str, bytes]:
        return {"thought": self.kept}


async def test_what_a_station_must_remember_is_durable_although_nothing_is_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "outbox.db", Thoughtful(PickZone(id="zone-1", lights="l", bins={"A": 1})))
    await rig.floor._restore()
    rig.floor.take(press(10.0))
    await rig.turn()

    assert (rig.outbox.snapshots(), rig.stored()) == ({"zone-1/thought": b"\x01"}, [])
    await rig.store.close()


async def test_station_whose_state_cannot_be_read_begins_anew_and_leaves_the_others_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Outbox(tmp_path / "outbox.db").append((), {"pack-1": b"\xc1", "pack-1/taken": b"\x80", "pack-10": b""}, {})
    rig = Rig(tmp_path / "outbox.db", ScanPointStation(ScanPoint(id="pack-1", scanner="k")))
    await rig.floor._restore()
    rig.floor.take(Scan(device="k", at_s=10.0, text="1"))
    await rig.turn()

    assert "station begins anew" in caplog.text
    assert [event.checked for event in rig.stored() if isinstance(event, ItemScanned)] == [""]
    await rig.store.close()


def paper(active: bool, at_s: float) -> ConditionChanged:
    return ConditionChanged(device="l", at_s=at_s, condition="paper_out", active=active, reason="put in a roll" if active else "")


@pytest.mark.requirement("E11")
async def test_condition_of_any_device_is_told_once_and_again_when_the_device_is_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    monkeypatch.setattr(rig.store, "put_telemetry", told.extend)

    for reading in (paper(True, 10), paper(True, 11), LinkChanged(device="l", at_s=12, state="lost"), LinkChanged(device="l", at_s=13, state="connected")):
        rig.floor.take(reading)
    await rig.turn()
    for reading in (paper(False, 14), paper(False, 15)):
        rig.floor.take(reading)
    await rig.turn()

    said = [(type(event).__name__, getattr(event, "active", None)) for event in told]
    conditions = [("DeviceConditionChanged", True), ("DeviceConditionChanged", True), ("DeviceConditionChanged", False)]
    assert said == [conditions[0], ("DeviceLinkChanged", None), ("DeviceLinkChanged", None), *conditions[1:]]
    (line,) = [line for line in rig.metrics.rendered().decode().splitlines() if line.startswith("dockline_device_condition{")]
    assert 'condition="paper_out"' in line
    assert line.endswith(" 0.0")


@pytest.mark.requirement("E11")
async def test_condition_of_a_device_that_is_not_configured_any_more_is_over(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    monkeypatch.setattr(rig.store, "put_telemetry", told.extend)
    rig.floor.take(paper(True, 10))
    await rig.turn()

    rig.floor.device_is_over("l")
    await rig.turn()
    rig.floor.take(LinkChanged(device="l", at_s=13, state="connected"))
    await rig.turn()

    assert [(type(event).__name__, getattr(event, "active", None)) for event in told] == [
        ("DeviceConditionChanged", True),
        ("DeviceConditionChanged", False),
        ("DeviceLinkChanged", None),
    ]
