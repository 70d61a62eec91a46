# SPDX-License-Identifier: Apache-2.0
"""Several parsers at once, each in a process of the pool."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz import coverage_guided
from tests.fuzz.run import Finding, Outcome, fire_at

_GUIDED_SHARE, _GUIDED_FROM_S = 0.25, 20.0


def fire(name: str, seed: int, for_s: float, inputs: int | None) -> Outcome:
    """One parser, in a process of the pool."""
    logging.disable()  # libraries tell of each bad frame
    guided_s = int(for_s * _GUIDED_SHARE) if for_s >= _GUIDED_FROM_S and not inputs else 0
    outcome = fire_at(name, seed, for_s - guided_s, inputs)
    if guided_s:
        tried, crash = coverage_guided.explore(name, guided_s, seed)
        outcome.inputs += tried
        outcome.took_s += guided_s
        if crash:
            outcome.findings.append(Finding("exception", "found by atheris", crash, []))
    return outcome


def outcomes(parsers: Sequence[str], seed: int, for_s: float, inputs: int | None, processes: int) -> Iterator[Outcome]:
    """Of all parsers, as they end."""
    share_s = for_s * processes / len(parsers)
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("forkserver")) as pool:
        yield from pool.map(fire, parsers, [seed] * len(parsers), [share_s] * len(parsers), [inputs] * len(parsers))
