# SPDX-License-Identifier: Apache-2.0
"""Files for Mosquitto: a configuration in which every client proves itself by a certificate, what each may say and hear, and what was revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from central.database import reading
from central.fleet.authority import CENTRAL, REVOKED, Authority, write_secret, write_whole
from central.fleet.enrolment import revocation_list
from contracts.topics import CENTRAL_STATE, PREFIX
from contracts.wire import MESSAGE_BYTES_MAX

_CONFIGURATION = """\
# Mosquitto 2 for Dockline, made by 'dockline central mosquitto-config'. Nobody gets in without a certificate of the site's own authority;
# the name in it is the user's name, and what that name may say and hear is in acl.conf. A changed revoked.pem counts after a restart of the broker.

per_listener_settings false
listener {port}{address}
cafile {folder}/authority.pem
certfile {folder}/broker.pem
keyfile {folder}/broker-key.pem
crlfile {folder}/revoked.pem
require_certificate true
use_identity_as_username true
allow_anonymous false
tls_version tlsv1.2
acl_file {folder}/acl.conf
persistence false

# A message of the wire is at most 1 MiB (contracts/wire.py); the rest is topic and properties.
max_packet_size {packet_bytes_max}
max_inflight_messages 200
# Else a command waits up to 40 ms behind the acknowledgement sent just before it (Nagle's algorithm and delayed acknowledgements of TCP).
set_tcp_nodelay true
# Beyond these a broker drops silently; a gateway then sends again because central does not acknowledge.
max_queued_messages 2000
max_queued_bytes 67108864

log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
connection_messages true
"""

_ACL = f"""\
# Central hears everything under its prefix and speaks to every gateway. No gateway can have its name.
user {CENTRAL}
topic readwrite {PREFIX}/#

# A gateway speaks and hears under its own name only; %u is the name in its certificate.
pattern write {PREFIX}/+/+/%u/up/+
pattern write {PREFIX}/+/+/%u/state
pattern read {PREFIX}/+/+/%u/ack
pattern read {PREFIX}/+/+/%u/down
pattern read {CENTRAL_STATE}
"""
_PACKET_ROOM = 64 * 1024


def mosquitto_configuration(folder: Path, port: int, address: str = "") -> str:
    """The text of mosquitto.conf, with its other files in `folder`."""
    listen = f" {address}" if address else ""
    return _CONFIGURATION.format(folder=folder, port=port, address=listen, packet_bytes_max=MESSAGE_BYTES_MAX + _PACKET_ROOM)


def write_broker_files(engine: Engine, authority: Authority, folder: Path, hosts: Sequence[str], port: int, address: str, now: datetime) -> list[Path]:
    """Write all that Mosquitto needs into a folder, and beside it central's own certificate for this broker; returns what was written.

    The certificates of broker and central are made anew each time. Raises: OSError.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    broker, central = authority.make_server(hosts, now, for_gateways=True), authority.make_client(CENTRAL, now)
    secret = {"broker-key.pem": broker.key, "central-key.pem": central.key}
    open_to_all = {
        "authority.pem": authority.pem.encode(),
        "broker.pem": broker.certificate.encode(),
        "central.pem": central.certificate.encode(),
        "acl.conf": _ACL.encode(),
        "mosquitto.conf": mosquitto_configuration(folder, port, address).encode(),
    }
    for name, content in secret.items():
        write_secret(folder / name, content)
    for name, content in open_to_all.items():
        write_whole(folder / name, content)
    write_revoked(engine, authority, (folder / REVOKED,), now)
    return [folder / name for name in sorted((*secret, *open_to_all, REVOKED))]


def write_revoked(engine: Engine, authority: Authority, into: Sequence[Path], now: datetime) -> None:
    """Write what was revoked into these files, and beside the authority. Raises: OSError."""
    with reading(engine) as connection:
        content = revocation_list(connection, authority, now)
    for path in (authority.folder / REVOKED, *into):
        write_whole(path, content)
