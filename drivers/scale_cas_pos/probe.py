# SPDX-License-Identifier: Apache-2.0
"""A CAS counter scale answers ENQ with ACK and DC1 with a block whose check character is right. Neither changes anything on it."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError
from drivers.base.probe import Line, Probe, Recognised
from drivers.scale_cas_pos.frames import ACK, BLOCK_BYTES, DC1, ENQ, WeightBlock


def _by_block(said: bytes) -> Recognised | None:
    start = said.find(bytes((ACK,))) + 1
    try:
        WeightBlock.decode(said[start : start + BLOCK_BYTES])
    except RemoteProtocolError:
        return None
    return Recognised("CAS counter scale with register output ER-670")


_LINES: tuple[Line, ...] = ((9600, "N", 8),)
PROBES = (Probe(_by_block, bytes((ENQ, DC1)), lines=_LINES),)
