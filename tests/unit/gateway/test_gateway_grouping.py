# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from gateway.grouping import COMMITS_PER_S, LINGER_S_MAX, QUIET_S, Grouping


def commits(arrivals_s: list[float]) -> list[tuple[float, int]]:
    """When which number of events is committed, each group at the moment in which it is due."""
    grouping, done, waiting = Grouping(), [], 0
    for at_s in [*arrivals_s, float("inf")]:
        while grouping.due_s is not None and grouping.due_s <= at_s:
            due_s = grouping.due_s
            grouping.committed(due_s)
            done.append((due_s, waiting))
            waiting = 0
        if at_s != float("inf"):
            grouping.came(at_s)
            waiting += 1
    return done


def test_single_sample_is_committed_when_nothing_more_comes() -> None:
    assert commits([5.0]) == [(pytest.approx(5.0 + QUIET_S), 1)]


@pytest.mark.requirement("E17")
def test_devices_polled_together_share_a_commit_as_often_as_they_are_polled() -> None:
    polls = [tick * 0.1 + device * 0.0003 for tick in range(600) for device in range(10)]

    groups = commits(polls)

    assert len(groups) == 600
    assert all(count == 10 for _, count in groups)
    assert max(due_s - tick * 0.1 for tick, (due_s, _) in enumerate(groups)) < 0.005 + LINGER_S_MAX


@pytest.mark.requirement("E17")
def test_gateway_that_never_falls_silent_commits_no_oftener_than_the_card_bears() -> None:
    groups = commits([index * 0.0025 for index in range(4 * 400)])

    assert sum(count for _, count in groups) == 1600
    assert len(groups) <= COMMITS_PER_S * (1 + 4.0)  # a second's worth to begin with
    assert max(count for _, count in groups) <= 400 / COMMITS_PER_S + 2


def test_group_that_goes_along_with_a_movement_leaves_nothing_due() -> None:
    grouping = Grouping()
    grouping.came(1.0)

    grouping.committed(1.001)

    assert grouping.due_s is None
    assert grouping.came(1.002) == pytest.approx(1.002 + QUIET_S)
