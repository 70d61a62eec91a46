# SPDX-License-Identifier: Apache-2.0
"""What a scanner sends for one code. Source: ISO/IEC 15424 (AIM symbology identifiers)."""

from __future__ import annotations

import re
from dataclasses import dataclass

FRAME_BYTES_MAX = 4096
"""More than the largest code holds (QR 40-L: 2953 bytes, and as many digits as 7089, which no label here carries)."""
_AIM = re.compile(rb"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True)
class CodeFrame:
    """One code as it came, without its prefix and suffix.

    | ] | code character | modifier | data ...      the first three only when the scanner is set to send them

    `symbology` is those three characters, or empty.
    """

    symbology: str
    data: bytes

    def encode(self) -> bytes:
        """The bytes before the suffix."""
        return self.symbology.encode("ascii") + self.data

    @classmethod
    def decode(cls, frame: bytes, *, takes_aim: bool = True) -> CodeFrame:
        """Split off the AIM identifier, if there is one and it is to be taken. Any bytes are a code."""
        if takes_aim and _AIM.match(frame):
            return cls(frame[:3].decode("ascii"), frame[3:])
        return cls("", frame)

    def text(self, encoding: str) -> str:
        """The data as text; bytes that the encoding does not know are read as Latin-1, so that no code is lost."""
        try:
            return self.data.decode(encoding)
        except UnicodeDecodeError:
            return self.data.decode("latin-1")
