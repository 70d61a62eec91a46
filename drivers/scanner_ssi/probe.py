# SPDX-License-Identifier: Apache-2.0
"""An SSI scanner tells its revision when asked for it (Programmer's Guide, REQUEST_REVISION), in a packet with a checksum. Nothing lights up or beeps."""

from __future__ import annotations

from drivers.base.probe import Probe, Recognised
from drivers.scanner_ssi.frames import CMD_NAK, DECODER, REPLY_REVISION, REQUEST_REVISION, Packet
from drivers.scanner_ssi.framing import PacketStream


def _by_answer(said: bytes) -> Recognised | None:
    """A refusal is proof too: decoders that put the checksum's low byte first take ours for damaged, and say so in a packet of their own."""
    stream = PacketStream()
    for packet in (*stream.receive(said, 0.0), *stream.advance_to(1.0)):
        if isinstance(packet, Packet) and packet.source == DECODER and packet.opcode in (REPLY_REVISION, CMD_NAK):
            told = packet.data.decode("latin-1").strip() if packet.opcode == REPLY_REVISION else "not told"
            return Recognised(f"Zebra scanner with SSI, revision {told}")
    return None


_ASKS_REVISION = Probe(_by_answer, Packet(REQUEST_REVISION).encode(), lines=((9600, "N", 8),))
PROBES = (_ASKS_REVISION, _ASKS_REVISION)
"""Asked twice: in low power a scanner only wakes at what it hears first."""
