# SPDX-License-Identifier: Apache-2.0
"""What a group of tags that crosses a portal together looks like, learnt from the crossing itself, and what stands beside it.

Nothing here is trained: the group's own reads say on which side, when and how strong its tags are read (expectation maximisation, a few rounds).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.portal.logistic import sigmoid

_BIN_S = 0.5
_BINS = 25
_MIDDLE = _BINS // 2
_ROUNDS = 4
_NEAR = [math.exp(-0.5 * (step / 1.5) ** 2) for step in range(-4, 5)]
_WIDE = [1.0] * 9
_SIDE_DOUBT = 0.03
"""A read is on the wrong side by chance (reflection) so often."""
_GOODS_SD_DB, _GOODS_OFFSET_DB = 3.0, 3.5
"""Reads of a moving tag scatter around the group's strength; the tag as a whole lies off it (from captures)."""
STANDING_SD_DB = 1.7
"""Reads of a tag that stands, by one antenna (captures: 1.2 to 1.7)."""
_STANDING_WEAKER_DB = 6.0


class Seen(NamedTuple):
    """A read beside a crossing: seconds after it (negative: before), +1 on the side where the goods go and -1 where they come from, antenna, dBm."""

    after_s: float
    ahead: int
    antenna: int
    rssi_dbm: float | None


class Fit(NamedTuple):
    """How much better a tag's reads fit the group than a tag that stands (log likelihood ratios): by side, by time, by strength."""

    side: float
    time: float
    strength: float


def _bin(after_s: float) -> int:
    return min(_BINS - 1, max(0, int(after_s / _BIN_S + _MIDDLE + 0.5)))


def _smoothed(values: Sequence[float], kernel: Sequence[float]) -> list[float]:
    half, total = len(kernel) // 2, sum(kernel)
    last = len(values) - 1
    return [sum(weight * values[min(last, max(0, at + step - half))] for step, weight in enumerate(kernel)) / total for at in range(len(values))]


class _Track(NamedTuple):
    """A tag's reads as the rounds need them: (bin, ahead) of each, (bin, ahead, dBm) of those with a strength, the strengths by antenna,
    and how likely its sides are for a tag that stands (log)."""

    places: Sequence[tuple[int, int]]
    strengths: Sequence[tuple[int, int, float]]
    by_antenna: Sequence[Sequence[float]]
    standing_sides: float

    @classmethod
    def of(cls, reads: Sequence[Seen]) -> _Track:
        places = [(_bin(read.after_s), int(read.ahead > 0)) for read in reads]
        by_antenna: dict[int, list[float]] = {}
        strengths = []
        for read, (at, ahead) in zip(reads, places, strict=True):
            if read.rssi_dbm is not None:
                strengths.append((at, ahead, read.rssi_dbm))
                by_antenna.setdefault(read.antenna, []).append(read.rssi_dbm)
        ahead = sum(side for _, side in places)
        behind = len(places) - ahead
        standing = math.lgamma(ahead + 0.5) + math.lgamma(behind + 0.5) - math.lgamma(len(places) + 1) - math.log(math.pi)
        return cls(places, strengths, list(by_antenna.values()), standing)


@dataclass(frozen=True)
class Template:
    """By side (0 behind, 1 ahead) and bin of time: `side[side][bin]` how likely (log) the group's reads are on it, `strength_dbm[side][bin]` its mean.

    `when[bin]` is the log ratio of the group's reads to those of the others, `standing_dbm` and `standing_sd_db` the mean strengths of tags that stand.
    """

    side: tuple[Sequence[float], Sequence[float]]
    when: Sequence[float]
    strength_dbm: tuple[Sequence[float], Sequence[float]]
    standing_dbm: float
    standing_sd_db: float

    def fit(self, track: _Track) -> Fit:
        """How a tag's reads fit."""
        sides, when = self.side, self.when
        side = sum([sides[ahead][at] for at, ahead in track.places]) - track.standing_sides
        return Fit(side, sum([when[at] for at, _ in track.places]), self._strength_fit(track))

    def _strength_fit(self, track: _Track) -> float:
        if not track.strengths:
            return 0.0
        usual = self.strength_dbm
        moving = _log_likelihood([dbm - usual[ahead][at] for at, ahead, dbm in track.strengths], _GOODS_SD_DB, _GOODS_OFFSET_DB)
        standing_dbm = self.standing_dbm
        return moving - sum([_log_likelihood([dbm - standing_dbm for dbm in strengths], STANDING_SD_DB, self.standing_sd_db) for strengths in track.by_antenna])


def _log_likelihood(values: Sequence[float], sd: float, offset_sd: float) -> float:
    """Of values that scatter normally around one offset, which itself scatters normally around 0."""
    count, total, squares = len(values), sum(values), sum([value * value for value in values])
    own, common = sd * sd, offset_sd * offset_sd
    spread = own + count * common
    return -0.5 * (count * math.log(2 * math.pi * own) + math.log(spread / own) + (squares - common * total * total / spread) / own)


def learn(tags: Mapping[str, Sequence[Seen]]) -> tuple[dict[str, float], dict[str, Fit]]:
    """How likely each tag belongs to the group (0-1), and how it fits."""
    weights = {epc: sigmoid(2 * agreement(reads) / math.sqrt(len(reads)) - 1) for epc, reads in tags.items()}
    tracks = {epc: _Track.of(reads) for epc, reads in tags.items()}
    fits: dict[str, Fit] = {}
    for _ in range(_ROUNDS):
        template = _template(tracks, weights)
        fits = {epc: template.fit(track) for epc, track in tracks.items()}
        weights = {epc: _belongs(fits[epc], len(track.places)) for epc, track in tracks.items()}
    return weights, fits


def agreement(reads: Sequence[Seen]) -> float:
    """Reads on the side where the group is, minus reads on the other; those within half a second of the crossing count less."""
    return sum(read.ahead * max(-1.0, min(1.0, read.after_s / 0.5)) for read in reads)


def _belongs(fit: Fit, reads: int) -> float:
    """Reads of one tag are not independent of each other: many together say less than their sum."""
    return sigmoid((fit.side + fit.time + 0.7 * max(-8.0, min(8.0, fit.strength))) * reads**-0.3)


def _template(tracks: Mapping[str, _Track], weights: Mapping[str, float]) -> Template:
    read_at = ([0.05] * _BINS, [0.05] * _BINS)
    others_at = [0.5] * _BINS
    sums, counts = ([0.0] * _BINS, [0.0] * _BINS), ([0.0] * _BINS, [0.0] * _BINS)
    for epc, track in tracks.items():
        weight = weights[epc]
        share = weight / math.sqrt(len(track.places))
        for at, ahead in track.places:
            read_at[ahead][at] += share
            others_at[at] += 1 - weight
        for at, ahead, dbm in track.strengths:
            sums[ahead][at] += weight * dbm
            counts[ahead][at] += weight
    total = sum(counts[0]) + sum(counts[1])
    mean_dbm = (sum(sums[0]) + sum(sums[1])) / total if total else 0.0
    behind, ahead_of = _smoothed(read_at[0], _NEAR), _smoothed(read_at[1], _NEAR)
    others = _smoothed(others_at, _WIDE)
    group_total, others_total = sum(behind) + sum(ahead_of), sum(others)
    shares = [front / (back + front) for back, front in zip(behind, ahead_of, strict=True)]
    standing_dbm, standing_sd_db = _standing(tracks, weights, mean_dbm)
    return Template(
        ([_doubted(1 - share) for share in shares], [_doubted(share) for share in shares]),
        [
            max(-3.0, min(3.0, math.log((back + front) / group_total * others_total / other)))
            for back, front, other in zip(behind, ahead_of, others, strict=True)
        ],
        (_means(sums[0], counts[0], mean_dbm), _means(sums[1], counts[1], mean_dbm)),
        standing_dbm,
        standing_sd_db,
    )


def _doubted(share: float) -> float:
    return math.log(_SIDE_DOUBT + (1 - 2 * _SIDE_DOUBT) * share)


def _means(sums: Sequence[float], counts: Sequence[float], mean_dbm: float) -> list[float]:
    """The group's strength in each bin; where it was hardly read, its mean."""
    doubt = 0.3
    return [(total + mean_dbm * doubt) / (count + doubt) for total, count in zip(_smoothed(sums, _NEAR), _smoothed(counts, _NEAR), strict=True)]


def _standing(tracks: Mapping[str, _Track], weights: Mapping[str, float], mean_dbm: float) -> tuple[float, float]:
    """Mean and spread of the strengths of what does not belong to the group, by tag and antenna; few of them are believed little."""
    usual_dbm, usual_sd_db, doubt = mean_dbm - _STANDING_WEAKER_DB, 4.0, 2.0
    strengths = [(sum(values) / len(values), 1 - weights[epc]) for epc, track in tracks.items() for values in track.by_antenna]
    total = doubt + sum([weight for _, weight in strengths])
    centre_dbm = (doubt * usual_dbm + sum([dbm * weight for dbm, weight in strengths])) / total
    variance = (doubt * usual_sd_db**2 + sum([weight * (dbm - centre_dbm) ** 2 for dbm, weight in strengths])) / total
    return centre_dbm, max(2.5, math.sqrt(variance))
