# SPDX-License-Identifier: Apache-2.0
"""How SSI packets are whole again after `dockline capture` has replaced codes in them."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError
from drivers.scanner_ssi.frames import CHECKSUM_BYTES, Packet, checksum


def resealed(before: bytes, after: bytes) -> bytes:
    """`after` with right checksums wherever `before`, which has the same length, has a whole packet; a damaged packet stays damaged."""
    whole, at = bytearray(after), 0
    while at < len(before):
        stop = at + before[at] + CHECKSUM_BYTES
        try:
            packet = Packet.decode(before[at:stop])
        except RemoteProtocolError:
            at += 1
            continue
        whole[stop - CHECKSUM_BYTES : stop] = checksum(bytes(whole[at : stop - CHECKSUM_BYTES]), low_first=packet.low_first)
        at = stop
    return bytes(whole)
