# SPDX-License-Identifier: Apache-2.0
"""A CAS indicator is only listened to: two frames of 22 bytes in a row, whose lamp byte has the bit that is always set (CI-600D manual p. 74)."""

from __future__ import annotations

import re

from drivers.base.probe import Line, Probe, Recognised

_TWO_FRAMES = re.compile(rb"(?:(?:ST|US|OL),(?:GS|NT),.[\x80-\xff],[ +\-0-9.]{8}.[ a-zA-Z]{2}\r\n){2}", re.DOTALL)


def _by_two_frames(said: bytes) -> Recognised | None:
    return Recognised("CAS indicator with 22-byte output") if _TWO_FRAMES.search(said) else None


_LINES: tuple[Line, ...] = ((9600, "N", 8),)
PROBES = (Probe(_by_two_frames, lines=_LINES),)
