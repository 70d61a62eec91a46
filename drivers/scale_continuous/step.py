# SPDX-License-Identifier: Apache-2.0
"""Finding the frames in a stream that never pauses: by STX, length and CR, since the checksum may look like either of them."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.scale_continuous.frames import STX, Shape

_NAMES = ("long", "short", "cardinal")
_GAP_BYTES_MAX = 1
"""Without a checksum one strange byte may stand between two frames: a line feed, or a checksum of a kind that we do not know."""
_LOST_BYTES = 8 * 20
"""After so many bytes without a frame the shape is looked for anew: somebody changed the settings of the indicator. Chosen: eight frames."""


@dataclass(frozen=True)
class Piece:
    """So many bytes at the beginning of the stream are a frame of that shape; or, with no shape, belong to none."""

    length: int
    shape: Shape | None = None


class Step:
    """In step, a frame is taken where the last one ended. Out of step, two frames of one shape must follow each other before the first is believed.

    So a byte that only looks like STX cannot begin a frame, and one damaged byte costs the frame that it is in and no other.
    """

    def __init__(self, layout: str, checksum: str) -> None:
        names = _NAMES if layout == "auto" else (layout,)
        sums = {"auto": (True, False), "on": (True,), "off": (False,)}[checksum]
        self._shapes = tuple(Shape(name, has_checksum) for has_checksum in sums for name in names)
        self._shape: Shape | None = None
        self._is_in_step = False
        self._lost = 0

    def next(self, buffer: bytearray) -> Piece | None:
        """What the stream begins with; None: more bytes must come. The caller takes the bytes away before it asks again."""
        if self._is_in_step and self._shape is not None and buffer:
            piece = self._next_in_step(buffer, self._shape)
            if piece is None or piece.length:
                return piece
            self._is_in_step = False
        return self._search(buffer) if buffer else None

    def _next_in_step(self, buffer: bytearray, shape: Shape) -> Piece | None:
        """A length of 0: out of step."""
        if buffer[0] != STX and not shape.has_checksum and (len(buffer) == 1 or buffer[1] == STX):
            return Piece(1) if len(buffer) > 1 else None
        if len(buffer) < shape.length:
            return None
        return Piece(shape.length, shape) if shape.fits(buffer, 0) else Piece(0)

    def _search(self, buffer: bytearray) -> Piece | None:
        """The first of two frames in a row, or what can be thrown away."""
        if buffer[0] != STX:
            begins = buffer.find(STX)
            return self._drop(len(buffer) if begins < 0 else begins)
        if self._lost > _LOST_BYTES:
            self._shape, self._lost = None, 0
        found, waits = self._begins_at(buffer)
        if found is not None:
            self._shape, self._is_in_step, self._lost = found, True, 0
            return Piece(found.length, found)
        return None if waits else self._drop(1)

    def _begins_at(self, buffer: bytearray) -> tuple[Shape | None, bool]:
        """The shape of two frames in a row there; or whether that cannot be told yet."""
        for shape in self._shapes if self._shape is None else (self._shape,):
            verdict = _two_in_a_row(buffer, shape)
            if verdict is not False:
                return (shape, False) if verdict else (None, True)
        return None, False

    def _drop(self, count: int) -> Piece:
        self._lost += count
        return Piece(count)


def _two_in_a_row(buffer: bytearray, shape: Shape) -> bool | None:
    """Whether they stand at the beginning; None: cannot be told yet."""
    if len(buffer) < shape.length:
        return None
    if not shape.fits(buffer, 0):
        return False
    waits = False
    for gap in range(1 if shape.has_checksum else 1 + _GAP_BYTES_MAX):
        second = shape.length + gap
        if len(buffer) < second + shape.length:
            waits = waits or len(buffer) <= second or buffer[second] == STX
        elif shape.fits(buffer, second):
            return True
    return None if waits else False
