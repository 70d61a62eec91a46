# SPDX-License-Identifier: Apache-2.0
"""Read rates and what they say of a case that was not seen."""

from __future__ import annotations

import pytest

from central.inbound.doors import stronger
from central.inbound.tag_rules import HALF_LIFE_S, Count, Verdict, verdict, weak_tag_probability

pytestmark = pytest.mark.requirement("R10", "R31", "E4")


def test_weak_tag_probability_is_what_bayes_says() -> None:
    read, short = Count(1e9, 0.9e9), Count(1e9, 0.02e9)

    assert weak_tag_probability(read, short) == pytest.approx(0.98 * 0.1 / (0.98 * 0.1 + 0.02), rel=1e-6)


@pytest.mark.parametrize(
    ("there", "seen", "said"),
    [
        (0, 0, "not_known"),
        (10, 10, "not_known"),
        (10, 8, "weak_tag"),
        (1000, 999, "missing"),
        (1000, 850, "weak_tag"),
        (100, 99, "not_known"),
    ],
)
def test_verdict_needs_misses_before_it_calls_a_tag_weak(there: float, seen: float, said: Verdict) -> None:
    assert verdict(Count(there, seen), Count()) == said


def test_supplier_who_often_ships_short_makes_a_miss_a_missing_case() -> None:
    read = Count(200, 190)

    assert verdict(read, Count(1000, 1)) == "weak_tag"
    assert verdict(read, Count(1000, 150)) == "missing"


def test_counts_fade_by_half_in_a_half_life_and_not_backwards() -> None:
    assert Count(8, 6).later(HALF_LIFE_S) == Count(4, 3)
    assert Count(8, 6).later(-5) == Count(8, 6)


@pytest.mark.parametrize(
    ("mine", "theirs", "said"), [(-50.0, -56.0, "mine"), (-56.0, -50.0, "theirs"), (-50.0, -55.9, "even"), (None, -50.0, "even"), (-50.0, None, "even")]
)
def test_six_decibels_decide_between_doors(mine: float | None, theirs: float | None, said: str) -> None:
    assert stronger(mine, theirs) == said
