# SPDX-License-Identifier: Apache-2.0
"""Telnet's own bytes are taken out of a stream. Source: RFC 854; only what a server says that negotiates options by itself."""

from __future__ import annotations

_IAC, _SB, _SE, _WILL, _DONT = 0xFF, 0xFA, 0xF0, 0xFB, 0xFE


class TelnetFilter:
    """Holds back an incomplete sequence; a doubled IAC is one byte of data. Options are not answered: a device that gets no answer uses none."""

    def __init__(self) -> None:
        self._held = b""

    def take(self, data: bytes) -> bytes:
        """The bytes that are not Telnet's."""
        data, self._held = self._held + data, b""
        if _IAC not in data:
            return data
        plain, at = bytearray(), 0
        while at < len(data):
            stop = data.find(_IAC, at)
            if stop < 0:
                plain += data[at:]
                break
            plain += data[at:stop]
            length = _length(data[stop:])
            if not length:
                self._held = data[stop:]
                break
            if data[stop + 1] == _IAC:
                plain.append(_IAC)
            at = stop + length
        return bytes(plain)


def _length(data: bytes) -> int:
    """Bytes of the sequence at the beginning; 0: it is not complete. What never ends is given up after 64 bytes."""
    if len(data) < 2:
        return 0
    if data[1] == _SB:
        end = data.find(bytes((_IAC, _SE)))
        return end + 2 if end >= 0 else (0 if len(data) < 64 else 2)
    if _WILL <= data[1] <= _DONT:
        return 3 if len(data) >= 3 else 0
    return 2
