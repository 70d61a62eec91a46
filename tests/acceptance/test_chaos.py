# SPDX-License-Identifier: Apache-2.0
"""Real programs under random faults, in short: the same as `make chaos`, for as many seconds as DOCKLINE_CHAOS_S says."""

from __future__ import annotations

import os

import pytest

from benchmarks.chaos.__main__ import table
from benchmarks.chaos.faults import KINDS, drawn
from benchmarks.chaos.run import Plan, run

_FOR_S = float(os.environ.get("DOCKLINE_CHAOS_S", "60"))
_REST_S = 240.0
"""Beyond the faults: starting everything, two rests, and what a busy machine takes."""


@pytest.mark.slow
@pytest.mark.mosquitto
@pytest.mark.postgres
@pytest.mark.minutes
@pytest.mark.timeout(_FOR_S + _REST_S)
@pytest.mark.requirement("E12")
async def test_real_programs_under_random_faults_lose_nothing_and_apply_nothing_twice() -> None:
    report = await run(Plan(faults=10_000, seed=2, for_s=_FOR_S, database="postgresql"))

    assert report.findings == [], "\n".join(table(report))
    assert report.figures["applied"] > 0
    assert report.figures["picks"] > 0
    assert report.figures["faults"] > _FOR_S / 10


def test_same_seed_draws_the_same_faults_and_every_kind_is_among_the_first_hundred() -> None:
    faults = drawn(7, 400, pace_s=1.6, has_long=True, has_database=True, has_clocks=True)

    assert faults == drawn(7, 400, pace_s=1.6, has_long=True, has_database=True, has_clocks=True)
    assert faults != drawn(8, 400, pace_s=1.6, has_long=True, has_database=True, has_clocks=True)
    assert {fault.kind for fault in faults[:100]} == set(KINDS)
    assert all(fault.part.split()[-1] in ("g1", "g2", "g3", "central", "broker", "database") for fault in faults)


def test_short_runs_have_no_long_holes_and_sqlite_no_database_to_kill() -> None:
    kinds = {fault.kind for fault in drawn(1, 200, pace_s=1.6, has_long=False, has_database=False, has_clocks=False)}

    assert kinds == {kind for kind in KINDS if not kind.startswith("database") and "clock" not in kind and kind not in ("link_hole_20s", "link_hole_90s")}
