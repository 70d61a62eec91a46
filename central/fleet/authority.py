# SPDX-License-Identifier: Apache-2.0
"""The site's own authority: a folder with the key that signs certificates and the one that signs configurations and updates; X.509 (RFC 5280).

Certificates of brokers and of the authority itself begin in 1970, so that a gateway whose clock has not been set can check them; what ends them is their end.
Whoever has this folder can make himself any gateway and any configuration: it is readable for its owner alone, and may have a passphrase.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from contracts import enrolment, signatures
from contracts.enrolment import Enrolled, Sealed

_KEY, _CERTIFICATE, _SIGNING_KEY = "authority-key.pem", "authority.pem", "signing-key.pem"
REVOKED = "revoked.pem"
CENTRAL = "@central"
"""Central's own name at the broker; no gateway can have it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AUTHORITY_LIFE = timedelta(days=20 * 365)
_SERVER_LIFE = timedelta(days=820)
"""Apple's devices take no server certificate that lives longer than 825 days."""
CLIENT_LIFE = timedelta(days=90)
_SKEW = timedelta(hours=1)
_SERIAL_BITS = 120


class AuthorityError(ValueError):
    """The authority's folder cannot be used; the text says why and what to do."""


class KeyPair(NamedTuple):
    """A key and its certificate, PEM."""

    key: bytes
    certificate: str


def make_authority(folder: Path, name: str, now: datetime, passphrase: bytes = b"") -> Authority:
    """Make the keys of a new authority in a folder that only its owner may read. Raises: AuthorityError: there is one already. OSError."""
    if (folder / _KEY).exists():
        raise AuthorityError(f"{folder} has an authority already; every certificate made with it would become worthless. Choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key.public_key(), _EPOCH, now + _AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=False, certifies=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    lock: serialization.KeySerializationEncryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    signing = serialization.load_pem_private_key(signatures.make_signing_key(), None)
    write_secret(folder / _SIGNING_KEY, signing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    write_whole(folder / _CERTIFICATE, _pem(certificate))
    # The key last: a folder in which it is missing is half made, and may be made again.
    write_secret(folder / _KEY, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))
    return load_authority(folder, passphrase)


def load_authority(folder: Path, passphrase: bytes = b"") -> Authority:
    """Raises: AuthorityError: no authority there, one that others can read, or the wrong passphrase."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / _CERTIFICATE).read_bytes())
        key, signing = (_private(folder / name, passphrase) for name in (_KEY, _SIGNING_KEY))
    except OSError as error:
        raise AuthorityError(f"no authority in {folder}: {error.strerror} ({error.filename}); make one with 'dockline central authority init'") from error
    except AuthorityError:
        raise
    except (ValueError, TypeError) as error:
        raise AuthorityError(f"the authority in {folder} cannot be used: {error}; is its passphrase right (--passphrase-file)?") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(signing, ed25519.Ed25519PrivateKey):
        raise AuthorityError(f"the keys in {folder} are not of the kinds that Dockline makes")
    return Authority(folder, certificate, key, signing)


@dataclass(frozen=True, slots=True)
class Authority:
    """What signs: certificates with `key`, configurations and updates with `signing`."""

    folder: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    signing: ed25519.Ed25519PrivateKey

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return _pem(self.certificate).decode()

    @property
    def fingerprint(self) -> bytes:
        """As it stands in enrolment codes."""
        return enrolment.fingerprint_of(self.certificate.public_bytes(serialization.Encoding.DER))

    @property
    def signing_pem(self) -> bytes:
        """The private key for `contracts.signatures.sign`; not to be kept."""
        return self.signing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    @property
    def signing_public(self) -> str:
        """The public key by which gateways check configurations and updates, base64."""
        return signatures.public_key_of(self.signing_pem)

    def seal(self, enrolled: Enrolled) -> Sealed:
        """The answer to a gateway, signed."""
        document = msgspec.json.encode(enrolled).decode()
        signature = self.key.sign(enrolment.seal_payload(document), ec.ECDSA(hashes.SHA256()))
        return Sealed(document=document, signature=base64.b64encode(signature).decode())

    def certify_client(self, request: x509.CertificateSigningRequest, name: str, site: str, now: datetime, life: timedelta = CLIENT_LIFE) -> x509.Certificate:
        """A client's certificate for the key of a request; whatever else the request says is not taken over."""
        uri = f"urn:dockline:site:{site}:gateway:{name}" if site else f"urn:dockline:{name.removeprefix('@')}"
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, self.certificate.subject, _ec_key(request), now - _SKEW, now + life)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
        return self._signed(builder, ExtendedKeyUsageOID.CLIENT_AUTH)

    def make_client(self, name: str, now: datetime, life: timedelta = _SERVER_LIFE) -> KeyPair:
        """A key and certificate for a program of ours that is no gateway."""
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        return KeyPair(_key_pem(key), _pem(self.certify_client(request, name, "", now, life)).decode())

    def make_server(self, hosts: Sequence[str], now: datetime, *, for_gateways: bool) -> KeyPair:
        """A key and certificate for a server that is called by these names or addresses. For gateways it holds since 1970, which browsers would not take."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        builder = _builder(subject, self.certificate.subject, key.public_key(), _EPOCH if for_gateways else now - _SKEW, now + _SERVER_LIFE)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        return KeyPair(_key_pem(key), _pem(self._signed(builder, ExtendedKeyUsageOID.SERVER_AUTH)).decode())

    def revocation_list(self, serials: Sequence[tuple[int, datetime]], now: datetime) -> bytes:
        """PEM. It lives as long as the authority: one that ran out would shut out every gateway."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(_EPOCH).next_update(max(self.certificate.not_valid_after_utc, now + timedelta(days=1)))
        for serial, revoked_at in serials:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(revoked_at).build())
        builder = builder.add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        builder = builder.add_extension(self._authority_key(), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _authority_key(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())

    def _signed(self, builder: x509.CertificateBuilder, purpose: x509.ObjectIdentifier) -> x509.Certificate:
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=True, certifies=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        return builder.add_extension(self._authority_key(), critical=False).sign(self.key, hashes.SHA256())


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """Raises: enrolment.EnrolmentError: no signing request, one that its own key did not sign, or not of the curve P-256."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
    except ValueError as error:
        raise enrolment.EnrolmentError(f"not a certificate signing request: {error}") from error
    if not request.is_signature_valid:
        raise enrolment.EnrolmentError("the certificate signing request is not signed by its own key")
    _ec_key(request)
    return request


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number as it is kept: hex."""
    return f"{certificate.serial_number:x}"


def to_pem(certificate: x509.Certificate) -> str:
    """The certificate as text."""
    return _pem(certificate).decode()


def write_secret(path: Path, content: bytes) -> None:
    """A file that only its owner may read, whole or not at all. Raises: OSError."""
    _write(path, content, 0o600)


def write_whole(path: Path, content: bytes) -> None:
    """A file that all may read, whole or not at all. Raises: OSError."""
    _write(path, content, 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)


def _private(path: Path, passphrase: bytes) -> object:
    if path.stat().st_mode & 0o077:
        raise AuthorityError(f"{path} can be read by others; chmod 600 it, and think of who may have copied it")
    content = path.read_bytes()
    return serialization.load_pem_private_key(content, passphrase if b"ENCRYPTED" in content else None)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begins_at: datetime, ends_at: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(secrets.randbits(_SERIAL_BITS) | 1).not_valid_before(begins_at).not_valid_after(ends_at)


def _ec_key(request: x509.CertificateSigningRequest) -> ec.EllipticCurvePublicKey:
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise enrolment.EnrolmentError("the key of the certificate signing request is not of the curve P-256")
    return key


def _usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        key_cert_sign=certifies,
        crl_sign=certifies,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
