# SPDX-License-Identifier: Apache-2.0
"""The tutorial and the how-to pages work when they are followed to the letter."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.tutorial import Reader, read_blocks

DOCS = Path(__file__).resolve().parents[2] / "docs"
TUTORIAL = DOCS / "tutorial" / "first-pallet.md"
PORTS = [1883, 4001, 4002, 5084, 8080, 9180]
BY_HAND = {
    "chaos": "a minute of faults; tests/acceptance/test_chaos.py runs the same",
    "devices-in-a-gateways-file": "a file to copy from; tests/unit/test_device_examples.py loads it as a gateway does",
    "enrolment": "root's folders and a broker of its own; tests/integration/test_trusted_gateways.py does it",
    "gateway-in-the-field": "an installed gateway; tests/integration/test_gateway_in_the_field.py does it",
    "labels": "a printer on a floor; tests/integration/test_print_jobs.py and test_label_point_way_up.py do it",
    "modbus-line": "wires and a screwdriver; tests/unit/test_device_examples.py loads its tables, tests/integration/test_modbus_*.py do the rest",
    "north": "other people's systems; tests/integration/test_north_sides.py does our part",
    "scale-out": "several machines; tests/integration/test_two_workers.py, test_two_brokers.py and test_nats_cluster.py do it",
    "scan-points": "a floor with lamps; tests/integration/test_scan_lists.py does it",
    "scales": "a scale on a bench; tests/unit/test_scale_maps.py and test_device_examples.py try its map and its tables",
    "security": "says how things are; tells nobody to do anything",
    "sensors-and-lights": "pins, a Bluetooth adapter and a tower; tests/unit/test_device_examples.py loads its tables, the drivers' tests do the rest",
    "update": "root's folders and a service; tests/integration/test_gateway_updates.py does it",
}
"""Pages that are not followed here, and why not."""
FOLLOWED = sorted(page for page in (DOCS / "how-to").glob("*.md") if page.stem not in BY_HAND)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1", "DOCKLINE": str(DOCS.parent)}
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


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.requirement("X13")
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_how_to_page_does_what_it_says(reader: Reader, page: Path) -> None:
    blocks = read_blocks(page.read_text(encoding="utf-8"))
    for block in blocks:
        reader.follow(block)

    assert any("shows" in block.options for block in blocks)


def test_pages_name_no_port_that_the_test_would_not_replace() -> None:
    named = [re.findall(r"(?:--port |port=|port = |127\.0\.0\.1:)(\d+)", page.read_text(encoding="utf-8")) for page in [TUTORIAL, *FOLLOWED]]

    assert set(map(int, named[0])) == set(PORTS)
    assert {int(port) for ports in named for port in ports} == set(PORTS)


def test_pages_that_are_not_followed_are_there_and_have_nothing_to_follow() -> None:
    for name in BY_HAND:
        blocks = read_blocks((DOCS / "how-to" / f"{name}.md").read_text(encoding="utf-8"))
        assert [block for block in blocks if block.language == "sh" or block.options] == [], f"{name} can be followed: take it off the list"
