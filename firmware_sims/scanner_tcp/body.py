# SPDX-License-Identifier: Apache-2.0
"""A fixed scanner apart from what it says: a window, a label in it or not, and a trigger."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class FixedScannerBody:
    """With a trigger it reads once, as soon as a label is there, and gives up after `timeout_s` or when stopped; without one it reads what comes by."""

    continuous: bool = True
    timeout_s: float = math.inf
    label: str = ""
    is_reading: bool = False
    gives_up_at_s: float = math.inf

    def show(self, label: str) -> str | None:
        """A label comes before the window; what is read, if anything is."""
        self.label = label
        if self.is_reading:
            self._end()
            return label
        return label if self.continuous else None

    def take_away(self) -> None:
        """Nothing is before the window."""
        self.label = ""

    def begin(self, now_s: float) -> str | None:
        """The trigger; what is read at once, if a label is there."""
        if self.label:
            return self.label
        self.is_reading, self.gives_up_at_s = True, now_s + self.timeout_s
        return None

    def stop(self) -> bool:
        """The trigger ends; whether that ends a reading in vain."""
        was_reading = self.is_reading
        self._end()
        return was_reading

    def gives_up(self, now_s: float) -> bool:
        """Whether the time for a reading is over."""
        return self.is_reading and now_s >= self.gives_up_at_s and self.stop()

    def _end(self) -> None:
        self.is_reading, self.gives_up_at_s = False, math.inf
