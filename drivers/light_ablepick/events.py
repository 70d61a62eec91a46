# SPDX-License-Identifier: Apache-2.0
"""What an ABLEPick session reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
class TagAnswered(SessionEvent):
    """A tag's confirm or shortage key was pressed; `quantity` is what its display showed then, None when it showed no number."""

    node: int
    press: Literal["confirm", "shortage"]
    quantity: int | None


@dataclass(frozen=True)
class TagFault(SessionEvent):
    """A tag does not do what it shall; `code` is the sub-command of the maker's manual."""

    node: int
    code: str
    meaning: str


@dataclass(frozen=True)
class ButtonsStuck(SessionEvent):
    """The tags whose key is held down for too long now; empty: no more. Told whenever that changes."""

    nodes: tuple[int, ...]


@dataclass(frozen=True)
class SupplyChanged(SessionEvent):
    """Something about the power supply of an AT400 began or ended: `condition` is voltage_low, voltage_high or system_abnormal (manual 6.2)."""

    condition: str
    active: bool


@dataclass(frozen=True)
class TagsTested(SessionEvent):
    """A lamp test is over; `dead` are the tags that are not connected or were faulty, in the order of their numbers."""

    dead: tuple[int, ...]
