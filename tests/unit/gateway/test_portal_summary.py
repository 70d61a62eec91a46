# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from gateway.portal.reads import Pass, Read, Result, TagResult
from gateway.portal.summary import Part, outcome, summarise


def part(n: int, result: Result, moved: float, confidence: float | None = None) -> Part:
    tag = TagResult("A", result, max(moved, 1 - moved) if confidence is None else confidence, moved, 5, -60.0, 1.0, {})
    direction = "in" if result == "moved_in" else "out"
    return Part(n, Pass(0.0, 1.0, 0.5, direction, 0.99, (tag,)), tag)


def test_tag_of_one_pass_is_what_that_pass_says() -> None:
    assert outcome([part(1, "moved_out", 0.97, 0.96)]) == ("moved_out", 0.96)


def test_tag_that_moved_in_some_passes_did_what_it_did_last() -> None:
    result, confidence = outcome([part(1, "moved_in", 0.99), part(2, "stayed", 0.02), part(3, "moved_out", 0.98)])

    assert result == "moved_out"
    assert confidence > 0.95


def test_one_weak_move_among_many_passes_that_it_stood_through_is_chance() -> None:
    stood = [part(n, "stayed", 0.02) for n in range(1, 20)]

    assert outcome([*stood, part(20, "moved_in", 0.7)])[0] == "stayed"
    assert outcome([*stood, part(20, "moved_in", 0.999)])[0] == "moved_in"


def test_tag_that_nobody_knows_of_stays_unknown_unless_it_moved_elsewhere() -> None:
    assert outcome([part(1, "unknown", 0.6), part(2, "stayed", 0.1)]) == ("unknown", 0.6)
    assert outcome([part(1, "unknown", 0.6), part(2, "moved_in", 0.99)])[0] == "moved_in"


def test_tag_that_no_pass_saw_stood_beside() -> None:
    tags = summarise([Read(1.0, "A", 1, None), Read(4.0, "A", 3, -70.0), Read(2.0, "B", 9, -50.0)], [], {1: "inner", 3: "outer"})

    (tag,) = tags
    assert (tag.epc, tag.result, tag.reads, tag.first_s, tag.last_s, tag.peak_dbm) == ("A", "stayed", 2, 1.0, 4.0, -70.0)
    assert tag.antennas == {1: 1, 3: 1}
    assert tag.confidence == pytest.approx(0.98)
