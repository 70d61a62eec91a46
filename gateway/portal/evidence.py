# SPDX-License-Identifier: Apache-2.0
"""What a tag's reads around a crossing say for and against its having gone with the group, as a few numbers with names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gateway.portal.reads import EVEN
from gateway.portal.strength import USUAL_SPREAD_DB, known_dbm, spread_db, strongest_dbm
from gateway.portal.template import STANDING_SD_DB, Fit, Seen, agreement, learn

NAMES = (
    "side_fit",
    "time_fit",
    "strength_fit",
    "agreement",
    "strong_agreement",
    "spread_db",
    "peak_over_group_db",
    "antennas",
    "core_share",
    "rate_change",
    "strength_change",
    "seen_in_and_out",
    "new_antennas",
)
CORE_S = 1.2
"""So near to the crossing the goods are in the portal."""
_GAP_S = 0.6
"""Reads so near to the crossing say nothing of before and after."""
_STEADINESS = 8.0
"""How evenly a standing tag is read before and after, as the size of a beta-binomial sample: goods that go by hide it for a while."""
_CHANGE_SD_DB = 5.0
"""A moved tag's strength at an antenna after the crossing differs from before by about so much."""


def gather(tags: Mapping[str, Sequence[Seen]], before_s: float, after_s: float) -> dict[str, tuple[float, ...]]:
    """The numbers named in `NAMES` for each tag; the window reaches `before_s` and `after_s` seconds around the crossing."""
    weights, fits = learn(tags)
    group_dbm = _group_strength(tags, weights)
    return {epc: _numbers(reads, fits[epc], group_dbm, before_s, after_s) for epc, reads in tags.items()}


def _group_strength(tags: Mapping[str, Sequence[Seen]], weights: Mapping[str, float]) -> float | None:
    """The median of the strongest reads of what belongs to the group; without a group of the strongest of all."""
    peaks = {epc: dbm for epc, reads in tags.items() if (dbm := strongest_dbm(reads)) is not None}
    group = sorted(dbm for epc, dbm in peaks.items() if weights[epc] > EVEN)
    return group[len(group) // 2] if group else max(peaks.values(), default=None)


def _numbers(reads: Sequence[Seen], fit: Fit, group_dbm: float | None, before_s: float, after_s: float) -> tuple[float, ...]:
    count = len(reads)
    root = math.sqrt(count)
    own_dbm = strongest_dbm(reads)
    rate_change, strength_change = _changes(reads, before_s, after_s)
    core = {read.antenna for read in reads if abs(read.after_s) <= CORE_S}
    outside = {read.antenna for read in reads if abs(read.after_s) > CORE_S}
    return (
        _bounded(fit.side / root, 4),
        _bounded(fit.time / root, 4),
        _bounded(fit.strength / root, 4),
        agreement(reads) / root,
        _strong_agreement(reads, group_dbm) / root,
        spread_db(reads) - USUAL_SPREAD_DB,
        0.0 if own_dbm is None or group_dbm is None else _bounded(own_dbm - group_dbm, 15),
        float(len({read.antenna for read in reads})),
        sum(abs(read.after_s) < CORE_S for read in reads) / count,
        _bounded(rate_change, 6),
        _bounded(strength_change, 6),
        float(bool(core) and bool(outside)),
        float(len(core - outside)) if outside else 0.5,
    )


def _bounded(value: float, bound: float) -> float:
    return bound * math.tanh(value / bound)


def _strong_agreement(reads: Sequence[Seen], group_dbm: float | None) -> float:
    if group_dbm is None:
        return agreement(reads)
    return sum(read.ahead * max(-1.0, min(1.0, read.after_s / 0.5)) * 10 ** ((read.rssi_dbm - group_dbm) / 20) for read in reads if read.rssi_dbm is not None)


def _changes(reads: Sequence[Seen], before_s: float, after_s: float) -> tuple[float, float]:
    """Log likelihood ratios of "other after the crossing than before" to "the same": how often, and how strongly, each antenna read the tag."""
    room_before, room_after = max(0.3, before_s - _GAP_S), max(0.3, after_s - _GAP_S)
    share = room_before / (room_before + room_after)
    rate = strength = 0.0
    for antenna in {read.antenna for read in reads}:
        before = [read for read in reads if read.antenna == antenna and read.after_s < -_GAP_S]
        after = [read for read in reads if read.antenna == antenna and read.after_s > _GAP_S]
        if before or after:
            rate += _log_beta_binomial(len(before), len(after), 0.5, 0.5)
            rate -= _log_beta_binomial(len(before), len(after), _STEADINESS * share, _STEADINESS * (1 - share))
        strength += _strength_change(known_dbm(before), known_dbm(after))
    return rate, strength


def _log_beta_binomial(hits: int, misses: int, hits_prior: float, misses_prior: float) -> float:
    total, prior = hits + misses, hits_prior + misses_prior
    return (
        math.lgamma(hits + hits_prior)
        + math.lgamma(misses + misses_prior)
        - math.lgamma(total + prior)
        + math.lgamma(prior)
        - math.lgamma(hits_prior)
        - math.lgamma(misses_prior)
    )


def _strength_change(before_dbm: Sequence[float], after_dbm: Sequence[float]) -> float:
    if not before_dbm or not after_dbm:
        return 0.0
    chance = STANDING_SD_DB**2 * (1 / len(before_dbm) + 1 / len(after_dbm))
    wide = chance + _CHANGE_SD_DB**2
    step = sum(after_dbm) / len(after_dbm) - sum(before_dbm) / len(before_dbm)
    return 0.5 * step * step * (1 / chance - 1 / wide) - 0.5 * math.log(wide / chance)
