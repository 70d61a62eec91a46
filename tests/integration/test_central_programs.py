# SPDX-License-Identifier: Apache-2.0
"""The programs as processes: broker and central start, say where they listen, stop in order, and end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from central.command import main
from tests import servers

ROOT = Path(__file__).resolve().parents[2]
DOCKLINE = [sys.executable, str(ROOT / "dockline.py")]
DEADLINE_S = 30.0
pytestmark = pytest.mark.slow


def wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"central ended with {process.returncode}"
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
    raise AssertionError(f"{url} is not ready after {DEADLINE_S} s")


def test_central_starts_on_an_empty_database_and_stops_in_order(tmp_path: Path) -> None:
    port = servers.free_port()
    with servers.embedded_broker() as broker:
        command = [*DOCKLINE, "central", "run", "--listen", f"127.0.0.1:{port}", "--database", f"sqlite:///{tmp_path / 'c.db'}", "--broker", broker]
        process = subprocess.Popen(command)
        try:
            wait_ready(f"http://127.0.0.1:{port}", process)
            assert httpx.get(f"http://127.0.0.1:{port}/api/v1/status").json()["events_accepted"] == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE_S) == 0
        finally:
            process.kill()
            process.wait()


def test_central_on_another_address_prints_a_key_once_and_asks_for_it(tmp_path: Path) -> None:
    port = servers.free_port()
    with servers.embedded_broker() as broker:
        command = [*DOCKLINE, "central", "run", "--listen", f"0.0.0.0:{port}", "--database", f"sqlite:///{tmp_path / 'c.db'}", "--broker", broker]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            said = process.stdout.readline().decode()
            key = said.split("shown once: ")[1].strip()
            wait_ready(f"http://127.0.0.1:{port}", process)
            url = f"http://127.0.0.1:{port}/api/v1/status"
            assert httpx.get(url).status_code == 401
            assert httpx.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 200
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_broker_dies_with_its_parent() -> None:
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({[*DOCKLINE, 'broker', 'run', '--port', '0']!r}, stdout=subprocess.PIPE, text=True)\n"
        "print(child.pid, child.stdout.readline(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid = int(parent.stdout.readline().split()[0])
    child = psutil.Process(pid)

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()

    psutil.wait_procs([child], timeout=DEADLINE_S)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_broker_on_a_port_in_use_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    with servers.embedded_broker() as url:
        port = url.rpartition(":")[2]
        assert subprocess.run([*DOCKLINE, "broker", "run", "--port", port], check=False).returncode == 1
    assert "is in use; stop what listens there or choose another --port" in capfd.readouterr().err


def test_keys_are_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = ["--database", f"sqlite:///{tmp_path / 'c.db'}"]

    assert main(["key", "make", "erp", *database]) == 0
    assert capsys.readouterr().out.startswith("dk_")
    assert main(["key", "revoke", "erp", *database]) == 0
    assert main(["key", "list", *database]) == 0
    assert capsys.readouterr().out.startswith("erp\tmade 20")
    assert main(["key", "revoke", "erp", *database]) == 1
    assert "there is no key named erp in use" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--listen", "8080"], ["--broker", "localhost"], ["--time-zone", "Mars/Olympus"]])
def test_wrong_argument_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["run", "--database", f"sqlite:///{tmp_path / 'c.db'}", *arguments]) == 2
    assert arguments[1] in capsys.readouterr().err
