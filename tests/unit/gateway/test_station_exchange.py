# SPDX-License-Identifier: Apache-2.0
"""Stations are exchanged between two turns of the floor: the new one goes on from what the old one knew, the others notice nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.commands import LightTasks, PickTask
from contracts.events import CommandAnswered, PickConfirmed
from contracts.quantities import Quantity
from contracts.readings import ButtonPressed
from gateway.config import PickZone
from gateway.metrics import Metrics
from gateway.stations.pick_zone import PickZoneStation
from gateway.stations.station import DeviceAction
from gateway.supervisor import Supervisor
from tests.unit.gateway.test_gateway_floor import Rig
from tests.unit.gateway.virtual_time import DEADLINE


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path / "outbox.db")
    running = asyncio.create_task(made.floor.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await made.store.close()


async def stored(rig: Rig, kind: type, count: int) -> list[object]:
    """Events of a kind once there are so many; read by the outbox's own thread."""
    async with asyncio.timeout(10):
        while True:
            found = [event for event in await rig.store._call(rig.stored) if isinstance(event, kind)]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.01)


def light(command_id: str, *bins: str) -> LightTasks:
    tasks = [PickTask(task_id=f"{command_id}-{bin_code}", bin=bin_code, item="milk", quantity=Quantity(3)) for bin_code in bins]
    return LightTasks(command_id=command_id, station="zone-1", deadline_at=DEADLINE, tasks=tasks)


@pytest.mark.requirement("E14")
async def test_exchanged_station_goes_on_from_what_the_one_before_knew(rig: Rig) -> None:
    rig.floor.take(light("c-1", "A"))
    await stored(rig, CommandAnswered, 1)

    await rig.floor.exchange((), [PickZoneStation(PickZone(id="zone-1", lights="l", bins={"A": 1, "B": 2}))])
    rig.floor.take(light("c-2", "B"))
    rig.floor.take(ButtonPressed(device="l", at_s=10.0, node=1, press="confirm"))

    answers = await stored(rig, CommandAnswered, 2)
    assert [event.outcome for event in answers if isinstance(event, CommandAnswered)] == ["done", "done"]
    (picked,) = await stored(rig, PickConfirmed, 1)
    assert isinstance(picked, PickConfirmed)
    assert picked.task_id == "c-1-A"


@pytest.mark.requirement("E14")
async def test_station_that_is_taken_away_answers_no_more(rig: Rig) -> None:
    await rig.floor.exchange(("zone-1",), [])
    rig.floor.take(light("c-1", "A"))

    (answer,) = await stored(rig, CommandAnswered, 1)
    assert isinstance(answer, CommandAnswered)
    assert (answer.outcome, "no station 'zone-1'" in answer.reason) == ("refused", True)


def test_wish_for_a_device_that_is_just_exchanged_is_dropped() -> None:
    supervisor = Supervisor({}, lambda _: None, Metrics(), lambda: 0.0)

    supervisor.perform(DeviceAction("gone", "switch", {"output": 1}))

    assert not supervisor.devices
