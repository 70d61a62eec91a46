# SPDX-License-Identifier: Apache-2.0
"""Rules of webhooks: what a message looks like, how it is signed, when it is tried again, where it may go. By the Standard Webhooks specification, 1.0."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

SECRET_PREFIX = "whsec_"  # noqa: S105  # the prefix is public
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64
"""Standard Webhooks, 'Signature scheme': between 24 and 64 bytes."""

OLD_SECRET_HOLDS = timedelta(hours=24)
"""So long both secrets sign, so that the receiver can change over without losing a message."""

RETRY_DELAYS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""After the first failure, the second ...: the schedule that Standard Webhooks gives, 3 days and 3 hours in all; then it is a dead letter."""
JITTER = 0.2
"""A delay differs from the schedule by at most this part of it, so that many messages to a place that was down do not come all at once."""
RETRY_AFTER_MAX_S = 86_400


@dataclass(frozen=True, slots=True)
class Subscription:
    """An endpoint wants messages of a type; of one site, or of all (empty)."""

    endpoint: str
    type: str
    site: str


def targets(subscriptions: Iterable[Subscription], event_type: str, site: str) -> tuple[str, ...]:
    """Endpoints that want what happened at a site; what belongs to no site goes to all."""
    return tuple(each.endpoint for each in subscriptions if each.type == event_type and (not each.site or not site or each.site == site))


def payload(event_type: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body: `{type, timestamp, data}`, compact JSON. Raises: TypeError: data is not JSON."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"type": event_type, "timestamp": stamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def secret_of(key: bytes) -> str:
    """A secret as it is shown: `whsec_` and base64."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret. Raises: ValueError: not `whsec_` and base64 of 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("a secret is whsec_ followed by base64") from error
    if not secret.startswith(SECRET_PREFIX) or not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(f"a secret is {SECRET_PREFIX} and base64 of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
    return key


def signature(secrets: Sequence[str], message_id: str, timestamp_s: int, body: str) -> str:
    """The header webhook-signature: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`, one for each secret, separated by spaces."""
    signed = f"{message_id}.{timestamp_s}.{body}".encode()
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()}" for secret in secrets)


def gs1_signature(token: str, body: str) -> str:
    """The header GS1-Signature of EPCIS 2.0 (section 12.8): `sha256=` and the hexadecimal HMAC-SHA256 of the body; the key is the subscriber's token."""
    return f"sha256={hmac.digest(token.encode(), body.encode(), hashlib.sha256).hex()}"


Verdict = Literal["delivered", "again", "dead", "gone"]


def judge(status: int | None, attempts: int) -> Verdict:
    """What an answer means (None: there was none) after so many attempts: 2xx takes it, 410 wants nothing any more, all else is tried again."""
    if status is not None and 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    return "again" if attempts <= len(RETRY_DELAYS_S) else "dead"


def delay_s(attempts: int, luck: float, retry_after_s: int | None = None) -> float:
    """Seconds until the next attempt after `attempts` failures; `luck` between 0 and 1 spreads it. A receiver may ask for more time, at most a day."""
    planned = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1] * (1 + JITTER * (2 * luck - 1))
    return max(planned, min(retry_after_s or 0, RETRY_AFTER_MAX_S))


def check_url(url: str) -> None:
    """Raises: ValueError: not an address to which a message can be sent: http or https, a host, no user, no fragment."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give http://HOST/... or https://HOST/...")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("an address has neither user nor fragment; the signature says who sends")
    if parts.port == 0 or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise ValueError("an address has neither blanks nor port 0")
    reason = forbidden_address(parts.hostname, private_allowed=True) if _is_address(parts.hostname) else None
    if reason:
        raise ValueError(reason)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_METADATA = frozenset(map(ipaddress.ip_address, ("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")))
"""Where clouds answer questions about the machine, credentials among them: AWS and most others, Alibaba Cloud, Oracle Cloud, Azure, AWS on IPv6."""


def forbidden_address(address: str, *, private_allowed: bool) -> str | None:
    """Why no message may go to an IP address; None if it may. A warehouse's systems stand in private networks, so these may be allowed as a whole."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip in _METADATA or ip.is_link_local:
        return f"{address} is an address of this machine's own network or cloud (link-local or metadata)"
    if ip.is_multicast or ip.is_unspecified or (ip.is_reserved and not ip.is_loopback):
        return f"{address} is not the address of one machine"
    if not private_allowed and not ip.is_global:
        return f"{address} is in a private network, and this service is set to send to public addresses only"
    return None
