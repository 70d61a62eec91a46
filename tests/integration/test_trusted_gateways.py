# SPDX-License-Identifier: Apache-2.0
"""Gateways at a real broker with mutual TLS: only those that the site's authority certified get in, each speaks under its own name only, none once revoked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
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
from gateway.trust import IDENTITY, TrustError, read_enrolment
from gateway.trust_keys import renew
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


def refusal(site: TrustedSite, identity: Path | None) -> str:
    """What the broker says in TLS to whoever comes with this; empty: it talks with him."""
    with socket.create_connection(("127.0.0.1", site.broker_port), timeout=10) as line:
        try:
            with context(site, identity).wrap_socket(line, server_hostname="localhost") as inside:
                inside.sendall(b"\xc0\x00")  # PINGREQ before CONNECT: whoever is let in is then sent away without an alert
                return "closed" if inside.recv(1) else ""
        except ssl.SSLError as error:
            return str(error).replace("_", " ")


@pytest.mark.requirement("E14")
def test_client_without_a_certificate_or_with_one_of_another_authority_gets_no_connection(site: TrustedSite, tmp_path: Path) -> None:
    foreign = make_authority(tmp_path / "foreign", "Foreign", datetime.now(UTC)).make_client("gate-1", datetime.now(UTC))
    (tmp_path / "foreign.pem").write_bytes(foreign.key + foreign.certificate.encode())
    over = site.authority.make_client("gate-1", datetime.now(UTC) - timedelta(days=2), timedelta(days=1))
    (tmp_path / "over.pem").write_bytes(over.key + over.certificate.encode())

    refusals = [refusal(site, wrong) for wrong in (None, tmp_path / "foreign.pem", tmp_path / "over.pem")]

    assert [word in said.lower() for word, said in zip(("certificate required", "unknown ca", "expired"), refusals, strict=True)] == [True] * 3, refusals


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

        async with asyncio.timeout(10):
            first = await anext(watcher.messages)
    assert str(first.topic) == topic(name, "up/telemetry")
    wait_for(lambda: site.gateway(name))
    assert not site.gateway("victim")


@pytest.mark.requirement("E14")
def test_enrolled_gateway_works_and_once_revoked_it_is_out(site: TrustedSite) -> None:
    file = site.enrol("dock-1")
    file.write_text(file.read_text() + "report_interval_s = 0.5\n")
    running = site.run("gateway", "run", file)
    wait_for(lambda: site.gateway("dock-1").get("online") and site.gateway("dock-1").get("disk_free_bytes"))

    # A renewed certificate is another one, for another key, and the old one is still good until it ends.
    before = (file.parent / "trust" / IDENTITY).read_bytes()
    renewed = renew(file.parent / "trust")
    assert (file.parent / "trust" / IDENTITY).read_bytes() != before
    assert renewed == read_enrolment(file.parent / "trust")
    assert len(site.api.get("/api/v1/gateway-certificates", params={"gateway": "dock-1"}).json()["items"]) == 2

    assert "2 certificates" in dockline("central", "gateway-revoke", "dock-1", "--reason", "test", "--into", site.broker_folder / "revoked.pem", *site.trust)
    # The connection stands until the broker is restarted: what is said over it counts for nothing.
    wait_for(lambda: [each for each in site.api.get("/api/v1/work-orders").json()["items"] if "dock-1 was revoked" in each["message"]])
    seen_at = site.gateway("dock-1")["last_seen_at"]
    site.restart_mosquitto()
    assert "revoked" in refusal(site, file.parent / "trust" / IDENTITY).lower()
    with pytest.raises(TrustError, match="was revoked"):
        renew(file.parent / "trust")
    assert site.gateway("dock-1")["last_seen_at"] == seen_at

    # A person who enrols it again with a new code trusts it again.
    again = site.enrol("dock-1")
    assert refusal(site, again.parent / "trust" / IDENTITY) == ""
    assert site.gateway("dock-1")["revoked_at"] is None
    running.terminate()
    running.wait(15)
