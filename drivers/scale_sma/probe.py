# SPDX-License-Identifier: Apache-2.0
"""An SMA scale answers W with a weight in the columns of SCP-0499, section 5.1. W changes nothing on it."""

from __future__ import annotations

import re

from drivers.base.errors import RemoteProtocolError
from drivers.base.probe import Line, Probe, Recognised
from drivers.scale_sma.frames import Command, WeightMessage, decode

_ANSWER = re.compile(rb"\n[ -~]{17,18}\r")


def _by_answer(said: bytes) -> Recognised | None:
    found = _ANSWER.search(said)
    try:
        message = decode(found[0]) if found else None
    except RemoteProtocolError:
        return None
    if not isinstance(message, WeightMessage) or message.value is None:
        return None
    return Recognised("SMA SCP-0499 scale")


_LINES: tuple[Line, ...] = ((9600, "N", 8),)
PROBES = (Probe(_by_answer, Command("W").encode(), lines=_LINES),)
