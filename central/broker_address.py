# SPDX-License-Identifier: Apache-2.0
"""Where the broker is: `mqtt://[user:password@]host:port` or `mqtts://...`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_PORTS = {"mqtt": 1883, "mqtts": 8883}
"""IANA service names mqtt and secure-mqtt."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker as central connects to it. `ca_file`: certificates that may have signed the broker's; empty for the system's."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = None
    ca_file: str = ""


def parse_broker(url: str) -> BrokerAddress:
    """Raises: ValueError: not a broker's URL; the text says what is expected."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"broker {url!r} is not mqtt://HOST:PORT or mqtts://HOST:PORT")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return BrokerAddress(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "mqtts", user, password)
