# SPDX-License-Identifier: Apache-2.0
"""A site that trusts certificates only: its authority, Mosquitto with mutual TLS, and central, all as they are run in the field, on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from central import migrations
from central.database import in_transaction, open_engine
from central.fleet.authority import make_authority
from central.fleet.broker_files import write_broker_files
from central.fleet.enrolment import offer_code
from contracts.enrolment import Code
from firmware_sims.stack import free_port

DOCKLINE = [sys.executable, "-m", "dockline"]
SITE = "site-1"
WITHIN_S = 60.0


def dockline(*arguments: str | Path) -> str:
    """A command that must succeed; what it said."""
    done = subprocess.run([*DOCKLINE, *map(str, arguments)], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}{done.stdout}"
    return done.stdout


def wait_for(condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """What `condition` says once it is true; programs outside of this process announce nothing."""
    deadline_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s"
        time.sleep(0.05)
    return found


class TrustedSite:
    """Addresses and folders of one; `gateways` are the programs that run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority_folder = folder / "authority"
        self.broker_folder = folder / "broker"
        self.database = f"sqlite:///{folder / 'central.db'}"
        self.broker_port = free_port()
        self.central_port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{self.central_port}", timeout=20, trust_env=False)

    @property
    def broker(self) -> str:
        return f"mqtts://localhost:{self.broker_port}"

    def start(self) -> None:
        self.authority = make_authority(self.authority_folder, "Test", datetime.now(UTC))
        self.trust = ("--authority", self.authority_folder, "--database", self.database)
        self.engine = open_engine(self.database)
        migrations.upgrade(self.engine)
        hosts = ("localhost", "127.0.0.1")
        write_broker_files(self.engine, self.authority, self.broker_folder, hosts, self.broker_port, "127.0.0.1", datetime.now(UTC))
        self.mosquitto = self.start_mosquitto()
        files = self.broker_folder
        own = ("--broker-certificate-file", files / "central.pem", "--broker-key-file", files / "central-key.pem")
        self.central = self.run(
            "central",
            "run",
            "--listen",
            f"127.0.0.1:{self.central_port}",
            "--broker",
            self.broker,
            "--broker-ca-file",
            files / "authority.pem",
            *own,
            *self.trust,
        )
        wait_for(self._is_ready, 100)

    def _is_ready(self) -> bool:
        assert self.central.poll() is None, (self.folder / "programs.log").read_text()[-2000:]
        try:
            return self.api.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def start_mosquitto(self) -> subprocess.Popen[bytes]:
        configured = self.broker_folder / "test.conf"
        # Started by root it would become another user and could not read its key in a folder of this test.
        configured.write_text((self.broker_folder / "mosquitto.conf").read_text() + ("user root\n" if os.geteuid() == 0 else ""))
        with (self.folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "/usr/sbin/mosquitto", "-c", configured], stdout=log, stderr=log)
        self.processes.append(process)
        wait_for(lambda: "running" in self.mosquitto_log())
        return process

    def restart_mosquitto(self) -> None:
        self.mosquitto.terminate()
        self.mosquitto.wait(10)
        (self.folder / "mosquitto.log").unlink()
        self.mosquitto = self.start_mosquitto()

    def mosquitto_log(self) -> str:
        return (self.folder / "mosquitto.log").read_text()

    def run(self, *arguments: str | Path, log: str = "programs.log") -> subprocess.Popen[bytes]:
        """A program that goes on until the test ends it."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *DOCKLINE, *map(str, arguments)], stdout=output, stderr=output)
        self.processes.append(process)
        return process

    def code(self, gateway: str) -> Code:
        terms = (gateway, SITE, (self.broker,))
        return in_transaction(self.engine, lambda connection: offer_code(connection, self.authority, *terms, datetime.now(UTC))).code

    def enrol(self, gateway: str) -> Path:
        """A gateway with a certificate; returns its configuration file."""
        into = self.folder / gateway
        central = str(self.api.base_url).rstrip("/")
        dockline("gateway", "enrol", "--central", central, "--code", str(self.code(gateway)), "--into", into, "--data-dir", into / "data")
        return into / "gateway.toml"

    def gateway(self, name: str) -> dict[str, Any]:
        """What central knows of a gateway."""
        found = [each for each in self.api.get("/api/v1/gateways").json()["items"] if each["id"] == name]
        return found[0] if found else {}

    def stop(self) -> None:
        self.api.close()
        if hasattr(self, "engine"):
            self.engine.dispose()
        for process in self.processes:  # how programs end in order is tested elsewhere
            process.kill()
        for process in self.processes:
            process.wait(15)


@contextmanager
def trusted_site(folder: Path) -> Iterator[TrustedSite]:
    site = TrustedSite(folder)
    try:
        site.start()
        yield site
    finally:
        site.stop()
