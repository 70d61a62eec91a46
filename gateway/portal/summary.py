# SPDX-License-Identifier: Apache-2.0
"""What tags did over a whole recording, from what every pass says of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from gateway.portal.reads import Pass, Read, Result, Side, TagResult

_LEAST, _MOST = 0.001, 0.999
_NEVER_CLOSE = 0.98
"""How sure it is that a tag stood which was in no pass's reads (chosen: measured 0.99 and better, see `make accuracy`)."""
_EVEN = 0.5
_CONTRADICTED = 3.0
"""Odds of e^3 that a place at which the tag was before, and is again, is where it stands (chosen)."""


class Part(NamedTuple):
    """One tag in one pass; `n` counts passes from 1."""

    n: int
    one: Pass
    tag: TagResult


@dataclass(frozen=True, slots=True)
class TagSummary:
    """A tag over the whole recording: `result` is its last move, if it moved. Seconds and dBm are of all its reads."""

    epc: str
    result: Result
    confidence: float
    reads: int
    first_s: float
    last_s: float
    peak_dbm: float | None
    antennas: Mapping[int, int]
    parts: tuple[Part, ...]

    def moves(self) -> list[Part]:
        """The passes it went with."""
        return [part for part in self.parts if part.tag.result in ("moved_in", "moved_out")]


@dataclass
class _Seen:
    reads: int = 0
    first_s: float = math.inf
    last_s: float = -math.inf
    peak_dbm: float | None = None
    antennas: dict[int, int] = field(default_factory=dict)

    def add(self, read: Read) -> None:
        self.reads += 1
        self.first_s, self.last_s = min(self.first_s, read.t_s), max(self.last_s, read.t_s)
        self.antennas[read.antenna] = self.antennas.get(read.antenna, 0) + 1
        if read.rssi_dbm is not None and (self.peak_dbm is None or read.rssi_dbm > self.peak_dbm):
            self.peak_dbm = read.rssi_dbm


def summarise(reads: Sequence[Read], passes: Sequence[Pass], sides: Mapping[int, Side]) -> list[TagSummary]:
    """Every tag that an antenna of the door read, by EPC."""
    seen: dict[str, _Seen] = defaultdict(_Seen)
    for read in reads:
        if read.antenna in sides:
            seen[read.epc].add(read)
    parts: dict[str, list[Part]] = defaultdict(list)
    for n, one in enumerate(passes, 1):
        for tag in one.tags:
            parts[tag.epc].append(Part(n, one, tag))
    return [_summary(epc, seen[epc], parts.get(epc, [])) for epc in sorted(seen)]


def _summary(epc: str, seen: _Seen, parts: Sequence[Part]) -> TagSummary:
    result, confidence = outcome(parts)
    return TagSummary(epc, result, confidence, seen.reads, seen.first_s, seen.last_s, seen.peak_dbm, dict(sorted(seen.antennas.items())), tuple(parts))


def outcome(parts: Sequence[Part]) -> tuple[Result, float]:
    """What a tag did over all passes that read it (in order of time), and how sure that is.

    A tag that stands is asked in every pass, and in one of many passes it will look as if it moved: the odds are divided by the ways to choose so many of
    its passes. They fall further when the moves do not fit each other or what was before and after: what was inside already cannot go in, nor in again.
    """
    if not parts:
        return "stayed", _NEVER_CLOSE
    if len(parts) == 1:
        return parts[0].tag.result, parts[0].tag.confidence
    if any(_is_move(part) for part in parts):
        return _moved(parts)
    unknown = [part.tag.confidence for part in parts if part.tag.result == "unknown"]
    if unknown:
        return "unknown", max(unknown)
    return "stayed", min(part.tag.confidence for part in parts)


def _moved(parts: Sequence[Part]) -> tuple[Result, float]:
    moves = [part for part in parts if _is_move(part)]
    log_odds = sum(_log_odds(part.tag.moved) for part in moves) - math.log(math.comb(len(parts), len(moves)))
    log_odds -= _CONTRADICTED * sum(one.tag.result == other.tag.result for one, other in pairwise(moves))
    if len(moves) % 2 and not _is_move(parts[0]) and not _is_move(parts[-1]):
        log_odds -= _CONTRADICTED
    moved = 1 / (1 + math.exp(-min(30.0, max(-30.0, log_odds))))
    if moved < _EVEN:
        return "stayed", min(_MOST, 1 - moved)
    last = moves[-1].tag
    of_direction = max(_EVEN, min(_MOST, last.confidence / max(last.moved, _EVEN)))
    return last.result, min(_MOST, max(_EVEN, of_direction * moved))


def _is_move(part: Part) -> bool:
    return part.tag.result in ("moved_in", "moved_out")


def _log_odds(probability: float) -> float:
    kept = min(_MOST, max(_LEAST, probability))
    return math.log(kept / (1 - kept))
