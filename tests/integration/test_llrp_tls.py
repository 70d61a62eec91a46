# SPDX-License-Identifier: Apache-2.0
"""Encrypted connections and IPv6, over real sockets, with certificates made here."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contracts.readings import AnyReading, LinkChanged, TagRead
from drivers.base.errors import ConfigError, TransportError
from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.driver import RfidLlrpDriver
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.rfid_llrp.twin import LlrpReaderTwin

pytestmark = pytest.mark.requirement("E1")

PATIENCE_S = 10.0
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as a PEM file of both, and of the certificate alone."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    path: Path
    public_path: Path


def identity(folder: Path, name: str, issuer: Identity | None = None, *, until: dt.datetime = NOW + DAY, address: str = "127.0.0.1") -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(until)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path, public_path = folder / f"{name}.pem", folder / f"{name}.crt"
    path.write_bytes(private + public)
    public_path.write_bytes(public)
    return Identity(certificate, key, path, public_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Identity:
    return identity(folder, "authority.example")


@pytest.fixture(scope="module")
def reader(folder: Path, authority: Identity) -> Identity:
    return identity(folder, "reader.example", authority)


def security(shown: Identity, clients: Identity | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.path)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.public_path)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # where a missing certificate is told in the handshake, not after it
    return context


@asynccontextmanager
async def served(context: ssl.SSLContext | None, host: str = "127.0.0.1") -> AsyncIterator[TcpTwinServer]:
    server = TcpTwinServer(LlrpReaderTwin(), host=host, security=context)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def reads_a_tag(server: TcpTwinServer, **fields: object) -> None:
    """The driver connects, and a tag before the reader's antenna becomes a read."""
    readings: asyncio.Queue[AnyReading] = asyncio.Queue()
    driver = RfidLlrpDriver("reader-1", RfidLlrpConfig(port=server.port, **fields))  # type: ignore[arg-type]
    task = asyncio.create_task(driver.run(readings.put_nowait))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not isinstance(await _next(readings, task), LinkChanged):
                pass
            server.stimulate("read", epc="3074257BF7194E4000001A85", antenna=1, peak_rssi_dbm=-50.0)
            while not isinstance(await _next(readings, task), TagRead):
                pass
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _next(readings: asyncio.Queue[AnyReading], task: asyncio.Task[None]) -> AnyReading:
    """The next reading, or why there will be none."""
    getting = asyncio.create_task(readings.get())
    await asyncio.wait([getting, task], return_when=asyncio.FIRST_COMPLETED)
    if not getting.done():
        getting.cancel()
        task.result()
    return await getting


async def test_reader_is_believed_by_its_authority(authority: Identity, reader: Identity) -> None:
    async with served(security(reader)) as server:
        await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(authority.public_path))


async def test_reader_with_a_certificate_of_its_own_is_believed_by_it(folder: Path) -> None:
    own = identity(folder, "own.example")
    async with served(security(own)) as server:
        await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(own.public_path), tls_name="own.example")


async def test_reader_is_believed_by_its_certificate_alone_where_the_authority_is_not_at_hand(reader: Identity) -> None:
    async with served(security(reader)) as server:
        await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(reader.public_path))


async def test_reader_of_tls_1_3_that_asks_in_vain_for_our_certificate_is_understood(authority: Identity, reader: Identity) -> None:
    context = security(reader, clients=authority)
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    async with served(context) as server:
        with pytest.raises(TransportError, match=r"connection (closed by the device|lost: .*); does it ask for our certificate \(`tls_certificate_file`\)"):
            await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(authority.public_path))


async def test_reader_that_asks_for_our_certificate_gets_it(folder: Path, authority: Identity, reader: Identity) -> None:
    ours = identity(folder, "gateway.example", authority)
    async with served(security(reader, clients=authority)) as server:
        fields = {"tls": True, "tls_ca_file": str(authority.public_path)}
        await reads_a_tag(server, host="127.0.0.1", **fields, tls_certificate_file=str(ours.path))

        with pytest.raises(TransportError, match="does the device ask for our certificate"):
            await reads_a_tag(server, host="127.0.0.1", **fields)


@pytest.mark.parametrize(
    ("until", "name", "known", "text"),
    [
        (NOW - DAY, "reader.example", True, "it has expired; give the device a new one"),
        (NOW + DAY, "other.example", True, "it is not for 'other.example'; give the name that stands in it as `tls_name`"),
        (NOW + DAY, "reader.example", False, "give the authority that signed it, or the certificate itself, as `tls_ca_file`"),
    ],
    ids=["expired", "another name", "unknown authority"],
)
async def test_wrong_certificate_is_told_with_what_to_do(tmp_path: Path, until: dt.datetime, name: str, known: bool, text: str) -> None:
    authority = identity(tmp_path, "signer.example")
    shown = identity(tmp_path, "reader.example", authority, until=until)
    believed = authority if known else identity(tmp_path, "stranger.example")
    async with served(security(shown)) as server:
        with pytest.raises(TransportError, match=f"^reader-1: 127.0.0.1:{server.port}: the certificate is not believed: .*{text}"):
            await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(believed.public_path), tls_name=name)


async def test_port_without_tls_is_told_as_such(authority: Identity) -> None:
    async with served(None) as server:
        with pytest.raises(TransportError, match=r"no TLS there: .*is this the port for TLS"):
            await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(authority.public_path))


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_file_that_holds_no_certificate_is_a_fault_of_the_configuration(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    async with served(None) as server:
        with pytest.raises(ConfigError, match=r"`tls_ca_file` .*ca\.pem"):
            await reads_a_tag(server, host="127.0.0.1", tls=True, tls_ca_file=str(path))


@pytest.mark.parametrize("host", ["::1", "[::1]"])
async def test_reader_is_reached_over_ipv6(host: str) -> None:
    async with served(None, "::1") as server:
        await reads_a_tag(server, host=host)


async def test_reader_is_reached_over_ipv6_and_tls(folder: Path, authority: Identity) -> None:
    shown = identity(folder, "six.example", authority, address="::1")
    async with served(security(shown), "::1") as server:
        await reads_a_tag(server, host="::1", tls=True, tls_ca_file=str(authority.public_path))


async def test_address_of_ipv6_stands_in_brackets_in_messages(unused_tcp_port: int) -> None:
    driver = RfidLlrpDriver("reader-1", RfidLlrpConfig(host="::1", port=unused_tcp_port))

    with pytest.raises(TransportError, match=rf"\[::1\]:{unused_tcp_port}"):
        await driver.run(lambda reading: None)


async def test_link_local_address_keeps_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    async def connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        asked.append((host, port))
        raise OSError(113, "no route")

    monkeypatch.setattr(asyncio, "open_connection", connect)
    driver = RfidLlrpDriver("reader-1", RfidLlrpConfig(host="[fe80::1%lo]"))

    with pytest.raises(TransportError, match=r"\[fe80::1%lo\]:5084"):
        await driver.run(lambda reading: None)

    assert asked == [("fe80::1%lo", 5084)]
