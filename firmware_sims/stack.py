# SPDX-License-Identifier: Apache-2.0
"""Broker, central and gateway as child processes: started, watched, killed and started again; they die with their parent."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import random
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_STOP_S = 10.0
_PORTS_BELOW_EPHEMERAL = (10_000, 32_768)  # Linux' ip_local_port_range begins at 32768
_libc = ctypes.CDLL(None)


class StackError(RuntimeError):
    """A program did not come up or ended by itself; the text has the end of its log."""


def free_port() -> int:
    """A TCP port on loopback that nobody uses just now, outside of those the system hands to outgoing connections: one of them would take it meanwhile."""
    while True:
        port = random.randrange(*_PORTS_BELOW_EPHEMERAL)  # noqa: S311  # nobody gains by guessing it
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _fetch(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # our own loopback address
        return json.loads(response.read() or b"null")


async def fetch_json(url: str) -> Any:
    """GET a JSON document. Raises: OSError: no answer or an error status."""
    return await asyncio.to_thread(_fetch, url)


@dataclass
class Program:
    """One `dockline ...` process with a log file."""

    name: str
    arguments: list[str]
    log_path: Path
    ready: Callable[[], Awaitable[bool]]
    starts: int = 0
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self, ready_s: float = 30.0) -> None:
        """Start and wait until it is ready. Raises: StackError: it ended, or was not ready in time."""
        with self.log_path.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "dockline",
                *self.arguments,
                stdout=log,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                preexec_fn=_die_with_parent,
                start_new_session=True,  # Ctrl-C in a terminal is for the parent, which ends its children in order
            )
        self.starts += 1
        deadline_s = asyncio.get_running_loop().time() + ready_s
        while not await self.ready():
            if self.process.returncode is not None:
                raise StackError(f"{self.name} ended with status {self.process.returncode}; the end of its log {self.log_path}:\n{self._log_end()}")
            if asyncio.get_running_loop().time() > deadline_s:
                raise StackError(f"{self.name} was not ready within {ready_s:g} s; the end of its log {self.log_path}:\n{self._log_end()}")
            await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it by signal, by SIGKILL if it does not obey; returns its exit status. A program that is not running counts as 0."""
        if self.process is None:
            return 0
        if self.process.returncode is None:
            self.process.send_signal(number)
            try:
                async with asyncio.timeout(_STOP_S):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        status, self.process = self.process.returncode or 0, None
        return status

    @property
    def pid(self) -> int:
        """Process id. Raises: StackError: it is not running."""
        if self.process is None or self.process.returncode is not None:
            raise StackError(f"{self.name} is not running; the end of its log {self.log_path}:\n{self._log_end()}")
        return self.process.pid

    def rss_mib(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) / 1024, 1)
        return 0.0

    def _log_end(self) -> str:
        lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines() if self.log_path.exists() else []
        return "\n".join(lines[-15:]) or "(empty)"


@dataclass
class Stack:
    """The programs of one installation, all on loopback. Without `broker_url` and `database_url` the embedded defaults are used."""

    data_dir: Path
    central_port: int = 0
    broker_url: str = ""
    database_url: str = ""
    banner: str = ""
    broker: Program | None = None

    def __post_init__(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.central_port = self.central_port or free_port()
        self.gateway_port = free_port()
        if not self.broker_url:
            port = free_port()
            self.broker_url = f"mqtt://127.0.0.1:{port}"
            self.broker = self._program("broker", ["broker", "run", "--port", str(port)], lambda: _answers_tcp(port))
        self.database_url = self.database_url or f"sqlite:///{self.data_dir / 'central.db'}"
        central = ["central", "run", "--listen", f"127.0.0.1:{self.central_port}", "--database", self.database_url, "--broker", self.broker_url]
        self.central = self._program(
            "central", [*central, *(["--banner", self.banner] if self.banner else [])], lambda: _answers_http(f"{self.central_url}/readyz")
        )
        self.gateway_file = self.data_dir / "gateway.toml"
        self.gateway = self._program("gateway", ["gateway", "run", str(self.gateway_file)], lambda: _answers_http(f"{self.gateway_url}/health"))

    @property
    def central_url(self) -> str:
        """Where pages and API are."""
        return f"http://127.0.0.1:{self.central_port}"

    @property
    def gateway_url(self) -> str:
        """Where the gateway's health and metrics are."""
        return f"http://127.0.0.1:{self.gateway_port}"

    async def stop(self) -> None:
        """End gateway, central and broker, in this order."""
        for program in (self.gateway, self.central, self.broker):
            if program is not None:
                await program.stop()

    def _program(self, name: str, arguments: list[str], ready: Callable[[], Awaitable[bool]]) -> Program:
        return Program(name, arguments, self.data_dir / f"{name}.log", ready)


async def _answers_tcp(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _answers_http(url: str) -> bool:
    try:
        await fetch_json(url)
    except (OSError, ValueError):
        return False
    return True
