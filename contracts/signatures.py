# SPDX-License-Identifier: Apache-2.0
"""Ed25519 signatures over what a gateway must not take from just anybody: configurations and updates.

The package `cryptography` is imported when something is signed or checked, never before: a gateway that runs does neither (it has a child process do it).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Purpose = Literal["configuration", "update"]
_PREFIX = b"dockline-signature-v1\0"


class SignatureError(ValueError):
    """A signature that does not hold; the text says what does not fit."""


def configuration_payload(gateway: str, site: str, version: int, document: str) -> bytes:
    """What is signed of a configuration: for whom, its number, and every byte of it, so that none can be played back to another gateway or as a newer one."""
    digest = hashlib.sha256(document.encode()).hexdigest()
    return f"{site}\n{gateway}\n{version}\n{digest}".encode()


def make_signing_key() -> bytes:
    """A new private key (PKCS#8, PEM)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_key_of(private_pem: bytes) -> str:
    """The public key as it is handed out: 32 bytes, base64. Raises: ValueError: no such key."""
    from cryptography.hazmat.primitives import serialization

    raw = _private(private_pem).public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def sign(private_pem: bytes, purpose: Purpose, payload: bytes) -> str:
    """The signature, base64. Raises: ValueError: no such key."""
    return base64.b64encode(_private(private_pem).sign(_message(purpose, payload))).decode()


def verify(public_key: str, purpose: Purpose, payload: bytes, signature: str) -> None:
    """Raises: SignatureError: the signature is not that of this key over this payload for this purpose."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(base64.b64decode(signature, validate=True), _message(purpose, payload))
    except (ValueError, binascii.Error) as error:
        raise SignatureError(f"not a signature or not a key: {error}") from error
    except InvalidSignature as error:
        raise SignatureError(
            f"the signature of this {purpose} does not hold: it was changed, is meant for another gateway, or another key signed it"
        ) from error


def _message(purpose: Purpose, payload: bytes) -> bytes:
    return _PREFIX + purpose.encode() + b"\0" + payload


def _private(private_pem: bytes) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = serialization.load_pem_private_key(private_pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the signing key is not an Ed25519 key")  # noqa: TRY004  # a value of a file, not of a caller
    return key
