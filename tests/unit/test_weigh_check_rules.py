# SPDX-License-Identifier: Apache-2.0
"""The weigh check's three answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.outbound.weighing import Packed, check_weight, division_mg

pytestmark = pytest.mark.requirement("E7")


@pytest.mark.parametrize(("value", "unit", "division"), [("12.345", "kg", 1000), ("250", "g", 1000), ("0.5", "g", 100), ("1E+3", "g", 1_000_000)])
def test_division_is_one_in_the_last_digit(value: str, unit: str, division: int) -> None:
    assert division_mg(value, unit) == division


@pytest.mark.parametrize(
    ("gross_g", "packed", "tare_g", "division_g", "verdict", "reason"),
    [
        (2200, [("milk", 4, 250)], 1200, 1, "right", ""),
        (2222, [("milk", 4, 250)], 1200, 1, "right", ""),
        (2223, [("milk", 4, 250)], 1200, 1, "wrong", ""),
        (1950, [("milk", 4, 250)], 1200, 1, "wrong", ""),
        (2200, [("milk", 4, 250)], None, 1, "cannot_decide", "tare_unknown"),
        (2200, [("milk", 4, None)], 1200, 1, "cannot_decide", "unit_weight_unknown"),
        (2200, [], 1200, 1, "cannot_decide", "unit_weight_unknown"),
        (1210, [("card", 10, 1)], 1200, 1, "cannot_decide", "piece_too_light"),
        (400, [("card", 10, 1)], 1200, 1, "wrong", ""),
        (50_000, [("milk", 200, 250)], 0, 10, "cannot_decide", "piece_too_light"),
        (1240, [("milk", 4, 10), ("gone", 0, None)], 1200, 5, "cannot_decide", "piece_too_light"),
    ],
)
def test_weight_is_right_or_wrong_only_when_it_can_be_known(
    gross_g: int, packed: list[tuple[str, int, int | None]], tare_g: int | None, division_g: int, verdict: str, reason: str
) -> None:
    check = check_weight(gross_g * 1000, [Packed(*row) for row in packed], tare_g, division_g * 1000)

    assert (check.verdict, check.reason) == (verdict, reason)


@given(pieces=st.integers(1, 50), unit_g=st.integers(1, 5000), tare_g=st.integers(0, 30_000), division_g=st.integers(1, 50), error=st.sampled_from([-1, 1]))
def test_one_piece_too_many_or_too_few_is_never_right(pieces: int, unit_g: int, tare_g: int, division_g: int, error: int) -> None:
    gross_mg = 1000 * (tare_g + (pieces + error) * unit_g)

    assert check_weight(gross_mg, [Packed("item", pieces, unit_g)], tare_g, division_g * 1000).verdict != "right"
