# SPDX-License-Identifier: Apache-2.0
"""Gateways at a real broker with mutual TLS: only those that the site's authority certified get in, each speaks under its own name only, none once revoked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import msgspec
import pytest

from central.fleet.authority import make_authority
from contracts import wire
from contracts.events import SensorMeasured
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Batch
from gateway.clock import SystemClock
from gateway.trust import IDENTITY, read_enrolment, write_enrolment
from gateway.trust_asking import ask_child, keep_certificate
from tests.integration.gateway_bench import eventually
from tests.integration.trusted_site import SITE, TrustedSite, dockline, trusted_site, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.mosquitto, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustedSite]:
    with trusted_site(tmp_path_factory.mktemp("site")) as made:
        yield made


def identity(site: TrustedSite, gateway: str) -> Path:
    return site.enrol(gateway).parent / "trust" / IDENTITY


def context(site: TrustedSite, identity: Path | None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(site.broker_folder / "authority.pem"))
    if identity is not None:
        made.load_cert_chain(identity)
    return made


@asynccontextmanager
async def client(site: TrustedSite, identity: Path | None, version: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V5) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("localhost", site.broker_port, protocol=version, tls_context=context(site, identity), timeout=5) as made:
        yield made


def topic(gateway: str, leaf: str) -> str:
    return GatewayAddress(partition_of(SITE), SITE, gateway).topic(leaf)


def batch(gateway: str) -> bytes:
    event = SensorMeasured(seq=1, event_time=datetime.now(UTC), station="s", device="d", quantity="temperature_c", value=4.0)
    return wire.encode(Batch(gateway=gateway, epoch="e1", lane="telemetry", first_seq=1, events=[msgspec.Raw(msgspec.json.encode(event))]))


def is_let_in(site: TrustedSite, identity: Path | None) -> bool:
    """Whether the broker welcomes whoever comes with this; it ends the connection of others without a word."""
    with socket.create_connection(("127.0.0.1", site.broker_port), timeout=10) as line:
        try:
            with context(site, identity).wrap_socket(line, server_hostname="localhost") as inside:
                inside.sendall(b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0a\x00\x02zz")  # CONNECT of MQTT 3.1.1, clean session, client "zz"
                return inside.recv(4) == b"\x20\x02\x00\x00"  # CONNACK, accepted
        except (ssl.SSLError, ConnectionError):
            return False


@pytest.mark.requirement("E14")
def test_client_without_a_certificate_or_with_one_of_another_authority_gets_no_connection(site: TrustedSite, tmp_path: Path) -> None:
    foreign = make_authority(tmp_path / "foreign", "Foreign", datetime.now(UTC)).make_client("gate-1", datetime.now(UTC))
    (tmp_path / "foreign.pem").write_bytes(foreign.key + foreign.certificate.encode())
    over = site.authority.make_client("gate-1", datetime.now(UTC) - timedelta(days=2), timedelta(days=1))
    (tmp_path / "over.pem").write_bytes(over.key + over.certificate.encode())

    good = site.authority.make_client("gate-1", datetime.now(UTC))
    (tmp_path / "good.pem").write_bytes(good.key + good.certificate.encode())

    files = (None, tmp_path / "foreign.pem", tmp_path / "over.pem", tmp_path / "good.pem")
    assert [is_let_in(site, file) for file in files] == [False, False, False, True]


@pytest.mark.requirement("E14")
@pytest.mark.parametrize("version", [aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311], ids=["mqtt5", "mqtt311"])
async def test_gateway_reaches_no_topic_of_another(site: TrustedSite, version: aiomqtt.ProtocolVersion) -> None:
    """Mosquitto says nothing to a client of MQTT 3.1.1 whose message it drops, so that what counts is what central's side hears."""
    name = "spoofer5" if version is aiomqtt.ProtocolVersion.V5 else "spoofer3"
    mine = identity(site, name)
    central = (site.broker_folder / "central.pem", site.broker_folder / "central-key.pem")
    watching = ssl.create_default_context(cafile=str(site.broker_folder / "authority.pem"))
    watching.load_cert_chain(*central)
    async with (
        aiomqtt.Client("localhost", site.broker_port, tls_context=watching, timeout=5) as watcher,
        client(site, mine, version) as spoofer,
    ):
        await watcher.subscribe("dockline/v1/+/+/+/up/+", qos=1)
        await watcher.subscribe("dockline/v1/+/+/+/state", qos=1)
        await watcher.subscribe("dockline/v1/+/+/+/down", qos=1)
        for leaf in ("up/telemetry", "state", "down", "ack"):
            try:
                await spoofer.publish(topic("victim", leaf), batch("victim"), qos=1)
            except aiomqtt.MqttError:
                assert version is aiomqtt.ProtocolVersion.V5
        await spoofer.publish(topic(name, "down"), b"{}", qos=0)
        await spoofer.publish(topic(name, "up/telemetry"), batch(name), qos=1)

        heard: list[str] = []
        async with asyncio.timeout(20):
            while topic(name, "up/telemetry") not in heard:
                heard.append(str((await anext(watcher.messages)).topic))
    assert not [each for each in heard if "/victim/" in each or each.endswith(("/down", "/ack"))]
    wait_for(lambda: site.gateway(name))
    assert not site.gateway("victim")


@pytest.mark.requirement("E14")
def test_enrolled_gateway_works_and_once_revoked_it_is_out(site: TrustedSite, monkeypatch: pytest.MonkeyPatch) -> None:
    file = site.enrol("dock-1")
    file.write_text(file.read_text() + "report_interval_s = 0.5\n")
    running = site.run("gateway", "run", file)
    wait_for(lambda: site.gateway("dock-1").get("online") and site.gateway("dock-1").get("disk_free_bytes"))

    # A renewed certificate is another one, for another key, and the old one is still good until it ends. It is time for it when two thirds are over.
    trust = file.parent / "trust"
    before, enrolled = (trust / IDENTITY).read_bytes(), read_enrolment(trust)
    write_enrolment(trust, msgspec.structs.replace(enrolled, certified_at=enrolled.certified_at - timedelta(days=200)))
    monkeypatch.setattr("gateway.trust_asking._FIRST_LOOK_S", 0.0)
    asyncio.run(_kept_until(trust, lambda: (trust / IDENTITY).read_bytes() != before and read_enrolment(trust).certified_at > enrolled.certified_at))
    assert len(site.api.get("/api/v1/gateway-certificates", params={"gateway": "dock-1"}).json()["items"]) == 2

    assert "2 certificates" in dockline("central", "gateway-revoke", "dock-1", "--reason", "test", "--into", site.broker_folder / "revoked.pem", *site.trust)
    # The connection stands until the broker is restarted: what is said over it counts for nothing.
    wait_for(lambda: [each for each in site.api.get("/api/v1/work-orders").json()["items"] if "dock-1 was revoked" in each["message"]])
    seen_at = site.gateway("dock-1")["last_seen_at"]
    site.restart_mosquitto()
    assert not is_let_in(site, file.parent / "trust" / IDENTITY)
    assert "was revoked" in asyncio.run(ask_child("renew", trust_dir=str(trust)))
    assert site.gateway("dock-1")["last_seen_at"] == seen_at

    # A person who enrols it again with a new code trusts it again.
    again = site.enrol("dock-1")
    assert is_let_in(site, again.parent / "trust" / IDENTITY)
    assert site.gateway("dock-1")["revoked_at"] is None
    running.terminate()
    running.wait(15)


async def _kept_until(trust: Path, condition: Callable[[], bool]) -> None:
    keeping = asyncio.create_task(keep_certificate(str(trust), SystemClock(), lambda _: None))
    try:
        await eventually(condition, 50)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
