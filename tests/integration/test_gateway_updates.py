# SPDX-License-Identifier: Apache-2.0
"""Updates of a running gateway with real bundles, environments, launcher and programs: a good version stays, a bad one goes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.update_field import Field, bad

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    made = Field(tmp_path)
    try:
        made.begin("1.0.0")
        yield made
    finally:
        made.stop()


@pytest.mark.requirement("X12")
def test_good_version_stays_and_one_that_crashes_returns_by_itself(field: Field) -> None:
    field.supervise()
    before = field.runs("1.0.0")
    good = field.update(field.bundle("1.1.0"), "--within", "20")
    assert good.returncode == 0, good.stderr + good.stdout + field.log()[-3000:]
    after = field.runs("1.1.0")
    crashes = field.update(field.bundle("1.2.0", bad("sys.exit('broken')")), "--within", "20")
    returned = field.runs("1.1.0")

    assert (crashes.returncode, field.version()) == (1, "1.1.0")
    print(crashes.stderr, good.stdout, before, after, returned)
