# SPDX-License-Identifier: Apache-2.0
"""A Datalogic Matrix N at its data socket (TCP 51236).

Written from the DL.CODE manual, "Data formatting" and "Communication": header (STX) and terminator (CR LF, or ETX) around a code, a global no-read string,
a heartbeat text if set, and texts that begin and end the reading phase ("serial on-line").
"""

from __future__ import annotations

import re

from firmware_sims.scanner_tcp.body import FixedScannerBody
from firmware_sims.scanner_tcp.fixed import FixedScannerTwin

_FRAMES = {"stx-crlf": (b"\x02", b"\r\n"), "stx-etx": (b"\x02", b"\x03"), "crlf": (b"", b"\r\n"), "cr": (b"", b"\r")}


class DatalogicTwin(FixedScannerTwin):
    """The scanner. `frame` is what stands around a code: stx-crlf (as delivered), stx-etx, crlf or cr."""

    def __init__(
        self,
        *,
        frame: str = "stx-crlf",
        no_read: str = "<NoRead>",
        begins: str = "T",
        ends: str = "U",
        heartbeat: str = "",
        heartbeat_s: float = 10.0,
        continuous: bool = True,
        timeout_s: float = float("inf"),
        sends_aim: bool = False,
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(FixedScannerBody(continuous, timeout_s), sends_aim=sends_aim)
        self._frame = _FRAMES[frame]
        self._no_read = no_read
        self._begins, self._ends = begins.encode(), ends.encode()
        self._words = re.compile(b"(" + re.escape(self._begins) + b"|" + re.escape(self._ends) + b")")
        self._heartbeat_text = heartbeat
        self._heartbeat_s = heartbeat_s if heartbeat else 0.0
        self._encoding = encoding

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        self._line += data
        said = b""
        while word := self._words.search(self._line):
            begins = word[1] == self._begins
            del self._line[: word.end()]
            said += self._begin(now_s) if begins else self._stop()
        del self._line[:-64]
        return said

    def _code(self, text: str) -> bytes:
        return self._frame[0] + text.encode(self._encoding) + self._frame[1]

    def _nothing(self) -> bytes:
        return self._code(self._no_read)

    def _heartbeat(self) -> bytes:
        return self._code(self._heartbeat_text)
