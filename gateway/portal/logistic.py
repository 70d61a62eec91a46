# SPDX-License-Identifier: Apache-2.0
"""How numbers with names add up to log odds: logistic regressions whose coefficients stand in files beside this one, made by `python -m tools.portal_fit`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

_ROUNDS = 8
_SHARE_DOUBT = 1.0


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Log odds (or a log likelihood ratio) = `base` + sum of weight times number. `made_from` says what it was fitted to."""

    made_from: str
    base: float
    weights: dict[str, float]

    def sum(self, numbers: Sequence[float]) -> float:
        """Of numbers in the order of the weights."""
        return self.base + sum(weight * number for weight, number in zip(self.weights.values(), numbers, strict=True))


def load(file: Path, names: tuple[str, ...]) -> Model:
    """A model, its weights in the order of `names`; a number that it does not know counts nothing until it is fitted anew. Raises: OSError, ValueError."""
    model = msgspec.json.decode(file.read_bytes(), type=Model)
    return Model(model.made_from, model.base, {name: model.weights.get(name, 0.0) for name in names})


def sigmoid(log_odds: float) -> float:
    """Probability of log odds."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


def odds_among(ratios: Sequence[float]) -> float:
    """Log odds of moving among the tags of one pass, as their own evidence (log likelihood ratios) says: many may have moved, or one."""
    moved = len(ratios) / 2
    odds = 0.0
    for _ in range(_ROUNDS):
        odds = math.log((moved + _SHARE_DOUBT) / (len(ratios) - moved + _SHARE_DOUBT))
        moved = sum(sigmoid(ratio + odds) for ratio in ratios)
    return odds
