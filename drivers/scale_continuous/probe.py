# SPDX-License-Identifier: Apache-2.0
"""An indicator with Toledo's continuous output is only listened to: two frames of one shape in a row, with their checksum where they have one."""

from __future__ import annotations

from drivers.base.probe import Line, Probe, Recognised
from drivers.base.session import Argument
from drivers.base.weighing import line_of, without_parity
from drivers.scale_continuous.frames import ALWAYS, Shape
from drivers.scale_continuous.step import Step

_FRAMES_MIN = 2


def _by_two_frames(said: bytes) -> Recognised | None:
    shape = _shape_of(bytearray(without_parity(said)))
    if shape is None:
        return None
    fields: dict[str, Argument] = {"checksum": "on"} if shape.has_checksum else {}
    with_sum = "with" if shape.has_checksum else "without"
    return Recognised(f"indicator with Toledo continuous output, {shape.name} frames {with_sum} checksum", {**fields, **line_of(said)})


def _shape_of(buffer: bytearray) -> Shape | None:
    """That of two frames in a row. Without a checksum the words A and C must have the bit that is always 1; about B makers disagree."""
    step, in_a_row = Step("auto", "auto"), 0
    while (piece := step.next(buffer)) is not None:
        if piece.shape is not None:
            in_a_row = in_a_row + 1 if piece.shape.has_checksum or buffer[1] & buffer[3] & ALWAYS else 0
            if in_a_row == _FRAMES_MIN:
                return piece.shape
        del buffer[: piece.length]
    return None


_LINES: tuple[Line, ...] = ((9600, "E", 7), (9600, "N", 8))
PROBES = (Probe(_by_two_frames, lines=_LINES),)
