# SPDX-License-Identifier: Apache-2.0
"""Several brokers, and brokers of other makes: the gateway stays with the one that works, goes to the next when it fails, and speaks what it speaks."""

from __future__ import annotations

import ipaddress
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from contracts.addresses import parse_broker
from contracts.events import ItemScanned
from firmware_sims.engine.network import LinkProxy
from gateway.app import Gateway
from tests import servers
from tests.integration.gateway_bench import FakeCentral, eventually, gateway_file, running_broker, running_central, running_gateway, serving

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E12")]


async def append(gateway: Gateway, first: int, count: int) -> None:
    await gateway.store.append(
        [ItemScanned(event_time=datetime.now(UTC), station="scan-1", text=f"item-{number}") for number in range(first, first + count)], {}, {}
    )


def texts(central: FakeCentral) -> list[str]:
    return [event.text for event in central.of(ItemScanned) if isinstance(event, ItemScanned)]


def names(count: int) -> list[str]:
    return [f"item-{number}" for number in range(count)]


@pytest.mark.mosquitto
@pytest.mark.parametrize("fault", ["cut", "hole"])
async def test_gateway_goes_to_the_other_broker_when_one_fails_and_stays_there(tmp_path: Path, fault: str) -> None:
    with ExitStack() as running:
        ports = [parse_broker(running.enter_context(servers.mosquitto())).port for _ in range(2)]
        async with (
            LinkProxy(ports[0]) as first_line,
            LinkProxy(ports[1]) as second_line,
            running_central(ports[0]) as first,
            running_central(ports[1]) as second,
        ):
            second.marks, second.events = first.marks, first.events  # one central that listens to both
            lines = (first_line, second_line)

            async def fail(line: LinkProxy) -> None:
                if fault == "cut":
                    await line.cut()
                else:
                    line.hole(forgets=True)

            more = f'brokers_more = ["mqtt://127.0.0.1:{second_line.port}"]\n'
            async with running_gateway(tmp_path, lines[0].port, more) as gateway:
                await append(gateway, 0, 10)
                await first.until(lambda: len(texts(first)) == 10)
                await fail(lines[0])
                await append(gateway, 10, 10)
                await second.until(lambda: len(texts(second)) == 20)
                assert gateway.uplink.status.broker.endswith(str(lines[1].port))

                await lines[0].heal()
                before = first.batches
                await append(gateway, 20, 10)
                await second.until(lambda: len(texts(second)) == 30)
                assert first.batches == before

                await fail(lines[1])
                await append(gateway, 30, 10)
                await first.until(lambda: len(texts(first)) == 40)

    assert texts(first) == names(40)


async def test_broker_without_mqtt_5_is_spoken_to_in_3_1_1(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with servers.nats() as url:
        port = parse_broker(url).port
        async with running_central(port, has_mqtt_5=False) as central:
            with caplog.at_level("WARNING"):
                async with running_gateway(tmp_path, port) as gateway:
                    await append(gateway, 0, 500)
                    await central.until(lambda: len(texts(central)) == 500)
                    await eventually(lambda: gateway.store.level("movements").pending == 0)
                await central.until(lambda: not central.states[-1].online)

    assert texts(central) == names(500)
    assert [record.message for record in caplog.records if record.name.startswith("gateway")] == []


async def test_version_that_is_wanted_is_the_only_one_that_is_tried(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with servers.nats() as url, caplog.at_level("WARNING"):
        async with running_gateway(tmp_path, parse_broker(url).port, 'mqtt_version = "5"\n') as gateway:
            await eventually(lambda: "uplink lost" in caplog.messages)
            assert not gateway.uplink.connected

    (lost,) = (record for record in caplog.records if record.message == "uplink lost")
    assert "protocol version" in lost.__dict__["reason"]


class Authority:
    """Signs certificates for brokers and gateways of a test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {folder.name}")])
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._signed(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None)).public_bytes(Encoding.PEM))

    def give(self, name: str, into: Path) -> None:
        """A certificate with its key, for that name and 127.0.0.1, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        into.write_bytes(self._signed(subject, key, address).public_bytes(Encoding.PEM) + private)

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(hours=1))
        return made.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


@pytest.mark.mosquitto
@pytest.mark.requirement("E14", "R105")
async def test_renewed_certificate_is_shown_at_the_next_connection_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    authority.give("broker", tmp_path / "broker.pem")
    shown = tmp_path / "gateway.pem"
    stranger.give("gw-1", shown)
    door = f"cafile {authority.file}\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.pem\nrequire_certificate true"
    plain_port = servers.free_port()
    with servers.mosquitto(more=f"{door}\nlistener {plain_port} 127.0.0.1\nuser root") as url, caplog.at_level("WARNING"):
        async with running_central(plain_port) as central:
            files = f'broker_ca_file = "{authority.file}"\nbroker_certificate_file = "{shown}"\n'
            path = gateway_file(tmp_path, parse_broker(url).port, files)
            path.write_text(path.read_text().replace('broker = "mqtt:', 'broker = "mqtts:'))
            async with serving(path) as gateway:
                await append(gateway, 0, 1)
                await eventually(lambda: "uplink lost" in caplog.messages)
                assert any("check broker_certificate_file" in record.__dict__.get("reason", "") for record in caplog.records)
                authority.give("gw-1", shown)
                await central.until(lambda: texts(central) == names(1), within_s=20)


async def test_gateway_that_a_broker_kicks_out_again_and_again_comes_more_and_more_seldom(tmp_path: Path) -> None:
    """Two gateways under one name: each welcome throws the other one out."""
    with running_broker() as port:
        async with running_central(port) as central, running_gateway(tmp_path, port) as gateway:
            await eventually(lambda: gateway.uplink.connected)
            await central.until(lambda: bool(central.states))
            name = "dockline-test-site-gw-1"
            for births in range(2, 5):
                async with aiomqtt.Client("127.0.0.1", port, identifier=name, protocol=aiomqtt.ProtocolVersion.V5, clean_start=True) as twin:
                    with pytest.raises(aiomqtt.MqttError):
                        async for _ in twin.messages:
                            pass
                await central.until(lambda births=births: len({state.session_id for state in central.states if state.online}) >= births)

            assert gateway.uplink._reconnect._in_a_row >= 2
