# SPDX-License-Identifier: Apache-2.0
"""Fixed scanners tell their model when asked for it: Keyence SR by KEYENCE, Cognex DataMan by GET DEVICE.TYPE. Nothing is triggered, nothing is set.

A Datalogic data socket answers nothing, so that none of them can be told from any other port that only speaks.
"""

from __future__ import annotations

import re

from drivers.base.probe import Probe, Recognised
from drivers.scanner_tcp.frames import COGNEX_MODEL, dmcc_command, keyence_command
from drivers.scanner_tcp.telnet import TelnetFilter

_KEYENCE = re.compile(rb"OK,KEYENCE,(SR-[0-9A-Z-]+)(?:,([ -~]*))?\r")
_COGNEX = re.compile(rb"\|\|0:1\[0\](" + COGNEX_MODEL + rb")\r\n")
_COGNEX_SILENT = re.compile(rb"(?:^|\n)(?:\|\|\[0\])?(" + COGNEX_MODEL + rb")\r\n")


def _by_keyence(said: bytes) -> Recognised | None:
    found = _KEYENCE.search(said)
    return Recognised(f"Keyence {found[1].decode()}, firmware {(found[2] or b'not told').decode()}", {"make": "keyence_sr"}) if found else None


def _cognex(said: bytes, pattern: re.Pattern[bytes]) -> Recognised | None:
    found = pattern.search(TelnetFilter().take(said))
    return Recognised(f"Cognex DataMan {found[1].decode()}", {"make": "cognex_dmcc"}) if found else None


def _by_cognex(said: bytes) -> Recognised | None:
    return _cognex(said, _COGNEX)


def _by_silent_cognex(said: bytes) -> Recognised | None:
    """Older firmware, which knows no response mode in the header, answers a question with nothing but the value."""
    return _cognex(said, _COGNEX_SILENT)


_MODEL = "GET DEVICE.TYPE"
PROBES = (
    Probe(_by_keyence, keyence_command("KEYENCE"), ports=(9004,)),
    Probe(_by_cognex, dmcc_command(_MODEL, 1, checksum=False), ports=(23,)),
    Probe(_by_silent_cognex, f"||>{_MODEL}\r\n".encode(), ports=(23,)),
)
