# SPDX-License-Identifier: Apache-2.0
"""Bytes to ledger: a scanner's bytes on a serial line until the goods are booked, beside the bare floor of the same parts.

The product: pty -> driver -> station -> durable outbox -> MQTT -> ingest -> ledger, committed on SQLite; read from central's own stamps.
The floor: a publisher, the same broker and a subscriber that commits one row on SQLite with synchronous FULL: what no design on these parts can beat.
Rounds of both alternate.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import aiomqtt

from firmware_sims.engine.servers import PtyTwinServer
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.stack import Stack, fetch_json
from firmware_sims.world.goods import read_items
from firmware_sims.world.office import SITE, Office
from firmware_sims.world.pace import Pace

SCANS = 150
INTERVAL_S = 0.04
_GATEWAY = """\
[gateway]
id = "dock-1"
site = "{site}"
broker = "{broker}"
data_dir = "{data_dir}"
listen = "127.0.0.1:{port}"
[[device]]
id = "scanner-1"
driver = "scanner_serial"
path = "{path}"
duplicate_window_s = 0
[[station]]
id = "scan-1"
kind = "scan_point"
scanner = "scanner-1"
biz_step = "receiving"
"""


async def _product(folder: Path) -> dict[str, float]:
    stack, scanner = Stack(folder), PtyTwinServer(ScannerTwin())
    items = read_items()
    office = Office(stack.central_url, items, Pace().random("office"))
    async with AsyncExitStack() as opened:
        opened.push_async_callback(stack.stop)
        assert stack.broker is not None
        await stack.broker.start()
        await stack.central.start()
        await scanner.start()
        opened.push_async_callback(scanner.stop)
        text = _GATEWAY.format(site=SITE, broker=stack.broker_url, data_dir=folder / "gateway", port=stack.gateway_port, path=scanner.path)
        stack.gateway_file.write_text(text, encoding="utf-8")
        await office.open_business()
        await office.announce_loose(items[0], "LOT1", SCANS)
        await stack.gateway.start()
        await _until(stack, lambda health: health["devices_up"] == 1 and health["uplink"])
        for _ in range(SCANS):
            scanner.stimulate("scan", text=f"01{items[0].gtin}10LOT1", symbology="]C1")
            await asyncio.sleep(INTERVAL_S)  # the pace of the scans is what is asked about
        await _until(stack, lambda health: health["lanes"]["movements"]["accepted"] == SCANS and not health["lanes"]["movements"]["pending"])
        figures = await office.figures()
        assert figures["exceptions"] == 0, "a scan was not booked"
        latency: dict[str, float] = figures["latency_ms"]
        return latency


async def _until(stack: Stack, reached: Callable[[dict[str, Any]], bool]) -> None:
    """Raises: TimeoutError: the gateway's health did not come to that within 15 s."""
    async with asyncio.timeout(15):
        while not reached(await fetch_json(f"{stack.gateway_url}/health")):  # noqa: ASYNC110  # another process gives no event
            await asyncio.sleep(0.05)


def _client(port: int) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5)


async def _floor(folder: Path) -> dict[str, float]:
    stack = Stack(folder)
    assert stack.broker is not None
    broker_port = int(stack.broker_url.rpartition(":")[2])
    await stack.broker.start()
    waits_ms: list[float] = []
    try:
        with closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("CREATE TABLE event (body BLOB)")
            async with _client(broker_port) as subscriber, _client(broker_port) as publisher:
                await subscriber.subscribe("floor", qos=1)

                async def commit() -> None:
                    async for message in subscriber.messages:
                        database.execute("INSERT INTO event VALUES (?)", (message.payload,))
                        waits_ms.append((time.monotonic() - json.loads(message.payload)["at_s"]) * 1000)
                        if len(waits_ms) == SCANS:
                            return

                committed = asyncio.create_task(commit())
                for _ in range(SCANS):
                    await publisher.publish("floor", json.dumps({"at_s": time.monotonic(), "padding": "x" * 250}), qos=1)
                    await asyncio.sleep(INTERVAL_S)  # the pace of the scans, as above
                await asyncio.wait_for(committed, 15)
    finally:
        await stack.stop()
    ordered = sorted(waits_ms)
    return {"p50": statistics.median(ordered), "p99": ordered[int(0.99 * (len(ordered) - 1))]}


def run(repeats: int) -> dict[str, Any]:
    """Medians over the rounds, in milliseconds, and the median of the rounds' ratios."""
    rounds: dict[str, list[dict[str, float]]] = {"product": [], "floor": []}
    for _ in range(repeats):
        for name, measure in (("product", _product), ("floor", _floor)):
            with tempfile.TemporaryDirectory(prefix="dockline-bench-") as folder:
                rounds[name].append(asyncio.run(measure(Path(folder))))
    medians = {name: {p: round(statistics.median(each[p] for each in found), 2) for p in ("p50", "p99")} for name, found in rounds.items()}
    pairs = list(zip(rounds["product"], rounds["floor"], strict=True))
    ratio = {p: round(statistics.median(ours[p] / floor[p] for ours, floor in pairs), 2) for p in ("p50", "p99")}
    return {
        "scans_per_round": SCANS,
        "scans_per_s": 1 / INTERVAL_S,
        "bytes_to_ledger_ms": medians["product"],
        "floor_ms": medians["floor"],
        "ratio_to_floor": ratio,
    }


if __name__ == "__main__":
    print(json.dumps(run(5), indent=2))
