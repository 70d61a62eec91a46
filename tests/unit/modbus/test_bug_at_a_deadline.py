# SPDX-License-Identifier: Apache-2.0
"""A session that fails when its time comes, and not while somebody waits for it."""

from __future__ import annotations

import asyncio

import pytest

from contracts.readings import AnyReading
from drivers.base.transports import Transport
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver
from drivers.sensor_modbus.memory import Memory


async def test_bug_at_a_deadline_ends_the_conversation_so_that_another_can_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    async def close() -> None:
        """Nothing is to be closed."""

    async def connect(config: SensorModbusConfig) -> Transport:
        return Transport(asyncio.StreamReader(), lambda data: None, close)

    def fail(memory: Memory, now_s: float, interval_s: float, *, shared: bool) -> None:
        raise OverflowError("years have passed")

    readings = asyncio.Queue[AnyReading]()
    monkeypatch.setattr(Memory, "silent", fail)
    config = SensorModbusConfig(host="sensor", map="xy_md02", reply_timeout_s=0.02, worst_reply_s=0.02, interval_s=0.1, silent_polls_max=1)

    with pytest.raises(OverflowError, match="years have passed"):
        async with asyncio.timeout(5):
            await SensorModbusDriver("s1", config, connect=connect).run(readings.put_nowait)
