# SPDX-License-Identifier: Apache-2.0
"""A cut at any change that an update, a start or a return makes to the disk leaves a version that starts, and an update that can be done again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.update_cuts import NEW, OLD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.integration.update_cuts", str(tmp_path_factory.mktemp("cuts"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    return list(json.loads(done.stdout))


@pytest.mark.requirement("X12")
def test_version_before_starts_until_the_new_one_is_noted_as_on_trial_and_the_new_one_from_then_on(cuts: list[dict[str, Any]]) -> None:
    wrong = [cut for cut in cuts if cut["of"] in ("update", "first start") and cut["starts"] != (NEW if cut["on_trial"] else OLD)]

    assert wrong == []
    assert Counter(cut["of"] for cut in cuts)["update"] > 25, "every change of an update is cut at"


@pytest.mark.requirement("X12")
def test_update_that_was_cut_can_be_done_again(cuts: list[dict[str, Any]]) -> None:
    assert [cut for cut in cuts if cut.get("again", NEW) != NEW] == []


@pytest.mark.requirement("X12")
@pytest.mark.parametrize(("phase", "version"), [("start too many", OLD), ("settle good", NEW), ("settle bad", OLD)])
def test_end_of_a_trial_is_the_same_however_often_it_is_cut(cuts: list[dict[str, Any]], phase: str, version: str) -> None:
    found = [cut["starts"] for cut in cuts if cut["of"] == phase]

    assert len(found) >= 3
    assert set(found) == {version}
