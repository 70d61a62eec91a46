# SPDX-License-Identifier: Apache-2.0
"""Whom this gateway trusts and how it proves who it is: the folder that `dockline gateway enrol` made.

    identity.pem      key and certificate, in one file so that a renewal replaces both at once; 0600
    authority.pem     the site's authority
    enrolment.json    what else was learnt: until when the certificate holds, the key that signs configurations, where central is

Nothing here imports `cryptography`: a gateway that runs has a child process (`gateway.trust_child`) do what needs it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from contracts.events import UtcTime
from gateway.durable_file import write_durably

IDENTITY, AUTHORITY, ENROLMENT, NEW_KEY = "identity.pem", "authority.pem", "enrolment.json", "new-key.pem"
_RENEW_AFTER = 2 / 3  # of the certificate's life


class TrustError(Exception):
    """The folder cannot be used or a child process failed; the text says what and what to do."""


class Enrolment(msgspec.Struct, kw_only=True, frozen=True):
    """What a gateway knows of its own certificate and of whom to trust. `signing_key` is Ed25519, base64."""

    gateway: str
    site: str
    central: str
    signing_key: str
    certified_at: UtcTime
    certificate_until: UtcTime
    brokers: list[str] = []

    @property
    def renew_at(self) -> datetime:
        """At two thirds of the certificate's life."""
        return self.certified_at + (self.certificate_until - self.certified_at) * _RENEW_AFTER


def read_enrolment(folder: Path) -> Enrolment:
    """Raises: TrustError: no such folder, or what is in it cannot be read."""
    path = folder / ENROLMENT
    try:
        return msgspec.json.decode(path.read_bytes(), type=Enrolment)
    except (OSError, msgspec.DecodeError) as error:
        raise TrustError(f"{path} cannot be read ({error}); enrol this gateway again with 'dockline gateway enrol'") from error


def write_enrolment(folder: Path, enrolment: Enrolment) -> None:
    """Durable when it returns. Raises: OSError."""
    write_durably(folder / ENROLMENT, msgspec.json.format(msgspec.json.encode(enrolment)))


def renewal_pause_s(enrolment: Enrolment, now: datetime, failures: int) -> float:
    """Seconds until the certificate shall be renewed. After failures less and less often, but at least every six hours.

    A clock that was never set says 1970; then the gateway waits, and is called back once a day to look again.
    """
    due_s = (enrolment.renew_at - now).total_seconds()
    if failures:
        return min(6 * 3600.0, 60.0 * 4.0 ** min(failures, 6))
    return min(max(0.0, due_s), timedelta(days=1).total_seconds())


def is_renewal_due(enrolment: Enrolment, now: datetime) -> bool:
    """Whether two thirds of the certificate's life are over."""
    return now >= enrolment.renew_at


def digest_of(document: str) -> str:
    """The first 12 hex digits of a configuration's SHA-256, as in `GatewayConfig.config_hash`."""
    return hashlib.sha256(document.encode()).hexdigest()[:12]


def as_question(action: str, **fields: Any) -> bytes:
    """What a child process is asked."""
    return json.dumps({"action": action, **fields}).encode()


def read_answer(answer: bytes) -> Mapping[str, Any]:
    """What it said. Raises: TrustError: nothing that can be understood."""
    try:
        said = json.loads(answer)
    except ValueError as error:
        raise TrustError(f"the child process said {answer[:200]!r}; is this installation whole?") from error
    if not isinstance(said, dict):
        raise TrustError(f"the child process said {answer[:200]!r}; is this installation whole?")
    return said
