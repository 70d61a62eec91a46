# SPDX-License-Identifier: Apache-2.0
"""Rules of doors where vehicles stand, pure: what a door's list says, how urgent a wrong pallet is, whose turn a door is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

DoorState = Literal["closed", "receiving", "loading", "both"]
LOADS: tuple[DoorState, ...] = ("loading", "both")
RECEIVES: tuple[DoorState, ...] = ("receiving", "both")
LEAVING = ("shipping", "loading")
"""Business steps (CBV) in which goods leave."""
TAKING_PLACE = ("planned", "here")
"""States of appointments that keep others from their door."""

SSCCS_MAX = 20_000
"""SSCCs in one list: 21 bytes each keep a message below half of the 1 MiB that the wire takes (contracts/wire.py); no vehicle holds so many pallets."""
HURRY = timedelta(minutes=30)
"""A vehicle that leaves sooner stops everything else (guessed)."""
NEIGHBOUR_DB = 6.0
"""A label read so much stronger at another door passed there."""
SAME_PASS = timedelta(seconds=15)
"""Two doors that read the same label within this time speak of one passage (guessed: a forklift needs longer from door to door)."""


@dataclass(frozen=True, slots=True)
class DoorList:
    """What a gateway is told of a door: `None` is "not checked this way", empty "nothing may pass this way". Sorted SSCCs."""

    may_leave: tuple[str, ...] | None
    may_come: tuple[str, ...] | None
    load: str = ""
    vehicle: str = ""

    @property
    def digest(self) -> str:
        """The same for the same content."""
        text = json.dumps([self.may_leave, self.may_come, self.load, self.vehicle])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """How many SSCCs it names."""
        return len(self.may_leave or ()) + len(self.may_come or ())


def leaving(state: str, *, load_named: bool, load_open: bool, ready: Collection[str]) -> tuple[str, ...] | None:
    """What may leave by a door: the ready pallets of its load; nothing by a closed door or after its load left; unchecked without any load."""
    if state == "receiving":
        return None
    if state == "closed":
        return ()
    if load_open:
        return tuple(sorted(ready))
    return () if load_named else None


def coming(state: str, *, checked: bool, announced: Collection[str], loaded: Collection[str]) -> tuple[str, ...] | None:
    """What may come in by a door that checks it: announced pallets where goods are received, and what is taken off a vehicle again."""
    if not checked:
        return None
    expected = set(announced) if state in RECEIVES else set()
    return tuple(sorted(expected | (set(loaded) if state in LOADS else set())))


def next_version(last: int, now: datetime) -> int:
    """The version of a new list: above the last one, and by the clock, so that a database that was restored does not fall behind its gateways."""
    return max(last + 1, int(now.timestamp() * 1000))


def priority(now: datetime, until_at: datetime | None, missing: int) -> int:
    """How urgent a wrong pallet on a vehicle is: 1 when the vehicle is about to leave, by its window or because nothing else is missing."""
    hurries = until_at is not None and until_at - now <= HURRY
    return 1 if hurries or missing == 0 else 2


def carriers(parents: Mapping[str, str], packages: Iterable[str], ready: Collection[str]) -> set[str]:
    """Units of which everything packed in them is ready: `parents` names for each unit what it stands in, `packages` are all packages among them."""
    inside: dict[str, set[str]] = {}
    for sscc in packages:
        unit, steps = sscc, 0
        while (above := parents.get(unit)) is not None and steps <= len(parents):
            inside.setdefault(above, set()).add(sscc)
            unit, steps = above, steps + 1
    good = set(ready)
    return {unit for unit, its in inside.items() if its <= good}


def was_read_elsewhere(mine_dbm: float | None, theirs_dbm: float | None) -> bool:
    """Whether the other door read the label so much stronger that it passed there and not here."""
    return mine_dbm is not None and theirs_dbm is not None and theirs_dbm - mine_dbm >= NEIGHBOUR_DB


Lamp = Literal["right", "green_wrong", "red_wrong", "not_checked"]


def judge_lamp(checked: str, *, right: bool) -> Lamp:
    """Whether the door's lamp showed what central knows: `checked` as the gateway decided, `right` as central does."""
    if not checked:
        return "not_checked"
    if (checked == "expected") == right:
        return "right"
    return "red_wrong" if right else "green_wrong"


def is_forgotten(told_version: int, said_version: int, answered_at: datetime | None, passed_at: datetime) -> bool:
    """Whether a gateway judged by an older list after it had answered that it has the newest: its memory was put back."""
    return answered_at is not None and said_version < told_version and passed_at > answered_at
