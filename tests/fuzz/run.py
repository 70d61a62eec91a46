# SPDX-License-Identifier: Apache-2.0
"""One parser under fire: inputs until the time or their number is over, and what came of it."""

from __future__ import annotations

import gc
import os
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.mutation import LARGE_BYTES, Mutator
from tests.fuzz.targets import Feed, Target, target

SLOW_S_PER_64_KIB = 0.1
GROWTH_BYTES_MAX = 10_000_000
_INPUTS_A_MOUTH = 48
_AGAIN_S = 0.01
_HUNG_S = 15.0
_WARM_SHARE = 0.2
_FINDINGS_MAX = 10
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class HungError(BaseException):
    """A parser does not come back; no `except Exception` of it may hold this up."""


@dataclass
class Finding:
    """What went wrong, and the inputs since the parser was new, as hex: they make it happen again."""

    kind: str
    what: str
    where: str
    inputs: list[str]


@dataclass
class Outcome:
    """Of one parser. `slowest_s` is CPU time; `growth_bytes` of RSS after a fifth of the run had warmed it up."""

    target: str
    seed: int
    inputs: int = 0
    took_s: float = 0.0
    ends: int = 0
    slowest_s: float = 0.0
    slowest_bytes: int = 0
    growth_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self) | {"inputs_per_s": round(self.inputs / self.took_s) if self.took_s else 0}


class Run:
    """One parser, one seed."""

    def __init__(self, aim: Target, seed: int) -> None:
        self.outcome = Outcome(aim.name, seed)
        self._aim = aim
        self._mutator = Mutator(aim.seeds(), seed)
        self._since: list[bytes] = []
        self._warm_rss = 0
        self._known: set[tuple[str, str]] = set()

    def go(self, for_s: float, inputs: int | None) -> Outcome:
        """Until the time is over, or so many inputs were tried when `inputs` is given."""
        began_s = time.monotonic()
        with _hanging_is_noticed():
            while not self._is_over(began_s, for_s, inputs):
                self._one_mouth()
                signal.setitimer(signal.ITIMER_REAL, _HUNG_S)
        gc.collect()
        self.outcome.took_s = time.monotonic() - began_s
        self.outcome.growth_bytes = max(0, _rss() - self._warm_rss) if self._warm_rss else 0
        if self.outcome.growth_bytes > GROWTH_BYTES_MAX:
            self._find("memory", f"{self.outcome.growth_bytes} bytes more than after a fifth of the run", "")
        return self.outcome

    def _is_over(self, began_s: float, for_s: float, inputs: int | None) -> bool:
        done = self.outcome.inputs / inputs if inputs else (time.monotonic() - began_s) / for_s
        if done >= _WARM_SHARE and not self._warm_rss:
            gc.collect()
            self._warm_rss = _rss()
        return done >= 1 or len(self.outcome.findings) >= _FINDINGS_MAX

    def _one_mouth(self) -> None:
        """A parser made new and fed until it ends, or has had enough."""
        feed = self._aim.begin()
        self._since = []
        for _ in range(_INPUTS_A_MOUTH):
            data = self._mutator.next()
            self._since.append(data)
            self.outcome.inputs += 1
            if not self._fed(feed, data):
                return

    def _fed(self, feed: Feed, data: bytes) -> bool:
        """Whether it goes on."""
        began_s = time.thread_time()
        try:
            feed(data)
        except self._aim.ends:
            self.outcome.ends += 1
            return False
        except HungError:
            self._find("hang", f"not back after {_HUNG_S:g} s", "")
            return False
        except Exception as error:  # noqa: BLE001  # whatever leaves a parser is what is looked for
            place = _place_of(error)
            if place:
                self._find("exception", f"{type(error).__name__}: {error}"[:300], place)
            return False
        took_s = time.thread_time() - began_s
        if took_s > self.outcome.slowest_s:
            self._note_slow(data, took_s)
        return True

    def _note_slow(self, data: bytes, took_s: float) -> None:
        self.outcome.slowest_s, self.outcome.slowest_bytes = took_s, len(data)
        allowed_s = SLOW_S_PER_64_KIB * max(1.0, len(data) / LARGE_BYTES)
        if not self._aim.answers and took_s > allowed_s and self._again_s() > allowed_s:
            self._find("slow", f"{took_s:.3f} s of CPU for {len(data)} bytes", "")

    def _again_s(self) -> float:
        """The last input once more, after those before it: what the collector of garbage or the first import took is not taken twice."""
        best_s = float("inf")
        for _ in range(3):
            feed = self._aim.begin()
            for data in self._since[:-1]:
                feed(data)
            began_s = time.thread_time()
            feed(self._since[-1])
            best_s = min(best_s, time.thread_time() - began_s)
        return best_s

    def _find(self, kind: str, what: str, where: str) -> None:
        if (kind, where) not in self._known:  # what it says has times in it: a slow parser is told once
            self._known.add((kind, where))
            self.outcome.findings.append(Finding(kind, what, where, [data.hex() for data in self._since]))


def fire_at(name: str, seed: int, for_s: float, inputs: int | None = None) -> Outcome:
    """Run one parser by its name."""
    return Run(target(name), seed).go(for_s, inputs)


def _is_of_collector(frame: FrameType | None) -> bool:
    """Whether the collector of garbage was at work in a callback of somebody's (hypothesis has one)."""
    while frame is not None:
        if frame.f_code.co_name == "gc_callback":
            return True
        frame = frame.f_back
    return False


def _place_of(error: Exception) -> str:
    """Where it was raised; empty: in the words by which a test asks the parser."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return "" if "samples" in Path(last.filename).parts else f"{Path(last.filename).name}:{last.lineno} {last.name}"


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


@contextmanager
def _hanging_is_noticed() -> Iterator[None]:
    """An alarm clock that is wound up again as long as something goes on."""

    def ring(number: int, frame: FrameType | None) -> None:
        if _is_of_collector(frame):  # what is raised there goes nowhere
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
            return
        raise HungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _HUNG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
