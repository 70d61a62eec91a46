# SPDX-License-Identifier: Apache-2.0
"""Closed by default, with the real programs: passwords, keys and TLS are asked for, and whoever is refused says so in one clear line."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E17")]

_START_S = 30.0
_LINES_WITHIN_S = 15.0


class Program:
    """A program of ours or a server, with what it says."""

    def __init__(self, *command: str | Path) -> None:
        self.process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def says(self, pattern: str, within_s: float = _START_S) -> re.Match[str]:
        """Wait for a line with the pattern."""
        with self._changed:
            self._changed.wait_for(lambda: any(re.search(pattern, line) for line in self.lines), within_s)
            found = [match for line in self.lines if (match := re.search(pattern, line))]
        assert found, f"{pattern!r} not said within {within_s} s by {self.process.args!r} (status {self.process.poll()}):\n" + "\n".join(self.lines)
        return found[0]

    def having(self, text: str) -> list[str]:
        with self._changed:
            return [line for line in self.lines if text in line]

    def end(self) -> int:
        self.process.terminate()
        status = self.process.wait(_START_S)
        self._reader.join(_START_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


@contextmanager
def running(*command: str | Path) -> Iterator[Program]:
    program = Program(*command)
    try:
        yield program
    finally:
        program.end()


def dockline(*arguments: str | Path) -> tuple[str | Path, ...]:
    return (sys.executable, "-m", "dockline", *arguments)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def gateway_file(folder: Path, broker: str, *, listen: str = "127.0.0.1:0", **keys: Path | str) -> Path:
    folder.mkdir(exist_ok=True)
    more = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    text = f'[gateway]\nid = "gw-1"\nsite = "site-1"\nbroker = "{broker}"\ndata_dir = "{folder}"\nlisten = "{listen}"\nreport_interval_s = 0.5\n{more}'
    return written(folder / "gateway.toml", text)


def address_of(gateway: Program) -> str:
    """Where a gateway serves its health."""
    return gateway.says(r"gateway serves .*health=http://\S+?:(\d+)/health")[1]


def until(condition: Callable[[], bool]) -> None:
    """For another process' state, which announces nothing."""
    deadline = time.monotonic() + _LINES_WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not true within {_LINES_WITHIN_S} s"
        threading.Event().wait(0.05)


def has_tried_again(gateway: Program) -> bool:
    metrics = httpx.get(f"http://127.0.0.1:{address_of(gateway)}/metrics").text
    found = re.search(r"^dockline_uplink_reconnects_total ([\d.]+)", metrics, flags=re.MULTILINE)
    return found is not None and float(found[1]) >= 2


@contextmanager
def open_broker() -> Iterator[tuple[int, str, str, Program]]:
    """The embedded broker on all addresses: its port, and the user and password that it said."""
    port = free_port()
    with running(*dockline("broker", "run", "--listen", "0.0.0.0", "--port", str(port))) as broker:
        said = broker.says(r"user (\S+) and password (\S+) \(shown once\)")
        broker.says("listening on")
        yield port, said[1], said[2], broker


def test_broker_beyond_loopback_lets_in_only_with_the_password_it_said_once(tmp_path: Path) -> None:
    with open_broker() as (port, user, password, broker):
        right, wrong = written(tmp_path / "right", f"{password}\n"), written(tmp_path / "wrong", "wrong\n")
        url = f"mqtt://127.0.0.1:{port}"
        by_url = dockline("central", "run", "--listen", "127.0.0.1:0", "--database", f"sqlite:///{tmp_path / 'a.db'}")
        central = (*by_url, "--broker", f"mqtt://{user}:{password}@127.0.0.1:{port}")
        with running(*central) as program:
            program.says("ingest connected")
        with running(*by_url, "--broker", f"mqtt://{user}@127.0.0.1:{port}", "--broker-password-file", right) as program:
            program.says("ingest connected")
            with running(*dockline("gateway", "run", gateway_file(tmp_path / "gw", url, broker_username=user, broker_password_file=right))) as gateway:
                gateway.says("uplink connected")
                health = httpx.get(f"http://127.0.0.1:{address_of(gateway)}/health").json()
        refused = gateway_file(tmp_path / "gw-wrong", url, broker_username=user, broker_password_file=wrong)
        with running(*dockline("gateway", "run", refused)) as gateway:
            line = gateway.says("uplink lost .*")[0]
            answer = httpx.get(f"http://127.0.0.1:{address_of(gateway)}/health")
            until(lambda: has_tried_again(gateway))
            assert gateway.process.poll() is None
            said = gateway.having("uplink lost")
        with running(*by_url, "--broker", f"mqtt://{user}:wrong@127.0.0.1:{port}") as program:
            refusal = program.says("ingest lost.*")[0]

    assert health["uplink"] is True
    assert (answer.status_code, answer.json()["uplink"], len(said)) == (200, False, 1)
    assert "broker_username and broker_password_file" in line
    assert len(broker.having(password)) == 1
    assert "check --broker, its user and its password" in refusal
    assert not program.having("Traceback")
    assert not gateway.having("Traceback")


def test_central_beyond_loopback_asks_its_key_for_pages_and_api(tmp_path: Path) -> None:
    port = free_port()
    command = dockline("central", "run", "--listen", f"0.0.0.0:{port}", "--database", f"sqlite:///{tmp_path / 'a.db'}", "--broker", "mqtt://127.0.0.1:1")
    with running(*command) as central, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        key = central.says(r"The first one, shown once: (\S+)")[1]
        until(lambda: answers(client))
        without = [client.get(path).status_code for path in ("/", "/api/v1/status", "/stream", "/livez")]
        bearer = [client.get(path, headers={"Authorization": f"Bearer {key}"}).status_code for path in ("/", "/api/v1/status")]
        browser = client.get("/", auth=("anybody", key)).status_code
        wrong = client.get("/", auth=("anybody", "wrong")).status_code
    with running(*command) as central, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        until(lambda: answers(client))
        again = client.get("/api/v1/status", headers={"Authorization": f"Bearer {key}"}).status_code
        shown = central.having("shown once")

    assert without == [401, 401, 401, 200]
    assert (bearer, browser, wrong) == ([200, 200], 200, 401)
    assert (again, shown) == (200, [])


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_gateway_beyond_loopback_makes_a_key_shows_it_once_and_asks_for_it(tmp_path: Path) -> None:
    file = gateway_file(tmp_path / "gw", "mqtt://127.0.0.1:1", listen="0.0.0.0:0")
    with running(*dockline("gateway", "run", file)) as gateway:
        key = gateway.says(r"Shown once: (\S+)")[1]
        first = codes_of(gateway, key)
    with running(*dockline("gateway", "run", file)) as gateway:
        second = codes_of(gateway, key)
        shown = gateway.having("Shown once")

    assert (first, second, shown) == ([401, 401, 200], [401, 401, 200], [])
    (kept,) = tmp_path.rglob("api-key")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_gateway_asks_for_the_key_of_the_file_it_was_given(tmp_path: Path) -> None:
    key = written(tmp_path / "key", "secret\n")
    with running(*dockline("gateway", "run", gateway_file(tmp_path / "gw", "mqtt://127.0.0.1:1", listen="0.0.0.0:0", api_key_file=key))) as gateway:
        assert codes_of(gateway, "secret") == [401, 401, 200]


def codes_of(gateway: Program, key: str) -> list[int]:
    """Status without a key, with a wrong one, with the right one."""
    url = f"http://127.0.0.1:{address_of(gateway)}/health"
    return [httpx.get(url, headers=headers).status_code for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {key}"})]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> Path:
    """A certificate authority made for this test."""
    openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-subj", f"/CN=Dockline test {name}", "-keyout", f"{name}.key", "-out", f"{name}.crt",
    )  # fmt: skip
    return folder / f"{name}.crt"


def server_certificate(folder: Path, signer: str) -> None:
    """server.key and server.crt for 127.0.0.1."""
    openssl(
        folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=broker", "-keyout", "server.key", "-out", "server.csr"
    )
    written(folder / "names", "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", f"{signer}.crt", "-CAkey", f"{signer}.key", "-CAcreateserial", "-days", "1",
        "-extfile", "names", "-out", "server.crt",
    )  # fmt: skip


@contextmanager
def tls_broker(folder: Path) -> Iterator[int]:
    """Mosquitto that speaks TLS only and asks for a password (user `gw-1`, password `secret`)."""
    port = free_port()
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program, "Mosquitto is not installed; install it with the system's package manager (Debian: apt-get install mosquitto)"
    subprocess.run(["mosquitto_passwd", "-b", "-c", folder / "passwords", "gw-1", "secret"], check=True, capture_output=True)
    configured = written(
        folder / "mosquitto.conf",
        f"listener {port} 127.0.0.1\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key\n"
        f"allow_anonymous false\npassword_file {folder}/passwords\npersistence false\nuser root\n",
    )
    with running(program, "-v", "-c", configured) as broker:
        broker.says("running|Opening ipv4 listen socket")
        yield port


@pytest.mark.mosquitto
def test_gateway_and_central_speak_tls_with_a_broker_of_the_authority_and_password_it_was_given_and_with_no_other(tmp_path: Path) -> None:
    right, wrong = authority(tmp_path, "right"), authority(tmp_path, "wrong")
    server_certificate(tmp_path, "right")
    password, other = written(tmp_path / "password", "secret\n"), written(tmp_path / "other", "wrong\n")
    with tls_broker(tmp_path) as port:
        url = f"mqtts://127.0.0.1:{port}"
        with running(*dockline("gateway", "run", gateway_file(tmp_path / "gw", url, broker_ca_file=right, broker_password_file=password))) as gateway:
            gateway.says("uplink connected")
            health = httpx.get(f"http://127.0.0.1:{address_of(gateway)}/health").json()
        named = ("--broker", f"mqtts://gw-1@127.0.0.1:{port}", "--broker-ca-file", str(right), "--broker-password-file", str(password))
        with running(*dockline("central", "run", "--listen", f"127.0.0.1:{free_port()}", "--database", f"sqlite:///{tmp_path}/c.db", *named)) as central:
            central.says("ingest connected")
        lost: list[str] = []
        for ca, secret in ((wrong, password), ("", password), (right, other)):  # without a file: the system's authorities
            refused = gateway_file(tmp_path / f"gw-{len(lost)}", url, broker_ca_file=ca, broker_password_file=secret)
            with running(*dockline("gateway", "run", refused)) as gateway:
                lost.append(gateway.says("uplink lost .*")[0])
                assert httpx.get(f"http://127.0.0.1:{address_of(gateway)}/health").status_code == 200
                until(lambda: has_tried_again(gateway))
                assert len(gateway.having("uplink lost")) == 1
                assert not gateway.having("Traceback")

    assert health["uplink"] is True
    for line, expected in zip(lost, ("certificate verify failed", "certificate verify failed", "Not authorized; check broker_username"), strict=True):
        assert expected in line
