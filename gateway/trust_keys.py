# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of a gateway: made, asked for, checked and kept. Imports `cryptography`; only commands and child processes import this."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contracts.enrolment import Code, Enrolled, EnrolmentError, Sealed, open_sealed, renewal_payload, request_hash, request_mac
from gateway.durable_file import write_durably
from gateway.trust import AUTHORITY, IDENTITY, NEW_KEY, Enrolment, TrustError, read_enrolment, write_enrolment

_TIMEOUT_S = 20.0
_ANSWER_BYTES_MAX = 256 * 1024


def enrol(central: str, code: Code, folder: Path) -> Enrolled:
    """Get a certificate for a key that is made here and never leaves. May be repeated after any failure: key and request stay the same.

    Raises: TrustError, EnrolmentError: it did not work; says why. OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, request = _new_key(folder)
    body = {"code": code.id, "request": request, "mac": request_mac(code.key, request)}
    enrolled = open_sealed(_ask(f"{central.rstrip('/')}/api/v1/enrolments", body), fingerprint=code.fingerprint)
    keep(folder, central, key, request, enrolled)
    return enrolled


def renew(folder: Path, central: str = "") -> Enrolment:
    """Get another certificate, for a new key, signed for with the present one. Raises: TrustError, EnrolmentError, OSError."""
    present = read_enrolment(folder)
    identity = (folder / IDENTITY).read_bytes()
    key, request = _new_key(folder)
    signature = _private(identity).sign(renewal_payload(present.gateway, request), ec.ECDSA(hashes.SHA256()))
    certificate = x509.load_pem_x509_certificate(identity).public_bytes(serialization.Encoding.PEM).decode()
    body = {"gateway": present.gateway, "request": request, "certificate": certificate, "signature": base64.b64encode(signature).decode()}
    authority = (folder / AUTHORITY).read_text()
    address = central or present.central
    enrolled = open_sealed(_ask(f"{address.rstrip('/')}/api/v1/enrolments/renewals", body), authority=authority)
    if (enrolled.gateway, enrolled.site) != (present.gateway, present.site):
        raise EnrolmentError(f"central certified {enrolled.gateway} at {enrolled.site}; this gateway is {present.gateway} at {present.site}")
    return keep(folder, address, key, request, enrolled)


def keep(folder: Path, central: str, key: ec.EllipticCurvePrivateKey, request: str, enrolled: Enrolled) -> Enrolment:
    """Check what came and put it into the folder, key and certificate at once. Raises: EnrolmentError, OSError."""
    certificate = _checked(key, request, enrolled)
    write_durably(folder / AUTHORITY, enrolled.authority.encode())
    write_durably(folder / IDENTITY, _pem(key) + enrolled.certificate.encode())
    made = Enrolment(
        gateway=enrolled.gateway,
        site=enrolled.site,
        central=central,
        signing_key=enrolled.signing_key,
        certified_at=enrolled.issued_at,
        certificate_until=certificate.not_valid_after_utc,
        brokers=enrolled.brokers,
    )
    write_enrolment(folder, made)
    for name in (NEW_KEY, f"{NEW_KEY}.request"):
        (folder / name).unlink(missing_ok=True)
    return made


def _checked(key: ec.EllipticCurvePrivateKey, request: str, enrolled: Enrolled) -> x509.Certificate:
    """The certificate, if it is ours: for this key, by this authority, and not over. A clock that is behind central's is not trusted for that."""
    if enrolled.request_hash != request_hash(request):
        raise EnrolmentError("the answer belongs to another request; somebody played an old one back")
    try:
        certificate = x509.load_pem_x509_certificate(enrolled.certificate.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(enrolled.authority.encode()))
    except (ValueError, TypeError, InvalidSignature) as error:
        raise EnrolmentError(f"the certificate is not one of the site's authority: {error!r}") from error
    names = [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [enrolled.gateway] or certificate.public_key() != key.public_key():
        raise EnrolmentError("the certificate is for another gateway or another key")
    if certificate.not_valid_after_utc <= max(datetime.now(UTC), enrolled.issued_at):
        raise EnrolmentError(
            f"the certificate ended at {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; look at the clocks of central and of this machine"
        )
    return certificate


def _new_key(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, str]:
    """The key that waits for its certificate, and the request for it; both are kept until the certificate is there, so that a lost answer costs nothing."""
    waiting, requested = folder / NEW_KEY, folder / f"{NEW_KEY}.request"
    if not waiting.exists() or not requested.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
        write_durably(requested, request.public_bytes(serialization.Encoding.PEM))
        write_durably(waiting, _pem(key))
    key = _private(waiting.read_bytes())
    request_pem = requested.read_text()
    if x509.load_pem_x509_csr(request_pem.encode()).public_key() != key.public_key():
        waiting.unlink()  # the power was cut between the two files
        return _new_key(folder)
    return key, request_pem


def _private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TrustError("the key of this gateway is not an elliptic curve key; enrol it again")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _ask(url: str, body: dict[str, Any]) -> Sealed:
    """Ask central. Raises: TrustError: it is not there, or it refuses; with its own words."""
    if not url.startswith(("http://", "https://")):
        raise TrustError(f"--central {url!r} is not understood; write http://HOST:PORT or https://HOST:PORT")
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310  # see above
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_context()))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return msgspec.json.decode(answer.read(_ANSWER_BYTES_MAX), type=Sealed)
    except urllib.error.HTTPError as error:
        raise TrustError(f"central says: {_detail(error.read(_ANSWER_BYTES_MAX)) or error}") from error
    except (OSError, msgspec.DecodeError) as error:
        raise TrustError(f"{url}: no answer of central ({getattr(error, 'reason', error)}); check the address and the network") from error


def _detail(content: bytes) -> str:
    try:
        said = json.loads(content)
    except ValueError:
        return ""
    return str(said.get("detail", "")) if isinstance(said, dict) else ""


def _context() -> ssl.SSLContext:
    """TLS without a look at the server's certificate: this machine may have no clock yet and knows no authority but by the code. Nothing secret is sent, and
    the answer is signed by the authority, whoever delivers it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
