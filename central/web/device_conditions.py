# SPDX-License-Identifier: Apache-2.0
"""What devices say of their condition, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

GOOD_TO_KNOW = frozenset({"paper_low", "calibrate", "clean_printhead", "replace_printhead", "label_waiting"})
"""With these it still works."""


@dataclass(frozen=True, slots=True)
class DeviceCondition:
    """What holds of a device. `reason` in the words of its gateway."""

    device: str
    condition: str
    reason: str
    since: datetime

    @property
    def wants_somebody(self) -> bool:
        """Whether work stands still for it, or may."""
        return self.condition not in GOOD_TO_KNOW
