# SPDX-License-Identifier: Apache-2.0
"""A hand-held or fixed barcode scanner: what it reads, it sends, with the prefix and suffix of its settings. It obeys nothing.

Written from the settings chapters that scanner manuals share (Zebra, Honeywell, Datalogic: "transmit code ID: AIM", "suffix") and ISO/IEC 15424.
"""

from __future__ import annotations

from firmware_sims.engine.twin import Twin


class ScannerTwin(Twin):
    """The scanner. `scans` counts what was read, connected or not: it keeps nothing for later.

    `suffix` is cr, lf, crlf, tab, none or the characters themselves; `separator` what it sends for GS.
    """

    def __init__(self, *, suffix: str = "cr", sends_aim: bool = True, separator: str = "\x1d", encoding: str = "utf-8") -> None:
        self.scans = 0
        self._suffix = {"cr": "\r", "lf": "\n", "crlf": "\r\n", "tab": "\t", "none": ""}.get(suffix, suffix)
        self._sends_aim = sends_aim
        self._separator = separator
        self._encoding = encoding
        self._is_connected = False

    def on_scan(self, *, text: str | int, symbology: str = "", now_s: float) -> bytes:
        """A code comes before the window. `symbology` is its AIM identifier (`]C1`), empty if the scanner is to send none; GS in `text` is \\x1d."""
        self.scans += 1
        if not self._is_connected:
            return b""
        prefix = symbology if self._sends_aim else ""
        return (prefix + str(text).replace("\x1d", self._separator) + self._suffix).encode(self._encoding)

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._is_connected = True
        return b""

    def disconnected(self, now_s: float) -> None:
        """See `Twin.disconnected`."""
        self._is_connected = False

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        return b""
