# SPDX-License-Identifier: Apache-2.0
"""An NCI scale answers W with LF, perhaps the weight, its status bytes, CR and ETX. W changes nothing on it."""

from __future__ import annotations

import re

from drivers.base.errors import RemoteProtocolError
from drivers.base.probe import Line, Probe, Recognised
from drivers.base.weighing import line_of, without_parity
from drivers.scale_nci.frames import Reply
from drivers.scale_nci.session import FRAME_BYTES_MAX

_ANSWER = re.compile(rb"\n[^\x03?]{3,%d}\x03" % FRAME_BYTES_MAX)
_ASKS = b"\rW\r"
"""The first CR ends what other questions left there."""


def _by_answer(said: bytes) -> Recognised | None:
    found = _ANSWER.search(without_parity(said))
    try:
        reply = Reply.decode(found[0]) if found else Reply()
    except RemoteProtocolError:
        return None
    if reply.status is None or (reply.shown and reply.value is None):
        return None
    return Recognised("NCI / SCP-01 scale", line_of(said))


_LINES: tuple[Line, ...] = ((9600, "E", 7), (9600, "N", 8))
PROBES = (Probe(_by_answer, _ASKS, lines=_LINES),)
