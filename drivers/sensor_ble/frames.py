# SPDX-License-Identifier: Apache-2.0
"""Advertising reports as a Bluetooth controller gives them (HCI, with the packet indicator of the UART transport), and what is in them.

Source: Bluetooth Core 5.4, Vol 4 Part A 2 (indicator 04: event), Vol 4 Part E 7.7.65.2 (LE Advertising Report) and 7.7.65.13 (Extended); Core Supplement
Part A 1 (AD structures), Assigned Numbers 2.3 (AD types).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drivers.base.errors import LocalProtocolError, RemoteProtocolError

EVENT = 0x04
LE_META = 0x3E
ADVERTISING, EXTENDED = 0x02, 0x0D
OTHER_EVENTS = (0x05, 0x0E, 0x0F, 0x10, 0x13, LE_META)
"""Events that a receiver may pass on beside reports: disconnection, command complete and status, hardware error, completed packets."""
_REPORT_BYTES, _EXTENDED_BYTES = 10, 24
_FLAGS, _MANUFACTURER, _SERVICE_16 = 0x01, 0xFF, 0x16
_OTHER_BYTES_MAX = 80  # chosen: no other event that a receiver passes on is longer
NO_RSSI = 127  # Vol 4 Part E 7.7.65.2: not available


@dataclass(frozen=True)
class Report:
    """One advertisement: who (address as text), how loud (dBm; None: not told), and its AD structures as they came."""

    address: str
    data: bytes
    rssi_dbm: int | None = None

    def encode(self) -> bytes:
        """As an LE Advertising Report of one device: undirected, not connectable, random address.

        Raises: LocalProtocolError: more data than such a report holds.
        """
        if len(self.data) > 0xFF - _REPORT_BYTES - 2:
            raise LocalProtocolError(f"an advertising report holds at most {0xFF - _REPORT_BYTES - 2} bytes, not {len(self.data)}")
        rssi = NO_RSSI if self.rssi_dbm is None else self.rssi_dbm
        address = bytes.fromhex(self.address.replace(":", ""))[::-1]
        body = bytes([ADVERTISING, 1, 3, 1]) + address + bytes([len(self.data)]) + self.data + rssi.to_bytes(1, "little", signed=True)
        return bytes([EVENT, LE_META, len(body)]) + body


def is_head(head: bytes) -> bool:
    """Whether an HCI event can begin with these bytes: as soon as one length cannot be, it is none, so that a false beginning swallows little."""
    if head[:1] not in (b"", bytes([EVENT])) or (len(head) > 1 and head[1] not in OTHER_EVENTS):
        return False
    if len(head) < 4:
        return True
    if head[1] != LE_META or head[3] not in (ADVERTISING, EXTENDED):
        return head[2] <= _OTHER_BYTES_MAX
    return len(head) < 5 or (head[4] > 0 and _fits(head))


def _fits(head: bytes) -> bool:
    """Whether the lengths of the reports, as far as they have come, fill the event exactly."""
    fixed, length_at = (_REPORT_BYTES, 8) if head[3] == ADVERTISING else (_EXTENDED_BYTES, 23)
    end, at = 3 + head[2], 5
    for number in range(head[4]):
        least = at + fixed * (head[4] - number)
        if least > end:
            return False
        if len(head) <= at + length_at:
            return True
        at += fixed + head[at + length_at]
    return at == end


def size_of(head: bytes) -> int | None:
    """Length of the event that begins so; None: too few bytes to tell."""
    return 3 + head[2] if len(head) >= 3 else None


def decode(packet: bytes) -> tuple[Report, ...]:
    """The reports of one whole event; empty: it is another event. Raises: RemoteProtocolError: its lengths do not fit."""
    if not is_head(packet) or size_of(packet) != len(packet):
        raise RemoteProtocolError("not exactly one HCI event", packet)
    if packet[1] != LE_META or len(packet) < 5 or packet[3] not in (ADVERTISING, EXTENDED):
        return ()
    plain, rest = packet[3] == ADVERTISING, packet[5:]
    reports = []
    for _ in range(packet[4]):
        report, rest = _plain(rest, packet) if plain else _extended(rest, packet)
        reports.append(report)
    if rest:
        raise RemoteProtocolError("an advertising report has bytes left over", packet)
    return tuple(reports)


def _plain(rest: bytes, packet: bytes) -> tuple[Report, bytes]:
    """Event type, address type, address, length, data, RSSI."""
    size = rest[8] if len(rest) > 8 else 0
    if len(rest) < _REPORT_BYTES + size:
        raise RemoteProtocolError("an advertising report ends too soon", packet)
    return Report(_address(rest[2:8]), rest[9 : 9 + size], _rssi(rest[9 + size])), rest[_REPORT_BYTES + size :]


def _extended(rest: bytes, packet: bytes) -> tuple[Report, bytes]:
    """Event type (2), address type, address, phys (2), SID, TX power, RSSI, periodic interval (2), direct address type and address, length, data."""
    size = rest[23] if len(rest) > 23 else 0
    if len(rest) < _EXTENDED_BYTES + size:
        raise RemoteProtocolError("an extended advertising report ends too soon", packet)
    return Report(_address(rest[3:9]), rest[_EXTENDED_BYTES : _EXTENDED_BYTES + size], _rssi(rest[13])), rest[_EXTENDED_BYTES + size :]


def _address(data: bytes) -> str:
    return data[::-1].hex(":")


def _rssi(byte: int) -> int | None:
    return None if byte == NO_RSSI else byte - 256 * (byte > 127)


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """AD types and contents; what does not fit at the end is left out, a length of 0 ends it early."""
    while len(data) >= 2 and 0 < data[0] < len(data):
        yield data[1], data[2 : 1 + data[0]]
        data = data[1 + data[0] :]


def manufacturer(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Company identifiers and their data."""
    for kind, content in structures(data):
        if kind == _MANUFACTURER and len(content) >= 2:
            yield int.from_bytes(content[:2], "little"), content[2:]


def services(data: bytes) -> Iterator[tuple[int, bytes]]:
    """16-bit service UUIDs and their data."""
    for kind, content in structures(data):
        if kind == _SERVICE_16 and len(content) >= 2:
            yield int.from_bytes(content[:2], "little"), content[2:]


def rebuilt(manufacturers: dict[int, bytes], service_data: dict[str, bytes]) -> bytes:
    """AD structures of what an operating system has taken apart: data by company, and by service (UUID as text; only 16-bit ones)."""
    data = b""
    for company, content in manufacturers.items():
        data += bytes([len(content) + 3, _MANUFACTURER]) + company.to_bytes(2, "little") + content
    for uuid, content in service_data.items():
        if uuid.startswith("0000") and uuid.endswith("-0000-1000-8000-00805f9b34fb"):
            data += bytes([len(content) + 3, _SERVICE_16]) + int(uuid[4:8], 16).to_bytes(2, "little") + content
    return data
