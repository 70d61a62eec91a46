# SPDX-License-Identifier: Apache-2.0
"""A line that goes silent and comes back: the gateway's uplink through a proxy, Mosquitto and central's own ingest into the ledger on SQLite.

Each round: the line becomes a hole that never answers again, a pallet is scanned, and the time until the uplink gives the connection up is taken. While it is
away a backlog of samples gathers. From the moment the line is healed goods are scanned and samples are taken without a pause: `heal_to_live_ms` is when central
has booked the first scan that was accepted after the line was back, and when it has the first such sample; `drain` is how fast the samples of the outage go
up, and how long scans wait from being durable at the gateway to central's acknowledgement meanwhile, beside how long they wait when nothing else is under way
(`quiet_ms`, bound by the commits of the disk). The second half of a round does the same with a backlog of
scans, which are numbered and therefore go first: there the scans made meanwhile wait for the backlog, and `live_ms` says how long.

`--outage-s 90` when it is run alone makes the outages as long as that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.addresses import parse_broker
from contracts.events import Event, ItemScanned, Lane, SensorMeasured
from contracts.readings import Identifiers
from firmware_sims.engine.network import LinkProxy
from firmware_sims.stack import Stack
from firmware_sims.world.goods import read_items
from firmware_sims.world.office import SITE, Office
from firmware_sims.world.pace import Pace
from gateway.app import Gateway
from gateway.config_file import load_config
from gateway.outbox import StoredBatch
from tests import servers

SAMPLES, SCANS = 20_000, 500
OUTAGE_S = 4.0
_LIVE_EVERY_S = 0.04
_QUIET_EVENTS = 50
_WITHIN_S = 120.0
_GATEWAY = """\
[gateway]
id = "dock-1"
site = "{site}"
broker = "mqtt://127.0.0.1:{port}"
data_dir = "{folder}"
listen = "127.0.0.1:0"
"""


@dataclass
class Watched:
    """A gateway whose live events are followed: when each was durable, and when central's acknowledgement came."""

    gateway: Gateway
    gtin: str
    accepted_s: dict[tuple[Lane, int], float] = field(default_factory=dict)
    waits_ms: dict[Lane, list[float]] = field(default_factory=lambda: {"movements": [], "telemetry": []})
    first_s: dict[Lane, float] = field(default_factory=dict)
    _samples_s: dict[bytes, float] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        store = self.gateway.store
        self._batch_after, self._acknowledge = store.batch_after, store.acknowledge
        store.batch_after, store.acknowledge = self._numbered, self._acknowledged  # type: ignore[method-assign]

    def pending(self, lane: Lane) -> int:
        return self.gateway.store.level(lane).pending

    def scan(self) -> ItemScanned:
        at = self.gateway.now()
        return ItemScanned(event_time=at.utc, station="scan-1", text=f"01{self.gtin}10LOT1", identifiers=Identifiers(gtin=self.gtin, lot="LOT1"))

    def sample(self, device: str, value: float) -> SensorMeasured:
        return SensorMeasured(event_time=datetime.now(UTC), station="cold-1", device=device, quantity="temperature_c", value=value)

    async def live(self) -> None:
        """One scan and one sample, made durable like those of the floor, and followed."""
        store = self.gateway.store
        self._count += 1
        value = 1_000_000.5 + self._count
        await store.append([self.scan(), self.sample("live", value)], {}, {})
        now_s = time.monotonic()
        self.accepted_s["movements", store.level("movements").last_seq] = now_s
        self._samples_s[f'"value":{value}'.encode()] = now_s

    async def _numbered(self, lane: Lane, seq: int, live_from_row: int) -> StoredBatch | None:
        batch = await self._batch_after(lane, seq, live_from_row)
        if batch is not None and lane == "telemetry":
            for offset, body in enumerate(batch.events):
                if b'"live"' in body:
                    (found,) = (text for text in self._samples_s if text in body)
                    self.accepted_s[lane, batch.first_seq + offset] = self._samples_s[found]
        return batch

    async def _acknowledged(self, lane: Lane, upto: int) -> None:
        now_s = time.monotonic()
        for key in [key for key in self.accepted_s if key[0] == lane and key[1] <= upto]:
            self.waits_ms[lane].append((now_s - self.accepted_s.pop(key)) * 1000)
            self.first_s.setdefault(lane, now_s)
        await self._acknowledge(lane, upto)


@asynccontextmanager
async def _running(gateway: Gateway) -> AsyncIterator[None]:
    running = asyncio.create_task(gateway.run())
    try:
        await gateway.started.wait()
        yield
    finally:
        gateway.stop()
        await running


async def _until(true: Any) -> None:
    """Raises: TimeoutError: it did not become true."""
    async with asyncio.timeout(_WITHIN_S):
        while not true():  # noqa: ASYNC110  # what is looked at gives no event
            await asyncio.sleep(0.002)


async def _go_silent(watched: Watched, line: LinkProxy) -> float:
    """Returns after how many seconds the uplink gave the connection up."""
    await _until(lambda: watched.gateway.uplink.connected and not watched.pending("movements") and not watched.pending("telemetry"))
    line.hole(forgets=True)
    await watched.gateway.store.append([watched.scan()], {}, {})
    began_s = time.monotonic()
    await _until(lambda: not watched.gateway.uplink.connected)
    return time.monotonic() - began_s


async def _quiet(watched: Watched) -> dict[str, Any]:
    """How long live events wait when there is no backlog: what to compare with."""
    await _until(lambda: watched.gateway.uplink.connected)
    for _ in range(_QUIET_EVENTS):
        await watched.live()
        await asyncio.sleep(_LIVE_EVERY_S)  # the pace of the floor
    await _until(lambda: not watched.accepted_s)
    return {lane: _quantiles(waits) for lane, waits in watched.waits_ms.items()}


async def _outage(watched: Watched, line: LinkProxy, lane: Lane, events: Sequence[Event], outage_s: float) -> dict[str, Any]:
    """One outage with this backlog, and what came after it."""
    began_s = time.monotonic()
    noticed_s = await _go_silent(watched, line)
    for start in range(0, len(events), 500):
        await watched.gateway.store.append(events[start : start + 500], {}, {})
    await asyncio.sleep(max(0.0, outage_s - (time.monotonic() - began_s)))  # the length of the outage is what is asked for
    backlog = watched.pending(lane)
    watched.accepted_s.clear()
    watched.first_s.clear()
    watched.waits_ms = {"movements": [], "telemetry": []}
    level = watched.gateway.store.level(lane)
    before = level.acked
    await line.heal()
    healed_s = time.monotonic()
    next_s, drained_s, first_ack_s = healed_s, 0.0, 0.0
    while not drained_s or watched.accepted_s:
        if not drained_s and time.monotonic() >= next_s:
            await watched.live()
            next_s += _LIVE_EVERY_S
        if not first_ack_s and level.acked > before:
            first_ack_s = time.monotonic()
        if not drained_s and level.acked - before >= backlog:
            drained_s = time.monotonic()
        if time.monotonic() - healed_s > _WITHIN_S:
            raise TimeoutError(f"{watched.pending(lane)} of {backlog} {lane} are still there")
        await asyncio.sleep(0.001)
    waits = watched.waits_ms
    return {
        "noticed_s": noticed_s,
        "heal_to_live_ms": {each: (at_s - healed_s) * 1000 for each, at_s in watched.first_s.items()},
        "events_per_s": backlog / (drained_s - first_ack_s),
        "live_ms": {each: _quantiles(waits[each]) for each in waits},
    }


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"p50": statistics.median(ordered), "p99": ordered[int(0.99 * (len(ordered) - 1))], "most": ordered[-1]}


async def _round(folder: Path, outage_s: float) -> dict[str, Any]:
    items = read_items()
    async with AsyncExitStack() as opened:
        url = opened.enter_context(servers.mosquitto())
        stack = Stack(folder, broker_url=url)
        opened.push_async_callback(stack.stop)
        await stack.central.start()
        office = Office(stack.central_url, items, Pace().random("office"))
        await office.open_business()
        await office.announce_loose(items[0], "LOT1", 100_000)
        line = await opened.enter_async_context(LinkProxy(parse_broker(url).port))
        stack.gateway_file.write_text(_GATEWAY.format(site=SITE, port=line.port, folder=folder / "gateway"), encoding="utf-8")
        gateway = Gateway(load_config(stack.gateway_file))
        await opened.enter_async_context(_running(gateway))
        watched = Watched(gateway, items[0].gtin)
        quiet = await _quiet(watched)
        samples = [watched.sample(f"sensor-{number % 20}", float(number % 300) / 10) for number in range(SAMPLES)]
        telemetry = await _outage(watched, line, "telemetry", samples, outage_s)
        movements = await _outage(watched, line, "movements", [watched.scan() for _ in range(SCANS)], outage_s)
        return {"quiet_ms": quiet, "samples": telemetry, "scans": movements}


def _medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each number in the nested results its median."""
    first = rounds[0]
    return {
        key: _medians([each[key] for each in rounds]) if isinstance(first[key], Mapping) else round(statistics.median(each[key] for each in rounds), 2)
        for key in first
    }


def run(repeats: int, outage_s: float = OUTAGE_S) -> dict[str, Any]:
    """Medians over the rounds, and the worst time to notice and to be back."""
    rounds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="dockline-bench-") as folder:
            rounds.append(asyncio.run(_round(Path(folder), outage_s)))
    both = [each[backlog] for each in rounds for backlog in ("samples", "scans")]
    return {
        "backlog": {"samples": SAMPLES, "scans": SCANS},
        "outage_s": outage_s,
        "medians": _medians(rounds),
        "worst": {
            "noticed_s": round(max(outage["noticed_s"] for outage in both), 2),
            "heal_to_live_sample_ms": round(max(each["samples"]["heal_to_live_ms"]["telemetry"] for each in rounds), 1),
            "heal_to_live_scan_ms": round(max(each["samples"]["heal_to_live_ms"]["movements"] for each in rounds), 1),
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--outage-s", type=float, default=OUTAGE_S)
    options = parser.parse_args()
    print(json.dumps(run(options.repeats, options.outage_s), indent=2))
