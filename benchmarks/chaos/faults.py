# SPDX-License-Identifier: Apache-2.0
"""Which faults there are, and the sequence of them that a seed stands for; pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

GATEWAYS = ("g1", "g2", "g3")
_AT_ONCE_SHARE = 0.25
"""So many faults begin together with the one before."""
_AT_ONCE_S = 0.1
_HOUR_S = 3600


class Kind(NamedTuple):
    """What can go wrong: the parts it can hit (`each` stands for all gateways), how long it lasts, and how often it is drawn beside the others."""

    parts: tuple[str, ...]
    lasts_s: tuple[float, float]
    weight: int = 2
    back_s: float = 0.5
    """About how long until the part is free for the next fault; only the drawing goes by it."""


KINDS: dict[str, Kind] = {
    "gateway_kill": Kind(("each",), (0.0, 1.0), 4),
    "gateway_kill_twice": Kind(("each",), (0.05, 0.5)),
    "gateway_pause": Kind(("each",), (0.5, 5.0)),
    "gateway_disk_full": Kind(("disk each",), (2.0, 5.0)),
    "gateway_clock_steps": Kind(("clock each",), (2.0, 6.0)),
    "gateway_boots_without_clock": Kind(("each",), (1.0, 4.0), 1),
    "central_kill": Kind(("central",), (0.0, 1.0), 3, 4.0),
    "central_kill_twice": Kind(("central",), (0.05, 0.5), 2, 5.0),
    "central_pause": Kind(("central",), (0.5, 5.0)),
    "central_disk_full": Kind(("disk central",), (2.0, 5.0), 2, 4.0),
    "central_clock_steps": Kind(("clock central",), (2.0, 6.0)),
    "broker_kill": Kind(("broker",), (0.0, 1.0), 3),
    "broker_loses_store": Kind(("broker",), (0.0, 1.0)),
    "broker_pause": Kind(("broker",), (0.5, 4.0), 1),
    "database_kill": Kind(("database",), (0.0, 1.0), 3),
    "database_kill_twice": Kind(("database",), (0.05, 0.5)),
    "link_cut": Kind(("link each", "link central"), (0.3, 3.0)),
    "link_hole": Kind(("link each", "link central"), (4.0, 4.0)),
    "link_hole_20s": Kind(("link each", "link central"), (20.0, 20.0), 1),
    "link_hole_90s": Kind(("link each", "link central"), (90.0, 90.0), 1),
    "link_hole_forgets": Kind(("link each", "link central"), (1.0, 4.0)),
    "link_hole_one_way": Kind(("link each", "link central"), (1.0, 4.0)),
    "link_half_open": Kind(("link each", "link central"), (0.0, 0.0)),
    "link_slow_and_lossy": Kind(("link each", "link central"), (3.0, 8.0)),
    "link_doubles_and_reorders": Kind(("link each", "link central"), (3.0, 8.0)),
}
"""Every kind by its name. For SQLite there is no database to kill: it dies with central."""
_LONG = {"link_hole_20s": 2, "link_hole_90s": 5}
"""In one of so many packs, and dealt first, so that the others happen while they last."""
_CLOCKS = ("gateway_clock_steps", "gateway_boots_without_clock", "central_clock_steps")
_DATABASE = ("database_kill", "database_kill_twice")


@dataclass(frozen=True)
class Fault:
    """One fault: how long after the one before it begins, how long it lasts, and `amount` in 0..1 for what else there is to choose (a step, a share)."""

    number: int
    kind: str
    part: str
    wait_s: float
    lasts_s: float
    amount: float

    @property
    def hours(self) -> float:
        """The step of a clock: 1 to 24 hours forward or back."""
        size = 1 + 23 * abs(2 * self.amount - 1)
        return size if self.amount >= 0.5 else -size

    @property
    def step_s(self) -> float:
        """The step in seconds."""
        return self.hours * _HOUR_S


def drawn(seed: int, count: int, *, pace_s: float, has_long: bool, has_database: bool, has_clocks: bool, gateways: Sequence[str] = GATEWAYS) -> list[Fault]:
    """The faults of a seed: dealt from packs that hold every kind, so that none stays away; on average one in `pace_s`, and several at once now and then."""
    dice = random.Random(seed)  # nobody gains by guessing it
    left_out = {*_LONG, *(() if has_database else _DATABASE), *(() if has_clocks else _CLOCKS)}
    names = [name for name in KINDS if name not in left_out]
    faults: list[Fault] = []
    pack: list[str] = []
    packs = 0
    free_at_s: dict[str, float] = {}
    now_s = 0.0
    while len(faults) < count:
        if not pack:
            pack = [name for name in names for _ in range(KINDS[name].weight)]
            dice.shuffle(pack)
            pack += [name for name, every in _LONG.items() if has_long and packs % every == 0]
            packs += 1
        kind = pack.pop()
        wait_s = dice.uniform(0, _AT_ONCE_S) if dice.random() < _AT_ONCE_SHARE else dice.expovariate(1 / pace_s)
        now_s += wait_s
        parts = [part.replace("each", gateway) for part in KINDS[kind].parts for gateway in (gateways if "each" in part else ("",))]
        first_free_s = min(free_at_s.get(part, 0.0) for part in parts)
        part = dice.choice([part for part in parts if free_at_s.get(part, 0.0) <= max(now_s, first_free_s)])
        lasts_s = dice.uniform(*KINDS[kind].lasts_s)
        free_at_s[part] = now_s + lasts_s + KINDS[kind].back_s
        faults.append(Fault(len(faults) + 1, kind, part, round(wait_s, 3), round(lasts_s, 3), round(dice.random(), 4)))
    return faults
