# SPDX-License-Identifier: Apache-2.0
"""A Keyence SR-1000 at its command port (TCP 9004).

Written from the SR-1000 Series User's Manual, "Command communication": header and terminator of an answer are those of its command (none and CR, or
STX and ETX), an ESC clears what was received, LON and LOFF are answered only when that is set, what was read comes after the answer.
"""

from __future__ import annotations

import re

from firmware_sims.scanner_tcp.body import FixedScannerBody
from firmware_sims.scanner_tcp.fixed import FixedScannerTwin

_ENDS = re.compile(rb"(?<=[\r\x03])")
_BASIC = ("LON", "LOFF")
_OTHER = ("AMON", "AMOFF", "RESET", "BCLR", "KEYENCE", "BUSYSTAT", "CMDSTAT", "ERRSTAT", "NUM")


class KeyenceTwin(FixedScannerTwin):
    """The scanner. `answers_basic`: "response string of basic commands" is on. `timeout_s`: after so long without a label a reading ends with ERROR."""

    def __init__(
        self,
        *,
        model: str = "SR-1000",
        firmware: str = "2.10",
        answers_basic: bool = False,
        continuous: bool = True,
        timeout_s: float = float("inf"),
        sends_aim: bool = True,
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(FixedScannerBody(continuous, timeout_s), sends_aim=sends_aim)
        self._identity = f"{model},{firmware}"
        self._answers_basic = answers_basic
        self._encoding = encoding
        self._is_tuning = False
        self._aims = False

    def on_tune(self, *, running: bool = True, now_s: float) -> bytes:
        """Somebody tunes it with its buttons: readings are refused meanwhile."""
        self._is_tuning = running
        return b""

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        return b"".join(self._on_command(line, now_s) for line in self._lines(data, _ENDS))

    def _on_command(self, line: bytes, now_s: float) -> bytes:
        line = line.rpartition(b"\x1b")[2].lstrip(b"\n")  # an LF behind the CR belongs to the command before
        head, end = (b"\x02", b"\x03") if line.startswith(b"\x02") else (b"", b"\r")
        word = line.strip(b"\x02\x03\r\n").decode("ascii", errors="replace")
        if not word:
            return b""
        answer, then = self._answer(word, now_s)
        return (head + answer.encode("ascii", errors="replace") + end if answer else b"") + then

    def _answer(self, word: str, now_s: float) -> tuple[str, bytes]:
        name = word.partition(",")[0]
        if name not in _BASIC + _OTHER:
            return f"ER,{name},00", b""
        if "," in word:
            return f"ER,{name},01", b""
        if self._is_tuning and name != "KEYENCE":
            return f"ER,{name},20", b""
        if name in _BASIC:
            return (f"OK,{name}" if self._answers_basic else ""), (self._begin(now_s) if name == "LON" else self._stop())
        return self._other(name), b""

    def _other(self, name: str) -> str:
        if name in ("AMON", "AMOFF"):
            self._aims = name == "AMON"
        details = {"KEYENCE": self._identity, "BUSYSTAT": "NONE", "CMDSTAT": "NONE", "ERRSTAT": "NONE", "NUM": f"{self.scans:05},00000,00000"}
        return f"OK,{name}" + (f",{details[name]}" if name in details else "")

    def _code(self, text: str) -> bytes:
        return text.encode(self._encoding) + b"\r"

    def _nothing(self) -> bytes:
        return b"ERROR\r"
