# SPDX-License-Identifier: Apache-2.0
"""What the gateway's program tells systemd: ready, alive as long as its work gets on, stopping."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.commands import CancelTasks
from gateway.outbox import Answer
from gateway.restarts import read_run
from gateway.watchdog import notify, watchdog_interval_s
from tests.integration.gateway_bench import eventually, gateway_file, running_gateway

_WATCHDOG_S = 0.6
_QUIET_S = 1.5  # more than twice the time after which systemd would restart the service
_START_S = 20.0


@contextmanager
def listening(path: Path | str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(_START_S)
        yield manager


@contextmanager
def running_program(folder: Path, body: str = "") -> Iterator[subprocess.Popen[str]]:
    """`dockline gateway run` as systemd starts it."""
    file = gateway_file(folder, 1, body)
    environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(int(_WATCHDOG_S * 1e6))}
    with subprocess.Popen([sys.executable, "-m", "dockline", "gateway", "run", str(file)], env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(manager: socket.socket, within_s: float) -> str:
    """The next word; empty: none came."""
    manager.settimeout(within_s)
    try:
        return manager.recv(256).decode()
    except TimeoutError:
        return ""


@pytest.mark.slow
@pytest.mark.requirement("E17")
def test_program_says_ready_alive_and_stopping(tmp_path: Path) -> None:
    with listening(tmp_path / "notify") as manager, running_program(tmp_path) as process:
        words = [said(manager, _START_S) for _ in range(4)]
        process.terminate()
        while (word := said(manager, _START_S)) == "WATCHDOG=1":
            pass
        status = process.wait(_START_S)

    assert (words, word, status) == (["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"], "STOPPING=1", 0)


@pytest.mark.slow
@pytest.mark.requirement("E17")
def test_sign_of_life_stops_while_the_outbox_hangs_and_comes_back(tmp_path: Path) -> None:
    with listening(tmp_path / "notify") as manager, running_program(tmp_path, "report_interval_s = 0.1") as process:
        assert [said(manager, _START_S) for _ in range(2)] == ["READY=1", "WATCHDOG=1"]
        with closing(sqlite3.connect(tmp_path / "outbox.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # every commit of the gateway now waits
            for _ in range(3):  # what was said before the report met the lock
                said(manager, _WATCHDOG_S / 4)
            while_it_hangs = said(manager, _QUIET_S)
            other.execute("ROLLBACK")
        afterwards = said(manager, _START_S)
        process.terminate()
        status = process.wait(_START_S)

    assert (while_it_hangs, afterwards, status) == ("", "WATCHDOG=1", 0)


@pytest.mark.slow
@pytest.mark.requirement("E17")
async def test_sign_of_life_stops_while_the_floor_does_not_finish_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, released = asyncio.Event(), asyncio.Event()

    async def never(command_id: str) -> Answer | None:
        stuck.set()
        await released.wait()
        return None

    with listening(tmp_path / "notify") as manager:
        manager.setblocking(False)
        loop = asyncio.get_running_loop()
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        async with running_gateway(tmp_path, 1) as gateway:
            gateway.store.answer_to = never  # type: ignore[method-assign]
            gateway.floor.take(CancelTasks(command_id="c-1", station="zone-1", deadline_at=datetime.now(UTC) + timedelta(minutes=1), task_ids=[]))
            await stuck.wait()
            await eventually(lambda: gateway.floor.busy_s() > 0.2)
            with contextlib.suppress(BlockingIOError):
                while manager.recv(64):
                    pass
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(loop.sock_recv(manager, 64), 0.5)
            released.set()
            assert await asyncio.wait_for(loop.sock_recv(manager, 64), 5) == b"WATCHDOG=1"


def test_nobody_listening_does_not_stop_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))

    notify("READY=1")

    assert [record.message for record in caplog.records] == ["service manager not told"]


def test_abstract_address_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"dockline-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with listening(f"\0{name}") as manager:
        notify("READY=1")

        assert said(manager, 5.0) == "READY=1"


@pytest.mark.parametrize(("given", "expected_s"), [("", 10.0), ("30000000", 10.0), ("6000000", 2.0), ("0", 10.0), ("nonsense", 10.0)])
def test_signs_of_life_come_three_times_in_the_time_given(monkeypatch: pytest.MonkeyPatch, given: str, expected_s: float) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", given)

    assert watchdog_interval_s() == expected_s


@pytest.mark.slow
@pytest.mark.requirement("E17")
def test_next_start_knows_how_the_program_ended(tmp_path: Path) -> None:
    """SIGABRT is what systemd sends to a service that gave no sign of life in time."""
    reasons = []
    with listening(tmp_path / "notify") as manager:
        for ending in (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM, signal.SIGTERM):
            with running_program(tmp_path) as process:
                while said(manager, _START_S) != "WATCHDOG=1":
                    pass
                run = read_run(tmp_path / "run.json")
                assert run is not None
                reasons.append(run.restarted)
                process.send_signal(ending)
                process.wait(_START_S)

    assert reasons == ["first", "killed", "watchdog", "clean"]
