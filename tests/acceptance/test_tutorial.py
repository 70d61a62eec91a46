# SPDX-License-Identifier: Apache-2.0
"""The tutorial works when it is followed to the letter."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.tutorial import Reader, read_blocks

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "first-pallet.md"
PORTS = [1883, 4001, 4002, 5084, 8080, 9180]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    somebody = Reader(tmp_path, PORTS, environment)
    yield somebody
    somebody.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.requirement("X13")
def test_first_pallet_goes_from_the_door_to_the_ledger_by_hand(reader: Reader) -> None:
    for block in read_blocks(TUTORIAL.read_text(encoding="utf-8")):
        reader.follow(block)

    assert {"SSCC", "GTIN", "LOT", "EXPIRY"} <= set(reader.remembered)


def test_tutorial_names_no_port_that_the_test_would_not_replace() -> None:
    named = re.findall(r"(?:--port |port=|port = |127\.0\.0\.1:)(\d+)", TUTORIAL.read_text(encoding="utf-8"))

    assert set(map(int, named)) == set(PORTS)
