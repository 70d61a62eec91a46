# SPDX-License-Identifier: Apache-2.0
"""Captures of a real portal: tags labelled as moving or standing go to and fro; when they changed sides is found from the labelled ones.

The labels do not say which way; the reads of the labelled moving tags do, all together, by which side's antennas hear them (100 tags: there is no doubt in it).
`gateway.portal.crossings` is not asked on purpose: it is a part of what is measured here.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.accuracy.scores import Tally
from gateway.portal.files import load_reads
from gateway.portal.models import models_in
from gateway.portal.reads import Pass, Read, Side
from gateway.portal.replay import replay
from gateway.portal.summary import summarise

SIDES: dict[int, Side] = {1: "inner", 2: "inner", 3: "outer", 4: "outer"}
EXCERPTS = Path(__file__).parents[2] / "tests" / "captures" / "rfid_portal"
_WITHOUT = Path(__file__).parent / "without"
"""Models fitted without one of the runs that the shipped ones were fitted to (`python -m tools.portal_fit --without run1 --out .../without/run1`)."""
_STEP_S, _BALANCE_S, _CLEAR = 0.1, 1.0, 0.8
_LOUD = 8
"""Fewer reads in a second are goods far away, heard now by one side and now by the other."""
_NEARER_S = 6.0
"""Changes of side nearer to each other are noise of the balance, no passes."""
_HALF_S, _MATCH_S = 5.0, 4.0


class Crossing(NamedTuple):
    """When the labelled tags changed sides, and which way."""

    t_s: float
    direction: str


@dataclass(frozen=True)
class Run:
    """One capture."""

    name: str
    reads: tuple[Read, ...]
    moving: frozenset[str]
    crossings: tuple[Crossing, ...]

    def passes(self, reads: Sequence[Read]) -> list[Pass]:
        """What a door makes of some of the reads; it knows nothing of this run: the models that judge were fitted without it."""
        folder = _WITHOUT / self.name.split("_")[0]
        return replay(reads, [], SIDES, models=models_in(folder) if folder.is_dir() else None)

    def cut(self, start_s: float, end_s: float) -> list[Read]:
        """The reads of a time."""
        times = [read.t_s for read in self.reads]
        return list(self.reads[bisect.bisect_left(times, start_s) : bisect.bisect_right(times, end_s)])

    def truth(self, epc: str, direction: str) -> str:
        """What a tag did in a pass."""
        return f"moved_{direction}" if epc in self.moving else "stayed"


def captures(folder: Path) -> tuple[frozenset[str], dict[str, tuple[Read, ...]]]:
    """EPCs that moved, and reads by capture, of *.csv.gz with moving.txt or labels/actual=moving*. Raises: FileNotFoundError: none, or no labels."""
    labels = [*folder.glob("moving.txt"), *folder.glob("labels/actual=moving*")]
    files = sorted(folder.glob("*.csv.gz"))
    if not labels or not files:
        raise FileNotFoundError(f"{folder}: needs captures *.csv.gz, and moving.txt or labels/actual=moving*.csv with the EPCs that moved")
    moving = frozenset(word for label in labels for word in label.read_text(encoding="utf-8-sig").split())
    return moving, {file.name.removesuffix(".csv.gz"): tuple(load_reads(str(file)).reads) for file in files}


def runs(folder: Path) -> list[Run]:
    """The captures of a folder and what truly passed in them. Raises: FileNotFoundError: as `captures`."""
    moving, reads_of = captures(folder)
    return [Run(name, reads, moving, tuple(crossings(reads, moving))) for name, reads in reads_of.items()]


def crossings(reads: Sequence[Read], moving: frozenset[str]) -> list[Crossing]:
    """When nearly all reads of the labelled tags come from the other side than before."""
    heard = [(read.t_s, SIDES[read.antenna] == "outer") for read in reads if read.epc in moving and read.antenna in SIDES]
    times = [t_s for t_s, _ in heard]
    found: list[Crossing] = []
    side, since_s = "", 0.0
    for step in range(int(times[-1] / _STEP_S)):
        t_s = step * _STEP_S
        window = heard[bisect.bisect_left(times, t_s - _BALANCE_S / 2) : bisect.bisect_left(times, t_s + _BALANCE_S / 2)]
        outer = sum(is_outer for _, is_outer in window) / len(window) if len(window) >= _LOUD else 0.5
        now = "outer" if outer > _CLEAR else "inner" if outer < 1 - _CLEAR else ""
        if not now:
            continue
        if side and now != side:
            found.append(Crossing((t_s + since_s) / 2, "out" if now == "outer" else "in"))
        side, since_s = now, t_s
    return _without_noise(found)


def _without_noise(found: Sequence[Crossing]) -> list[Crossing]:
    kept: list[Crossing] = []
    for crossing in found:
        if kept and crossing.t_s - kept[-1].t_s < _NEARER_S:
            kept.pop()
        else:
            kept.append(crossing)
    return kept


def windows(run: Run, kind: str) -> Iterator[tuple[float, float, Crossing]]:
    """Where each pass is cut out: `tight` 5 s to either side, `wide` half-way to the neighbours."""
    times = [crossing.t_s for crossing in run.crossings]
    for index, crossing in enumerate(run.crossings):
        before_s = (times[index - 1] + crossing.t_s) / 2 if index else 0.0
        after_s = (times[index + 1] + crossing.t_s) / 2 if index + 1 < len(times) else run.reads[-1].t_s
        yield (crossing.t_s - _HALF_S, crossing.t_s + _HALF_S, crossing) if kind == "tight" else (before_s, after_s, crossing)


def each_alone(run: Run, kind: str) -> Tally:
    """Each pass cut out and given to a door that knows nothing of what was before."""
    tally = Tally()
    for start_s, end_s, crossing in windows(run, kind):
        reads = run.cut(start_s, end_s)
        passes = run.passes(reads)
        _score_pass(tally, passes, crossing)
        for tag in summarise(reads, passes, SIDES):
            tally.tag(tag.result, tag.confidence, run.truth(tag.epc, crossing.direction))
    return tally


def whole(run: Run) -> Tally:
    """The whole capture through one door, as it stands there all day; tags are scored in every pass that was found."""
    tally = Tally()
    passes = run.passes(run.reads)
    left = list(passes)
    for crossing in run.crossings:
        near = [one for one in left if one.crossed_s is not None and abs(one.crossed_s - crossing.t_s) <= _MATCH_S]
        _score_pass(tally, near, crossing)
        for one in near[:1]:
            left.remove(one)
            for tag in one.tags:
                tally.tag(tag.result, tag.confidence, run.truth(tag.epc, crossing.direction))
    tally.passes["invented"] += sum(one.direction != "unknown" for one in left)
    return tally


def over_all(run: Run) -> Tally:
    """What is said of each tag over the whole capture: moved at all, or stood; its direction is that of its last pass and is not scored."""
    tally = Tally()
    for tag in summarise(run.reads, run.passes(run.reads), SIDES):
        moved = tag.epc in run.moving
        result = "moved" if tag.result.startswith("moved") else tag.result
        (tally.moving if moved else tally.standing)[result] += 1
        if result != "unknown":
            tally.said_of_tags.append((tag.confidence, (result == "moved") == moved))
    return tally


def _score_pass(tally: Tally, passes: Sequence[Pass], crossing: Crossing) -> None:
    if not passes:
        tally.passes["missed"] += 1
        return
    nearest = min(passes, key=lambda one: abs((one.crossed_s if one.crossed_s is not None else one.end_s) - crossing.t_s))
    tally.one_pass(nearest.direction, nearest.confidence, crossing.direction)
    tally.passes["invented"] += sum(one is not nearest and one.direction != "unknown" for one in passes)
