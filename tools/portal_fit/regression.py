# SPDX-License-Identifier: Apache-2.0
"""Logistic regression with a ridge, by Newton's method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_RIDGE = 3.0
_ROUNDS = 12


class Example(NamedTuple):
    """Numbers with names elsewhere, whether it was so, log odds that were known beforehand, and how much the example counts."""

    numbers: tuple[float, ...]
    so: bool
    odds: float = 0.0
    weight: float = 1.0


def fit(examples: Sequence[Example]) -> tuple[float, list[float]]:
    """(base, weights) of the numbers as they are; the ridge works on numbers scaled to one standard deviation."""
    count, width = len(examples), len(examples[0].numbers)
    means = [sum(example.numbers[at] for example in examples) / count for at in range(width)]
    scales = [math.sqrt(sum((example.numbers[at] - means[at]) ** 2 for example in examples) / count) or 1.0 for at in range(width)]
    rows = [
        example._replace(numbers=(1.0, *((number - mean) / scale for number, mean, scale in zip(example.numbers, means, scales, strict=True))))
        for example in examples
    ]
    beta = [0.0] * (width + 1)
    for _ in range(_ROUNDS):
        beta = [value + step for value, step in zip(beta, _newton_step(rows, beta), strict=True)]
    weights = [value / scale for value, scale in zip(beta[1:], scales, strict=True)]
    return beta[0] - sum(weight * mean for weight, mean in zip(weights, means, strict=True)), weights


def _newton_step(rows: Sequence[Example], beta: Sequence[float]) -> list[float]:
    size = len(beta)
    gradient = [0.0, *(-_RIDGE * value for value in beta[1:])]
    curve = [[_RIDGE if row == column and row else 0.0 for column in range(size)] for row in range(size)]
    for numbers, so, odds, weight in rows:
        chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, odds + sum(map(float.__mul__, beta, numbers))))))
        error, bend = weight * (so - chance), weight * chance * (1 - chance)
        for at, number in enumerate(numbers):
            gradient[at] += error * number
            bent, line = bend * number, curve[at]
            for column in range(at + 1):
                line[column] += bent * numbers[column]
    for row in range(size):
        for column in range(row):
            curve[column][row] = curve[row][column]
    return _solved(curve, gradient)


def _solved(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Gauss with pivots."""
    size = len(right)
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for at in range(size):
        pivot = max(range(at, size), key=lambda row, at=at: abs(rows[row][at]))  # type: ignore[misc]
        rows[at], rows[pivot] = rows[pivot], rows[at]
        for row in range(at + 1, size):
            factor = rows[row][at] / rows[at][at]
            rows[row] = [value - factor * above for value, above in zip(rows[row], rows[at], strict=True)]
    found = [0.0] * size
    for at in reversed(range(size)):
        found[at] = (rows[at][size] - sum(rows[at][column] * found[column] for column in range(at + 1, size))) / rows[at][at]
    return found
