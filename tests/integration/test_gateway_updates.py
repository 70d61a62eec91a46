# SPDX-License-Identifier: Apache-2.0
"""Updates of a running gateway with real bundles, environments, launcher and programs: a good version stays, a bad one goes back by itself.

The tests share one gateway. Each brings versions of its own and leaves one that works in force, so their order does not matter.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts import wire
from gateway.config_file import load_config
from gateway.doctor.running import check_files
from gateway.updates.root import Root
from gateway.updates.update import Wishes, await_verdict, begin_anew, prepare, start_trial
from tests.integration.gateway_bench import running_broker, running_central
from tests.integration.update_field import Field, bad, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
_NO_WAY = """import asyncio
    async def refuse(*_, **__):
        raise OSError("this version finds no device")
    asyncio.open_connection = refuse"""


@contextmanager
def scanner() -> Iterator[int]:
    """The port of something that can be connected to and says nothing."""
    gone = threading.Event()

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            gone.wait()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            gone.set()
            server.shutdown()
            serving.join()


class Central:
    """A broker at which a central takes everything, in a thread of its own; `states` are the births and deaths that it heard."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.states: list[wire.GatewayState] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="central")
        self._thread.start()

    async def _run(self) -> None:
        async with running_central(self.port) as central:
            self.states = central.states
            await central.announce()
            await asyncio.to_thread(self._ends.wait)

    def stop(self) -> None:
        self._ends.set()
        self._thread.join()


@pytest.fixture(scope="module")
def central() -> Iterator[Central]:
    with running_broker() as port:
        made = Central(port)
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory, central: Central) -> Iterator[Field]:
    with scanner() as port:
        device = f'[[device]]\nid = "scanner-1"\ndriver = "scanner_serial"\nhost = "127.0.0.1"\nport = {port}\n'
        made = Field(tmp_path_factory.mktemp("field"), f"report_interval_s = 0.5\n{device}", central.port)
        try:
            made.begin("1.0.0")
            made.supervise()
            yield made
        finally:
            made.stop()


def works(field: Field) -> dict[str, Any]:
    """What the gateway says once its device and its way to the broker are there."""
    return dict(
        wait_until(lambda: said if (said := field.health()) and said["devices_up"] and said["uplink"] and said["lanes"]["telemetry"]["last_seq"] else None)
    )


def update_with(field: Field, bundle: Path, wishes: Wishes) -> str:
    """As the command does it, with another patience; returns how the trial ended."""
    config = load_config(field.file)
    root = Root(field.root)
    with root.locked():
        trial = start_trial(root, prepare(root, bundle, config, field.file, wishes), config, wishes)
        assert begin_anew(config)
        return await_verdict(root, trial, field.data).fault


@pytest.mark.requirement("X12")
def test_good_version_takes_over_with_everything_that_was_accepted_and_can_be_left_again(field: Field, central: Central) -> None:
    before = works(field)
    good = field.update(field.bundle("1.1.0"), "--within", "40")
    after = works(field)
    state = wait_until(lambda: next((state for state in central.states if state.online and state.version == "1.1.0"), None))
    back = field.update("--back", "--within", "40")
    at_last = works(field)

    assert good.returncode == 0, good.stderr + good.stdout + field.log()[-3000:]
    assert (after["version"], after["restarted"], after["update_fault"]) == ("1.1.0", "update", "")
    assert state.restarted == "update"
    assert after["epoch"] == before["epoch"]
    assert after["epochs_begun"] == at_last["epochs_begun"] == 0
    assert after["lanes"]["telemetry"]["last_seq"] > before["lanes"]["telemetry"]["last_seq"]
    assert back.returncode == 0, back.stderr + back.stdout
    assert at_last["version"] == before["version"] == field.version()


@pytest.mark.requirement("X12")
@pytest.mark.parametrize(
    ("version", "does", "wishes", "reason"),
    [
        ("2.1.0", "sys.exit('broken')", Wishes(), "it ended 3 times before it was healthy"),
        ("2.2.0", "time.sleep(3600)", Wishes(health_s=0.5, grace_s=0.5), "it was not healthy within 1 s and did not say why"),
        ("2.3.0", _NO_WAY, Wishes(health_s=1.0), "scanner-1 was connected before and is not now (scanner-1: cannot connect"),
    ],
    ids=["crashes", "hangs", "never healthy"],
)
def test_bad_version_returns_by_itself_and_says_why(field: Field, version: str, does: str, wishes: Wishes, reason: str) -> None:
    before = works(field)

    fault = update_with(field, field.bundle(version, bad(does)), wishes)
    after = dict(wait_until(lambda: said if (said := works(field)) and said["update_fault"] == fault else None))

    assert fault.startswith(f"update to {version} returned: {reason}"), fault
    assert (after["version"], after["epoch"]) == (before["version"], before["epoch"])
    assert "update_returned" in {found.code for found in check_files(field.data)}
    assert field.version() == before["version"]


@pytest.mark.requirement("X12")
def test_update_killed_while_it_installs_disturbs_nothing(field: Field) -> None:
    before = works(field)
    bundle, place = field.bundle("3.0.0", bad("time.sleep(3600)", "update", "self-test")), field.root / "versions" / "3.0.0"
    packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    for reached in ("pyvenv.cfg", f"{packages}/dockline-3.0.0.dist-info"):
        with subprocess.Popen(field.update_command(bundle), stdout=subprocess.DEVNULL, start_new_session=True) as update:
            wait_until((place / reached).exists)
            os.killpg(update.pid, signal.SIGKILL)

    assert not (place / "version.json").exists()
    assert field.version() == before["version"]
    assert works(field)["restarted"] == before["restarted"]
