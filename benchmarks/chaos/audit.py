# SPDX-License-Identifier: Apache-2.0
"""The oracle: what the devices emitted and the gateways accepted against what central has applied; nothing is taken on the word of the system under test."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks.chaos.books import Books
from benchmarks.chaos.floor import SITE, Floor
from benchmarks.chaos.office import OPENING, Office

UNDER_WAY_S = 3.0
"""What a device emitted so shortly before its gateway was killed may not have been accepted; how long that really was is measured and reported."""
_SAME_READING_S = 5.0
_FULL_MARGIN_S = 2.0


@dataclass(frozen=True)
class Finding:
    """Something that must not be: `lost`, `duplicated`, `drift` or `unexplained`, at a gateway ("" for all), and when it happened if that is known."""

    kind: str
    text: str
    gateway: str = ""
    at_s: float | None = None
    count: int = 1


@dataclass
class Seen:
    """What a gateway said that it had accepted, and when it was asked: (second, movements, telemetry) of an epoch, only where it changed."""

    levels: dict[tuple[str, str], list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    epochs: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, gateway: str, epoch: str, at_s: float, movements: int) -> None:
        """One answer of `/health`."""
        if epoch not in self.epochs[gateway]:
            self.epochs[gateway].append(epoch)
        levels = self.levels[gateway, epoch]
        if not levels or levels[-1][1] != movements:
            levels.append((at_s, movements))


@dataclass
class Missed:
    """Emitted and not accepted, told apart: nobody was connected, the gateway was killed before it could accept, its disk was full."""

    unheard: int = 0
    under_way: int = 0
    refused: int = 0
    window_s: float = 0.0
    """The longest time between emission and SIGKILL of what was not accepted."""

    def add(self, other: Missed) -> None:
        """Sum up."""
        self.unheard += other.unheard
        self.under_way += other.under_way
        self.refused += other.refused
        self.window_s = max(self.window_s, other.window_s)


@dataclass
class Audit:
    """Runs over the truth of all floors again and again; each look judges what was emitted since the last."""

    floors: dict[str, Floor]
    books: Books
    seen: Seen
    office: Office
    findings: list[Finding] = field(default_factory=list)
    scans: Missed = field(default_factory=Missed)
    samples: Missed = field(default_factory=Missed)
    weighed_again: int = 0
    _scans_judged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _samples_judged_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _levels_judged: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _known_holes: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    _twice: set[tuple[str, object]] = field(default_factory=set)
    _drift: int = 0
    _complaints: set[str] = field(default_factory=set)

    def look(self, until_s: float) -> None:
        """Judge everything that was emitted before `until_s`; both ends must have come to rest on it."""
        self.books.read_on()
        for floor in self.floors.values():
            self._judge_scans(floor, until_s)
            self._judge_samples(floor, until_s)
            self._judge_twice(floor.gateway)
            self._judge_weights(floor, until_s)
            self._judge_levels(floor.gateway, until_s)
        self._judge_numbers()
        self._judge_stock()
        for text in self.books.complaints():
            if text not in self._complaints:
                self._complaints.add(text)
                self._find("unexplained", f"central says: {text}")

    def _find(self, kind: str, text: str, gateway: str = "", at_s: float | None = None, count: int = 1) -> None:
        self.findings.append(Finding(kind, text, gateway, at_s, count))

    def _judge_scans(self, floor: Floor, until_s: float) -> None:
        gateway, applied = floor.gateway, self.books.scans[floor.gateway]
        first = self._scans_judged[gateway]
        judged = [scan for scan in floor.scans[first:] if scan.at_s <= until_s]
        self._scans_judged[gateway] = first + len(judged)
        for scan in judged:
            if scan.text not in applied and not self._excused(floor, scan.at_s, self.scans, heard=scan.heard):
                self._find(
                    "lost", f"{gateway}: scan {scan.text} at {scan.at_s:.3f} went to a gateway that ran on, and is not in the ledger", gateway, scan.at_s
                )
        emitted = {scan.text for scan in floor.scans}
        for text in set(applied) - emitted - {key for _, key in self._twice}:
            self._twice.add((gateway, text))
            self._find("unexplained", f"{gateway}: the ledger has scan {text}, which nobody made", gateway)

    def _judge_samples(self, floor: Floor, until_s: float) -> None:
        gateway = floor.gateway
        applied: dict[int, list[float]] = defaultdict(list)
        for tenths, at_s in self.books.samples[gateway]:
            applied[tenths].append(at_s)
        for times in applied.values():
            times.sort()
        for at_s, tenths in floor.samples_between(self._samples_judged_s[gateway], until_s):
            times = applied.get(tenths, [])
            near = bisect_left(times, at_s - _SAME_READING_S)
            if near < len(times) and times[near] <= at_s + _SAME_READING_S + self._paused_s(floor, at_s):
                continue
            waited = any(since_s - UNDER_WAY_S <= at_s <= until_s + UNDER_WAY_S for since_s, until_s in floor.times.pauses)  # its reply came too late
            if not self._excused(floor, at_s, self.samples, heard=not waited):
                self._find("lost", f"{gateway}: the sample of {tenths / 10} served at {at_s:.3f} is not in the ledger", gateway, at_s)
        self._samples_judged_s[gateway] = until_s

    def _paused_s(self, floor: Floor, at_s: float) -> float:
        return sum(until_s - max(at_s, since_s) for since_s, until_s in floor.times.pauses if since_s <= at_s + UNDER_WAY_S and until_s > at_s)

    def _excused(self, floor: Floor, at_s: float, missed: Missed, *, heard: bool) -> bool:
        """Whether it was never accepted, and why. A gateway that runs on with room on its disk has no excuse."""
        if not heard or floor.times.was_dead(at_s):
            missed.unheard += 1
            return True
        if floor.times.was_full(at_s, _FULL_MARGIN_S):
            missed.refused += 1
            return True
        ran_on_s = floor.times.killed_after_s(at_s)
        if ran_on_s <= UNDER_WAY_S:
            missed.under_way += 1
            missed.window_s = max(missed.window_s, ran_on_s)
            return True
        return False

    def _judge_twice(self, gateway: str) -> None:
        """What carries a number of its device's own stands in the ledger once, under whatever number of the gateway."""
        scans = {text: count for text, count in self.books.scans[gateway].items() if count > 1}
        samples = {key: count for key, count in self.books.samples[gateway].items() if count > 1}
        for key, count in (*scans.items(), *samples.items()):
            if (gateway, key) not in self._twice:
                self._twice.add((gateway, key))
                at_s = key[1] if isinstance(key, tuple) else None
                self._find("duplicated", f"{gateway}: {key} stands {count} times in the ledger", gateway, at_s, count - 1)
        for task, count in self.books.picks.items():
            if count > 1 and ("", task) not in self._twice:
                self._twice.add(("", task))
                self._find("duplicated", f"pick task {task} was confirmed {count} times", "", None, count - 1)

    def _judge_weights(self, floor: Floor, until_s: float) -> None:
        """A load is recorded once at most; one that lies there when its gateway is killed is seen anew by the next process."""
        recorded = self.books.weights[floor.gateway]
        for load in floor.loads:
            count = recorded[load.weight_g]
            if load.until_s > until_s or count < 2 or (floor.gateway, load.weight_g) in self._twice:
                continue
            self._twice.add((floor.gateway, load.weight_g))
            if floor.times.killed_after_s(load.since_s) <= load.until_s - load.since_s:
                self.weighed_again += count - 1
            else:
                self._find("duplicated", f"{floor.gateway}: the load of {load.weight_g} g was recorded {count} times", floor.gateway, load.since_s, count - 1)

    def _judge_levels(self, gateway: str, until_s: float) -> None:
        """A number that a gateway once said was accepted belongs to an event from before it said so: else that event is gone, and the number used anew."""
        for epoch in self.seen.epochs[gateway]:
            lane, first = self.books.lanes[gateway, epoch, "movements"], self._levels_judged[gateway, epoch]
            levels = [level for level in self.seen.levels[gateway, epoch][first:] if level[0] <= until_s]
            for at_s, accepted in levels:
                if accepted and accepted not in lane.at_s:
                    self._find("lost", f"{gateway}/{epoch}: movement {accepted} was accepted and is not in the ledger", gateway, at_s)
                elif accepted and lane.at_s[accepted] > at_s:
                    self._find("lost", f"{gateway}/{epoch}: number {accepted} was accepted once and now belongs to a later event", gateway, at_s)
            self._levels_judged[gateway, epoch] = first + len(levels)
        if len(self.seen.epochs[gateway]) > 1:
            epochs = self.seen.epochs[gateway]
            self._find("unexplained", f"{gateway}: began a new epoch although nothing was restored: {', '.join(epochs)}", gateway)
            self.seen.epochs[gateway] = epochs[-1:]

    def _judge_numbers(self) -> None:
        marks = self.books.marks()
        for key, lane in self.books.lanes.items():
            holes = lane.holes()
            if len(holes) > self._known_holes[key]:
                self._find("unexplained", f"{'/'.join(key)}: {len(holes)} numbers are missing, the first {holes[0]}", key[0], None, len(holes))
                self._known_holes[key] = len(holes)
            if marks.get(key, 0) < max(lane.at_s, default=0):
                self._find("unexplained", f"{'/'.join(key)}: the mark is {marks.get(key)}, the ledger has up to {max(lane.at_s)}", key[0])
        for text in self.books.unreadable:
            self._find("unexplained", f"unreadable in the ledger: {text}")
        self.books.unreadable.clear()

    def _judge_stock(self) -> None:
        """What is gone from the shelves is what was picked, by light or from the list, each task once."""
        picked = sum((self.office.from_list | self.books.taken).values())
        drift = self._gone() - picked
        if drift != self._drift:
            self._find("drift", f"{drift - self._drift} pieces more left the shelves than were picked", count=abs(drift - self._drift))
            self._drift = drift

    def orders_filled(self) -> int:
        """Pieces of acknowledged orders that still lie on the shelves: 0 when every line was picked exactly once."""
        ordered = sum(sum(order.pieces.values()) for order in self.office.acknowledged)
        return ordered - self._gone()

    def _gone(self) -> int:
        return sum(OPENING * len(floor.bins) - self.books.on_hand(SITE, floor.bins) for floor in self.floors.values())


def between(times: list[float], since_s: float, until_s: float) -> int:
    """How many of these sorted moments lie in a span."""
    return bisect_right(times, until_s) - bisect_left(times, since_s)
