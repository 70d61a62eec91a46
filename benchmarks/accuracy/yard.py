# SPDX-License-Identifier: Apache-2.0
"""The simulated yard: what became of every pallet at the gateway, and what each door said of every tag.

A pallet is `right` when its own door told its SSCC with the right way; `doubtful` when nothing wrong was told and a person is asked (way unknown, several
SSCCs, tags contested, tags without SSCC); `wrong` when its SSCC was told as passed without doubt at another door, the other way, or although it never passed;
`mixed` when it was told rightly, but with many cases of another pallet and without doubt; `silent` when nothing at all was told of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.accuracy.floor import second_of, told
from benchmarks.accuracy.scores import Tally, share
from contracts.events import PalletPassed
from firmware_sims.yard.doors import EYES
from firmware_sims.yard.scenarios import KINDS
from firmware_sims.yard.simulate import DoorView, Played, TruePass, played
from gateway.portal.pallets import sscc_of, uri_of
from gateway.portal.reads import Edge, Pass, Read
from gateway.portal.replay import replay

_LATE_S, _EARLY_S = 3.0, 3.0
_MANY = 0.5
"""So large a share of a load's tags is the load."""
_STRANGE = 0.2
"""A larger share of strange tags is told as mixed; single strays are counted tag by tag."""


@dataclass
class Score:
    """Of many scenes. `notes` name what went wrong, scene by scene."""

    tally: Tally = field(default_factory=Tally)
    pallets: Counter[str] = field(default_factory=Counter)
    never: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    scenes: int = 0

    def add(self, other: Score) -> None:
        """Take up another's counts."""
        self.tally.add(other.tally)
        for mine, its in ((self.pallets, other.pallets), (self.never, other.never), (self.empty, other.empty)):
            mine.update(its)
        for kind, counts in other.by_kind.items():
            self.by_kind.setdefault(kind, Counter()).update(counts)
        self.notes += other.notes
        self.scenes += other.scenes

    def report(self) -> dict[str, Any]:
        """All of it."""
        pallets, never = self.pallets.total(), self.never.total()
        chances = pallets + never
        return {
            "scenes": self.scenes,
            "pallets": {name: share(self.pallets[name], pallets) for name in ("right", "doubtful", "wrong", "mixed", "silent")},
            "came_and_went_back": {name: share(self.never[name], never) for name in ("quiet", "doubtful", "wrong")},
            "wrong_door_or_direction": share(self.pallets["wrong"] + self.never["wrong"], chances),
            "without_tags": {name: share(self.empty[name], self.empty.total()) for name in ("right", "doubtful", "wrong", "silent", "no eyes")},
            "by_kind": {kind: dict(sorted(counts.items())) for kind, counts in sorted(self.by_kind.items())},
            "doors": self.tally.report(),
            "notes": self.notes,
        }


def scenes(rounds: int, seed: int) -> Iterator[Played]:
    """Every kind, `rounds` times."""
    for number in range(seed, seed + rounds):
        for kind in KINDS:
            yield played(kind, number)


def score(scene: Played) -> Score:
    """One scene."""
    result = Score(scenes=1)
    events = told(scene)
    counts = result.by_kind.setdefault(scene.kind, Counter())
    for true in scene.passes:
        outcome = _of_empty(true, scene, events) if not true.epcs else of_pallet(true, scene, events)
        (result.pallets if true.epcs else result.empty)[outcome] += 1
        counts[outcome] += 1
        if outcome in ("wrong", "mixed", "silent"):
            result.notes.append(f"{scene.kind}-{scene.seed}: door {true.door} {true.direction} at {true.crossed_s:.1f} s, {len(true.epcs)} tags: {outcome}")
    for door, epcs in _never_passed(scene):
        outcome = _of_one_that_stayed(epcs, events)
        result.never[outcome] += 1
        counts[f"went back: {outcome}"] += 1
        if outcome == "wrong":
            result.notes.append(f"{scene.kind}-{scene.seed}: door {door}, {len(epcs)} tags that came and went back: told as passed")
    for view in scene.doors:
        _score_door(result.tally, view, [true for true in scene.passes if true.door == view.number and true.epcs])
    return result


# ---- pallets, as the gateway tells them


def of_pallet(true: TruePass, scene: Played, events: Sequence[tuple[int, PalletPassed]]) -> str:
    """What became of a load with tags: right, doubtful, wrong, mixed or silent."""
    own = {uri_of(epc) for epc in true.epcs}
    others = [one for one in scene.passes if one is not true and one.epcs == true.epcs]
    mine = [(door, event) for door, event in events if _is_told(own, event) and not any(_fits(one, door, event) for one in others)]
    verdicts = {_verdict(true, own, door, event) for door, event in mine}
    for verdict in ("wrong", "mixed", "right", "doubtful"):
        if verdict in verdicts:
            return verdict
    return "silent"


def _is_told(own: set[str], event: PalletPassed) -> bool:
    """Whether an event is about a load: names its SSCC, or holds a good part of its tags."""
    parents = {event.parent_id, *event.other_parents, *event.doubtful_epcs} - {None}
    tags = {*event.child_epcs, *event.doubtful_epcs, *parents}
    return bool({uri for uri in parents & own if uri is not None and ":sscc:" in uri}) or len(tags & own) >= _MANY * max(1, min(len(tags), len(own)))


def _verdict(true: TruePass, own: set[str], door: int, event: PalletPassed) -> str:
    doubtful = event.direction == "unknown" or event.parent_id is None or bool(event.other_parents)
    if len(true.ssccs) == 0:
        doubtful = event.direction == "unknown" or event.parent_id is not None
    if _fits(true, door, event) and not doubtful:
        told_with = set(event.child_epcs) - own
        if len(true.ssccs) and event.parent_id not in own:
            return "wrong"
        return "right" if len(told_with) <= _STRANGE * len(event.child_epcs) + 1 else "mixed"
    if event.direction == "unknown" or (event.parent_id not in own and len(true.ssccs) > 0):
        return "doubtful"  # a person is asked: without its SSCC nothing is received
    return "doubtful" if doubtful and door == true.door and event.direction == true.direction else "wrong"


def _fits(true: TruePass, door: int, event: PalletPassed) -> bool:
    return door == true.door and event.direction == true.direction and _is_near(true, event)


def _is_near(true: TruePass, event: PalletPassed) -> bool:
    return true.start_s - _EARLY_S <= second_of(event) <= true.end_s + _LATE_S


def _of_empty(true: TruePass, scene: Played, events: Sequence[tuple[int, PalletPassed]]) -> str:
    """A pallet without tags can only be told where there are eyes."""
    if next(view.eyes for view in scene.doors if view.number == true.door) == "none":
        return "no eyes"
    near = [event for door, event in events if door == true.door and not event.child_epcs and event.parent_id is None and _is_near(true, event)]
    if any(event.direction == true.direction for event in near):
        return "right"
    return "doubtful" if any(event.direction == "unknown" for event in near) else "wrong" if near else "silent"


def _never_passed(scene: Played) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Loads that came near and never went through."""
    passed = {epc for true in scene.passes for epc in true.epcs}
    for turned in scene.turned:
        if turned.epcs and not passed.intersection(turned.epcs):
            yield turned.door, turned.epcs


def _of_one_that_stayed(epcs: Iterable[str], events: Sequence[tuple[int, PalletPassed]]) -> str:
    own = {uri_of(epc) for epc in epcs}
    about = [event for _, event in events if _is_told(own, event)]
    if any(event.direction != "unknown" and event.parent_id in own for event in about):
        return "wrong"
    return "doubtful" if about else "quiet"


# ---- tags, as each door sees them


def _score_door(tally: Tally, view: DoorView, true: Sequence[TruePass]) -> None:
    reads = [Read(read.t_s, read.epc, read.antenna, read.peak_rssi_dbm) for read in view.reads]
    edges = [Edge(edge.t_s, edge.eye, edge.level) for edge in view.edges]
    passes = replay(reads, edges, view.sides, eyes=EYES[view.eyes])
    heard = {read.epc for read in view.reads}
    left = list(passes)
    for one in true:
        found = _nearest(one, left)
        if found is None:
            tally.passes["missed"] += bool(heard.intersection(one.epcs))
            continue
        left.remove(found)
        tally.one_pass(found.direction, found.confidence, one.direction)
        own = set(one.epcs)
        merged = {epc for other in true if other is not one and abs(other.crossed_s - one.crossed_s) < _LATE_S for epc in other.epcs}
        for tag in found.tags:
            if tag.epc in own or tag.epc not in merged:
                tally.tag(tag.result, tag.confidence, f"moved_{one.direction}" if tag.epc in own else "stayed")
    tally.passes["invented"] += sum(one.direction != "unknown" and len(one.moved()) > 1 and any(sscc_of(tag.epc) for tag in one.moved()) for one in left)


def _nearest(true: TruePass, passes: Sequence[Pass]) -> Pass | None:
    near = [(abs(one.crossed_s - true.crossed_s), index) for index, one in enumerate(passes) if one.crossed_s is not None]
    distance_s, index = min(near, default=(float("inf"), 0))
    if distance_s <= max(_LATE_S, (true.end_s - true.start_s) / 2):
        return passes[index]
    own = set(true.epcs)
    around = [one for one in passes if one.start_s - 1 <= true.crossed_s <= one.end_s + 1 and own.intersection(tag.epc for tag in one.tags)]
    return around[0] if around else None
