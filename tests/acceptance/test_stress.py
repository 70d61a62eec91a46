# SPDX-License-Identifier: Apache-2.0
"""The stock ledger under fire, in short: writers killed twice in the middle, messages twice and out of order; nothing is lost, and again is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.stress.operations import World
from benchmarks.stress.run import Plan, run
from tests import servers

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R21", "R31", "E12"), pytest.mark.timeout(300)]
SMALL = World(items=6, lots=3, bins=4)


@pytest.mark.postgres
def test_killed_writers_on_postgresql_lose_nothing_and_do_nothing_twice() -> None:
    with servers.postgres() as database:
        report = run(database, Plan(600, processes=4, threads=16, kill_every_messages=300, seed=3, give_up_s=240, world=SMALL))

    assert report.findings == []
    assert report.figures["writers"] == 64
    assert report.figures["kills"] >= 4, "on a slow machine the work may be done before the second round"
    assert report.figures["answers"]["applied"] + report.figures["answers"]["refused"] >= 600 - report.figures["answers"]["redelivered"]


def test_killed_writers_on_sqlite_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    report = run(f"sqlite:///{tmp_path}/stress.db", Plan(200, processes=2, threads=2, kill_every_messages=90, seed=4, give_up_s=240, world=SMALL))

    assert report.findings == []
    assert report.figures["kills"] >= 2, "on a slow machine the work may be done before the second round"
