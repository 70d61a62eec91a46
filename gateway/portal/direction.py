# SPDX-License-Identifier: Apache-2.0
"""Which way goods went: what the antennas say by the votes of the tags, what the eyes say by their order, and what is made of both."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from contracts.events import Direction
from gateway.portal.crossings import Crossing
from gateway.portal.logistic import sigmoid
from gateway.portal.reads import Edge, Eye
from gateway.portal.strength import weights
from gateway.portal.template import Seen

_FULL_VOTE_S = 0.5
"""Mean times of both sides that lie so far apart are a clear vote."""
_VOTE = 3.0
"""Log odds of one tag's clear vote: one in twenty is wrong (captures: 3 to 6 % of the tags, by reflections)."""
_VOTES_MAX = 6.0
"""More tags than this add nothing: they ride on the same pallet through the same reflections."""
_FEW_READS = 1.5
"""Reads on the side with fewer of them at which a vote counts to 63 % (chosen)."""
_NEAR_S = 3.0
"""Reads so near to the crossing vote; farther away goods may rest on either side (chosen)."""
_FIELD_DB = 20.0
"""Reads count by the field that they were received with."""
_BOTH = 2
_PAUSE_S = 3.0
"""Eyes that were all free for so long saw something else before than afterwards."""
_EYES_LOG_ODDS = 3.0
"""Two eyes in order are wrong once in twenty: people walk through doors too (chosen)."""
_HARDLY = 0.7
"""Antennas that are no surer than this do not contradict the eyes (chosen)."""


class Vote(NamedTuple):
    """A direction and its log odds; unknown with 0 when there is nothing to go by."""

    direction: Direction
    log_odds: float

    @property
    def confidence(self) -> float:
        """0.5 to 1; 0 for unknown."""
        return 0.0 if self.direction == "unknown" else sigmoid(self.log_odds)

    @property
    def inward(self) -> float:
        """Log odds for in; below zero: for out."""
        return {"in": self.log_odds, "out": -self.log_odds, "unknown": 0.0}[self.direction]


UNDECIDED = Vote("unknown", 0.0)


def by_antennas(tags: Mapping[str, Sequence[Seen]], moved: Mapping[str, float], crossing: Crossing, log_odds: float) -> Vote:
    """The votes of tags weighted by how likely they moved, no surer than `log_odds` that anything passed the way the crossing seems."""
    weight = total = 0.0
    for epc, reads in tags.items():
        own = vote(reads)
        if own:
            weight += moved[epc]
            total += moved[epc] * own
    if not weight:
        return UNDECIDED
    votes = total * min(1.0, _VOTES_MAX / weight)
    if votes <= 0 or log_odds <= 0:
        return UNDECIDED
    return Vote("in" if crossing.sign > 0 else "out", min(votes, log_odds))


def vote(reads: Sequence[Seen]) -> float:
    """Log odds that the tag went ahead: by the mean times of its reads behind and ahead, stronger reads counting more."""
    times = {side: _mean_time(reads, side) for side in (-1, 1)}
    behind, ahead = times[-1], times[1]
    if behind is None or ahead is None:
        return 0.0
    fewest = min(sum(read.ahead == side for read in reads) for side in (-1, 1))
    return _VOTE * math.tanh((ahead - behind) / _FULL_VOTE_S) * (1 - math.exp(-fewest / _FEW_READS))


def _mean_time(reads: Sequence[Seen], side: int) -> float | None:
    """Of the reads on one side that are not far from the crossing, stronger ones counting more; None: there are none."""
    near = [read for read in reads if read.ahead == side and abs(read.after_s) <= _NEAR_S]
    fields = weights(near, _FIELD_DB)
    return sum(field * read.after_s for field, read in zip(fields, near, strict=True)) / sum(fields) if near else None


def by_eyes(edges: Sequence[Edge]) -> tuple[tuple[Eye, ...], Vote]:
    """The order in which the eyes were covered, and what it says: where goods came first to where they were free last.

    What covers an eye more than once is ordinary: a person walks before the load and a truck comes behind it.
    """
    seen = [edge for edge in edges if edge.eye != "presence"]
    order = tuple(eye for eye, _ in itertools.groupby(edge.eye for edge in seen if edge.level))
    left = next((edge.eye for edge in reversed(seen) if not edge.level), order[-1] if order else None)
    if len(set(order)) < _BOTH or order[0] == left:
        return order, UNDECIDED
    return order, Vote("in" if order[0] == "outer" else "out", _EYES_LOG_ODDS)


def about(edges: Sequence[Edge], t_s: float) -> tuple[Edge, ...]:
    """Those of some edges that belong to goods in the door at a second: what happened clearly before or after is something else."""
    clusters: list[list[Edge]] = []
    for edge in edges:
        if clusters and (edge.t_s - clusters[-1][-1].t_s <= _PAUSE_S or clusters[-1][-1].level):
            clusters[-1].append(edge)
        else:
            clusters.append([edge])
    nearest = min(clusters, key=lambda cluster: max(cluster[0].t_s - t_s, t_s - cluster[-1].t_s, 0.0)) if clusters else []
    return tuple(nearest)


def has_turned(edges: Sequence[Edge]) -> bool:
    """Whether both eyes were covered, and what came first was free last."""
    order, said = by_eyes(edges)
    return len(set(order)) == _BOTH and said.direction == "unknown"


class Verdict(NamedTuple):
    """What was decided, how sure, and why it is unknown."""

    direction: Direction
    confidence: float
    reason: str


def decide(antennas: Vote, eyes: Vote, sure: float, *, has_turned: bool, has_tags: bool) -> Verdict:
    """Antennas and eyes may disagree: then nobody knows. `sure` is the least confidence for a direction, `has_turned` what the eyes saw."""
    if has_turned:
        return Verdict("unknown", 0.0, "the photo-eyes saw it turn round")
    if eyes.direction == "unknown":
        if antennas.confidence >= sure:
            return Verdict(antennas.direction, antennas.confidence, "")
        return Verdict("unknown", 0.0, _why_unknown(antennas, has_tags=has_tags))
    if antennas.direction in ("unknown", eyes.direction):
        return Verdict(eyes.direction, sigmoid(eyes.log_odds + antennas.log_odds), "" if has_tags else "no tag was read")
    if antennas.confidence < _HARDLY:
        return Verdict(eyes.direction, sigmoid(eyes.log_odds - antennas.log_odds), "")
    return Verdict("unknown", 0.0, f"photo-eyes say {eyes.direction}, antennas say {antennas.direction}")


def _why_unknown(antennas: Vote, *, has_tags: bool) -> str:
    if not has_tags:
        return "no tag was read"
    return "it was not read on both sides" if antennas.direction == "unknown" else "the antennas do not agree"
