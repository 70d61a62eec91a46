# SPDX-License-Identifier: Apache-2.0
"""A gateway whose versions stand side by side: real bundles, environments, launcher and gateway program, and somebody who starts it again as systemd does.

The wheels are stand-ins of real form: each installs a link to this source tree, so that nothing has to be built or fetched, and what makes it good or bad.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import signal
import subprocess
import sysconfig
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from contracts import signatures
from contracts.bundles import BundledFile, Manifest, sign_bundle
from gateway.trust import Enrolment, write_enrolment
from gateway.updates import environment
from gateway.updates.build import build_bundle

ROOT = Path(__file__).resolve().parents[2]
PYTHON, PLATFORM = environment.tags()
_RESTART_S = 0.2

GOOD = ""
_SPOILT = """
import runpy, sys, time
if sys.argv[1:3] == {words}:
    {does}
runpy.run_path({program!r}, run_name="__main__")
"""


def bad(does: str, *words: str) -> str:
    """The program of a version that `does` something else when it is asked this; unless told otherwise, when it shall run."""
    return _SPOILT.format(does=does, words=list(words or ("gateway", "run")), program=str(ROOT / "dockline.py"))


def stand_in_wheel(folder: Path, version: str, program: str = GOOD) -> Path:
    """A wheel of dockline."""
    info = f"dockline-{version}.dist-info"
    files = {
        "dockline_linked.pth": f"{ROOT}\n{sysconfig.get_path('purelib')}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: dockline\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if program:
        files["dockline.py"] = program
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.writerow([name, f"sha256={digest}", len(text.encode())])
    rows.writerow([f"{info}/RECORD", "", ""])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"dockline-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, text in {**files, f"{info}/RECORD": record.getvalue()}.items():
            wheel.writestr(name, text)
    return path


def wait_until(condition: Callable[[], Any], within_s: float = 60.0) -> Any:
    """What programs outside of this process come to say; they announce nothing."""
    end_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end_s, f"not within {within_s:g} s"
        time.sleep(0.05)
    return found


class Field:
    """The folders, keys and programs of one gateway."""

    def __init__(self, folder: Path, tables: str = "", broker_port: int = 1) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.data = folder / "data"
        self.trust = folder / "trust"
        self.key = signatures.make_signing_key()
        self.file = folder / "gateway.toml"
        self._supervised: threading.Thread | None = None
        self._ends = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.data.mkdir()
        self.trust.mkdir()
        table = f'id = "gw-1"\nsite = "test-site"\nbroker = "mqtt://127.0.0.1:{broker_port}"\nlisten = "127.0.0.1:0"\n'
        self.file.write_text(f'[gateway]\n{table}data_dir = "{self.data}"\ntrust_dir = "{self.trust}"\n{tables}\n')
        now = datetime.now(UTC)
        write_enrolment(
            self.trust,
            Enrolment(
                gateway="gw-1",
                site="test-site",
                central="http://127.0.0.1:1",
                signing_key=signatures.public_key_of(self.key),
                certified_at=now,
                certificate_until=now + timedelta(days=90),
            ),
        )

    def begin(self, version: str) -> None:
        """The first version, as a person installs it."""
        folder = self.root / "versions" / version
        folder.mkdir(parents=True)
        wheel = stand_in_wheel(self.folder / "first", version)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        files = [BundledFile(name=f"wheels/{wheel.name}", size_bytes=wheel.stat().st_size, sha256=digest)]
        environment.make_environment(folder, [wheel], Manifest(version=version, python=PYTHON, platform=PLATFORM, files=files))
        self._said([str(folder / "bin/python"), "-I", "-m", "dockline", "update", "begin", str(self.file), "--root", str(self.root)])
        if os.geteuid() == 0:
            self.root.chmod(0o555)  # the gateway's user may not write there; see `_run`

    def bundle(self, version: str, program: str = GOOD, *, key: bytes | None = None, **words: Any) -> Path:
        """A signed bundle."""
        into = self.folder / f"dockline-{version}.bundle"
        wheels = self.folder / f"wheels-{version}"
        stand_in_wheel(wheels, version, program)
        build_bundle(wheels, into, msgspec.structs.replace(Manifest(version=version, python=PYTHON, platform=PLATFORM, files=[]), **words))
        sign_bundle(into, key or self.key)
        return into

    @property
    def launcher(self) -> str:
        return str(self.root / "bin" / "dockline")

    def update(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """`dockline gateway update`, by whatever version the launcher takes."""
        return subprocess.run(self.update_command(*arguments), capture_output=True, text=True, timeout=100, check=False)

    def update_command(self, *arguments: str | Path) -> list[str]:
        return [self.launcher, "gateway", "update", *map(str, arguments), "--root", str(self.root), "--file", str(self.file)]

    def version(self) -> str:
        """What the launcher starts for a person."""
        return self._said([self.launcher, "--version"]).strip().removeprefix("dockline ")

    @staticmethod
    def _said(command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def supervise(self) -> None:
        """Start the gateway, and again whenever it ends, as the unit in deploy/ says."""
        self._supervised = threading.Thread(target=self._run, name="supervisor")
        self._supervised.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            with (self.folder / "gateway.log").open("ab") as log:
                subprocess.run([self.launcher, "settle"], stdout=log, stderr=log, check=False)
                rights = ["--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
                command = ["setpriv", "--pdeathsig", "KILL", *rights, self.launcher, "gateway", "run", str(self.file)]
                self._process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"})
                self.starts += 1
                while self._process.poll() is None and not self._ends.wait(0.05):
                    pass
            self._ends.wait(_RESTART_S)

    def health(self) -> dict[str, Any] | None:
        """What the running gateway says of itself."""
        try:
            return dict(httpx.get(f"http://{(self.data / 'listen').read_text().strip()}/health", timeout=5).json())
        except (OSError, httpx.HTTPError):
            return None

    def runs(self, version: str) -> dict[str, Any]:
        """Until the gateway answers with that version; what it says then."""
        return dict(wait_until(lambda: said if (said := self.health()) and said["version"] == version else None))

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()

    def log(self) -> str:
        return (self.folder / "gateway.log").read_text(errors="replace")

    def stop(self) -> None:
        self._ends.set()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._supervised is not None:
            self._supervised.join(20)
