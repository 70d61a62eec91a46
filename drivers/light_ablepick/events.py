# SPDX-License-Identifier: Apache-2.0
"""What an ABLEPick session reports."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.session import SessionEvent

FAULTS = {  # manual 4.4.3 to 4.4.6, 4.4.9 and 4.4.10; what to do is ours
    "0A": "pick tag does not acknowledge; check its cable and address",
    "0B": "pick tag reports a malfunction; replace it",
    "0C": "pick tag cannot execute the command; check its model",
    "0D": "button of the pick tag is held down; check that nothing leans on it",
    "64-01": "pick tag stays busy; check whether somebody is editing its display",
    "64-02": "pick tag's buffer stays full; check whether another program writes to it",
    "09": "pick tag is not connected; check its cable",
}


@dataclass(frozen=True)
class LitTag:
    """What a tag shall show; `colour` one of red, green, orange, blue, pink, cyan. `flash`: it blinks."""

    quantity: int
    colour: str
    flash: bool = False


@dataclass(frozen=True)
class SupplyChanged(SessionEvent):
    """Something about the power supply of an AT400 began or ended: `condition` is voltage_low, voltage_high or system_abnormal (manual 6.2)."""

    condition: str
    active: bool
