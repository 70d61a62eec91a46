# SPDX-License-Identifier: Apache-2.0
"""Cuts the bytes of a controller into blocks."""

from __future__ import annotations

from collections.abc import Callable

from drivers.base.errors import RemoteProtocolError
from drivers.light_ablepick.frames import PORT_1, PORT_2, PRESSES, Frame, decode, size_of

SHORT_PRESS_BYTES = 14  # manual 4.4.1: LEN 0E, yet 15 bytes are drawn (six digits and the dots)


class BlockStream:
    """There is no way back into step: the first byte that cannot be a block's ends the conversation. `broken`: how."""

    def __init__(self, take: Callable[[Frame], None], reject: Callable[[str, bytes], None]) -> None:
        self.broken: RemoteProtocolError | None = None
        self._take = take
        self._reject = reject
        self._incoming = bytearray()
        self._dots_may_follow = False

    def receive_bytes(self, data: bytes) -> None:
        """Hand on each whole block, up to where the stream is damaged, if it is."""
        self._incoming += data
        try:
            self._take_blocks()
        except RemoteProtocolError as error:
            self.broken = error

    def _take_blocks(self) -> None:
        while self._skip_dots_byte() and (size_bytes := size_of(bytes(self._incoming[:7]))) is not None and len(self._incoming) >= size_bytes:
            frame = decode(bytes(self._incoming[:size_bytes]))
            del self._incoming[:size_bytes]
            self._dots_may_follow = size_bytes == SHORT_PRESS_BYTES and frame.sub in PRESSES
            self._take(frame)

    def _skip_dots_byte(self) -> bool:
        """Drop the byte that a press block of LEN 14 has too much: only where no block begins with it and one begins behind it. False: wait for more."""
        if not self._dots_may_follow:
            return True
        if len(self._incoming) < 4:
            return False
        self._dots_may_follow = False
        if self._incoming[2] not in (PORT_1, PORT_2) and self._incoming[3] in (PORT_1, PORT_2):
            self._reject("dots_beyond_length", bytes(self._incoming[:1]))
            del self._incoming[:1]
        return True
