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


@dataclass(frozen=True)
class Template:
    """`ahead[bin]` share of the group's reads on the side where it goes, `when[bin]` log ratio of the group's reads to those of the others,
    `strength_dbm[side][bin]` the group's mean, `standing_dbm` and `standing_sd_db` the mean strengths of tags that stand."""

    ahead: Sequence[float]
    when: Sequence[float]
    strength_dbm: tuple[Sequence[float], Sequence[float]]
    standing_dbm: float
    standing_sd_db: float

    def fit(self, reads: Sequence[Seen]) -> Fit:
        """How a tag's reads fit."""
        side = time = 0.0
        counts = [0.5, 0.5]
        for read in reads:
            at, ahead = _bin(read.after_s), int(read.ahead > 0)
            share = self.ahead[at] if ahead else 1 - self.ahead[at]
            side += math.log(_SIDE_DOUBT + (1 - 2 * _SIDE_DOUBT) * share) - math.log(counts[ahead] / (counts[0] + counts[1]))
            counts[ahead] += 1
            time += max(-3.0, min(3.0, self.when[at]))
        return Fit(side, time, self._strength_fit(reads))

    def _strength_fit(self, reads: Sequence[Seen]) -> float:
        off: list[float] = []
        standing: dict[int, list[float]] = {}
        for read in reads:
            if read.rssi_dbm is not None:
                off.append(read.rssi_dbm - self.strength_dbm[int(read.ahead > 0)][_bin(read.after_s)])
                standing.setdefault(read.antenna, []).append(read.rssi_dbm - self.standing_dbm)
        if not off:
            return 0.0
        return _log_likelihood(off, _GOODS_SD_DB, _GOODS_OFFSET_DB) - sum(
            _log_likelihood(values, STANDING_SD_DB, self.standing_sd_db) for values in standing.values()
        )


def _log_likelihood(values: Sequence[float], sd: float, offset_sd: float) -> float:
    """Of values that scatter normally around one offset, which itself scatters normally around 0."""
    count, total, squares = len(values), sum(values), sum(value * value for value in values)
    own, common = sd * sd, offset_sd * offset_sd
    spread = own + count * common
    return -0.5 * (count * math.log(2 * math.pi * own) + math.log(spread / own) + (squares - common * total * total / spread) / own)


def learn(tags: Mapping[str, Sequence[Seen]]) -> tuple[dict[str, float], dict[str, Fit]]:
    """How likely each tag belongs to the group (0-1), and how it fits."""
    weights = {epc: sigmoid(2 * agreement(reads) / math.sqrt(len(reads)) - 1) for epc, reads in tags.items()}
    fits: dict[str, Fit] = {}
    for _ in range(_ROUNDS):
        template = _template(tags, weights)
        fits = {epc: template.fit(reads) for epc, reads in tags.items()}
        weights = {epc: _belongs(fits[epc], len(reads)) for epc, reads in tags.items()}
    return weights, fits


def agreement(reads: Sequence[Seen]) -> float:
    """Reads on the side where the group is, minus reads on the other; those within half a second of the crossing count less."""
    return sum(read.ahead * max(-1.0, min(1.0, read.after_s / 0.5)) for read in reads)


def _belongs(fit: Fit, reads: int) -> float:
    """Reads of one tag are not independent of each other: many together say less than their sum."""
    return sigmoid((fit.side + fit.time + 0.7 * max(-8.0, min(8.0, fit.strength))) * reads**-0.3)


def _template(tags: Mapping[str, Sequence[Seen]], weights: Mapping[str, float]) -> Template:
    read_at = ([0.05] * _BINS, [0.05] * _BINS)
    others_at = [0.5] * _BINS
    sums, counts = ([0.0] * _BINS, [0.0] * _BINS), ([0.0] * _BINS, [0.0] * _BINS)
    for epc, reads in tags.items():
        weight = weights[epc]
        share = weight / math.sqrt(len(reads))
        for read in reads:
            at, ahead = _bin(read.after_s), int(read.ahead > 0)
            read_at[ahead][at] += share
            others_at[at] += 1 - weight
            if read.rssi_dbm is not None:
                sums[ahead][at] += weight * read.rssi_dbm
                counts[ahead][at] += weight
    total = sum(counts[0]) + sum(counts[1])
    mean_dbm = (sum(sums[0]) + sum(sums[1])) / total if total else 0.0
    behind, ahead_of = _smoothed(read_at[0], _NEAR), _smoothed(read_at[1], _NEAR)
    others = _smoothed(others_at, _WIDE)
    group_total, others_total = sum(behind) + sum(ahead_of), sum(others)
    standing_dbm, standing_sd_db = _standing(tags, weights, mean_dbm)
    return Template(
        [front / (back + front) for back, front in zip(behind, ahead_of, strict=True)],
        [math.log((back + front) / group_total * others_total / other) for back, front, other in zip(behind, ahead_of, others, strict=True)],
        (_means(sums[0], counts[0], mean_dbm), _means(sums[1], counts[1], mean_dbm)),
        standing_dbm,
        standing_sd_db,
    )


def _means(sums: Sequence[float], counts: Sequence[float], mean_dbm: float) -> list[float]:
    """The group's strength in each bin; where it was hardly read, its mean."""
    doubt = 0.3
    return [(total + mean_dbm * doubt) / (count + doubt) for total, count in zip(_smoothed(sums, _NEAR), _smoothed(counts, _NEAR), strict=True)]


def _standing(tags: Mapping[str, Sequence[Seen]], weights: Mapping[str, float], mean_dbm: float) -> tuple[float, float]:
    """Mean and spread of the strengths of what does not belong to the group, by tag and antenna; few of them are believed little."""
    usual_dbm, usual_sd_db, doubt = mean_dbm - _STANDING_WEAKER_DB, 4.0, 2.0
    strengths: list[tuple[float, float]] = []
    for epc, reads in tags.items():
        by_antenna: dict[int, list[float]] = {}
        for read in reads:
            if read.rssi_dbm is not None:
                by_antenna.setdefault(read.antenna, []).append(read.rssi_dbm)
        strengths += [(sum(values) / len(values), 1 - weights[epc]) for values in by_antenna.values()]
    total = doubt + sum(weight for _, weight in strengths)
    centre_dbm = (doubt * usual_dbm + sum(dbm * weight for dbm, weight in strengths)) / total
    variance = (doubt * usual_sd_db**2 + sum(weight * (dbm - centre_dbm) ** 2 for dbm, weight in strengths)) / total
    return centre_dbm, max(2.5, math.sqrt(variance))
