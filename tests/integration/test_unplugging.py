# SPDX-License-Identifier: Apache-2.0
"""A share of `make soak`: devices unplugged under the gateway's own supervisor and drivers."""

from __future__ import annotations

import pytest

from benchmarks import soak

pytestmark = [pytest.mark.slow, pytest.mark.requirement("E12", "R98")]


async def test_device_that_is_unplugged_again_and_again_comes_back_and_leaves_nothing_open() -> None:
    results = await soak.soak(cycles=96, seed=3, each_way=8)

    assert soak.is_good(results), results
    assert (results["said_after_return"], results["open_files"]["first"], results["tasks"]["first"]) == (
        96,
        results["open_files"]["last"],
        results["tasks"]["last"],
    )


def test_what_is_lost_doubled_or_left_open_is_no_good_soak() -> None:
    good = {"never_back": 0, "lost": 0, "twice": 0, "rounds_with_other_numbers": 0}

    assert soak.is_good(good)
    assert not any(soak.is_good(good | {name: 1}) for name in good)
