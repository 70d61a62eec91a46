# SPDX-License-Identifier: Apache-2.0
"""What the reads of one pass through a portal say: which tags moved, which are strays, and which way it went. Pure arithmetic on (time, antenna side, RSSI)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from contracts.events import Direction

Side = Literal["inner", "outer"]
SIDES: tuple[Side, Side] = ("outer", "inner")

_PEAK_READS = 3  # reads of a moving average, the least that damps one multipath spike
_TIE_S = 0.1  # peaks nearer than this are a tie (a pallet at 1.5 m/s moves 15 cm in it)
_FULL_WEIGHT_S = 1.0  # peaks this far apart count in full (portal antennas 1 to 2 m apart at a forklift's 1 to 2 m/s)
_CLEAR_SHARE = 0.7  # so much of the votes' weight must agree, else the direction is unknown
_DOUBT = 0.2  # weight of the doubt that every vote starts with: one single far-apart tag gives 0.83
_WEAK_DB = 15.0  # a tag read once or twice, this much weaker than the strongest of the pass, was not on the pallet
_FEW_READS = 2
_CORE_MARGIN_S = 1.5  # a pallet of 1.2 m at walking pace
_COHERENT_S = 3.0  # goods that pass together are nearest within this; tags that stand still are strongest at any time
_CONCENTRATED = 0.7  # a tag with so many of its reads while the goods passed moved with them
_STATIC_RANGE_DB = 10.0  # RSSI of a tag that stands still stays within this (captures of a real portal: 95 % below)


class Read(NamedTuple):
    """One read: seconds, which side's antenna, dBm (None: not reported)."""

    t_s: float
    side: Side
    rssi_dbm: float | None


@dataclass
class Track:
    """All reads of one tag in one pass, in the order they came."""

    reads: list[Read] = field(default_factory=list)

    @property
    def span_s(self) -> float:
        """From the first to the last read."""
        return self.reads[-1].t_s - self.reads[0].t_s

    def strongest_dbm(self) -> float | None:
        """The strongest read; None without RSSI."""
        return max((read.rssi_dbm for read in self.reads if read.rssi_dbm is not None), default=None)

    def range_db(self) -> float:
        """Strongest minus weakest read."""
        values = [read.rssi_dbm for read in self.reads if read.rssi_dbm is not None]
        return max(values) - min(values) if values else math.inf

    def is_flat(self) -> bool:
        """Whether the RSSI stayed as it does when a tag stands still."""
        return self.range_db() < _STATIC_RANGE_DB


class Vote(NamedTuple):
    """A tag's opinion: positive `weight` for in, negative for out, 0 for none."""

    weight: float


class Verdict(NamedTuple):
    """What the antennas say about a pass."""

    direction: Direction
    confidence: float
    tags_in: int
    tags_out: int
    tags_unknown: int


def peak_s(reads: Sequence[Read]) -> float:
    """When the tag was nearest to a side: the middle of the best window of a moving average; without RSSI the mean time."""
    if any(read.rssi_dbm is None for read in reads):
        return sum(read.t_s for read in reads) / len(reads)
    size = min(_PEAK_READS, len(reads))
    windows = [reads[start : start + size] for start in range(len(reads) - size + 1)]
    best = max(windows, key=lambda window: sum(read.rssi_dbm or 0.0 for read in window))
    return _weighted_mean_s(best)


def _weighted_mean_s(reads: Sequence[Read]) -> float:
    """Mean time, each read weighted by its field strength."""
    weights = [10 ** ((read.rssi_dbm or 0.0) / 20) for read in reads]
    return sum(weight * read.t_s for weight, read in zip(weights, reads, strict=True)) / sum(weights)


def vote(track: Track) -> Vote:
    """Which side came first, weighted by how far the peaks lie apart; near ties are decided by the RSSI-weighted mean times of both sides."""
    sides = {side: [read for read in track.reads if read.side == side] for side in SIDES}
    if not sides["outer"] or not sides["inner"]:
        return Vote(0.0)
    delta_s = peak_s(sides["inner"]) - peak_s(sides["outer"])
    if abs(delta_s) < _TIE_S:
        delta_s = _weighted_mean_s(sides["inner"]) - _weighted_mean_s(sides["outer"])
    return Vote(max(-1.0, min(1.0, delta_s / _FULL_WEIGHT_S)))


def judge(tracks: Iterable[Track]) -> Verdict:
    """The direction of a pallet by the votes of its tags: a clear majority of the weight, else unknown."""
    votes = [vote(track).weight for track in tracks]
    weight_in = sum(weight for weight in votes if weight > 0)
    weight_out = -sum(weight for weight in votes if weight < 0)
    counts = (sum(weight > 0 for weight in votes), sum(weight < 0 for weight in votes), sum(weight == 0 for weight in votes))
    total = weight_in + weight_out
    if not total or max(weight_in, weight_out) < _CLEAR_SHARE * total:
        return Verdict("unknown", 0.0, *counts)
    direction: Direction = "in" if weight_in > weight_out else "out"
    return Verdict(direction, max(weight_in, weight_out) / (total + _DOUBT), *counts)


def side_peaks_s(tracks: Iterable[Track], start_s: float) -> dict[str, float]:
    """Seconds since `start_s` at which the goods as a whole were nearest to each side: the median of the tags' peaks."""
    peaks: dict[str, list[float]] = {}
    for track in tracks:
        for side in SIDES:
            if reads := [read for read in track.reads if read.side == side]:
                peaks.setdefault(side, []).append(peak_s(reads) - start_s)
    return {side: round(sorted(values)[len(values) // 2], 3) for side, values in peaks.items()}


def split_strays(tracks: Mapping[str, Track], static: Mapping[str, float], *, static_after_s: float, mobility_db: float) -> tuple[set[str], set[str]]:
    """(moved, strays) of a pass.

    `static` has the usual strength (dBm) of tags that were read outside passes. Such a tag moved only if it became `mobility_db` stronger than usual.
    A new tag is a stray when it was read on and on with a flat RSSI and strongest at another time than the goods, or hardly at all and weakly beside them.
    """
    core = _core(tracks.values())
    moved = {epc for epc, track in tracks.items() if _moved(track, static.get(epc), core, static_after_s, mobility_db)}
    return moved, set(tracks) - moved


class Core(NamedTuple):
    """When the goods were in the portal, and how strong the strongest tag was (None: no RSSI); not `is_coherent`: nothing passed together."""

    from_s: float
    to_s: float
    strongest_dbm: float | None
    is_coherent: bool


def _core(tracks: Collection[Track]) -> Core:
    """The middle half of the times at which tags were strongest, widened: what stands still peaks at any time, what moves peaks together."""
    tops = sorted(_top_s(track) for track in tracks)
    if not tops:
        return Core(0.0, 0.0, None, is_coherent=False)
    strongest = max((dbm for track in tracks if (dbm := track.strongest_dbm()) is not None), default=None)
    from_s, to_s = tops[len(tops) // 4], tops[(3 * len(tops)) // 4]
    return Core(from_s - _CORE_MARGIN_S, to_s + _CORE_MARGIN_S, strongest, is_coherent=to_s - from_s <= _COHERENT_S)


def _top_s(track: Track) -> float:
    return max(track.reads, key=lambda read: -math.inf if read.rssi_dbm is None else read.rssi_dbm).t_s


def _moved(track: Track, usual_dbm: float | None, core: Core, static_after_s: float, mobility_db: float) -> bool:
    own_dbm = track.strongest_dbm()
    if own_dbm is not None and _as_strong_outside(track, core, own_dbm - mobility_db):
        return False
    in_core = core.from_s <= _top_s(track) <= core.to_s
    if usual_dbm is not None:
        return in_core and own_dbm is not None and own_dbm >= usual_dbm + mobility_db
    if track.is_flat() and (track.span_s >= static_after_s or _stays_beside(track, core)):
        return core.is_coherent and in_core and _concentration(track, core) > _CONCENTRATED
    if own_dbm is None or core.strongest_dbm is None or len(track.reads) > _FEW_READS:
        return True
    return own_dbm > core.strongest_dbm - _WEAK_DB or (in_core and _concentration(track, core) == 1.0)


def _stays_beside(track: Track, core: Core) -> bool:
    """Whether the tag was read evenly, on one side only, while the goods came near and went on the other side as well."""
    if len(track.reads) <= _FEW_READS or len({read.side for read in track.reads}) > 1:
        return False
    return track.reads[0].t_s < core.from_s and track.reads[-1].t_s > core.to_s


def _as_strong_outside(track: Track, core: Core, least_dbm: float) -> bool:
    """Whether the tag was read again and again, no weaker, while the goods were not there."""
    outside = [read for read in track.reads if not core.from_s - _CORE_MARGIN_S <= read.t_s <= core.to_s + _CORE_MARGIN_S]
    return sum(read.rssi_dbm is not None and read.rssi_dbm >= least_dbm for read in outside) > _FEW_READS


def _concentration(track: Track, core: Core) -> float:
    """The share of reads while the goods were in the portal."""
    return sum(core.from_s <= read.t_s <= core.to_s for read in track.reads) / len(track.reads)
