# SPDX-License-Identifier: Apache-2.0
"""The driver and the simulated controller over TCP."""

import asyncio

import pytest

from contracts.readings import ButtonPressed, LinkChanged, ReadingFailed
from drivers.base.errors import ReplyTimeout, TransportError
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.driver import LightAblepickDriver
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin, LitTag
from tests.conformance.test_life import Readings


class WatchedTwin(AblePickTwin):
    """Tells when it was told something."""

    def __init__(self):
        super().__init__()
        self.told = asyncio.Event()

    def receive_bytes(self, data, now_s):
        answer = super().receive_bytes(data, now_s)
        self.told.set()
        return answer


@pytest.fixture
async def server():
    made = TcpTwinServer(WatchedTwin())
    await made.start()
    yield made
    await made.stop()


def _driver(server, **fields):
    return LightAblepickDriver("lights-1", LightAblepickConfig(host="127.0.0.1", port=server.port, **fields))


def _connected(reading):
    return isinstance(reading, LinkChanged)


async def _cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.requirement("E8")
async def test_press_becomes_a_reading_and_faults_name_the_tag(server):
    driver, readings = _driver(server), Readings()
    running = asyncio.create_task(driver.run(readings.emit))
    await readings.until(_connected)

    await driver.execute("show", {"node": "5", "quantity": "12"})
    server.stimulate("malfunction", node=6)
    server.stimulate("shortage", node=5, quantity=3)
    await readings.until(lambda reading: isinstance(reading, ButtonPressed))

    pressed, failed = readings.all[-1], readings.all[-2]
    assert (pressed.device, pressed.node, pressed.press, pressed.quantity) == ("lights-1", 5, "shortage", 3)
    assert isinstance(failed, ReadingFailed)
    assert (failed.quantity, failed.reason) == ("node_6", "pick tag reports a malfunction; replace it (code 0B)")
    await _cancelled(running)


@pytest.mark.requirement("E8")
async def test_lit_tags_come_back_when_the_controller_restarts(server):
    driver, readings = _driver(server), Readings()
    first = asyncio.create_task(driver.run(readings.emit))
    await readings.until(_connected)
    await driver.execute("show", {"node": 5, "quantity": 12, "colour": "pink"})

    server.drop_client()
    with pytest.raises(TransportError):
        await first
    server.twin.on_reset()
    assert server.twin.lit == {}
    second = asyncio.create_task(driver.run(readings.emit))
    async with asyncio.timeout(20):  # how soon is measured with 200 lights in tests/integration/test_pick_lights_burn_again.py
        while server.twin.lit != {5: LitTag(12, "pink")}:
            server.twin.told.clear()
            await server.twin.told.wait()

    await _cancelled(second)


async def test_mute_controller_is_lost_although_tcp_stays_up(server):
    driver, readings = _driver(server, watchdog_s=1, reply_timeout_s=0.1), Readings()
    server.faults.mute = True

    with pytest.raises(ReplyTimeout, match=r"lights-1.*status query 09"):
        await driver.run(readings.emit)

    assert readings.all == []
