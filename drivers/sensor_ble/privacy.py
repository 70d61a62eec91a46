# SPDX-License-Identifier: Apache-2.0
"""What of the bytes of a receiver is nobody's business: whose telephones and tags are near. `dockline capture` replaces it."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.base.errors import RemoteProtocolError
from drivers.sensor_ble.frames import decode, is_head, size_of, structures

_NAMES = (0x08, 0x09)  # Assigned Numbers 2.3: shortened and complete local name


def private_values(stream: bytes) -> Iterator[str]:
    """Addresses and names of all that were heard."""
    at = 0
    while at < len(stream):
        head = stream[at : at + 64]
        size = size_of(head) if is_head(head) else None
        try:
            reports = decode(stream[at : at + size]) if size else None
        except RemoteProtocolError:
            reports = None
        if reports is None or size is None:
            at += 1
            continue
        at += size
        for report in reports:
            yield report.address
            yield from (content.decode("latin-1") for kind, content in structures(report.data) if kind in _NAMES)
