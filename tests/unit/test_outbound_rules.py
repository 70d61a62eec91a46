# SPDX-License-Identifier: Apache-2.0
"""Rules of promising and picking."""

from __future__ import annotations

import pytest

from central.outbound.rules import COLOURS, Task, judge_pick, next_colour, order_state, progress_of


@pytest.mark.requirement("R51")
@pytest.mark.parametrize(
    ("state", "requested", "taken", "confirmed", "verdict", "take", "give_back", "over"),
    [
        ("lit", 5, 0, 5, "full", 5, 0, 0),
        ("listed", 5, 0, 5, "full", 5, 0, 0),
        ("lit", 5, 0, 2, "short", 2, 3, 0),
        ("lit", 5, 0, 0, "short", 0, 5, 0),
        ("lit", 5, 0, 7, "over", 5, 0, 2),
        ("done", 5, 5, 5, "repeated", 0, 0, 0),
        ("short", 5, 2, 2, "repeated", 0, 0, 0),
        ("done", 5, 5, 4, "contradicted", 0, 0, 0),
        ("cancelled", 5, 0, 5, "cancelled", 0, 0, 5),
    ],
)
def test_confirmation_is_judged_by_the_task(state: str, requested: int, taken: int, confirmed: int, verdict: str, take: int, give_back: int, over: int) -> None:
    outcome = judge_pick(Task("t", state, requested, taken), confirmed)

    assert (outcome.verdict, outcome.take, outcome.give_back, outcome.over) == (verdict, take, give_back, over)


def test_next_colour_is_the_one_least_in_use() -> None:
    assert next_colour([]) == "green"
    assert next_colour(["green"]) == "blue"
    assert next_colour(COLOURS) == "green"
    assert next_colour([*COLOURS, "green", ""]) == "blue"


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        ([Task("a", "done", 1, 1), Task("b", "lit", 1)], "released"),
        ([Task("a", "done", 1, 1), Task("b", "short", 1, 0)], "picked"),
        ([Task("a", "short", 1, 0)], "unfilled"),
        ([], "unfilled"),
    ],
)
def test_order_moves_on_when_its_last_task_is_answered(tasks: list[Task], state: str) -> None:
    assert order_state(tasks) == state


@pytest.mark.requirement("R55")
@pytest.mark.parametrize(
    ("states", "word"),
    [
        (["open"], "waiting"),
        (["split", "open", "released"], "in_work"),
        (["split", "shipped", "open"], "partly_shipped"),
        (["split", "shipped", "cancelled"], "shipped"),
        (["cancelled", "cancelled"], "cancelled"),
    ],
)
def test_progress_is_that_of_all_parts(states: list[str], word: str) -> None:
    assert progress_of(states) == word
