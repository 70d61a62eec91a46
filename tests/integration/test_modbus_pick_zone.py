# SPDX-License-Identifier: Apache-2.0
"""A pick zone at Modbus tags, and one sensor on the same line, by the real driver: from task to light, from press to the next light."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.commands import LightTasks, PickTask
from contracts.events import PickConfirmed, UnexpectedPress
from contracts.quantities import Quantity
from contracts.readings import AnyReading
from drivers.light_modbus.config import LightModbusConfig
from drivers.light_modbus.driver import LightModbusDriver
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_modbus.twin import LitTag, ModbusTagsTwin
from gateway.clock import Instant
from gateway.config import PickZone
from gateway.metrics import Metrics
from gateway.stations.pick_zone import PickZoneStation
from gateway.stations.station import DeviceAction
from gateway.supervisor import Supervisor


class Zone:
    """The station of five bins, its supervisor and its driver; `said` has what the station tells."""

    def __init__(self, port: int) -> None:
        config = LightModbusConfig(map="generic_tag", nodes=5, host="127.0.0.1", port=port, scan_interval_s=0.5, worst_reply_s=0.3)
        self.station = PickZoneStation(PickZone(id="zone", lights="lights", bins={f"B{node}": node for node in range(1, 6)}))
        self.supervisor = Supervisor({"lights": ("light_modbus", LightModbusDriver("lights", config))}, self.take, Metrics(), time.monotonic)
        self.said: list[Any] = []
        self.changed = asyncio.Event()

    def take(self, given: AnyReading | LightTasks) -> None:
        now = Instant(datetime.now(UTC), time.monotonic(), "synced", "boot-1")
        outputs = self.station.on_command(given, now) if isinstance(given, LightTasks) else self.station.on_reading(given, now)
        for output in outputs:
            if isinstance(output, DeviceAction):
                self.supervisor.perform(output)
        self.said += [output for output in outputs if not isinstance(output, DeviceAction)]
        self.changed.set()

    async def until_said(self, kind: type[Any]) -> Any:
        async with asyncio.timeout(8):
            while not (found := [each for each in self.said if isinstance(each, kind)]):
                self.changed.clear()
                await self.changed.wait()
        return found[0]


async def _until_lit(twin: ModbusTagsTwin, lit: dict[int, LitTag]) -> None:
    async with asyncio.timeout(8):
        while twin.lit != lit:  # noqa: ASYNC110  # a tag tells nobody when it lights up
            await asyncio.sleep(0.005)


def _tasks(*stops: tuple[str, int]) -> LightTasks:
    tasks = [
        PickTask(task_id=f"t{n}", bin=code, item="milk", quantity=Quantity(pieces), tour="walk", sequence=n, colour="blue")
        for n, (code, pieces) in enumerate(stops, 1)
    ]
    return LightTasks(command_id="c", station="zone", deadline_at=datetime.now(UTC) + timedelta(minutes=1), tasks=tasks)


@pytest.mark.slow
@pytest.mark.requirement("E7")
async def test_walk_goes_from_light_to_light_and_survives_a_restarted_tag_and_a_lost_line() -> None:
    server = TcpTwinServer(ModbusTagsTwin(5))
    await server.start()
    twin, zone = server.twin, Zone(server.port)
    assert isinstance(twin, ModbusTagsTwin)
    supervised = asyncio.create_task(zone.supervisor.run())
    try:
        zone.take(_tasks(("B3", 12), ("B5", 2)))
        await _until_lit(twin, {3: LitTag(12, "blue")})

        server.stimulate("reboot_tag", node=3)
        await _until_lit(twin, {3: LitTag(12, "blue")})
        server.drop_client()
        await _until_lit(twin, {3: LitTag(12, "blue")})

        server.stimulate("press", node=3, quantity=11)
        confirmed = await zone.until_said(PickConfirmed)
        await _until_lit(twin, {5: LitTag(2, "blue")})
        server.stimulate("press", node=1)
        unexpected = await zone.until_said(UnexpectedPress)
    finally:
        supervised.cancel()
        await asyncio.gather(supervised, return_exceptions=True)
        await server.stop()

    assert (confirmed.task_id, confirmed.quantity.value, confirmed.short) == ("t1", 11, True)
    assert unexpected.node == 1
