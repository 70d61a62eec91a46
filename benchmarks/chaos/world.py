# SPDX-License-Identifier: Apache-2.0
"""One site under test: real broker, database, central and gateways as processes, each with its own disk, clock and line to the broker."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks.chaos.clocks import SteppableClock, build_shim
from benchmarks.chaos.disks import Disk, LimitedDisk, MountedDisk, may_mount
from benchmarks.chaos.floor import Floor
from benchmarks.chaos.programs import Kept
from firmware_sims.engine.mqtt_mangler import MqttMangler
from firmware_sims.stack import free_port
from tests import servers

DatabaseKind = Literal["sqlite", "postgresql"]
BrokerKind = Literal["mosquitto", "iotcore"]
_READY_S = 60.0
_POLL_S = 0.1
_GATEWAY_DISK_BYTES = 64 << 20
_CENTRAL_DISK_BYTES = 2 << 30
_ROOT = Path(__file__).resolve().parents[2]
_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 2
max_queued_messages 10000
set_tcp_nodelay true
"""


class WorldError(RuntimeError):
    """A program did not come up; the text says which, and where its log is."""


async def fetch(port: int, path: str, timeout_s: float = 2.0) -> Any:
    """GET a JSON document from this machine; None: no good answer."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


async def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


@dataclass
class World:
    """Programs by name (`broker`, `database`, `central`, the gateways), and what belongs to each of them."""

    folder: Path
    seed: int
    database_kind: DatabaseKind
    broker_kind: BrokerKind
    floors: dict[str, Floor]
    with_clocks: bool = True
    programs: dict[str, Kept] = field(default_factory=dict)
    links: dict[str, MqttMangler] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)
    clocks: dict[str, SteppableClock] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # PostgreSQL runs as somebody else
        names = ("broker", "database", "central", *self.floors)
        self.ports = {name: free_port() for name in names}
        self.broker_store = self.folder / "broker"
        self.broker_store.mkdir()
        self.is_mounted = may_mount(self.folder)

    @property
    def database_url(self) -> str:
        """Where the books are."""
        if self.database_kind == "sqlite":
            return f"sqlite:///{self.disks['central'].folder / 'central.db'}"
        return f"postgresql+psycopg://dockline@127.0.0.1:{self.ports['database']}/postgres"

    @property
    def central_url(self) -> str:
        """Where central's API is."""
        return f"http://127.0.0.1:{self.ports['central']}"

    async def open(self, stack: AsyncExitStack) -> None:
        """Start everything, in order. Raises: WorldError, NoCompilerError, OSError."""
        if self.with_clocks:
            shim = build_shim(self.folder)
            self.clocks = {name: SteppableClock(shim, self.folder / f"{name}.clock") for name in ("central", *self.floors)}
        for name in ("central", *self.floors):
            self.links[name] = MqttMangler(self.ports["broker"], seed=self.seed)
            await stack.enter_async_context(self.links[name])
            self.disks[name] = self._disk(name)
        for floor in self.floors.values():
            await floor.start()
            stack.push_async_callback(floor.stop)
        self.programs = {"broker": self._broker(), "central": self._central()}
        if self.database_kind == "postgresql":
            self.programs["database"] = self._postgres()
        self.programs |= {name: self._gateway(floor) for name, floor in self.floors.items()}
        for name in ("database", "broker", "central", *self.floors):
            if name in self.programs:
                stack.push_async_callback(self.programs[name].stop)
                await self.programs[name].start()
                await self._until_serving(name)

    def close(self, *, keep: bool) -> None:
        """Give the disks back; with `keep` what was on them stays in the folder."""
        for name, disk in self.disks.items():
            disk.close(self.folder / "kept" / name if keep else None)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def serves(self, name: str) -> bool:
        """Whether a program does its work."""
        if name in self.floors:
            return await self.health(name) is not None
        if name == "central":
            return await fetch(self.ports["central"], "/readyz") is not None
        return await listens(self.ports[name])

    async def health(self, gateway: str) -> Any:
        """What a gateway says of itself; None: it says nothing."""
        return await fetch(self.ports[gateway], "/health")

    async def heal(self) -> None:
        """Nothing is wrong any more with lines, disks and clocks, and nobody is paused."""
        for link in self.links.values():
            await link.heal()
        for disk in self.disks.values():
            disk.free()
        for clock in self.clocks.values():
            clock.right()
        for program in self.programs.values():
            program.send(signal.SIGCONT)

    async def _until_serving(self, name: str) -> None:
        deadline_s = time.monotonic() + _READY_S
        while not await self.serves(name):
            program = self.programs[name]
            if program.ended or time.monotonic() > deadline_s:
                raise WorldError(f"{name} did not come up; see {program.log_path}: {program.log_path.read_text(errors='replace')[-1500:]}")
            await asyncio.sleep(_POLL_S)

    def _disk(self, name: str) -> Disk:
        folder = self.folder / name
        owner = 0
        if name == "central" and self.database_kind == "postgresql":
            owner = _owner_of_postgres()
        if self.is_mounted:
            return MountedDisk(folder, _GATEWAY_DISK_BYTES if name in self.floors else _CENTRAL_DISK_BYTES, owner)
        who = "database" if name == "central" and self.database_kind == "postgresql" else name
        disk = LimitedDisk(folder, lambda: self.programs[who].pids())  # noqa: PLW0108  # the program is made after its disk
        if owner:
            os.chown(folder, owner, -1)
        return disk

    def _dockline(self, name: str, *arguments: str) -> Kept:
        clock = self.clocks.get(name)
        return Kept(name, [sys.executable, "-m", "dockline", *arguments], self.folder / f"{name}.log", clock.environment if clock else {}, _ROOT)

    def _broker(self) -> Kept:
        if self.broker_kind == "iotcore":
            return self._dockline("broker", "broker", "run", "--port", str(self.ports["broker"]))
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise WorldError("Mosquitto is not installed; install it (Debian: apt-get install mosquitto) or run with --broker iotcore")
        file = self.folder / "mosquitto.conf"
        file.write_text(_MOSQUITTO.format(port=self.ports["broker"], folder=self.broker_store))
        if os.geteuid() == 0:  # Mosquitto then runs as its own user, or as nobody
            self.broker_store.chmod(0o777)
        return Kept("broker", [program, "-c", file], self.folder / "broker.log")

    def _central(self) -> Kept:
        listen, broker = f"127.0.0.1:{self.ports['central']}", f"mqtt://127.0.0.1:{self.links['central'].port}"
        return self._dockline("central", "central", "run", "--listen", listen, "--database", self.database_url, "--broker", broker)

    def _gateway(self, floor: Floor) -> Kept:
        name = floor.gateway
        file = self.folder / f"{name}.toml"
        data_dir = str(self.disks[name].folder)
        file.write_text(floor.gateway_file(broker_port=self.links[name].port, data_dir=data_dir, port=self.ports[name]))
        program, starts = self._dockline(name, "gateway", "run", str(file)), self.disks[name].folder / "run.json"
        # Killed as often as here a gateway goes into safe mode and leaves its devices alone: right in the field, and nothing would be tested any more.
        program.before_start = lambda: starts.unlink(missing_ok=True)
        return program

    def _postgres(self) -> Kept:
        binaries, other = servers.postgres_binaries(), _other_user()
        data = self.disks["central"].folder / "data"
        made: Sequence[str | Path] = [*other, binaries / "initdb", "-D", data, "-U", "dockline", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=self.disks["central"].folder)
        settings = {"listen_addresses": "127.0.0.1", "port": self.ports["database"], "unix_socket_directories": "", "fsync": "off", "max_wal_size": "128MB"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        command: Sequence[str | Path] = [*other, binaries / "postgres", "-D", data, *options]
        return Kept("database", command, self.folder / "database.log", folder=self.disks["central"].folder)


def _other_user() -> Sequence[str]:
    return servers._as_other_user()  # noqa: SLF001  # the tests' way to run PostgreSQL as root, said once


def _owner_of_postgres() -> int:
    return next((int(part.partition("=")[2]) for part in _other_user() if part.startswith("--reuid=")), 0)
