# SPDX-License-Identifier: Apache-2.0
"""Counting right and wrong, with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_Z95 = 1.959964
_EDGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0001)


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, score interval)."""
    if not of:
        return 0.0, 1.0
    share, z2 = count / of, _Z95 * _Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def share(count: int, of: int) -> dict[str, Any]:
    """A share for the report."""
    low, high = wilson(count, of)
    return {"count": count, "of": of, "share": round(count / of, 5) if of else None, "low95": round(low, 5), "high95": round(high, 5)}


@dataclass
class Tally:
    """What became of passes and tags. Calibration has (said, right) pairs."""

    passes: Counter[str] = field(default_factory=Counter)
    direction: Counter[str] = field(default_factory=Counter)
    moving: Counter[str] = field(default_factory=Counter)
    standing: Counter[str] = field(default_factory=Counter)
    said_of_passes: list[tuple[float, bool]] = field(default_factory=list)
    said_of_tags: list[tuple[float, bool]] = field(default_factory=list)

    def tag(self, result: str, confidence: float, truth: str) -> None:
        """One tag that was read in a pass: `result` beside what is true (moved_in, moved_out or stayed)."""
        if truth == "stayed":
            self.standing["moved" if result.startswith("moved") else result] += 1
        else:
            self.moving["moved" if result.startswith("moved") else result] += 1
            self.direction["right" if result == truth else "wrong" if result.startswith("moved") else "unknown" if result == "unknown" else "missed"] += 1
        if result != "unknown":
            self.said_of_tags.append((confidence, result == truth))

    def one_pass(self, direction: str, confidence: float, truth: str) -> None:
        """One pass beside the way it truly went."""
        self.passes["right" if direction == truth else "unknown" if direction == "unknown" else "wrong"] += 1
        if direction != "unknown":
            self.said_of_passes.append((confidence, direction == truth))

    def add(self, other: Tally) -> None:
        """Take up another's counts."""
        for mine, its in ((self.passes, other.passes), (self.direction, other.direction), (self.moving, other.moving), (self.standing, other.standing)):
            mine.update(its)
        self.said_of_passes += other.said_of_passes
        self.said_of_tags += other.said_of_tags

    def report(self) -> dict[str, Any]:
        """Unknown counts against `moving_versus_standing`, and is told apart in `unknown`; directions of tags leave out those said to have stood."""
        passes = sum(self.passes[name] for name in ("right", "wrong", "unknown", "missed"))
        moving, standing = self.moving.total(), self.standing.total()
        decided = self.direction["right"] + self.direction["wrong"] + self.direction["unknown"]
        return {
            "passes": {name: share(self.passes[name], passes) for name in ("right", "wrong", "unknown", "missed")} | {"invented": self.passes["invented"]},
            "direction_of_tags": {name: share(self.direction[name], decided) for name in ("right", "wrong", "unknown")},
            "moving_versus_standing": share(self.moving["moved"] + self.standing["stayed"], moving + standing),
            "strays_accepted": share(self.standing["moved"], standing),
            "missed": share(self.moving["stayed"], moving),
            "unknown": share(self.moving["unknown"] + self.standing["unknown"], moving + standing),
            "calibration_of_passes": calibration(self.said_of_passes),
            "calibration_of_tags": calibration(self.said_of_tags),
        }


def calibration(said: Sequence[tuple[float, bool]]) -> list[dict[str, Any]]:
    """By how sure it said it was: how often it was right."""
    rows = []
    for low, high in pairwise(_EDGES):
        within = [(confidence, right) for confidence, right in said if low <= confidence < high]
        if within:
            mean = sum(confidence for confidence, _ in within) / len(within)
            rows.append({"from": low, "to": min(high, 1.0), "said": round(mean, 4), "right": share(sum(right for _, right in within), len(within))})
    return rows
