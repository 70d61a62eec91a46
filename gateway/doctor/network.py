# SPDX-License-Identifier: Apache-2.0
"""The ways out: is the name known, does something answer, is the certificate good, does the broker take this gateway, is the serial line free."""

from __future__ import annotations

import grp
import os
import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.addresses import parse_broker
from drivers.base.config import DeviceConfig, StreamConfig
from gateway.config import GatewayTable
from gateway.doctor.findings import Finding, finding
from gateway.doctor.machine import holder_of

_TIMEOUT_S = 3.0
_ENDS_SOON = timedelta(days=21)
_MQTT_5, _MQTT_311 = 5, 4
_CONNACK = 0x20
_REASONS = {4: "user name or password is wrong", 5: "not authorised", 0x86: "user name or password is wrong", 0x87: "not authorised", 0x8A: "banned"}
_UNSUPPORTED_VERSION = (1, 0x84)


def certificate_end(path: Path) -> datetime | None:
    """When the first certificate of a PEM file ends; None: it cannot be read."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def check_certificate(path: str, now: datetime) -> Iterator[Finding]:
    """The gateway's own."""
    until = certificate_end(Path(path)) if path else None
    if until is None:
        return
    if until <= now:
        yield finding("certificate_ended", "certificate", path=path, until=until.date())
    elif until - now < _ENDS_SOON:
        yield finding("certificate_ends", "certificate", path=path, until=until.date())


def check_brokers(table: GatewayTable, now: datetime) -> Iterator[Finding]:
    """Each broker up to its answer to a CONNECT, as nobody that the real gateway is disturbed by."""
    for url in (table.broker, *table.brokers_more):
        try:
            broker = parse_broker(url)
        except ValueError:
            continue  # the configuration's own finding says it
        yield from _check_broker(table, broker.host, broker.port, now, tls=broker.tls)


def _check_broker(table: GatewayTable, host: str, port: int, now: datetime, *, tls: bool) -> Iterator[Finding]:
    endpoint = f"{host}:{port}"
    try:
        answer = _connect(table, host, port, _MQTT_5, tls=tls)
        if answer in _UNSUPPORTED_VERSION or answer is None:
            answer = _connect(table, host, port, _MQTT_311, tls=tls)
    except (socket.gaierror, UnicodeError) as error:  # the latter for what cannot be a name
        yield finding("name_unknown", "broker", host=host, reason=getattr(error, "strerror", None) or error)
    except ssl.SSLError as error:
        yield finding("broker_tls", "broker", endpoint=endpoint, reason=getattr(error, "verify_message", "") or error.reason or error)
    except OSError as error:
        yield finding("broker_unreachable", "broker", endpoint=endpoint, reason=error.strerror or error)
    else:
        if answer == 0:
            yield finding("broker_takes", "broker", endpoint=endpoint)
        else:
            reason = "it hangs up" if answer is None else _REASONS.get(answer, f"reason {answer}")
            yield finding("broker_refuses", "broker", endpoint=endpoint, reason=reason)
    if tls:
        yield from _check_broker_certificate(table, host, port, endpoint, now)


def _connect(table: GatewayTable, host: str, port: int, version: int, *, tls: bool) -> int | None:
    """The code in the broker's CONNACK; None: it hung up. Raises: OSError (gaierror and SSLError among them)."""
    with _opened(table, host, port, tls=tls) as line:
        line.sendall(_connect_packet(table, version))
        head = _received(line, 4)
        if head is not None and head[1] & 0x80:  # a long answer: its length takes two bytes
            more = _received(line, 1)
            head = head[:1] + head[2:] + more if more else None
        if head is None or head[0] != _CONNACK:
            return None
        if head[3] == 0:
            line.sendall(b"\xe0\x00")  # DISCONNECT
        return head[3]


def _received(line: socket.socket, count: int) -> bytes | None:
    """So many bytes; None: the other side hung up."""
    found = b""
    while len(found) < count:
        more = line.recv(count - len(found))
        if not more:
            return None
        found += more
    return found


def _opened(table: GatewayTable, host: str, port: int, *, tls: bool) -> socket.socket:
    line = socket.create_connection((host, port), _TIMEOUT_S)
    if not tls:
        return line
    context = ssl.create_default_context(cafile=table.broker_ca_file or None)
    if table.broker_certificate_file:
        context.load_cert_chain(table.broker_certificate_file, table.broker_key_file or None)
    try:
        return context.wrap_socket(line, server_hostname=host)
    except OSError:
        line.close()
        raise


def _connect_packet(table: GatewayTable, version: int) -> bytes:
    """CONNECT (MQTT 5.0 and 3.1.1, section 3.1) under a name of its own, so that the session of the running gateway goes on."""
    password = Path(table.broker_password_file).read_text(encoding="utf-8").strip() if table.broker_password_file else ""
    flags = 0x02 | (0xC0 if password else 0)
    fields = [f"dockline-{table.site}-{table.id}-doctor-{os.getpid()}"]
    fields += [table.broker_username or table.id, password] if password else []
    body = _text("MQTT") + bytes([version, flags]) + struct.pack("!H", 10) + (b"\0" if version == _MQTT_5 else b"") + b"".join(map(_text, fields))
    return b"\x10" + _length(len(body)) + body


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()


def _length(size: int) -> bytes:
    """The variable byte integer of MQTT."""
    found = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        found.append(low | (0x80 if size else 0))
        if not size:
            return bytes(found)


def _check_broker_certificate(table: GatewayTable, host: str, port: int, endpoint: str, now: datetime) -> Iterator[Finding]:
    try:
        with _opened(table, host, port, tls=True) as line:
            assert isinstance(line, ssl.SSLSocket)
            told = line.getpeercert() or {}
    except OSError:
        return
    if isinstance(ends := told.get("notAfter"), str):
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
        if until - now < _ENDS_SOON:
            yield finding("broker_certificate_ends", "broker", endpoint=endpoint, until=until.date())


def check_device(device: str, config: DeviceConfig, gateway_process: int = 0) -> Iterator[Finding]:
    """Whether the way to a device is there; nothing is said to the device itself. The running gateway may hold its line while nobody answers on it."""
    if not isinstance(config, StreamConfig) or not (config.path or config.host):
        return  # files of the kernel, a Bluetooth adapter, pins: no way that could be tried from outside
    if config.path:
        yield from _check_line(device, config.path, gateway_process)
        return
    try:
        socket.create_connection((config.address, config.port), _TIMEOUT_S).close()
    except (socket.gaierror, UnicodeError) as error:  # the latter for what cannot be a name
        yield finding("name_unknown", device, host=config.host, reason=getattr(error, "strerror", None) or error)
    except OSError as error:
        yield finding("device_unreachable", device, endpoint=config.endpoint, reason=error.strerror or error)


def _check_line(device: str, path: str, gateway_process: int) -> Iterator[Finding]:
    place = Path(path)
    if not place.exists():
        yield finding("serial_line_missing", device, path=path)
    elif not os.access(place, os.R_OK | os.W_OK):
        try:
            group = grp.getgrgid(place.stat().st_gid).gr_name
        except (KeyError, OSError):
            group = "dialout"
        yield finding("serial_line_forbidden", device, path=path, group=group)
    elif holder := holder_of(path, gateway_process):
        yield finding("serial_line_held", device, path=path, holder=holder)
