# SPDX-License-Identifier: Apache-2.0
"""What truly went through the doors, and how far central's books say the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from firmware_sims.world.goods import Case

Row = Mapping[str, Any]

_OF_DOORS = ("pallet_", "wrong_pallet_", "load_", "door_")
"""Beginnings of the codes of work orders that doors lead to."""


class Sent(NamedTuple):
    """A load that went through a door. `cases` are its readable ones, as GTIN and serial."""

    station: str
    direction: str
    sscc: str
    cases: frozenset[tuple[str, str]]


@dataclass
class Truth:
    """Noted by who moves the loads. `expected`: codes of work orders that a load must lead to or may, by its SSCC."""

    sent: list[Sent] = field(default_factory=list)
    turned_back: list[tuple[str, str]] = field(default_factory=list)
    lamps: Counter[str] = field(default_factory=Counter)
    packed: dict[str, int] = field(default_factory=dict)
    expected: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def goes(self, station: str, direction: str, sscc: str, readable: Sequence[Case], *, cases: int = 0) -> None:
        """A load goes through; `cases` is how many its notice names, readable or not."""
        self.sent.append(Sent(station, direction, sscc, frozenset((case.item.gtin, str(case.serial)) for case in readable)))
        if direction == "in" and cases:
            self.packed[sscc] = cases
            if len(readable) < cases:
                self.expected[sscc].add("pallet_cases_missing")

    def lamp(self, lit: int | None, wanted: int) -> None:
        """A pass was followed by the light of an output, and which one it should have been."""
        self.lamps["right" if lit == wanted else "dark" if lit is None else "wrong"] += 1

    def turns_back(self, station: str, sscc: str) -> None:
        """A load comes up to a door and goes back, before it goes through: a door that says unknown of it is right to ask."""
        self.turned_back.append((station, sscc))
        self.expected[sscc].add("pallet_direction_unknown")

    def passes(self, told: Iterable[Row]) -> dict[str, int]:
        """Of what was sent, how much was told right, as doubtful, wrongly, or not at all; and what was told and never happened.

        `told`: passages in order of time, with station, direction, sscc and params (several labels that nobody could tell apart are in `ssccs`). A pass
        without a label is doubtful, and perhaps one of those that are missed.
        """
        waiting = defaultdict(list)
        for sent in self.sent:
            waiting[sent.station, sent.sscc].append(sent.direction)
        counts, nameless, turned_back = Counter(sent=len(self.sent)), 0, Counter(self.turned_back)
        for row in told:
            names = [row["sscc"]] if row["sscc"] else [name for name in str(row["params"].get("ssccs", "")).split(", ") if name]
            nameless += not names
            for name in names or [""]:
                mine = waiting[row["station"], name]
                if row["direction"] == "unknown" or not row["sscc"]:
                    counts["doubtful"] += 1
                    if turned_back[row["station"], name]:
                        turned_back[row["station"], name] -= 1
                    else:
                        mine[:1] = []
                elif not mine:
                    counts["invented"] += 1
                else:
                    counts["right" if mine.pop(0) == row["direction"] else "wrong"] += 1
        counts["missed"] = max(0, sum(map(len, waiting.values())) - nameless)
        return {name: counts[name] for name in ("sent", "right", "doubtful", "wrong", "missed", "invented")}

    def cases(self, received: Iterable[str], differences: Iterable[Row]) -> dict[str, int]:
        """Cases of the pallets that came, dead tags and all: received, readable and yet missed, and cases of others that were taken for theirs.

        `received`: SSCCs of receipts; `differences`: discrepancies with kind, sscc and cases (pairs of GTIN and serial, or of nothing and an EPC URI).
        """
        own = {sent.sscc: sent.cases for sent in self.sent if sent.sscc in self.packed}
        here = set(received) & set(self.packed)
        counts = Counter(sent=sum(self.packed.values()), received=sum(self.packed[sscc] for sscc in here))
        counts["missed"] = sum(len(own[sscc]) for sscc in set(self.packed) - here)
        for row in differences:
            mine = [tuple(case) in own.get(row["sscc"], frozenset()) for case in row["cases"]]
            if row["kind"] in ("missing", "doubtful") and row["sscc"] in here:
                counts["received"] -= len(mine)
                counts["missed"] += sum(mine)
            elif row["kind"] == "unexpected":
                counts["strays_accepted"] += len(mine) - sum(mine)
        return {name: counts[name] for name in ("sent", "received", "missed", "strays_accepted")}

    def surprises(self, work_orders: Iterable[Row]) -> list[str]:
        """What doors asked people although nothing was wrong there, each as one line."""
        return [
            f"{row['kind']} {row['subject']}: {row['message']}"
            for row in work_orders
            if row["kind"].startswith(_OF_DOORS) and row["kind"] not in self.expected.get(row["params"].get("sscc", ""), ())
        ]
