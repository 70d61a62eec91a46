# SPDX-License-Identifier: Apache-2.0
"""Addresses that more than one program is given: the broker's URL, and whether an address stays on this machine."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import ssl

_PORTS = {"mqtt": 1883, "mqtts": 8883}
"""IANA service names mqtt and secure-mqtt."""
BROKER_SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
"""How programs open their sockets to the broker. Without it a small message waits until the one before is acknowledged, which TCP delays by 40 ms."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker as a program connects to it. `ca_file`: certificates that may have signed the broker's; empty for the system's.

    `certificate_file` and `key_file` prove who connects, where the broker asks for a certificate.
    """

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = None
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    def tls_context(self) -> ssl.SSLContext | None:
        """How to check the broker and prove who connects, read from the files as they are now; None: not encrypted. Raises: OSError, ssl.SSLError."""
        if not self.tls:
            return None
        import ssl

        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file or None)
        return context


def parse_broker(url: str) -> BrokerAddress:
    """Raises: ValueError: not a broker's URL; the text says what is expected."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"broker {url!r} is not understood; write mqtt://HOST:PORT or mqtts://HOST:PORT")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return BrokerAddress(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "mqtts", user, password)


def is_loopback(host: str) -> bool:
    """Whether a host name or address stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
