# SPDX-License-Identifier: Apache-2.0
"""How the numbers of `gateway.portal.evidence` add up to the probability that a tag went with the group: a logistic regression.

Its coefficients stand in moved.json and are made by `python -m tools.fit_portal`, which says there what they were made from.
"""

from __future__ import annotations

import importlib.resources
import math
from collections.abc import Sequence
from functools import cache

import msgspec

from gateway.portal.evidence import NAMES
from gateway.portal.template import sigmoid


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`weights` by the names of the evidence; log likelihood ratio = `base` + sum of weight times number. `made_from` says what it was fitted to."""

    made_from: str
    base: float
    weights: dict[str, float]

    def ratio(self, numbers: Sequence[float]) -> float:
        """Of the likelihoods that the tag moved and that it stood, as a logarithm."""
        return self.base + sum(self.weights[name] * number for name, number in zip(NAMES, numbers, strict=True))


@cache
def model() -> Model:
    """The model that is shipped."""
    return msgspec.json.decode((importlib.resources.files("gateway.portal") / "moved.json").read_bytes(), type=Model)


_ROUNDS = 8
_SHARE_DOUBT = 1.0


def odds_among(ratios: Sequence[float]) -> float:
    """Log odds of moving among the tags of one pass, as their own evidence (log likelihood ratios) says: many may have moved, or one."""
    moved = len(ratios) / 2
    odds = 0.0
    for _ in range(_ROUNDS):
        odds = math.log((moved + _SHARE_DOUBT) / (len(ratios) - moved + _SHARE_DOUBT))
        moved = sum(sigmoid(ratio + odds) for ratio in ratios)
    return odds
