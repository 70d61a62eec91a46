# SPDX-License-Identifier: Apache-2.0
import asyncio
import signal
from contextlib import AsyncExitStack

import pytest

from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.stack import Stack, fetch_json

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

GATEWAY = """\
[gateway]
id = "dock-1"
site = "shanghai-1"
broker = "{broker}"
data_dir = "{data_dir}"
listen = "127.0.0.1:{port}"
[[device]]
id = "scanner-1"
driver = "scanner_serial"
host = "127.0.0.1"
port = {scanner_port}
[[station]]
id = "scan-1"
kind = "scan_point"
scanner = "scanner-1"
"""


async def _applied(stack: Stack, lane: str) -> int:
    marks = await fetch_json(f"{stack.central_url}/api/v1/marks")
    return next((mark["upto"] for mark in marks["items"] if mark["lane"] == lane), 0)


async def _until_applied(stack: Stack, lane: str, upto: int) -> None:
    """Another process's mark has no event to wait on, so it is asked."""
    async with asyncio.timeout(30):
        while await _applied(stack, lane) < upto:  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.1)


@pytest.mark.requirement("E12")
async def test_central_that_lost_its_database_gets_again_what_the_gateway_keeps(tmp_path):
    stack, scanner = Stack(tmp_path), TcpTwinServer(ScannerTwin())
    async with AsyncExitStack() as opened:
        opened.push_async_callback(stack.stop)
        await stack.broker.start()
        await stack.central.start()
        await scanner.start()
        opened.push_async_callback(scanner.stop)
        text = GATEWAY.format(broker=stack.broker_url, data_dir=tmp_path / "gateway", port=stack.gateway_port, scanner_port=scanner.port)
        stack.gateway_file.write_text(text)
        await stack.gateway.start()
        async with asyncio.timeout(30):
            while not scanner.has_client:  # noqa: ASYNC110  # the gateway connects when it likes
                await asyncio.sleep(0.05)
        for number in range(3):
            scanner.stimulate("scan", text=f"BOX-{number}")
        await _until_applied(stack, "movements", 3)
        await stack.central.stop(signal.SIGKILL)
        for leftover in tmp_path.glob("central.db*"):
            leftover.unlink()

        await stack.central.start()
        scanner.stimulate("scan", text="BOX-4")
        await _until_applied(stack, "movements", 4)

        marks = (await fetch_json(f"{stack.central_url}/api/v1/marks"))["items"]
        orders = (await fetch_json(f"{stack.central_url}/api/v1/work-orders"))["items"]
    (movements,) = [mark for mark in marks if mark["lane"] == "movements"]
    assert (movements["applied"], movements["missing"]) == (4, 0)
    assert not [order for order in orders if order["kind"] == "events_missing" and "movements" in order["message"]]
    scans = [order["message"] for order in orders if "BOX-" in order["message"]]
    assert sorted(message.split("BOX-")[1][0] for message in scans) == ["0", "1", "2", "4"]
