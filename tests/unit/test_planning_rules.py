# SPDX-License-Identifier: Apache-2.0
"""Minimum and maximum."""

from __future__ import annotations

import pytest

from central.planning.rules import Level, Source, fill_from

pytestmark = pytest.mark.requirement("R62")


@pytest.mark.parametrize(
    ("on_hand", "reserved", "incoming", "wanted"), [(10, 0, 0, 0), (9, 0, 0, 11), (12, 5, 0, 13), (12, 5, 3, 0), (0, 0, 0, 20), (30, 0, 0, 0), (0, 0, 10, 0)]
)
def test_place_is_filled_to_its_maximum_only_below_its_minimum(on_hand: int, reserved: int, incoming: int, wanted: int) -> None:
    assert Level(on_hand, reserved, incoming, minimum=10, maximum=20).wanted == wanted


@pytest.mark.parametrize(("wanted", "pulled"), [(0, []), (3, [("a", 3)]), (7, [("a", 5), ("c", 2)]), (99, [("a", 5), ("c", 9)])])
def test_shelf_is_filled_from_sources_in_their_order(wanted: int, pulled: list[tuple[str, int]]) -> None:
    sources = [Source("a", "L1", "", "", 5), Source("b", "L2", "", "", 0), Source("c", "L3", "", "", 9)]

    assert [(pull.source.place, pull.quantity) for pull in fill_from(wanted, sources)] == pulled
