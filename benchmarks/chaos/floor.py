# SPDX-License-Identifier: Apache-2.0
"""The floor of one gateway: simulated devices that give a steady stream, a picker who presses what is lit, and a record of all of it outside of the system."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.light_ablepick.twin import AblePickTwin
from firmware_sims.scale_sics.twin import SicsScaleTwin
from firmware_sims.scanner_serial.twin import ScannerTwin
from firmware_sims.sensor_modbus.framing import Question
from firmware_sims.sensor_modbus.twin import ModbusSensorTwin

SITE = "chaos-1"
BINS_EACH = 4
_SCAN_EVERY_S = (0.08, 0.25)
_PRESS_EVERY_S = (0.15, 0.5)
_LOAD_S = (2.0, 3.0)
_EMPTY_S = (0.8, 1.2)
_LOAD_STEP_G = 5
_LOAD_MIN_G = 100
_VALUES = 700
"""The sensor's value is a running number modulo this, in tenths of a degree: no two readings of nearly the same time have the same."""

_FILE = """\
[gateway]
id = "{id}"
site = "{site}"
broker = "mqtt://127.0.0.1:{broker_port}"
data_dir = "{data_dir}"
listen = "127.0.0.1:{port}"
report_interval_s = 2.0
[[device]]
id = "scanner-1"
driver = "scanner_serial"
host = "127.0.0.1"
port = {scanner}
[[device]]
id = "lights-1"
driver = "light_ablepick"
host = "127.0.0.1"
port = {lights}
[[device]]
id = "sensor-1"
driver = "sensor_modbus"
map = "xy_md02"
interval_s = 0.2
reply_timeout_s = 5.0
host = "127.0.0.1"
port = {sensor}
[[device]]
id = "scale-1"
driver = "scale_sics"
mode = "poll"
interval_s = 0.2
host = "127.0.0.1"
port = {scale}
[[station]]
id = "weigh-1"
kind = "weigh_point"
scale = "scale-1"
[[station]]
id = "scan-1"
kind = "scan_point"
scanner = "scanner-1"
[[station]]
id = "zone-1"
kind = "pick_zone"
lights = "lights-1"
double_press_s = 0.1
dark_s = 3600
bins = {{ {bins} }}
[[station]]
id = "cold-1"
kind = "cold_room"
sensor = "sensor-1"
high_c = 75.0
sample_interval_s = 0
stale_s = 3600
"""


class _CountingSensor(ModbusSensorTwin):
    """Serves another value each time it is asked, and remembers which and when."""

    def __init__(self) -> None:
        super().__init__("xy_md02", "tcp")
        self.served: list[tuple[float, int]] = []

    def _serve(self, question: Question, now_s: float) -> None:
        tenths = len(self.served) % _VALUES
        self.on_set("temperature_c", tenths / 10)
        super()._serve(question, now_s)
        self.served.append((now_s, tenths))


@dataclass(frozen=True)
class Scan:
    """What a scanner sent. `heard`: a gateway was connected to it."""

    text: str
    at_s: float
    heard: bool


@dataclass(frozen=True)
class Load:
    """What lay on the scale, no two of the same weight."""

    weight_g: int
    since_s: float
    until_s: float


@dataclass
class Times:
    """When a gateway could not accept, by the runner's monotonic clock, which the gateway shares."""

    kills: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    """When it was started again after each kill."""
    pauses: list[tuple[float, float]] = field(default_factory=list)
    full: list[tuple[float, float]] = field(default_factory=list)

    def killed_after_s(self, at_s: float) -> float:
        """How long the gateway went on running (paused does not count) between a moment and its next end; infinite if it did not end since."""
        at = bisect_left(self.kills, at_s)
        if at == len(self.kills):
            return float("inf")
        end_s = self.kills[at]
        paused_s = sum(max(0.0, min(end_s, until_s) - max(at_s, since_s)) for since_s, until_s in self.pauses)
        return end_s - at_s - paused_s

    def was_dead(self, at_s: float) -> bool:
        """Whether it had been killed and not started again; a device may take a moment to notice."""
        at = bisect_right(self.kills, at_s)
        return at > 0 and (at > len(self.starts) or at_s < self.starts[at - 1])

    def was_full(self, at_s: float, margin_s: float) -> bool:
        """Whether the disk was full at that time, or soon after."""
        return any(since_s - margin_s <= at_s <= until_s + margin_s for since_s, until_s in self.full)


class Floor:
    """Devices, people and truth of one gateway."""

    def __init__(self, gateway: str, seed: int) -> None:
        self.gateway = gateway
        self.lights = AblePickTwin(range(1, BINS_EACH + 1))
        self.sensor = _CountingSensor()
        twins: dict[str, Twin] = {"scanner": ScannerTwin(), "lights": self.lights, "sensor": self.sensor}
        twins["scale"] = SicsScaleTwin(capacity_g=150_000.0, division_g=float(_LOAD_STEP_G))
        self._servers = {name: TcpTwinServer(twin) for name, twin in twins.items()}
        self.scans: list[Scan] = []
        self.presses: list[float] = []
        self.loads: list[Load] = []
        self.times = Times()
        self.is_working = asyncio.Event()
        self.may_press = asyncio.Event()
        self._dice = random.Random(f"{gateway}-{seed}")  # nobody gains by guessing it

    @property
    def bins(self) -> list[str]:
        """The codes of the places with lights, by node from 1."""
        return bins_of(self.gateway)

    async def start(self) -> None:
        """Switch the devices on."""
        for server in self._servers.values():
            await server.start()

    async def stop(self) -> None:
        """Switch them off."""
        for server in self._servers.values():
            await server.stop()

    def gateway_file(self, *, broker_port: int, data_dir: str, port: int) -> str:
        """The gateway's configuration."""
        ports = {name: server.port for name, server in self._servers.items()}
        bins = ", ".join(f'"{code}" = {node}' for node, code in enumerate(self.bins, 1))
        return _FILE.format(id=self.gateway, site=SITE, broker_port=broker_port, data_dir=data_dir, port=port, bins=bins, **ports)

    async def scan_for_ever(self) -> None:
        """Somebody scans one label after the other, each with a number of its own."""
        server = self._servers["scanner"]
        while True:
            await self.is_working.wait()
            text = f"{self.gateway.upper()}-BOX-{len(self.scans) + 1:06}"
            self.scans.append(Scan(text, asyncio.get_running_loop().time(), server.has_client))
            server.stimulate("scan", text=text)
            await asyncio.sleep(self._dice.uniform(*_SCAN_EVERY_S))

    async def weigh_for_ever(self) -> None:
        """Somebody puts one load after the other onto the scale."""
        server, now_s = self._servers["scale"], asyncio.get_running_loop().time
        while True:
            await self.is_working.wait()
            weight_g, since_s = _LOAD_MIN_G + _LOAD_STEP_G * len(self.loads), now_s()
            server.stimulate("place", weight_g=float(weight_g))
            await asyncio.sleep(self._dice.uniform(*_LOAD_S))
            server.stimulate("remove")
            self.loads.append(Load(weight_g, since_s, now_s()))
            await asyncio.sleep(self._dice.uniform(*_EMPTY_S))

    async def pick_for_ever(self) -> None:
        """A picker presses the confirm key of whatever is lit."""
        server = self._servers["lights"]
        while True:
            await self.may_press.wait()
            lit = sorted(node for node, tag in self.lights.lit.items() if tag.quantity)
            if lit:
                self.presses.append(asyncio.get_running_loop().time())
                server.stimulate("press", node=self._dice.choice(lit))
            await asyncio.sleep(self._dice.uniform(*_PRESS_EVERY_S))

    def samples_between(self, since_s: float, until_s: float) -> Iterator[tuple[float, int]]:
        """What the sensor served then: when, and the value in tenths."""
        served = self.sensor.served
        low = bisect_right(served, (since_s, _VALUES))
        yield from served[low : bisect_right(served, (until_s, _VALUES))]


def bins_of(gateway: str) -> list[str]:
    """The codes of a gateway's places."""
    return [f"{gateway.upper()}-{number:02}" for number in range(1, BINS_EACH + 1)]
