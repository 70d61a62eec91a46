# SPDX-License-Identifier: Apache-2.0
"""What Keyence's and Cognex's scanners answer to commands, and how those are written.

Sources: Keyence SR-1000/SR-2000/SR-750 Series User's Manual, "Command communication" and "Error code list"; Cognex DataMan Control Commands (DMCC),
"Command syntax" and "Reader response".
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import reduce
from operator import xor

from drivers.base.errors import RemoteProtocolError

KEYENCE_ERRORS = {
    "00": "the command is not known",
    "01": "the command has the wrong form or number of parameters",
    "02": "parameter 1 is out of range",
    "03": "parameter 2 is out of range",
    "04": "parameter 2 is not hexadecimal",
    "05": "parameter 2 is out of range",
    "10": "preset data with more than one exclamation mark",
    "11": "the area given is wrong",
    "12": "there is no such file",
    "13": "the number of the head is out of range",
    "14": "the head does not answer",
    "20": "not possible in the scanner's present state",
    "21": "the scanner's buffer has run over",
    "22": "settings could not be loaded or saved",
    "23": "commands are refused as long as AutoID Network Navigator is connected",
    "99": "the scanner may be broken",
}
DMCC_ERRORS = {
    "100": "an error that the scanner cannot name",
    "101": "the command is not known",
    "102": "a parameter is wrong or missing",
    "103": "the checksum is wrong",
    "104": "refused or changed because of the scanner's present state",
    "105": "the scanner is not available; it may be busy",
}
_KEYENCE = re.compile(rb"(OK|ER),([A-Z]{2,12})(?:,(.*))?", re.DOTALL)
_DMCC = re.compile(rb"\|\|(?:([01])?(?::([0-9]*))?(?:;[0-9])?)?\[([0-9]{1,3})\](.*)", re.DOTALL)
COGNEX_MODEL = rb"DM[0-9]{2,4}[A-Z]{0,4}"
"""As DEVICE.TYPE tells it: DM302, DM262X, DM8072DPM."""
DATA = "1"
"""Status of a DMCC message that nobody asked for: a code was read."""


@dataclass(frozen=True)
class KeyenceReply:
    """`OK,LON` or `ER,LON,20`; `detail` is what follows the command, the error's number for ER."""

    ok: bool
    command: str
    detail: str = ""

    def encode(self) -> bytes:
        """Without its terminator."""
        return ",".join(("OK" if self.ok else "ER", self.command, *((self.detail,) if self.detail else ()))).encode("latin-1")

    @classmethod
    def decode(cls, frame: bytes) -> KeyenceReply:
        """Raises: RemoteProtocolError: no answer to a command; most likely a code."""
        match = _KEYENCE.fullmatch(frame)
        if match is None:
            raise RemoteProtocolError("no answer to a command", frame)
        return cls(match[1] == b"OK", match[2].decode(), (match[3] or b"").decode("latin-1"))


@dataclass(frozen=True)
class DmccReply:
    """`||0:42[0]DM302`: status 0 done, 1 a code that was read, 100 and more refused. `number` is the command's; None: not told."""

    status: str
    data: bytes = b""
    number: int | None = None
    checksum: bool = False

    def encode(self) -> bytes:
        """Without its terminator."""
        head = "||" if self.number is None and not self.checksum else f"||{int(self.checksum)}" + ("" if self.number is None else f":{self.number}")
        frame = f"{head}[{self.status}]".encode() + self.data
        return frame + bytes([reduce(xor, frame)]) if self.checksum else frame

    @classmethod
    def decode(cls, frame: bytes) -> DmccReply:
        """A checksum that is CR or LF was cut off as the end of a line; then the rest makes up just that.

        Raises: RemoteProtocolError: no DMCC message, or its checksum is wrong.
        """
        match = _DMCC.fullmatch(frame)
        if match is None:
            raise RemoteProtocolError("no answer to a command", frame)
        data, checksum = match[4], match[1] == b"1"
        if checksum:
            rest = reduce(xor, frame)
            if rest == 0 and data:
                data = data[:-1]
            elif rest not in b"\r\n":
                raise RemoteProtocolError("wrong checksum", frame)
        return cls(match[3].decode(), data, int(match[2]) if match[2] else None, checksum)

    @property
    def code(self) -> bytes:
        """What was read: base64 (RFC 2045), as the manual has it; older firmware sends it as it is."""
        try:
            return base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError):
            return self.data


def dmcc_command(text: str, number: int, *, checksum: bool, tells_mode: bool = True) -> bytes:
    """`||0:42;1>TRIGGER ON` CR LF: with a number, and answered whatever the scanner's response mode is when it `tells_mode`."""
    frame = f"||{int(checksum)}:{number}{';1' if tells_mode else ''}>{text}".encode("ascii")
    return frame + (bytes([reduce(xor, frame)]) if checksum else b"") + b"\r\n"


def keyence_command(text: str) -> bytes:
    """`LON` CR; the answer comes with CR too."""
    return text.encode("ascii") + b"\r"
