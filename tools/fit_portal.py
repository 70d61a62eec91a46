# SPDX-License-Identifier: Apache-2.0
"""Fit the logistic regression by which a dock door tells goods that passed from tags that stand beside it; writes gateway/portal/moved.json.

`python -m tools.fit_portal --captures DIR [--yard DIR] [--without RUN] [--out FILE]`. Captures are runs of a portal whose moving tags are known
(runN.csv.gz, labels/actual=moving*.csv), yard the scenarios that `python -m firmware_sims.yard` writes. `--without` leaves a run out, so that
it can be measured on: groups are runs, never tags. Pure Python on purpose: it is run once in a while, and needs nothing installed.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.portal import evidence
from gateway.portal.crossings import Crossing, by_tag, find_crossings
from gateway.portal.files import read_capture
from gateway.portal.portal import seen_from
from gateway.portal.reads import Read, Side

_PORTAL: dict[int, Side] = {1: "inner", 2: "inner", 3: "outer", 4: "outer"}
_REACHES_S = (12.0, 5.0)
_RIDGE = 3.0
_ROUNDS = 12
_FEW = (40, 12)
"""Passes are also shown with so few of their moving tags: pallets are smaller than the captured stack."""

Example = tuple[tuple[float, ...], bool, float]
"""The numbers of a tag, whether it moved, and the log odds of moving among all tags of its pass."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.fit_portal", description=__doc__)
    parser.add_argument("--captures", type=Path, required=True)
    parser.add_argument("--yard", type=Path)
    parser.add_argument("--without", default="")
    parser.add_argument("--out", type=Path, default=Path("gateway/portal/moved.json"))
    given = parser.parse_args(arguments)
    runs = sorted(path for path in given.captures.glob("run*.csv.gz") if path.name.split(".")[0] != given.without)
    examples = [example for run in runs for example in _examples_of_run(run, _moving(given.captures))]
    source = f"{len(runs)} captured runs, {len(examples)} examples"
    if given.yard is not None:
        simulated = list(_examples_of_yard(given.yard))
        examples += simulated
        source += f"; {len(simulated)} simulated examples"
    base, weights = _fit(examples)
    model = {"made_from": source, "base": round(base, 4), "weights": {name: round(value, 4) for name, value in zip(evidence.NAMES, weights, strict=True)}}
    given.out.write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    print(f"{given.out}: {source}")
    return 0


def _moving(captures: Path) -> set[str]:
    return {line.strip() for path in captures.glob("labels/actual=moving*.csv") for line in path.read_text().splitlines() if line.strip()}


def _examples_of_run(path: Path, moving: set[str]) -> Iterator[Example]:
    reads = read_capture(path)
    rng = random.Random(path.name)
    crossings = find_crossings(by_tag(reads, _PORTAL), reads[0].t_s, reads[-1].t_s)
    times = [reads[0].t_s, *(each.t_s for each in crossings), reads[-1].t_s]
    for before_s, crossing, after_s in zip(times, crossings, times[2:], strict=False):
        for reach_s in _REACHES_S:
            from_s, to_s = max((before_s + crossing.t_s) / 2, crossing.t_s - reach_s), min((after_s + crossing.t_s) / 2, crossing.t_s + reach_s)
            part = [read for read in reads if from_s <= read.t_s <= to_s]
            yield from _examples(part, _PORTAL, crossing, from_s, to_s, moving)
            for few in _FEW:
                left = set(rng.sample(sorted(moving), few))
                yield from _examples([read for read in part if read.epc not in moving or read.epc in left], _PORTAL, crossing, from_s, to_s, moving)


def _examples(reads: Sequence[Read], sides: dict[int, Side], crossing: Crossing, from_s: float, to_s: float, moving: set[str]) -> Iterator[Example]:
    tags = seen_from(by_tag(reads, sides), crossing)
    went = sum(epc in moving for epc in tags)
    odds = math.log((went + 1) / (len(tags) - went + 1))
    for epc, numbers in evidence.gather(tags, crossing.t_s - from_s, to_s - crossing.t_s).items():
        yield numbers, epc in moving, odds


def _examples_of_yard(folder: Path) -> Iterator[Example]:
    """Not yet."""
    yield from ()


def _fit(examples: Sequence[Example]) -> tuple[float, list[float]]:
    """Ridge logistic regression by Newton's method; the numbers are scaled to one standard deviation for the ridge."""
    count, width = len(examples), len(evidence.NAMES)
    means = [sum(numbers[at] for numbers, _, _ in examples) / count for at in range(width)]
    scales = [math.sqrt(sum((numbers[at] - means[at]) ** 2 for numbers, _, _ in examples) / count) or 1.0 for at in range(width)]
    rows = [((1.0, *((numbers[at] - means[at]) / scales[at] for at in range(width))), moved, odds) for numbers, moved, odds in examples]
    beta = [0.0] * (width + 1)
    for _ in range(_ROUNDS):
        beta = [value + step for value, step in zip(beta, _newton_step(rows, beta), strict=True)]
    weights = [value / scale for value, scale in zip(beta[1:], scales, strict=True)]
    return beta[0] - sum(weight * mean for weight, mean in zip(weights, means, strict=True)), weights


def _newton_step(rows: Sequence[Example], beta: Sequence[float]) -> list[float]:
    size = len(beta)
    gradient = [0.0, *(-_RIDGE * value for value in beta[1:])]
    curve = [[_RIDGE if row == column and row else 0.0 for column in range(size)] for row in range(size)]
    for numbers, moved, odds in rows:
        chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, odds + sum(map(float.__mul__, beta, numbers))))))
        error, bend = moved - chance, chance * (1 - chance)
        for at, number in enumerate(numbers):
            gradient[at] += error * number
            bent = bend * number
            line = curve[at]
            for column in range(at + 1):
                line[column] += bent * numbers[column]
    for row in range(size):
        for column in range(row):
            curve[column][row] = curve[row][column]
    return _solved(curve, gradient)


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss with pivots."""
    size = len(right)
    rows = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for at in range(size):
        pivot = max(range(at, size), key=lambda row: abs(rows[row][at]))
        rows[at], rows[pivot] = rows[pivot], rows[at]
        for row in range(at + 1, size):
            factor = rows[row][at] / rows[at][at]
            rows[row] = [value - factor * above for value, above in zip(rows[row], rows[at], strict=True)]
    found = [0.0] * size
    for at in reversed(range(size)):
        found[at] = (rows[at][size] - sum(rows[at][column] * found[column] for column in range(at + 1, size))) / rows[at][at]
    return found


if __name__ == "__main__":
    sys.exit(main())
