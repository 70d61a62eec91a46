# SPDX-License-Identifier: Apache-2.0
"""A program that was busy when a reply came does not take it for a late one."""

from __future__ import annotations

import asyncio
import time

from contracts.readings import AnyReading, Measured
from drivers.base.modbus.frames import encode_tcp
from drivers.base.transports import Transport
from drivers.sensor_modbus.config import SensorModbusConfig
from drivers.sensor_modbus.driver import SensorModbusDriver

TIMEOUT_S = 0.1
REPLY = bytes.fromhex("04 04 01 31 02 22")


def _be_busy_until(until_s: float) -> None:
    while time.monotonic() < until_s:
        pass


async def test_reply_that_came_in_time_counts_although_the_program_was_busy() -> None:
    loop, reader, readings = asyncio.get_running_loop(), asyncio.StreamReader(), asyncio.Queue[AnyReading]()

    def answer(request: bytes) -> None:
        """The reply comes a moment before the time-out, but nobody can look before it is over."""
        at_s = loop.time() + TIMEOUT_S
        loop.call_at(at_s - 0.02, _be_busy_until, at_s + 0.005)
        loop.call_at(at_s - 0.01, reader.feed_data, encode_tcp(int.from_bytes(request[:2], "big"), 1, REPLY))

    async def close() -> None:
        """Nothing is to be closed."""

    async def connect(config: SensorModbusConfig) -> Transport:
        return Transport(reader, answer, close)

    config = SensorModbusConfig(host="sensor", map="xy_md02", reply_timeout_s=TIMEOUT_S, worst_reply_s=TIMEOUT_S, interval_s=0.2, silent_polls_max=1000)
    running = asyncio.create_task(SensorModbusDriver("s1", config, connect=connect).run(readings.put_nowait))
    try:
        async with asyncio.timeout(8):  # without the rule no reply ever counts
            while not isinstance(measured := await readings.get(), Measured):
                pass
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert (measured.quantity, measured.value) == ("temperature_c", 30.5)
