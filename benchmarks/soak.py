# SPDX-License-Identifier: Apache-2.0
"""`make soak`: devices are unplugged and plugged in again, thousands of times, under the gateway's own supervisor and drivers.

    make soak ARGS="--cycles 10000 --json FILE --seed 7"

Half of the devices are pick lights over TCP (the connection is cut, or nobody listens for a while), half are scanners on serial lines behind links like
those of /dev/serial/by-id, which come back under another name each time. In each cycle something is said before the cut and something after the return:
what was said after must come exactly once, what was said before at most once. After each round, with everything connected again, open files and tasks
must be as many as after the first one.

`held_up_s_max` is the longest that the whole process stood still meanwhile: on a busy machine that, and not the gateway, makes the slowest recovery.

Recovery is measured from the instant at which the way is there again to LinkChanged(connected). An hour passes between two rounds on the supervisor's
clock: a device that is unplugged every second would rightly be given up for a while, and that is not what is asked here.
"""

from __future__ import annotations

import abc
import argparse
import asyncio
import gc
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.readings import AnyReading, ButtonPressed, LinkChanged, Scan
from drivers.base.spec import Driver
from drivers.light_ablepick.config import LightAblepickConfig
from drivers.light_ablepick.driver import LightAblepickDriver
from drivers.scanner_serial.config import ScannerSerialConfig
from drivers.scanner_serial.driver import ScannerSerialDriver
from firmware_sims.engine.servers import PtyTwinServer, TcpTwinServer
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from gateway.metrics import Metrics
from gateway.supervisor import Supervisor

RESULTS = Path(__file__).parent / "results"
RECOVERED_WITHIN_S = 2.0
_PATIENCE_S = 30.0
_AWAY_S_MAX = 0.5
_HOUR_S = 3600.0
_TAGS = 30
_PULSE_S = 0.02


@dataclass
class Counts:
    """What happened. `recovery_s` by way. `lost`: said while the device was connected, and not heard. `twice`: heard again."""

    recovery_s: dict[str, list[float]] = field(default_factory=lambda: {"tcp": [], "serial": []})
    said_after: int = 0
    lost: int = 0
    twice: int = 0
    never_back: int = 0
    held_up_s_max: float = 0.0


class Plug(abc.ABC):
    """One device that is unplugged and plugged in again."""

    way = ""

    def __init__(self, name: str, dice: random.Random, counts: Counts) -> None:
        self.name = name
        self._dice = dice
        self._counts = counts
        self._said = self._heard = 0
        self._connected = asyncio.Event()
        self._hears = asyncio.Event()

    def hear(self, reading: AnyReading) -> None:
        """What its driver makes of what it says."""
        if isinstance(reading, LinkChanged):
            (self._connected.set if reading.state == "connected" else self._connected.clear)()
        elif isinstance(reading, Scan | ButtonPressed):
            number = int(reading.text) if isinstance(reading, Scan) else reading.quantity or 0
            self._counts.twice += number <= self._heard  # what is said counts upwards
            self._heard = max(self._heard, number)
            self._hears.set()

    async def begin(self) -> None:
        """The first time that it is there."""
        await self.plug_in()
        async with asyncio.timeout(_PATIENCE_S):
            await self._connected.wait()

    async def cycle(self) -> None:
        """Out, in, and something said before and after."""
        self._say()
        if self._dice.random() < 0.5:
            await asyncio.sleep(0)  # half of the time what was said is on its way when the line is cut
        self._connected.clear()
        await self.unplug()
        await asyncio.sleep(self._dice.uniform(0, _AWAY_S_MAX))
        back_s = time.monotonic()
        await self.plug_in()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._connected.wait()
        except TimeoutError:
            self._counts.never_back += 1
            return
        self._counts.recovery_s[self.way].append(time.monotonic() - back_s)
        self._counts.said_after += 1
        self._say()
        self._counts.lost += not await self._is_heard()

    def _say(self) -> None:
        self._said += 1
        self.say(self._said)

    async def _is_heard(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while self._heard < self._said:
                    self._hears.clear()
                    await self._hears.wait()
        return self._heard >= self._said

    @abc.abstractmethod
    def driver(self) -> tuple[str, Driver]:
        """Its driver's name and a driver for it."""

    @abc.abstractmethod
    async def unplug(self) -> None:
        """Take it away."""

    @abc.abstractmethod
    async def plug_in(self) -> None:
        """Put it back."""

    @abc.abstractmethod
    def say(self, number: int) -> None:
        """Have it say something that nobody has said before."""


class Lights(Plug):
    """Pick lights over TCP; each press shows another quantity."""

    way = "tcp"

    def __init__(self, name: str, dice: random.Random, counts: Counts) -> None:
        super().__init__(name, dice, counts)
        self._server = TcpTwinServer(AblePickTwin(range(1, _TAGS + 1)))
        self._listens = False

    def driver(self) -> tuple[str, Driver]:
        """See `Plug.driver`."""
        return "light_ablepick", LightAblepickDriver(self.name, LightAblepickConfig(host="127.0.0.1", port=self._server.port))

    async def plug_in(self) -> None:
        """See `Plug.plug_in`."""
        if not self._listens:
            await self._server.start()
            self._listens = True

    async def unplug(self) -> None:
        """See `Plug.unplug`: the controller cuts the connection, or is not there at all."""
        if self._dice.random() < 0.5:
            self._server.drop_client()
        else:
            await self._server.stop()
            self._listens = False

    async def end(self) -> None:
        """Stop for good."""
        await self._server.stop()

    def say(self, number: int) -> None:
        """See `Plug.say`: another tag each time, so that none is a double press."""
        self._server.stimulate("press", node=1 + number % _TAGS, quantity=number)


class Scanner(Plug):
    """A scanner on a serial line; it comes back as another pty behind the same link."""

    way = "serial"

    def __init__(self, name: str, dice: random.Random, counts: Counts, folder: Path) -> None:
        super().__init__(name, dice, counts)
        self._link = folder / f"usb-{name}-if00"
        self._server = PtyTwinServer(ScannerTwin())

    def driver(self) -> tuple[str, Driver]:
        """See `Plug.driver`."""
        return "scanner_serial", ScannerSerialDriver(self.name, ScannerSerialConfig(path=str(self._link)))

    async def plug_in(self) -> None:
        """See `Plug.plug_in`."""
        self._server = PtyTwinServer(ScannerTwin())
        await self._server.start()
        self._link.symlink_to(self._server.path)

    async def unplug(self) -> None:
        """See `Plug.unplug`."""
        self._link.unlink()
        await self._server.stop()

    def say(self, number: int) -> None:
        """See `Plug.say`."""
        self._server.stimulate("scan", text=str(number))


@dataclass
class Held:
    """What the process has open."""

    files: int
    tasks: int
    rss_bytes: int

    @classmethod
    def now(cls) -> Held:
        """As it is."""
        gc.collect()
        rss_bytes = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return cls(len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), rss_bytes)  # noqa: PTH208  # a moment, and nothing else runs

    def differs(self, other: Held) -> bool:
        """Whether something was not given back."""
        return (self.files, self.tasks) != (other.files, other.tasks)


async def _settled(baseline: Held | None) -> Held:
    """What is held once the ends of the last connections are closed."""
    held = Held.now()
    for _ in range(200):
        if baseline is not None and not held.differs(baseline):
            break
        await asyncio.sleep(0.01)
        again = Held.now()
        if baseline is None and not again.differs(held):
            return again
        held = again
    return held


async def soak(cycles: int, seed: int = 0, *, each_way: int = 8) -> dict[str, Any]:
    """Unplug devices so often in all; returns what came of it. `each_way`: so many devices over TCP, and so many on serial lines."""
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="dockline-soak-") as text:
        lights = [Lights(f"lights-{n}", random.Random(f"{seed} lights {n}"), counts) for n in range(each_way)]
        scanners = [Scanner(f"scanner-{n}", random.Random(f"{seed} scanner {n}"), counts, Path(text)) for n in range(each_way)]
        for each in lights:
            await each.plug_in()  # its port is known from then on
        return await _soak(counts, lights, [*lights, *scanners], cycles)


async def _soak(counts: Counts, lights: Sequence[Lights], plugs: Sequence[Plug], cycles: int) -> dict[str, Any]:
    by_name = {plug.name: plug for plug in plugs}
    hours_s = 0.0
    supervisor = Supervisor(
        {plug.name: plug.driver() for plug in plugs}, lambda reading: by_name[reading.device].hear(reading), Metrics(), lambda: time.monotonic() + hours_s
    )
    running = asyncio.create_task(supervisor.run(), name="supervisor")
    pulse = asyncio.create_task(_feel_pulse(counts), name="pulse")
    first: Held | None = None
    leaks = rounds = 0
    rss_bytes: list[int] = []
    try:
        await asyncio.gather(*(plug.begin() for plug in plugs))
        while rounds * len(plugs) < cycles:
            hours_s += _HOUR_S
            await asyncio.gather(*(plug.cycle() for plug in plugs))
            rounds += 1
            held = await _settled(first)
            leaks += first is not None and held.differs(first)
            first = first or held
            rss_bytes.append(held.rss_bytes)
    finally:
        running.cancel()
        pulse.cancel()
        await asyncio.gather(running, pulse, return_exceptions=True)
        for plug in plugs:
            if plug not in lights:
                await plug.unplug()
        for each in lights:
            await each.end()
    assert first is not None
    return _told(counts, rounds * len(plugs), first, held, leaks, rss_bytes)


async def _feel_pulse(counts: Counts) -> None:
    while True:
        began_s = time.monotonic()
        await asyncio.sleep(_PULSE_S)
        counts.held_up_s_max = max(counts.held_up_s_max, time.monotonic() - began_s - _PULSE_S)


def _told(counts: Counts, cycles: int, first: Held, last: Held, leaks: int, rss_bytes: list[int]) -> dict[str, Any]:
    warm = rss_bytes[len(rss_bytes) // 5]  # what grows in the first fifth are caches
    return {
        "cycles": cycles,
        "recovery": {way: _figures(waits) for way, waits in counts.recovery_s.items()},
        "held_up_s_max": round(counts.held_up_s_max, 3),
        "never_back": counts.never_back,
        "said_after_return": counts.said_after,
        "lost": counts.lost,
        "twice": counts.twice,
        "open_files": {"first": first.files, "last": last.files},
        "tasks": {"first": first.tasks, "last": last.tasks},
        "rounds_with_other_numbers": leaks,
        "rss_mib": {"first": _mib(first.rss_bytes), "after_a_fifth": _mib(warm), "last": _mib(last.rss_bytes)},
    }


def _mib(size_bytes: int) -> float:
    return round(size_bytes / 2**20, 1)


def _figures(waits_s: list[float]) -> dict[str, Any]:
    ordered = sorted(waits_s)
    p99_s = ordered[int(0.99 * (len(ordered) - 1))]
    return {
        "times": len(ordered),
        "median_s": round(statistics.median(ordered), 3),
        "p99_s": round(p99_s, 3),
        "max_s": round(ordered[-1], 3),
        "within_2_s": p99_s <= RECOVERED_WITHIN_S,
        "later_than_2_s": sum(wait_s > RECOVERED_WITHIN_S for wait_s in ordered),
    }


def is_good(results: dict[str, Any]) -> bool:
    """Whether nothing was lost, doubled or left open. How quick it was is told, and depends on the machine."""
    return not (results["never_back"] or results["lost"] or results["twice"] or results["rounds_with_other_numbers"])


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 if something was lost, doubled, left open, or came back late."""
    from benchmarks.__main__ import flat, machine, shown

    parser = argparse.ArgumentParser(prog="make soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=10_000, help="how often something is unplugged, in all (default 10000, about five minutes)")
    parser.add_argument("--seed", type=int, default=0, help="decides when and how (default 0)")
    parser.add_argument("--json", type=Path, default=RESULTS / "soak.json", help="file for the results (default benchmarks/results/soak.json)")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # each loss is told, ten thousand times
    started_s = time.monotonic()
    results = asyncio.run(soak(options.cycles, options.seed))
    report = {"benchmark": "soak", "seed": options.seed, "took_s": round(time.monotonic() - started_s, 1), "machine": machine(), "results": results}
    for key, value in flat(results):
        print(f"  {key:28}  {shown(value)}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0 if is_good(results) and all(way["within_2_s"] for way in results["recovery"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
