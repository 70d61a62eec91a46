# SPDX-License-Identifier: Apache-2.0
"""Inputs by mutation: what devices really say, damaged in the ways in which lines and firmware damage it. Seeded: the same seed gives the same inputs."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

LARGE_BYTES = 65_536
_LARGE_ONE_IN = 20_000
_TELLING = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x02",
    b"\x03",
    b"\x1d",
    b" ",
    b"\x00\x00",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"-",
    b"0",
)
"""Bytes that mean something somewhere: ends, signs, limits of numbers."""


class Mutator:
    """An endless source of inputs. One in ten is as the device said it, so that a session comes far enough to be hurt."""

    def __init__(self, seeds: Sequence[bytes], seed: int) -> None:
        self._seeds = [each for each in seeds if each] or [b"\x00"]
        self._dice = random.Random(seed)  # nobody gains by guessing it
        self._ways: tuple[Callable[[bytearray], None], ...] = (
            self._flip,
            self._flip,
            self._set,
            self._insert,
            self._delete,
            self._double,
            self._cut,
            self._tell,
        )

    def next(self) -> bytes:
        """The next input."""
        dice = self._dice.random
        if dice() * _LARGE_ONE_IN < 1:
            return self._large()
        data = self._seeds[int(dice() * len(self._seeds))]
        if (kind := dice()) < 0.1:
            return data
        if kind < 0.15:
            return self._dice.randbytes(1 + int(dice() * 64))
        mutated = bytearray(data)
        if kind < 0.3:
            other = self._seeds[int(dice() * len(self._seeds))]
            mutated[int(dice() * len(mutated)) :] = other[int(dice() * len(other)) :]
        while True:
            self._ways[int(dice() * len(self._ways))](mutated)
            if dice() < 0.5:
                return bytes(mutated)

    def _large(self) -> bytes:
        piece = self._seeds[int(self._dice.random() * len(self._seeds))] if self._dice.random() < 0.7 else self._dice.randbytes(16)
        return (piece * (LARGE_BYTES // len(piece) + 1))[:LARGE_BYTES]

    def _place(self, data: bytearray) -> int:
        return int(self._dice.random() * len(data)) if data else 0

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._place(data)] ^= 1 << int(self._dice.random() * 8)

    def _set(self, data: bytearray) -> None:
        if data:
            data[self._place(data)] = int(self._dice.random() * 256)

    def _insert(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = self._dice.randbytes(1 + int(self._dice.random() * 4))

    def _delete(self, data: bytearray) -> None:
        at = self._place(data)
        del data[at : at + 1 + int(self._dice.random() * 4)]

    def _double(self, data: bytearray) -> None:
        at = self._place(data)
        data[at:at] = data[at : at + 1 + int(self._dice.random() * 16)]

    def _cut(self, data: bytearray) -> None:
        del data[self._place(data) :]

    def _tell(self, data: bytearray) -> None:
        at, piece = self._place(data), _TELLING[int(self._dice.random() * len(_TELLING))]
        data[at : at + len(piece)] = piece
