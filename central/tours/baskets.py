# SPDX-License-Identifier: Apache-2.0
"""How much of what is wanted one has already, as one whole number: cheap to keep, compare and add by the million."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Basket:
    """Loads for the quantities wanted of articles 0, 1, ...: a field of bits each, all of one width, with a guard bit on top.

    A load never holds more than is wanted; what is too much is left. Where one of each article is wanted, a field is a bit and adding is `or`.
    """

    def __init__(self, wanted: Sequence[int]) -> None:
        self.wanted = tuple(wanted)
        self._single = max(self.wanted, default=1) == 1
        self._width = 0 if self._single else max(self.wanted).bit_length()
        self._stride = self._width + 1
        self._mask = (1 << self._stride) - 1
        self.full = self.load(dict(enumerate(self.wanted)))
        places = [article * self._stride for article in range(len(self.wanted))]
        self._guards = sum(1 << at + self._width for at in places)
        self._bias = sum(((1 << self._width) - quantity) << at for at, quantity in zip(places, self.wanted, strict=True))

    def load(self, quantities: Mapping[int, int]) -> int:
        """The load of so much of some articles."""
        return sum(min(quantity, self.wanted[article]) << article * self._stride for article, quantity in quantities.items())

    def merge(self, one: int, other: int) -> int:
        """Both loads together: all fields are added at once; with the bias, a field that reaches what is wanted carries into its guard bit."""
        if self._single:
            return one | other
        added = one + other
        reached = added + self._bias & self._guards
        filled = (reached - (reached >> self._width)) | reached
        return added & ~filled | self.full & filled

    def amounts(self, load: int) -> list[tuple[int, int]]:
        """The articles of a load and how much of each."""
        found = []
        article = 0
        while load:
            if load & self._mask:
                found.append((article, load & self._mask))
            load >>= self._stride
            article += 1
        return found

    def worth(self, load: int, prices: Sequence[float]) -> float:
        """What a load is worth at a price each."""
        return sum([prices[article] * amount for article, amount in self.amounts(load)])
