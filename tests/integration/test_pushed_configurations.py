# SPDX-License-Identifier: Apache-2.0
"""Configurations pushed from central to the gateway's own program over a broker with mutual TLS: good ones, bad ones, old ones, forged ones, and kills."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from contracts import signatures, wire
from contracts.commands import GATEWAY, ConfigureGateway
from contracts.events import CommandAnswered
from contracts.topics import GatewayAddress, partition_of
from firmware_sims.stack import free_port
from gateway.configuration_rules import Standing
from tests.integration.trusted_site import DOCKLINE, SITE, TrustedSite, dockline, trusted_site, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.mosquitto, pytest.mark.timeout(180)]
NAME = "dock-7"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustedSite]:
    with trusted_site(tmp_path_factory.mktemp("site")) as made:
        yield made


class Field:
    """One gateway in the field with two simulated scanners, and what central knows of it."""

    def __init__(self, site: TrustedSite) -> None:
        self.site = site
        self.ports = {name: free_port() for name in ("scanner-1", "scanner-2")}
        self.sims = [self._scanner(port) for port in self.ports.values()]
        self.file = site.enrol(NAME)
        self.head = self.file.read_text() + "report_interval_s = 0.5\nconfiguration_health_s = 4\n"
        self.file.write_text(self.head)
        self.data = self.file.parent / "data"
        self.process = site.central

    def _scanner(self, port: int) -> subprocess.Popen[bytes]:
        command = ["setpriv", "--pdeathsig", "KILL", *DOCKLINE, "sim", "scanner_serial", "--port", str(port)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self) -> subprocess.Popen[bytes]:
        self.process = self.site.run("gateway", "run", self.file, log="gateway.log")
        wait_for(lambda: self.says("online") and self.answers())
        return self.process

    def answers(self) -> Any:
        try:
            return httpx.get(f"http://{(self.data / 'listen').read_text().strip()}/health", timeout=5).json()
        except (OSError, httpx.HTTPError):
            return None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def says(self, key: str) -> Any:
        return self.site.gateway(NAME).get(key)

    def document(self, more: str = "", head: str = "", **ports: int) -> str:
        tables = [
            f'[[device]]\nid = "{name}"\ndriver = "scanner_serial"\nhost = "127.0.0.1"\nport = {port}\n' for name, port in ({**self.ports, **ports}).items()
        ]
        return "\n".join([self.head, head, *tables, more])

    def push(self, document: str, **words: Any) -> dict[str, Any]:
        answer = self.site.api.post(f"/api/v1/gateways/{NAME}/configurations", json={"document": document, **words})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def outcome(self, version: int) -> dict[str, Any]:
        """What became of a version, once the gateway has said it."""
        path = f"/api/v1/gateways/{NAME}/configurations/{version}"
        return dict(wait_for(lambda: found if (found := self.site.api.get(path).json())["state"] != "sent" else None))

    def applied(self, document: str, **words: Any) -> int:
        version = self.push(document, **words)["version"]
        outcome = self.outcome(version)
        assert outcome["state"] == "applied", outcome
        return int(version)

    def devices(self) -> dict[str, Any]:
        return {each["device"]: each for each in self.site.api.get("/api/v1/devices").json()["items"] if each["gateway"] == NAME}

    def send(self, command: ConfigureGateway) -> str:
        """What the gateway answers to a command that somebody put onto its topic without central."""
        topic = GatewayAddress(partition_of(SITE), SITE, NAME).topic("down")
        files = self.site.broker_folder
        tls = ["--cafile", files / "authority.pem", "--cert", files / "central.pem", "--key", files / "central-key.pem"]
        publish = [*tls, "-h", "localhost", "-p", str(self.site.broker_port), "-t", topic, "-q", "1", "-s"]
        subprocess.run(["mosquitto_pub", *map(str, publish)], input=wire.encode(command), check=True, timeout=20)
        return str(wait_for(lambda: self.answer_to(command.command_id)))

    def answer_to(self, command_id: str) -> str:
        with closing(sqlite3.connect(f"file:{self.site.folder / 'central.db'}?mode=ro", uri=True)) as database:
            said = [wire.decode_event(body) for (body,) in database.execute("SELECT body FROM event WHERE kind = 'CommandAnswered'")]
        return next((f"{each.outcome}: {each.reason}" for each in said if isinstance(each, CommandAnswered) and each.command_id == command_id), "")

    def stop(self) -> None:
        """The gateway itself ends with the site."""
        for sim in self.sims:
            assert sim.stdin is not None
            sim.stdin.close()
            sim.terminate()
            sim.wait(15)


@pytest.fixture(scope="module")
def field(site: TrustedSite) -> Iterator[Field]:
    made = Field(site)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def up(field: Field, *names: str) -> bool:
    health = field.answers() or {"devices": {}}
    return all(health["devices"].get(name, {}).get("up") for name in names)


@pytest.fixture
def settled(field: Field) -> Field:
    """The field with both scanners in force from central, whatever a test before has left."""
    wanted = field.says("wanted_version")
    is_asked_for = wanted and field.site.api.get(f"/api/v1/gateways/{NAME}/configurations/{wanted}").json()["document"] == field.document()
    if is_asked_for and field.says("drift"):
        field.applied(field.document("# what is wanted already is no new version\n"))
    if not is_asked_for or field.says("drift"):
        field.applied(field.document())
    wait_for(lambda: up(field, "scanner-1", "scanner-2") and field.says("drift") == "")
    return field


@pytest.mark.requirement("E14")
def test_pushed_configuration_moves_only_what_changed(settled: Field) -> None:
    wait_for(lambda: settled.devices().get("scanner-2", {}).get("state") == "connected")
    before, pid = settled.devices()["scanner-2"], settled.process.pid

    point = '[[station]]\nid = "desk"\nkind = "scan_point"\nscanner = "scanner-1"\n'
    version = settled.applied(settled.document(point), actor="li", note="a desk for returns")

    wait_for(lambda: settled.says("config_version") == version and settled.says("drift") == "" and settled.says("certificate_until"))
    wait_for(lambda: up(settled, "scanner-1", "scanner-2"))
    assert (settled.devices()["scanner-2"], settled.process.poll(), settled.process.pid) == (before, None, pid)
    shown = settled.site.api.get(f"/api/v1/gateways/{NAME}/configurations/{version}").json()
    assert '+id = "desk"' in shown["difference"]
    assert (shown["actor"], shown["digest"]) == ("li", settled.says("config_hash"))
    # What is wanted already is not another version.
    assert settled.push(settled.document(point))["version"] == version


@pytest.mark.requirement("E14")
def test_configuration_with_mistakes_is_refused_with_all_of_them(settled: Field) -> None:
    in_force = settled.says("config_version")
    wrong = '[[station]]\nid = "desk"\nkind = "scan_point"\nscanner = "scanner-9"\n[[station]]\nid = "x"\nkind = "scan_piont"\n'

    outcome = settled.outcome(settled.push(settled.document(wrong))["version"])

    assert outcome["state"] == "refused"
    assert "scanner-9" in outcome["reason"] or "scan_piont" in outcome["reason"]
    assert settled.says("config_version") == in_force
    fixed = settled.outcome(settled.push(settled.document().replace(str(settled.data), "/tmp/elsewhere"))["version"])
    assert (fixed["state"], "gateway.data_dir" in fixed["reason"]) == ("refused", True)
    for document in ("no toml", '[gateway]\nid = "other"\nsite = "site-1"\n'):
        assert settled.site.api.post(f"/api/v1/gateways/{NAME}/configurations", json={"document": document}).json()["code"] == "bad_configuration"


@pytest.mark.requirement("E14")
def test_old_and_forged_configurations_change_nothing(settled: Field) -> None:
    in_force = settled.applied(settled.document("# newer\n"))
    first = settled.site.api.get(f"/api/v1/gateways/{NAME}/configurations/1").json()
    deadline_at = datetime.now(UTC) + timedelta(minutes=5)
    old = ConfigureGateway(command_id="old-1", station=GATEWAY, deadline_at=deadline_at, version=1, document=first["document"], signature=first["signature"])

    assert "is older than" in settled.send(old)
    assert "does not hold" in settled.send(msgspec.structs.replace(old, command_id="forged-1", version=900))
    foreign = signatures.make_signing_key()
    payload = signatures.configuration_payload(NAME, SITE, 900, first["document"])
    forged = msgspec.structs.replace(old, command_id="forged-2", version=900, signature=signatures.sign(foreign, "configuration", payload))
    assert "does not hold" in settled.send(forged)
    assert settled.says("config_version") == in_force


@pytest.mark.requirement("E14")
def test_configuration_that_loses_a_device_is_given_back(settled: Field) -> None:
    in_force = settled.says("config_version")
    wait_for(lambda: up(settled, "scanner-1", "scanner-2"))

    outcome = settled.outcome(settled.push(settled.document(**{"scanner-1": free_port()}))["version"])

    assert (outcome["state"], "scanner-1 was connected before" in outcome["reason"]) == ("returned", True), outcome
    wait_for(lambda: up(settled, "scanner-1", "scanner-2"))
    wait_for(lambda: settled.says("config_version") == in_force)
    # What was good comes back as a new version only.
    settled.applied(settled.document("# another\n"))
    again = settled.site.api.post(f"/api/v1/gateways/{NAME}/configurations/{in_force}/again", json={"actor": "li"}).json()
    assert (settled.outcome(again["version"])["state"], again["again_of"]) == ("applied", in_force)


@pytest.mark.requirement("E14")
def test_key_of_the_gateway_itself_counts_after_an_orderly_restart(settled: Field) -> None:
    pid = settled.process.pid

    version = settled.applied(settled.document(head="outbox_bytes_max = 1000000"))

    wait_for(lambda: settled.says("restarted") == "configuration" and settled.says("config_version") == version)
    assert (settled.process.poll(), settled.process.pid) == (None, pid)
    # One that loses the way to central returns by itself.
    lost = settled.document().replace(settled.site.broker, f"mqtts://localhost:{free_port()}")
    outcome = settled.outcome(settled.push(lost)["version"])
    assert (outcome["state"], "no way to central" in outcome["reason"]) == ("returned", True)
    wait_for(lambda: settled.says("online") and settled.says("config_version") == version)


@pytest.mark.requirement("E14")
def test_gateway_killed_while_it_tries_a_configuration_comes_back_with_the_last_good_one(settled: Field) -> None:
    in_force = settled.says("config_version")
    wait_for(lambda: up(settled, "scanner-1", "scanner-2"))
    version = settled.push(settled.document(**{"scanner-2": free_port()}))["version"]
    standing = settled.data / "configurations" / "standing.json"
    wait_for(lambda: (trial := msgspec.json.decode(standing.read_bytes(), type=Standing).trying) and trial.starts and trial.version == version)

    settled.kill()
    settled.start()

    outcome = settled.outcome(version)
    assert (outcome["state"], "ended before" in outcome["reason"]) == ("returned", True)
    wait_for(lambda: up(settled, "scanner-1", "scanner-2"))
    assert settled.says("config_version") == in_force
    assert settled.says("drift") == ""


@pytest.mark.requirement("E14")
def test_edited_own_file_takes_the_same_way_and_shows_as_drift(settled: Field) -> None:
    wanted, log = settled.says("wanted_version"), settled.site.folder / "gateway.log"
    settled.file.write_text(settled.document().replace("scanner_serial", "scanner_cereal"))
    settled.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "scanner_cereal" in log.read_text().rpartition("is not taken over")[2])

    settled.file.write_text(settled.document("# by hand\n"))
    assert "taken over" in dockline("gateway", "reload", settled.file)

    wait_for(lambda: settled.says("config_version") == 0 and f"version {wanted} is wanted" in settled.says("drift"))
    settled.kill()
    settled.start()
    wait_for(lambda: up(settled, "scanner-1", "scanner-2"))
    assert settled.says("config_version") == 0
    # A newer version from central takes over again.
    assert settled.applied(settled.document("# again from central\n")) > wanted
