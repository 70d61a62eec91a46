# SPDX-License-Identifier: Apache-2.0
"""Signatures over configurations and updates: what is changed, meant for somebody else or signed by another key does not hold."""

from __future__ import annotations

import pytest

from contracts import signatures
from contracts.signatures import SignatureError

pytestmark = pytest.mark.requirement("E14")
DOCUMENT = '[gateway]\nid = "dock-1"\n'


@pytest.fixture(scope="module")
def private() -> bytes:
    return signatures.make_signing_key()


def test_signature_holds_for_what_was_signed(private: bytes) -> None:
    payload = signatures.configuration_payload("dock-1", "s1", 7, DOCUMENT)

    signatures.verify(signatures.public_key_of(private), "configuration", payload, signatures.sign(private, "configuration", payload))


@pytest.mark.parametrize(
    "changed",
    [("dock-2", "s1", 7, DOCUMENT), ("dock-1", "s2", 7, DOCUMENT), ("dock-1", "s1", 8, DOCUMENT), ("dock-1", "s1", 7, DOCUMENT + "\n")],
    ids=["gateway", "site", "version", "document"],
)
def test_signature_does_not_hold_for_anything_else(private: bytes, changed: tuple[str, str, int, str]) -> None:
    signature = signatures.sign(private, "configuration", signatures.configuration_payload("dock-1", "s1", 7, DOCUMENT))

    with pytest.raises(SignatureError, match="does not hold"):
        signatures.verify(signatures.public_key_of(private), "configuration", signatures.configuration_payload(*changed), signature)


def test_signature_for_one_purpose_is_none_for_another(private: bytes) -> None:
    with pytest.raises(SignatureError, match="does not hold"):
        signatures.verify(signatures.public_key_of(private), "update", b"x", signatures.sign(private, "configuration", b"x"))


def test_key_of_another_site_does_not_verify(private: bytes) -> None:
    other = signatures.public_key_of(signatures.make_signing_key())

    with pytest.raises(SignatureError, match="does not hold"):
        signatures.verify(other, "update", b"x", signatures.sign(private, "update", b"x"))


@pytest.mark.parametrize(("key", "signature"), [("AAAA", "AAAA"), ("§", ""), ("", "§")])
def test_damaged_text_is_told_as_such(key: str, signature: str) -> None:
    with pytest.raises(SignatureError, match="not a signature or not a key"):
        signatures.verify(key, "update", b"x", signature)
