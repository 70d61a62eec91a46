# SPDX-License-Identifier: Apache-2.0
"""How a gateway gets its certificate: the one-time code, what is asked with it, and the sealed answer. Safe also over plain HTTP.

The code holds a secret and the fingerprint of the site's authority. The secret never travels: the request carries a MAC made with it, so whoever listens or
stands between cannot have another key certified. The answer is signed by the authority, which the gateway knows by the fingerprint; nothing in it is secret.
The package `cryptography` is imported when something is signed or checked, never before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import NamedTuple

import msgspec

from contracts.events import UtcTime

_SECRET_BYTES = 10
_FINGERPRINT_BYTES = 10
_GROUP = 4
_SEAL = b"dockline-seal-v1\0"
_RENEWAL = "dockline-renewal-v1"
DOCUMENT_BYTES_MAX = 64 * 1024


class EnrolmentError(ValueError):
    """Something of an enrolment does not hold; the text says what, for people."""


class Code(NamedTuple):
    """A one-time code: 80 random bits, and the first 80 bits of the SHA-256 of the authority's certificate (DER)."""

    secret: bytes
    fingerprint: bytes

    @property
    def id(self) -> str:
        """What may be known of it: 16 hex digits that lead to nothing."""
        return hashlib.sha256(b"dockline-code-id\0" + self.secret).hexdigest()[:16]

    @property
    def key(self) -> bytes:
        """The key of its MAC, 32 bytes: central keeps this, not the code."""
        return hashlib.sha256(b"dockline-code-key\0" + self.secret).digest()

    def __str__(self) -> str:
        text = base64.b32encode(self.secret + self.fingerprint).decode()
        return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def fingerprint_of(certificate_der: bytes) -> bytes:
    """As it stands in a code."""
    return hashlib.sha256(certificate_der).digest()[:_FINGERPRINT_BYTES]


def make_code(fingerprint: bytes) -> Code:
    """A new code for this authority."""
    return Code(secrets.token_bytes(_SECRET_BYTES), fingerprint)


def read_code(text: str) -> Code:
    """The code that a person typed or pasted. Raises: EnrolmentError: no such text."""
    plain = "".join(text.split()).replace("-", "").upper()
    try:
        raw = base64.b32decode(plain)
    except binascii.Error:
        raw = b""
    if len(raw) != _SECRET_BYTES + _FINGERPRINT_BYTES:
        raise EnrolmentError("this is no enrolment code; it has 8 groups of 4 letters and digits, as shown by 'dockline central gateway-code'")
    return Code(raw[:_SECRET_BYTES], raw[_SECRET_BYTES:])


class EnrolmentRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`request` is a certificate signing request (PEM), `mac` is `request_mac` in hex, `code` the id of the code."""

    code: str
    request: str
    mac: str


class RenewalRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`signature` is made with the key of `certificate` (PEM, in force) over `renewal_payload`, ECDSA with SHA-256, base64."""

    request: str
    certificate: str
    signature: str


class Enrolled(msgspec.Struct, kw_only=True):
    """What a gateway learns: its certificate, whom to trust, where to speak. `request_hash` ties the answer to the request, `issued_at` is central's clock."""

    gateway: str
    site: str
    certificate: str
    authority: str
    signing_key: str
    request_hash: str
    issued_at: UtcTime
    brokers: list[str] = []


class Sealed(msgspec.Struct, kw_only=True):
    """`document` is an `Enrolled` as JSON text, `signature` the authority's over it (ECDSA with SHA-256, base64)."""

    document: str
    signature: str


def request_hash(request: str) -> str:
    """SHA-256 of a certificate signing request as it was sent, hex."""
    return hashlib.sha256(request.encode()).hexdigest()


def request_mac(key: bytes, request: str) -> str:
    """Says that whoever asks knows the code, for this key pair. Which gateway it is for, central knows."""
    return hmac.new(key, f"enrol\n{request_hash(request)}".encode(), hashlib.sha256).hexdigest()


def renewal_payload(gateway: str, request: str) -> bytes:
    """What is signed with the present key to have another one certified."""
    return f"{_RENEWAL}\n{gateway}\n{request_hash(request)}".encode()


def seal_payload(document: str) -> bytes:
    """What the authority signs of an answer."""
    return _SEAL + document.encode()


def check_signature(certificate_pem: str, payload: bytes, signature: str) -> None:
    """Raises: EnrolmentError: this is not the signature of the certificate's key over this payload."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
        raw = base64.b64decode(signature, validate=True)
    except ValueError as error:
        raise EnrolmentError(f"not a certificate or not a signature: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise EnrolmentError("the certificate's key is not an elliptic curve key")
    try:
        key.verify(raw, payload, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise EnrolmentError("the signature does not hold: it was changed on the way, or another key made it") from error


def open_sealed(sealed: Sealed, *, fingerprint: bytes = b"", authority: str = "") -> Enrolled:
    """The answer, once its signature is that of the authority known by `fingerprint` (of a code) or as PEM. Raises: EnrolmentError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        enrolled = msgspec.json.decode(sealed.document, type=Enrolled)
        said = x509.load_pem_x509_certificate(enrolled.authority.encode()).public_bytes(Encoding.DER)
        known = fingerprint or fingerprint_of(x509.load_pem_x509_certificate(authority.encode()).public_bytes(Encoding.DER))
    except (msgspec.DecodeError, ValueError) as error:
        raise EnrolmentError(f"the answer cannot be read: {error}") from error
    if not hmac.compare_digest(fingerprint_of(said), known):
        raise EnrolmentError("the answer is of another authority than the code; is the address that of your central? Somebody may stand between")
    check_signature(enrolled.authority, seal_payload(sealed.document), sealed.signature)
    return enrolled
