# SPDX-License-Identifier: Apache-2.0
"""deploy/ is checked by the tools that will read it: systemd, Mosquitto, promtool, the compose schema, and a build of the wheel."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from contracts.topics import CENTRAL_STATE, GatewayAddress
from contracts.wire import MESSAGE_BYTES_MAX
from firmware_sims.stack import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
EXPOSURE_MAX = 2.0
DOCK = GatewayAddress(17, "shanghai-1", "dock-1")
WAIT_S = 10.0


def _run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50, cwd=cwd)


@pytest.mark.slow
@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_systemd_unit_exposes_little(unit: Path) -> None:
    done = _run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))

    level = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level.group(1)) <= EXPOSURE_MAX, done.stdout


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_systemd_unit_starts_a_command_that_exists(unit: Path) -> None:
    import dockline

    commands = re.findall(r"^Exec\w+=/opt/dockline/bin/dockline (\w+)", unit.read_text(), flags=re.MULTILINE)

    assert commands
    assert set(commands) <= set(dockline.COMMANDS)


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_systemd_unit_has_no_setting_that_systemd_does_not_know(unit: Path, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace("/opt/dockline/bin/dockline", shutil.which("true") or "/bin/true"))

    done = _run("systemd-analyze", "verify", "--man=no", str(here))

    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


@pytest.mark.slow
def test_compose_file_satisfies_the_compose_specification() -> None:
    done = _run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml"))

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_of_the_compose_file_is_confined_and_watched() -> None:
    from ruamel.yaml import YAML

    services = YAML(typ="safe").load(DEPLOY / "compose.yaml")["services"]

    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["healthcheck"]["test"], name
        assert "privileged" not in service, name
        assert "user" in service or service["build"]["dockerfile"] == "deploy/Dockerfile", name


def test_image_runs_as_nobody_special() -> None:
    assert re.search(r"^USER \d+$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)


def test_image_copies_every_package_of_the_project() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "tools", "benchmarks"}

    assert copied == packages
    assert packages <= set(re.findall(r"^!(\w+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), flags=re.MULTILINE))


@pytest.mark.slow
def test_wheel_holds_what_the_programs_need_at_run_time(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)

    done = _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), ".", cwd=copy)

    assert done.returncode == 0, done.stderr
    held = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    programs = [copy / name for name in ("contracts", "drivers", "gateway", "central", "firmware_sims")]
    needed = {str(path.relative_to(copy)) for program in programs for path in program.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".md")}
    assert needed - held == set(), "package data is missing; see [tool.setuptools.package-data]"


@pytest.mark.slow
def test_prometheus_configuration_and_rules_are_accepted_by_promtool() -> None:
    done = _run("promtool", "check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.slow
def test_prometheus_rules_fire_when_they_should() -> None:
    done = _run("promtool", "test", "rules", "alerts.test.yml", cwd=DEPLOY / "prometheus")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[int]:
    """Mosquitto with the configuration of deploy/, on a private port, with the users central and dock-1; gives the port."""
    port = free_port()
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for user in ("central", "dock-1"):
        assert _run("mosquitto_passwd", "-b", str(passwords), user, f"secret of {user}").returncode == 0
    (tmp_path / "acl.conf").write_text((DEPLOY / "mosquitto" / "acl.conf").read_text())
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    text = text.replace("listener 1883", f"listener {port} 127.0.0.1").replace("/mosquitto/config/", f"{tmp_path}/") + "user root\n"
    (tmp_path / "mosquitto.conf").write_text(text)
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.PIPE, text=True) as process:
        running = threading.Event()
        lines: list[str] = []

        def listen() -> None:
            for line in process.stderr or ():
                lines.append(line)
                if "running" in line:
                    running.set()

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            assert running.wait(WAIT_S), "".join(lines)
            yield port
        finally:
            process.terminate()
            listener.join()


@contextmanager
def _client(port: int, user: str, password: str) -> Iterator[tuple[mqtt.Client, list[ReasonCode], threading.Event]]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(user, password)
    answers: list[ReasonCode] = []
    answered = threading.Event()

    def on_connect(_client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        answers.append(reason)
        answered.set()

    client.on_connect = on_connect
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        assert answered.wait(WAIT_S)
        yield client, answers, answered
    finally:
        client.disconnect()
        client.loop_stop()


def _publish(client: mqtt.Client, topic: str, payload: bytes) -> str:
    """Publish with QoS 1 and return the broker's word on it."""
    said: list[str] = []
    done = threading.Event()

    def on_publish(_client: mqtt.Client, _data: object, _mid: int, reason: ReasonCode, _properties: object) -> None:
        said.append(str(reason))
        done.set()

    client.on_publish = on_publish
    client.publish(topic, payload, qos=1)
    assert done.wait(WAIT_S), f"no answer to a publish on {topic}"
    return said[0]


@pytest.mark.slow
@pytest.mark.mosquitto
def test_mosquitto_refuses_who_has_no_password(mosquitto: int) -> None:
    with _client(mosquitto, "dock-1", "a guess") as (_, answers, _):
        assert str(answers[0]) == "Not authorized"


@pytest.mark.slow
@pytest.mark.mosquitto
def test_mosquitto_lets_a_gateway_speak_only_under_its_own_name(mosquitto: int) -> None:
    neighbour = DOCK._replace(gateway="dock-2")

    with _client(mosquitto, "dock-1", "secret of dock-1") as (client, _, _):
        words = {topic: _publish(client, topic, b"{}") for topic in (DOCK.topic("up/movements"), DOCK.topic("state"))}
        refused = [_publish(client, topic, b"{}") for topic in (neighbour.topic("up/movements"), neighbour.topic("state"), DOCK.topic("ack"), CENTRAL_STATE)]

    assert not set(words.values()) & {"Not authorized"}, words
    assert refused == ["Not authorized"] * 4


@pytest.mark.slow
@pytest.mark.mosquitto
def test_mosquitto_carries_the_largest_message_of_the_wire(mosquitto: int) -> None:
    arrived = threading.Event()
    sizes: list[int] = []

    with _client(mosquitto, "central", "secret of central") as (central, _, _), _client(mosquitto, "dock-1", "secret of dock-1") as (gateway, _, _):
        subscribed = threading.Event()
        central.on_subscribe = lambda *_: subscribed.set()
        central.on_message = lambda _client, _data, message: (sizes.append(len(message.payload)), arrived.set())
        central.subscribe("dockline/v1/+/+/+/up/+", qos=1)
        assert subscribed.wait(WAIT_S)
        gateway.publish(DOCK.topic("up/movements"), b"x" * MESSAGE_BYTES_MAX, qos=1)

        assert arrived.wait(WAIT_S)

    assert sizes == [MESSAGE_BYTES_MAX]


def test_dashboard_and_alerts_use_only_metrics_that_the_programs_declare() -> None:
    from tools import source_scan

    declared = {metric.name for metric in source_scan.metrics()}
    histograms = {metric.name for metric in source_scan.metrics() if metric.kind == "Histogram"}
    dashboard = json.loads((DEPLOY / "grafana" / "dockline.json").read_text())
    used = {name for text in (json.dumps(dashboard), (DEPLOY / "prometheus" / "alerts.yml").read_text()) for name in re.findall(r"\bdockline_[a-z0-9_]+", text)}

    plain = {name.removesuffix(suffix) for name in used for suffix in ("_bucket", "_sum", "_count") if name.removesuffix(suffix) in histograms}
    unknown = {
        name for name in used if name not in declared and not any(name == histogram + suffix for histogram in plain for suffix in ("_bucket", "_sum", "_count"))
    }
    assert unknown == set()
    assert used


def test_dashboard_panels_do_not_overlap_and_have_units() -> None:
    panels = json.loads((DEPLOY / "grafana" / "dockline.json").read_text())["panels"]
    cells: set[tuple[int, int]] = set()

    for panel in panels:
        place = panel["gridPos"]
        own = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells |= own
        assert panel["type"] == "row" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]
