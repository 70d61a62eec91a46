# SPDX-License-Identifier: Apache-2.0
"""Finds SSI packets in a stream: by length, in step again at the next packet whose checksum is right."""

from __future__ import annotations

from collections.abc import Iterator

from drivers.base.errors import RemoteProtocolError
from drivers.base.session import FrameRejected
from drivers.scanner_ssi.frames import CHECKSUM_BYTES, DECODER, HEADER_BYTES, HOST, Packet

_TORN_AFTER_S = 0.25
"""A packet of 257 bytes takes 0.27 s at 9600 baud, unbroken; a pause of so long inside one is its end. Guessed from USB adapters that hold bytes 16 ms."""
_PACKET_BYTES_MAX = 0xFF + CHECKSUM_BYTES


class PacketStream:
    """Yields packets, and what was thrown away: `damaged` once for each time out of step, `torn` for what silence cut off."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_step = True
        self._last_byte_s = 0.0

    def receive(self, data: bytes, now_s: float) -> Iterator[Packet | FrameRejected]:
        """Take bytes, cut anyhow."""
        yield from self.advance_to(now_s)
        self._last_byte_s = now_s
        self._buffer += data
        yield from self._packets(is_over=False)

    def advance_to(self, now_s: float) -> Iterator[Packet | FrameRejected]:
        """Let time pass: after a pause nothing that began before it goes on."""
        if self._buffer and now_s - self._last_byte_s >= _TORN_AFTER_S:
            yield from self._packets(is_over=True)
            self._in_step = True

    def next_deadline_s(self) -> float | None:
        """When `advance_to` is due; None: no packet is open."""
        return self._last_byte_s + _TORN_AFTER_S if self._buffer else None

    def _packets(self, *, is_over: bool) -> Iterator[Packet | FrameRejected]:
        while self._buffer:
            if self._in_step and self._buffer[0] == 0:
                del self._buffer[0]  # what wakes a scanner from low power, or its echo
            elif self._in_step and self._is_open() and not is_over:
                return
            elif found := self._packet_at(0):
                self._in_step = True
                del self._buffer[: found.size_bytes]
                yield found
            else:
                if self._in_step:
                    self._in_step = False
                    yield FrameRejected("torn" if is_over else "damaged", bytes(self._buffer[:HEADER_BYTES]))
                if not self._skip(is_over=is_over):
                    return

    def _skip(self, *, is_over: bool) -> bool:
        """To the next whole packet, past what only looks like the beginning of one. False: there is none yet."""
        for start in range(1, len(self._buffer)):
            if self._packet_at(start):
                del self._buffer[:start]
                return True
        del self._buffer[: len(self._buffer) if is_over else max(0, len(self._buffer) - _PACKET_BYTES_MAX)]
        return False

    def _is_open(self) -> bool:
        """Whether more bytes may make a packet of what is there."""
        known = len(self._buffer)
        if known >= 3 and not self._is_plausible(0):
            return False
        return self._buffer[0] >= HEADER_BYTES and known < self._buffer[0] + CHECKSUM_BYTES

    def _is_plausible(self, start: int) -> bool:
        return self._buffer[start] >= HEADER_BYTES and self._buffer[start + 2] in (DECODER, HOST)

    def _packet_at(self, start: int) -> Packet | None:
        stop = start + self._buffer[start] + CHECKSUM_BYTES
        if stop > len(self._buffer) or not self._is_plausible(start):
            return None
        try:
            return Packet.decode(bytes(self._buffer[start:stop]))
        except RemoteProtocolError:
            return None
