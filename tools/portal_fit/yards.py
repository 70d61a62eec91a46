# SPDX-License-Identifier: Apache-2.0
"""Simulated yards: what each of four doors saw, and what was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.portal.door import Door
from gateway.portal.files import load_reads
from gateway.portal.looks import Look
from gateway.portal.models import Models
from tools.portal_fit.looking import LookingPortal, tag_examples
from tools.portal_fit.regression import Example

_NEAR_S, _TAGS_NEAR_S = 2.5, 2.0


@dataclass(frozen=True)
class Scene:
    """A folder of the simulator and its truth."""

    folder: Path
    truth: dict[str, Any]

    def tags(self) -> Iterator[Example]:
        """The tags of every crossing that is a true pass of its door; those of other passes are left out, for doors settle them among themselves."""
        for door, looks in self._looks():
            for look in looks:
                own = next((one for one in self._passes(door) if _is_of(look, one, _TAGS_NEAR_S)), None)
                if own is not None:
                    went = set(own["epcs"])
                    others = {epc for one in self.truth["passes"] + self.truth["turned_back"] if one is not own for epc in one["epcs"]}
                    yield from tag_examples(look, went, [epc for epc in look.tags if epc in went or epc not in others])

    def moments(self, models: Models) -> Iterator[Example]:
        """Every moment that looks like a crossing; but for those of goods that turned round or went by a neighbour, which look like it rightly."""
        for door, looks in self._looks(models):
            for look in looks:
                owner = Counter(self._owner(epc, door, look) for epc in look.group()).most_common(1)
                what = owner[0][0] if owner else "standing"
                if what != "other":
                    yield Example(look.whole, what == "passing")

    def _owner(self, epc: str, door: str, look: Look) -> str:
        if any(epc in one["epcs"] and one["start_s"] <= look.part.crossing.t_s <= one["end_s"] for one in self.truth["turned_back"]):
            return "other"
        mine = [one for one in self._passes(door) if epc in one["epcs"]]
        if any(_is_of(look, one, _NEAR_S) for one in mine):
            return "passing"
        if mine:
            return "standing"
        return "other" if any(epc in one["epcs"] for one in self.truth["passes"]) else "standing"

    def _passes(self, door: str) -> list[dict[str, Any]]:
        return [one for one in self.truth["passes"] if str(one["door"]) == door and one["epcs"]]

    def _looks(self, models: Models | None = None) -> Iterator[tuple[str, list[Look]]]:
        for name, about in self.truth["doors"].items():
            sides = {int(antenna): side for antenna, side in about["sides"].items()}
            portal = LookingPortal(sides, models)
            door = Door(sides, portal=portal)
            path = self.folder / f"door-{name}" / "reads.csv"
            for read in load_reads(str(path)).reads if _has_rows(path) else ():
                door.read(read)
                door.advance(read.t_s)
            door.finish()
            yield name, portal.looks_taken


def _has_rows(path: Path) -> bool:
    """Nothing may have come near a door."""
    return len(path.read_text(encoding="utf-8").splitlines()) > 1


def _is_of(look: Look, one: dict[str, Any], near_s: float) -> bool:
    crossing = look.part.crossing
    return bool(abs(one["crossed_s"] - crossing.t_s) < near_s and (one["direction"] == "in") == (crossing.sign > 0))


def load(folder: Path) -> list[Scene]:
    """The scenes of a folder."""
    return [Scene(path.parent, json.loads(path.read_text())) for path in sorted(folder.glob("*/truth.json"))]
