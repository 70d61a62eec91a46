# SPDX-License-Identifier: Apache-2.0
"""Who may ask for a certificate: codes that run out, certificates that must be in force, and no guessing; pure."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.addresses import parse_broker
from contracts.enrolment import request_hash, request_mac
from contracts.topics import check_name

CODE_LIFE = timedelta(hours=24)
FAILURES_MAX = 5
"""A code whose secret was wrong so often is worth nothing any more."""
_TRIES_MAX = 10
_TRIES_WITHIN_S = 60.0
_CALLERS_MAX = 1000
_BROKERS_MAX = 8


@dataclass(frozen=True, slots=True)
class KnownCode:
    """A code as it is kept."""

    mac_key: bytes
    expires_at: datetime
    failures: int
    used_for: str


def fault_of_code(code: KnownCode, request: str, mac: str, now: datetime) -> str:
    """Why a code does not allow this request: `used`, `expired`, `locked`, `wrong`; empty: it does. The request that used it up may come again.

    A wrong secret is said to be wrong whatever else is true, so that guessing tells nothing.
    """
    if not code.mac_key or not hmac.compare_digest(request_mac(code.mac_key, request).encode(), mac.encode()):
        return "used" if not code.mac_key else "wrong"
    if code.used_for:
        return "" if code.used_for == request_hash(request) else "used"
    if code.failures >= FAILURES_MAX:
        return "locked"
    return "expired" if now >= code.expires_at else ""


def check_code_terms(gateway: str, site: str, brokers: Sequence[str]) -> None:
    """Raises: ValueError: a name that topics do not take, no broker, or none that a gateway on another machine could use safely."""
    check_name(gateway)
    check_name(site)
    if not 1 <= len(brokers) <= _BROKERS_MAX:
        raise ValueError(f"name 1 to {_BROKERS_MAX} brokers that the gateway shall speak to, as mqtts://broker.site.lan:8883")
    for broker in brokers:
        address = parse_broker(broker)
        if not address.tls or address.user or address.password:
            raise ValueError(f"{broker}: the gateway proves who it is by its certificate; write mqtts://HOST:PORT without user and password")


class Tries:
    """How often callers failed of late. Pure: time is passed in. Remembers so many callers only, for each of them costs memory."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, caller: str, now_s: float) -> float:
        """Seconds until this caller may try again; 0: now."""
        recent = self._recent(caller, now_s)
        return max(0.0, recent[0] + _TRIES_WITHIN_S - now_s) if len(recent) >= _TRIES_MAX else 0.0

    def failed(self, caller: str, now_s: float) -> None:
        """A try of this caller was wrong."""
        self._failed[caller] = [*self._recent(caller, now_s)[-_TRIES_MAX + 1 :], now_s]
        self._failed.move_to_end(caller)
        while len(self._failed) > _CALLERS_MAX:
            self._failed.popitem(last=False)

    def _recent(self, caller: str, now_s: float) -> list[float]:
        return [at_s for at_s in self._failed.get(caller, []) if at_s > now_s - _TRIES_WITHIN_S]
