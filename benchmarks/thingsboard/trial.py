# SPDX-License-Identifier: Apache-2.0
"""One trial of one gateway on fresh servers: broker, controllers, sink, all of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

from benchmarks.thingsboard.contestants import Contestant, Dockline, Load
from benchmarks.thingsboard.meter import Usage, usage
from firmware_sims.engine.network import LinkProxy
from tests.servers import mosquitto

Fault = Literal["hole", "cut"]
_FIRST_S = 60.0  # later than this a gateway has not started
_WARM_S = 7.0
_IDLE_S = 10.0
_OUTAGE_S = 20.0
_BEFORE_S = 3.0  # reads of so long before the fault count as those that it could take along
_RECOVERY_S = 25.0  # so long each may take to deliver what it kept
_LAST_S = 2.0  # what the devices said last has arrived then


class Asked:
    """A program of this package that answers each line with a line of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    async def answer(self, question: str = "") -> dict[str, Any]:
        """Ask, or without a question take the line that it says by itself. Raises: RuntimeError: it has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if question:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
        line = await asyncio.to_thread(self._process.stdout.readline)
        if not line:
            raise RuntimeError(f"{self._process.args!r} has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _program(module: str, *arguments: str) -> Iterator[Asked]:
    command = [sys.executable, "-m", f"benchmarks.thingsboard.{module}", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Asked(process)
    finally:
        process.terminate()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]  # both were asked for


class Trial:
    """A gateway that runs, and everything around it."""

    def __init__(self, contestant: Contestant, folder: Path, devices: Asked, sink: Asked, proxy: LinkProxy) -> None:
        self.contestant = contestant
        self.folder = folder
        self.devices = devices
        self.sink = sink
        self.proxy = proxy
        self.started_s = time.monotonic()
        self.process = contestant.start(folder)

    async def first_reading_s(self) -> float:
        """Seconds from its start to the first reading at the broker. Raises: RuntimeError: none came; with the end of its log."""
        while time.monotonic() < self.started_s + _FIRST_S:
            first_s = (await self.sink.answer("report"))["first_s"]
            if first_s is not None:
                return float(first_s) - self.started_s
            await asyncio.sleep(0.05)
        raise self._failed(f"sent no reading within {_FIRST_S:g} s")

    def usage(self) -> Usage:
        """What it used so far. Raises: RuntimeError: it has ended; with the end of its log."""
        if self.process.poll() is not None:
            raise self._failed(f"ended with status {self.process.returncode}")
        return usage(self.process.pid)

    def _failed(self, how: str) -> RuntimeError:
        log = (self.folder / "gateway.log").read_text(encoding="utf-8", errors="replace")
        return RuntimeError(f"{self.contestant.name} {how}; the end of its log:\n{log[-2000:]}")

    def stop(self) -> None:
        """End it at once; what it writes while it ends belongs to no window."""
        self.process.kill()
        self.process.wait(10)


@asynccontextmanager
async def _trial(contestant: Contestant, controllers: int, registers: int, *, proxied: bool = False) -> AsyncIterator[Trial]:
    shape = ("--controllers", str(controllers), "--registers", str(registers), *([] if controllers else ["--house"]))
    with tempfile.TemporaryDirectory(prefix="dockline-bench-") as name, mosquitto() as broker, _program("devices", *shape) as devices:
        port = int(broker.rpartition(":")[2])
        with _program("sink", str(port)) as sink:
            ports = await devices.answer()
            await sink.answer()
            async with LinkProxy(port) as proxy:
                if isinstance(contestant, Dockline):
                    contestant.house = {} if controllers else ports
                load = Load({key: value for key, value in ports.items() if controllers}, registers)
                contestant.prepare(Path(name), proxy.port if proxied else port, load)
                trial = Trial(contestant, Path(name), devices, sink, proxy)
                try:
                    yield trial
                finally:
                    trial.stop()


async def loaded(contestant: Contestant, controllers: int, registers: int, window_s: float) -> dict[str, float]:
    """Cold start, then a window of steady work: each controller polled every 100 ms, all its registers in one request, kept durably, sent on."""
    async with _trial(contestant, controllers, registers) as trial:
        cold_start_s = await trial.first_reading_s()
        await asyncio.sleep(_WARM_S)
        before, served = trial.usage(), await trial.devices.answer("served")
        began_s = time.monotonic()
        await trial.sink.answer("reset")
        await asyncio.sleep(window_s)
        report, after, served_then = await trial.sink.answer("report"), trial.usage(), await trial.devices.answer("served")
        took_s = time.monotonic() - began_s
    polls, wanted = sum(served_then.values()) - sum(served.values()), controllers * took_s / 0.1
    cpu_s, written = after.cpu_s - before.cpu_s, after.written_bytes - before.written_bytes
    return {
        "cold_start_s": cold_start_s,
        "rss_mib": after.rss_mib,
        "pss_mib": after.pss_mib,
        "values_per_s": report["values"] / took_s,
        "cpu_percent": 100 * cpu_s / took_s,
        "values_per_cpu_s": report["values"] / cpu_s,
        "p50_ms": report["p50_ms"],
        "p99_ms": report["p99_ms"],
        "poll_error_percent": 100 * abs(polls / wanted - 1),
        "written_bytes_per_value": written / report["values"],
        "published_bytes_per_value": report["published_bytes"] / report["values"],
        "json_bytes_per_value": report["json_bytes"] / report["values"],
        "write_amplification": written / report["json_bytes"],
        "write_amplification_on_the_wire": written / report["published_bytes"],
    }


async def idle(contestant: Contestant) -> dict[str, float]:
    """Memory with nothing to do: ours connected to one device of each kind, theirs with its Modbus connector and no device."""
    async with _trial(contestant, 0, 100) as trial:
        await asyncio.sleep(_IDLE_S)
        now = trial.usage()
    return {"rss_mib": now.rss_mib, "pss_mib": now.pss_mib}


async def fault(contestant: Contestant, kind: Fault) -> dict[str, float]:
    """What is lost of the reads of two controllers (10 registers, 100 ms) around 20 s without a network: a hole (silence) or a cut (resets and refusals).

    When the hole ends the old connections are reset, as they are by the other end or a router that came back.
    """
    async with _trial(contestant, 2, 10, proxied=True) as trial:
        await trial.first_reading_s()
        await asyncio.sleep(_WARM_S - _BEFORE_S)
        from_number = await trial.devices.answer("served")
        await asyncio.sleep(_BEFORE_S)
        if kind == "hole":
            trial.proxy.hole()
        else:
            await trial.proxy.cut()
        await asyncio.sleep(_OUTAGE_S)
        if kind == "hole":
            await trial.proxy.cut()
        await trial.proxy.heal()
        await asyncio.sleep(_BEFORE_S)
        upto_number = await trial.devices.answer("hold")
        lost, deadline_s = await _lost(trial, from_number, upto_number), time.monotonic() + _RECOVERY_S
        while lost and time.monotonic() < deadline_s:
            await asyncio.sleep(0.5)
            lost = await _lost(trial, from_number, upto_number)
        await asyncio.sleep(_LAST_S)
        report = await trial.sink.answer("report")
    return {"lost": lost, "repeated": report["repeated"], "served": sum(upto_number.values()) - sum(from_number.values())}


async def _lost(trial: Trial, after: dict[str, int], upto: dict[str, int]) -> int:
    seen = (await trial.sink.answer("seen"))["seen"]
    return sum(len(set(range(after[device] + 1, upto[device] + 1)) - set(seen.get(device, ()))) for device in upto)
