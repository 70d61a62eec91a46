# SPDX-License-Identifier: Apache-2.0
"""Rules of scan points, pure: what a list says, what became of goods that were scanned, and what the lamps should have shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

Purpose = Literal["none", "picking", "receiving", "shipping"]
LINES_MAX = 2_000
"""Lines in one list: some 200 bytes each keep a message below half of the 1 MiB that the wire takes (contracts/wire.py)."""
SERIALS_MAX = 10_000
"""Serials in one list: at most 20 characters each (AI 21), 23 bytes in a message, which keep it below the other half."""
GOING = ("released", "picked")
"""States of orders whose goods are on their way through the house."""


@dataclass(frozen=True, slots=True)
class Line:
    """Goods expected at a scan point: `quantity` pieces under the label codes (pieces of each), of which so many were scanned here and elsewhere."""

    line: str
    codes: Mapping[str, int]
    quantity: int
    lot: str = ""
    serials: Sequence[str] = ()
    here: int = 0
    elsewhere: int = 0
    task: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class ScanList:
    """What a gateway is told of a scan point; None: scans are not checked."""

    lines: tuple[Line, ...] | None

    @property
    def digest(self) -> str:
        """The same for the same content. What was scanned here the gateway knows itself: it is no reason for a new list."""
        text = json.dumps(None if self.lines is None else [asdict(line) | {"here": 0} for line in self.lines], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def size(self) -> int:
        """How many lines it has."""
        return len(self.lines or ())


def fitting(said: ScanList) -> ScanList:
    """What a message can hold. A list of too many lines is not cut short: that would show red for right goods. Scans are not checked until it is shorter.
    Of too many serials none is named, so that any is taken.
    """
    if said.size > LINES_MAX:
        return ScanList(None)
    if sum(len(line.serials) for line in said.lines or ()) <= SERIALS_MAX:
        return said
    return ScanList(tuple(replace(line, serials=()) for line in said.lines or ()))


@dataclass(frozen=True, slots=True)
class Goods:
    """What is known of a pick task when goods of it are scanned: `owed` pieces are on their way (asked for, or taken), `scanned` of them were scanned."""

    task: str
    order: str
    order_state: str
    task_state: str
    owed: int
    scanned: int
    lot_held: bool = False
    serials: Collection[str] = ()


Wrong = Literal["", "scan_after_cancel", "scan_task_moved", "scan_lot_blocked", "scan_twice", "scan_unplanned"]


def why_wrong(goods: Goods, pieces: int, serial: str) -> Wrong:
    """Why pieces of a task may not go on; empty: they are right."""
    if goods.order_state == "cancelled":
        return "scan_after_cancel"
    if goods.lot_held:
        return "scan_lot_blocked"
    if goods.order_state not in GOING or goods.task_state == "cancelled" or not goods.owed:
        return "scan_task_moved"
    if (serial and serial in goods.serials) or goods.scanned + pieces > goods.owed:
        return "scan_twice"
    return ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a scan of goods is by the plan of the moment: of which task, and why it is wrong (empty: right)."""

    wrong: Wrong
    goods: Goods | None = None


def judge(named: str, candidates: Sequence[Goods], pieces: int, serial: str) -> Judged:
    """By the task that the lamps promised (`named`), for then the goods went there; else by the first that still waits for such goods."""
    promised = next((goods for goods in candidates if goods.task == named), None)
    if promised is not None:
        return Judged(why_wrong(promised, pieces, serial), promised)
    judged = [Judged(why_wrong(goods, pieces, serial), goods) for goods in candidates]
    right = next((each for each in judged if not each.wrong), None)
    if right is not None:
        return right
    order: tuple[Wrong, ...] = ("scan_lot_blocked", "scan_twice", "scan_after_cancel", "scan_task_moved")
    return min(judged, key=lambda each: order.index(each.wrong), default=Judged("scan_unplanned"))


Lamps = Literal["agree", "green_wrong", "red_wrong", "not_checked"]


def judge_lamps(checked: str, *, right: bool) -> Lamps:
    """Whether the lamps showed what central knows."""
    if not checked:
        return "agree" if right else "not_checked"
    if (checked == "expected") == right:
        return "agree"
    return "red_wrong" if right else "green_wrong"
