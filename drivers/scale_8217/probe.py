# SPDX-License-Identifier: Apache-2.0
"""An 8213/8217 scale answers the letter W with STX, a weight or a status, CR, and with nothing else. W changes nothing on it."""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError
from drivers.base.probe import Line, Probe, Recognised
from drivers.base.weighing import line_of, without_parity
from drivers.scale_8217.frames import CR, STX, Answer

_STATUS_MARK = 0x60
"""Bits 5 and 6 are always 1 with the makers' own (Transcell PC-150 B.1.4, Rice Lake BenchPro p. 26, Brecknell 67U p. 71)."""
_STATUS_BYTES = 4
_WEIGHT_BYTES_MIN = 7
"""Five digits, or six characters with the point; grams have no point (Salter Brecknell 3700LP manual p. 11)."""


def _by_answer(said: bytes) -> Recognised | None:
    frame = without_parity(said)
    if frame[:1] != bytes((STX,)) or frame.find(CR) != len(frame) - 1:
        return None
    try:
        answer = Answer.decode(frame)
    except RemoteProtocolError:
        return None
    is_weight = answer.value is not None and len(frame) >= _WEIGHT_BYTES_MIN
    is_status = len(frame) == _STATUS_BYTES and answer.status is not None and frame[2] & _STATUS_MARK == _STATUS_MARK
    if not is_weight and not is_status:
        return None
    advice = "" if answer.unit else "; it sends no unit: set `default_unit` to what its display shows"
    return Recognised(f"8213/8217 scale{advice}", line_of(said))


_LINES: tuple[Line, ...] = ((9600, "E", 7), (9600, "N", 8))
PROBES = (Probe(_by_answer, b"W", lines=_LINES),)
