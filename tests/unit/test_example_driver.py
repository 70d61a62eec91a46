# SPDX-License-Identifier: Apache-2.0
"""What docs/how-to/write-a-driver.md shows of the example driver stands in its files; tests/acceptance/test_tutorial.py installs it and runs its tests."""

from __future__ import annotations

import pytest

from tests.acceptance.tutorial import read_blocks
from tests.tidy.tree import ROOT

PAGE = ROOT / "docs" / "how-to" / "write-a-driver.md"
EXAMPLE = ROOT / "docs" / "how-to" / "example_driver"


@pytest.mark.requirement("E15")
def test_page_shows_the_example_as_it_is() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(EXAMPLE.rglob("*")) if path.suffix in (".py", ".toml"))
    shown = [block.text for block in read_blocks(PAGE.read_text(encoding="utf-8")) if block.language in ("python", "toml")]

    assert len(shown) >= 5
    assert [text for text in shown if text not in code] == []


def test_example_driver_and_its_simulator_share_no_code() -> None:
    driver = "\n".join(path.read_text(encoding="utf-8") for path in (EXAMPLE / "scale_acme").glob("*.py"))
    simulator = "\n".join(path.read_text(encoding="utf-8") for path in (EXAMPLE / "scale_acme_sims").glob("*.py"))

    assert "scale_acme_sims." in driver, "its SPEC names it"
    assert "import" not in "".join(line for line in driver.splitlines() if "firmware_sims" in line or "scale_acme_sims" in line)
    assert [line for line in simulator.splitlines() if "import" in line and ("drivers" in line or "scale_acme." in line)] == []
