# SPDX-License-Identifier: Apache-2.0
"""A portal that notes every moment at which it looked whether something crossed, before it decides."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from gateway.portal.crossings import Tags, find_crossings
from gateway.portal.looks import Look
from gateway.portal.models import Models
from gateway.portal.portal import Portal
from gateway.portal.reads import Side, Window
from tools.portal_fit.regression import Example


class LookingPortal(Portal):
    """`looks_taken` are all moments of all windows so far."""

    def __init__(self, sides: Mapping[int, Side], models: Models | None = None) -> None:
        super().__init__(sides, models=models)
        self.looks_taken: list[Look] = []

    def looks(self, window: Window, tags: Tags, *, ended: bool = True) -> list[Look]:
        """As the portal does, with a note of all that it begins with."""
        self.looks_taken += self.look_at(window, find_crossings(tags, window.start_s, window.end_s), tags)
        return super().looks(window, tags, ended=ended)


def tag_examples(look: Look, went: Collection[str], known: Collection[str]) -> Iterator[Example]:
    """The tags of a moment at which `went` crossed; only those that are `known` to have gone or stood."""
    moved = sum(epc in went for epc in look.tags)
    odds = math.log((moved + 1) / (len(look.tags) - moved + 1))
    for epc, numbers in look.numbers.items():
        if epc in known:
            yield Example(numbers, epc in went, odds)
