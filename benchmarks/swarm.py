# SPDX-License-Identifier: Apache-2.0
"""Ten thousand gateways that come back at once: the broker is killed and started again, and every gateway's marks must advance within 30 s.

    python -m benchmarks swarm
    python -m benchmarks.swarm --gateways 2000 --events 5

One process speaks for all gateways (protocol level, `benchmarks.swarm_gateway`), Mosquitto and `dockline central run` on SQLite are real programs. It needs as
many open files as gateways: `ulimit -n 19999`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.swarm_gateway import SwarmGateway
from contracts.addresses import parse_broker
from contracts.events import Lane
from firmware_sims.stack import free_port

GATEWAYS, EVENTS = 10_000, 1
_ROOT = Path(__file__).resolve().parents[1]
_TICK_S = 0.25
_PING_S = 15.0
_CONNECTS_AT_ONCE = 200
_LIMIT_S = 240.0


class Swarm:
    """Gateways of one process. `within` waits until something is true of all of them."""

    def __init__(self, gateways: Sequence[SwarmGateway]) -> None:
        self.gateways = gateways
        self.advanced_at_s: dict[str, float] = {}
        for each in gateways:
            each.on_ack = self._on_ack
        self._ticking: asyncio.Task[None] | None = None

    def _on_ack(self, gateway: SwarmGateway, lane: Lane) -> None:
        if not gateway.pending:
            self.advanced_at_s.setdefault(gateway.address.gateway, time.monotonic())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ticks inside; hangs up afterwards."""
        self._ticking = asyncio.create_task(self._tick_for_ever(), name="swarm")
        try:
            yield
        finally:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
            for each in self.gateways:
                each.close()
            await asyncio.sleep(0.2)

    async def _tick_for_ever(self) -> None:
        loop, pinged_s = asyncio.get_running_loop(), 0.0
        while True:
            now_s = loop.time()
            is_ping_due = now_s - pinged_s > _PING_S
            pinged_s = now_s if is_ping_due else pinged_s
            budget = _CONNECTS_AT_ONCE
            for each in self.gateways:
                if not each.is_connected:
                    budget -= 1
                    if budget < 0:
                        continue
                each.tick(now_s)
                if is_ping_due:
                    each.ping()
            await asyncio.sleep(_TICK_S)

    def accept(self, events: int) -> None:
        """Each gateway has this many more movements and as many more readings."""
        self.advanced_at_s.clear()
        now_s = asyncio.get_running_loop().time()
        for each in self.gateways:
            for lane in each.lanes:
                each.accept(lane, events, now_s)

    async def within(self, limit_s: float = _LIMIT_S) -> None:
        """All that was accepted is acknowledged. Raises: TimeoutError, with how many are behind."""
        until_s = time.monotonic() + limit_s
        while behind := [each for each in self.gateways if each.pending or not each.connects]:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{len(behind)} of {len(self.gateways)} gateways are behind after {limit_s} s; the first: {behind[0].told()}")
            await asyncio.sleep(_TICK_S)


@contextmanager
def broker(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Mosquitto with room for all gateways, without persistence."""
    with tempfile.TemporaryDirectory(prefix="dockline-swarm-") as folder:
        configured = Path(folder) / "mosquitto.conf"
        configured.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 200\nmax_queued_messages 2000\n"
            "set_tcp_nodelay true\nlog_type error\n"
        )
        process = subprocess.Popen(["mosquitto", "-c", str(configured)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + 30
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError("Mosquitto did not come up")
            time.sleep(0.02)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextmanager
def central(folder: Path, brokers: Sequence[str], database: str = "") -> Iterator[tuple[psutil.Process, str]]:
    """`dockline central run`; yields its process and its address once it is ready."""
    port = free_port()
    listen = ["--listen", f"127.0.0.1:{port}", "--database", database or f"sqlite:///{folder / 'swarm.db'}"]
    command = [sys.executable, str(_ROOT / "dockline.py"), "central", "run", *listen, *(part for url in brokers for part in ("--broker", url))]
    with (folder / "central.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until_s = time.monotonic() + 60
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            if process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError((folder / "central.log").read_text()[-2000:])
            time.sleep(0.05)
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


async def _watch_rss(process: psutil.Process, peak: list[int]) -> None:
    while True:
        peak[0] = max(peak[0], process.memory_info().rss)
        await asyncio.sleep(0.2)


def _quantile(values: list[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 2)


async def measure(gateways: int, events: int) -> dict[str, Any]:
    """One restart of the broker under all gateways."""
    port = free_port()
    url = f"mqtt://127.0.0.1:{port}"
    swarm = Swarm([SwarmGateway(f"g{n}", f"site-{n // 5}", [parse_broker(url)]) for n in range(gateways)])
    with tempfile.TemporaryDirectory(prefix="dockline-swarm-") as place:
        folder = Path(place)
        with broker(port) as first, central(folder, [url]) as (process, _):
            peak = [0]
            watch = asyncio.create_task(_watch_rss(process, peak))
            async with swarm.running():
                began_s = time.monotonic()
                swarm.accept(events)
                await swarm.within()
                first_s = time.monotonic() - began_s
                idle_rss, cpu_s = process.memory_info().rss, sum(process.cpu_times()[:2])
                first.kill()
                first.wait()
                swarm.accept(events)
                with broker(port):
                    back_s = time.monotonic()
                    await swarm.within()
                    took = [at_s - back_s for at_s in swarm.advanced_at_s.values()]
                    cpu_s = sum(process.cpu_times()[:2]) - cpu_s
                    reconnects = [each.connects for each in swarm.gateways]
            watch.cancel()
        return {
            "gateways": gateways,
            "events_each": events * 2,
            "first_contact_s": round(first_s, 2),
            "all_marks_advanced_s": _quantile(took, 1.0),
            "p50_s": _quantile(took, 0.5),
            "p99_s": _quantile(took, 0.99),
            "central_cpu_s": round(cpu_s, 1),
            "central_rss_mib": round(idle_rss / 2**20, 1),
            "central_rss_peak_mib": round(peak[0] / 2**20, 1),
            "reconnects_max": max(reconnects) - 1,
            **books(str(folder / "swarm.db"), gateways, events),
        }


def books(database: str, gateways: int, events: int) -> dict[str, int]:
    """Lost and doubled, from the database: every lane's mark and count must be what its gateway gave, `events` before and `events` after the restart."""
    given = 2 * events
    with sqlite3.connect(database) as connection:
        marks = connection.execute("SELECT count(*), coalesce(sum(upto), 0), coalesce(sum(applied), 0) FROM mark").fetchone()
        stored = connection.execute("SELECT count(*), count(DISTINCT id) FROM event WHERE kind = 'DeviceLinkChanged'").fetchone()
    connection.close()
    expected = gateways * 2 * given
    return {"lost": expected - marks[1], "stored_twice": stored[0] - stored[1], "applied_beyond": stored[0] - expected}


def run(repeats: int, gateways: int = GATEWAYS, events: int = EVENTS) -> dict[str, Any]:
    """Measure once, however many repeats are asked for: a restart of ten thousand takes a minute and more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * gateways)), hard))
    return asyncio.run(measure(gateways, events))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateways", type=int, default=GATEWAYS)
    parser.add_argument("--events", type=int, default=EVENTS)
    options = parser.parse_args()
    print(json.dumps(run(1, options.gateways, options.events), indent=2))
