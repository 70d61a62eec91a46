# SPDX-License-Identifier: Apache-2.0
"""A Cognex DataMan at its Telnet port (TCP 23).

Written from "DataMan Control Commands", "Command syntax" and "Reader response": `||checksum:command-id>command` CR LF, upper and lower case alike;
response modes silent (0, as delivered) and extended (1), for all (`SET COM.DMCC-RESPONSE`) or for one command (`;1` in its header). In extended mode
codes come as base64 with status 1. A checksum is the XOR of all bytes before it.
"""

from __future__ import annotations

import base64
import re
from functools import reduce
from operator import xor

from firmware_sims.scanner_tcp.body import FixedScannerBody
from firmware_sims.scanner_tcp.fixed import FixedScannerTwin

_ENDS = re.compile(rb"(?<=\r\n)")
_HEADER = re.compile(rb"\|\|(?:([01])(?::([0-9]+))?(?:;([01]))?|:([0-9]+))?>(.*)", re.DOTALL)
_NEGOTIATION = bytes.fromhex("fffb01 fffb03")  # RFC 854: the server will echo and suppress go-ahead


class CognexTwin(FixedScannerTwin):
    """The scanner. `knows_header_mode` off: older firmware, which takes a `;1` for a mistake. `says_no_read`: its text for a reading in vain."""

    def __init__(
        self,
        *,
        model: str = "DM302",
        serial: str = "1A1234PP000123",
        extended: bool = False,
        knows_header_mode: bool = True,
        negotiates: bool = False,
        continuous: bool = True,
        timeout_s: float = float("inf"),
        says_no_read: str = "NO-READ",
        sends_aim: bool = True,
        encoding: str = "utf-8",
    ) -> None:
        super().__init__(FixedScannerBody(continuous, timeout_s), sends_aim=sends_aim)
        self._settings = {"DEVICE.TYPE": model, "DEVICE.SERIAL-NUMBER": serial, "DEVICE.FIRMWARE-VER": "5.7.4", "COM.DMCC-RESPONSE": str(int(extended))}
        self._read_only = frozenset(name for name in self._settings if name.startswith("DEVICE."))
        self._knows_header_mode = knows_header_mode
        self._negotiates = negotiates
        self._no_read = says_no_read
        self._encoding = encoding
        self._is_training = False
        self.beeps = 0
        self._restarts = False

    def on_train(self, *, running: bool = True, now_s: float) -> bytes:
        """Somebody trains it with the Setup Tool: readings are refused meanwhile."""
        self._is_training = running
        return b""

    def connected(self, now_s: float) -> bytes:
        """See `Twin.connected`."""
        self._restarts = False
        return super().connected(now_s) + (_NEGOTIATION if self._negotiates else b"")

    @property
    def wants_close(self) -> bool:
        """See `Twin.wants_close`: it restarts."""
        return self._restarts

    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """See `Twin.receive_bytes`."""
        return b"".join(self._on_command(line.removesuffix(b"\r\n"), now_s) for line in self._lines(data, _ENDS))

    def _on_command(self, line: bytes, now_s: float) -> bytes:
        header = _HEADER.search(line)
        if header is None or (header[3] and not self._knows_header_mode):
            return b""  # no command at all: nothing is said
        checked, number, mode, command = header[1] == b"1", header[2] or header[4], header[3], header[5]
        status, value, then = "103", "", b""
        if not checked or reduce(xor, line) == 0:
            status, value, then = self._carried_out((command[:-1] if checked else command).decode("ascii", errors="replace"), now_s)
        is_extended = mode == b"1" or (mode is None and self._settings["COM.DMCC-RESPONSE"] == "1")
        if not is_extended:
            return (value.encode() + b"\r\n" if value else b"") + then
        head = b"||" + (str(int(checked)).encode() if checked or number else b"") + (b":" + number if number else b"")
        answer = head + f"[{status}]{value}".encode()
        return answer + (bytes([reduce(xor, answer)]) if checked else b"") + b"\r\n" + then

    def _carried_out(self, command: str, now_s: float) -> tuple[str, str, bytes]:
        match command.upper().split():
            case ["TRIGGER", ("ON" | "OFF") as switch]:
                if self._is_training:
                    return "104", "", b""
                return "0", "", self._begin(now_s) if switch == "ON" else self._stop()
            case ["TRIGGER", *_]:
                return "102", "", b""
            case ["BEEP", *numbers] if all(number.isdigit() for number in numbers):
                self.beeps += 1
                return "0", "", b""
            case ["REBOOT"]:
                self._restarts = True
                return "0", "", b""
            case ["GET", name]:
                return ("0", self._settings[name], b"") if name in self._settings else ("101", "", b"")
            case ["SET", name, value] if name in self._settings and name not in self._read_only:
                self._settings[name] = value
                return "0", "", b""
            case ["SET", name, *_]:
                return ("102" if name in self._settings else "101"), "", b""
            case _:
                return "101", "", b""

    def _code(self, text: str) -> bytes:
        data = text.encode(self._encoding)
        if self._settings["COM.DMCC-RESPONSE"] == "1":
            return b"||0[1]" + base64.b64encode(data) + b"\r\n"
        return data + b"\r\n"

    def _nothing(self) -> bytes:
        return self._code(self._no_read)
