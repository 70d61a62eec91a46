# SPDX-License-Identifier: Apache-2.0
"""How much of what is wanted one has already, as one whole number: cheap to keep, compare and add by the hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence


class Basket:
    """Loads for the quantities wanted of articles 0, 1, ...: each article has as many bits as its quantity needs.

    A load never holds more than is wanted; what is too much is left.
    """

    def __init__(self, wanted: Sequence[int]) -> None:
        self.wanted = tuple(wanted)
        self._fields: list[tuple[int, int]] = []
        shift = 0
        for quantity in self.wanted:
            width = quantity.bit_length()
            self._fields.append((shift, (1 << width) - 1))
            shift += width
        self.full = self.load(dict(enumerate(self.wanted)))
        self._counted = [(at, mask, quantity) for (at, mask), quantity in zip(self._fields, self.wanted, strict=True) if quantity > 1]
        self._counted_bits = sum(mask << at for at, mask, _ in self._counted)

    def load(self, quantities: dict[int, int]) -> int:
        """The load of so much of some articles."""
        return sum(min(quantity, self.wanted[article]) << self._fields[article][0] for article, quantity in quantities.items())

    def merge(self, one: int, other: int) -> int:
        """Both loads together."""
        if not (one & self._counted_bits and other & self._counted_bits):
            return one | other
        merged = (one | other) & ~self._counted_bits
        for at, mask, quantity in self._counted:
            merged |= min(quantity, (one >> at & mask) + (other >> at & mask)) << at
        return merged

    def amounts(self, load: int) -> list[tuple[int, int]]:
        """The articles of a load and how much of each."""
        return [(article, load >> at & mask) for article, (at, mask) in enumerate(self._fields) if load >> at & mask]

    def worth(self, load: int, prices: Sequence[float]) -> float:
        """What a load is worth at a price each."""
        return sum([prices[article] * amount for article, amount in self.amounts(load)])
