# SPDX-License-Identifier: Apache-2.0
"""A scene played: what each door's reader and eyes saw, beside what truly happened."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from firmware_sims.world import labels
from firmware_sims.yard import reader
from firmware_sims.yard.bodies import Thing
from firmware_sims.yard.doors import DOORS, LANE_M, PITCH_M, Eyes, Fault
from firmware_sims.yard.eyes import Edge, edges
from firmware_sims.yard.radio import Side
from firmware_sims.yard.scenarios import Scene, make

_GOES_BACK_S = 8.0
"""Through the plane and back within this is no pass: it turned."""
_REACHES_M = 2.5


@dataclass(frozen=True)
class TruePass:
    """Goods (`epcs` may be empty) went through a door. Seconds: middle in the plane, from and until it was within 2.5 m of it."""

    door: int
    direction: str
    crossed_s: float
    start_s: float
    end_s: float
    what: str
    epcs: tuple[str, ...]

    @property
    def ssccs(self) -> tuple[str, ...]:
        """The tags of pallets among them (SSCC-96)."""
        return tuple(filter(labels.is_sscc_tag, self.epcs))


@dataclass(frozen=True)
class Turned:
    """Goods came near a door, or into it, and went back. `deepest_m`: how far past the plane their middle was (negative: before it)."""

    door: int
    start_s: float
    end_s: float
    deepest_m: float
    epcs: tuple[str, ...]


@dataclass(frozen=True)
class DoorView:
    """What one door saw."""

    number: int
    sides: dict[int, Side]
    eyes: Eyes
    fault: Fault
    reads: Sequence[reader.Read]
    edges: Sequence[Edge]


@dataclass(frozen=True)
class Played:
    """A scene, seen and true. `people` walked through: (door, second, direction)."""

    kind: str
    seed: int
    duration_s: float
    doors: tuple[DoorView, ...]
    passes: tuple[TruePass, ...]
    turned: tuple[Turned, ...]
    people: tuple[tuple[int, float, str], ...]
    standing: tuple[str, ...]


def play(scene: Scene) -> Played:
    """Seeded by the scene: the same scene gives the same reads."""
    views = []
    for number, door in sorted(scene.doors.items()):
        rng = random.Random(f"{scene.kind} {scene.seed} {number}")  # noqa: S311  # a simulation that can be repeated
        reads = list(reader.inventory(door, scene.things, scene.duration_s, rng))
        views.append(DoorView(number, door.sides, door.eyes, door.fault, reads, edges(door, scene.things, scene.duration_s, rng)))
    passes, turned, people = _truth(scene.things)
    still = tuple(tag.epc for thing in scene.things if thing.way.stands for tag in thing.tags)
    return Played(scene.kind, scene.seed, scene.duration_s, tuple(views), passes, turned, people, still)


def _truth(things: Iterable[Thing]) -> tuple[tuple[TruePass, ...], tuple[Turned, ...], tuple[tuple[int, float, str], ...]]:
    passes: list[TruePass] = []
    turned: list[Turned] = []
    people = []
    for thing in things:
        lasting = _lasting(thing.way.crossings())
        if thing.what == "person":
            people += [(_door_at(thing, at_s), round(at_s, 2), direction) for at_s, direction in lasting if thing.offset_y == 0.0]
        elif thing.what.startswith("load"):
            epcs = tuple(tag.epc for tag in thing.tags)
            for at_s, direction in lasting:
                start_s, end_s = _near(thing, at_s)
                passes.append(TruePass(_door_at(thing, at_s), direction, round(at_s, 2), start_s, end_s, thing.what, epcs))
            turned += _turned(thing, epcs, lasting)
    return tuple(sorted(passes, key=lambda one: one.crossed_s)), tuple(turned), tuple(people)


def _lasting(crossings: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Crossings that were not taken back at once."""
    kept: list[tuple[float, str]] = []
    for at_s, direction in crossings:
        if kept and kept[-1][1] != direction and at_s - kept[-1][0] < _GOES_BACK_S:
            kept.pop()
        else:
            kept.append((at_s, direction))
    return kept


def _door_at(thing: Thing, at_s: float) -> int:
    place = thing.at(at_s) or (0.0, 0.0)
    return max(1, min(DOORS, round(place[0] / PITCH_M) + 1))


def _near(thing: Thing, at_s: float) -> tuple[float, float]:
    """From and until when its middle is within reach of the plane, round a crossing."""
    start_s = end_s = at_s
    while (place := thing.at(start_s)) is not None and abs(place[1]) < _REACHES_M:
        start_s -= 0.1
    while (place := thing.at(end_s)) is not None and abs(place[1]) < _REACHES_M:
        end_s += 0.1
    return round(start_s, 2), round(end_s, 2)


def _turned(thing: Thing, epcs: tuple[str, ...], lasting: list[tuple[float, str]]) -> list[Turned]:
    """The times that a load came into the lane and left it where it had come in."""
    found = []
    inside: list[tuple[float, float]] = []
    steps = int((thing.way.end_s - thing.way.start_s) / 0.05)
    for step in range(steps + 1):
        t_s = thing.way.start_s + step * 0.05
        place = thing.at(t_s)
        near = place is not None and abs(place[1]) < _REACHES_M and abs(place[0] - (_door_at(thing, t_s) - 1) * PITCH_M) < LANE_M
        if near and place is not None:
            inside.append((t_s, place[1]))
        elif inside:
            start_s, end_s, from_y = inside[0][0], inside[-1][0], inside[0][1]
            if not any(start_s <= at_s <= end_s for at_s, _ in lasting):
                deepest = max(-y if from_y > 0 else y for _, y in inside)
                found.append(Turned(_door_at(thing, start_s), round(start_s, 2), round(end_s, 2), round(deepest, 2), epcs))
            inside = []
    return found


def played(kind: str, seed: int) -> Played:
    """A scene of a kind, played."""
    return play(make(kind, seed))


def truth(scene: Played) -> dict[str, Any]:
    """What is written to truth.json."""
    return {
        "kind": scene.kind,
        "seed": scene.seed,
        "duration_s": round(scene.duration_s, 2),
        "doors": {view.number: {"sides": view.sides, "eyes": view.eyes, "fault": view.fault} for view in scene.doors},
        "passes": [{**asdict(one), "ssccs": one.ssccs} for one in scene.passes],
        "turned_back": [asdict(one) for one in scene.turned],
        "people": [{"door": door, "crossed_s": at_s, "direction": direction} for door, at_s, direction in scene.people],
        "standing": scene.standing,
    }


def write(scene: Played, folder: Path) -> None:
    """truth.json, and for each door a folder with reads.csv and eyes.csv as `dockline door replay` takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.json").write_text(json.dumps(truth(scene), indent=1) + "\n", encoding="utf-8")
    for view in scene.doors:
        of_door = folder / f"door-{view.number}"
        of_door.mkdir(exist_ok=True)
        with (of_door / "reads.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("time_s", "epc", "antenna", "peak_rssi_dbm"))
            rows.writerows((f"{read.t_s:.4f}", read.epc, read.antenna, f"{read.peak_rssi_dbm:g}") for read in view.reads)
        with (of_door / "eyes.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("time_s", "eye", "level"))
            rows.writerows((f"{edge.t_s:.3f}", edge.eye, int(edge.level)) for edge in view.edges)
