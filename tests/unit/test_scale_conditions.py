# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.readings import Weight
from drivers.base.weighing import Weighed
from drivers.base.weighing_conditions import ScaleConditions
from drivers.scale_sics.config import ScaleSicsConfig
from drivers.scale_sics.driver import ScaleSicsDriver


def told(weights: list[tuple[float, str, str | None, str]]) -> list[tuple[str, bool]]:
    conditions = ScaleConditions()
    return [
        (change.condition, change.active)
        for at_s, state, value, unit in weights
        for change in conditions.changes(
            Weight(device="s", at_s=at_s, state=state, value=None if value is None else Decimal(value), unit=unit, text="S I")  # type: ignore[arg-type]
        )
    ]


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([(0, "stable", "1", "kg"), (1, "dynamic", "2", "kg"), (2, "overload", None, "")], []),
        ([(0, "error", None, ""), (2.9, "error", None, ""), (3, "stable", "1", "kg")], []),
        ([(0, "error", None, ""), (3, "error", None, ""), (4, "error", None, ""), (5, "underload", None, "")], [("scale_error", True), ("scale_error", False)]),
        ([(0, "stale", None, ""), (9, "stale", None, ""), (10, "stable", "1", "kg")], [("scale_stale", True), ("scale_stale", False)]),
        ([(0, "stable", "1", ""), (1, "stable", "1", ""), (2, "error", None, ""), (3, "stable", "1", "kg")], [("unit_unknown", True), ("unit_unknown", False)]),
        ([(0, "stable", "12", "PCS")], [("unit_unknown", True)]),
    ],
)
def test_what_people_must_see_to_is_told_once_when_it_begins_and_once_when_it_ends(
    weights: list[tuple[float, str, str | None, str]], expected: list[tuple[str, bool]]
) -> None:
    assert told(weights) == expected


def test_missing_unit_says_what_to_set() -> None:
    (change,) = ScaleConditions().changes(Weight(device="s", at_s=0.0, state="stable", value=Decimal(1), unit=""))

    assert "`default_unit`" in change.reason


def test_driver_of_a_scale_tells_its_conditions_with_its_weights() -> None:
    driver = ScaleSicsDriver("scale-1", ScaleSicsConfig(path="/dev/null"))

    said = [reading for event in (Weighed("stale"), Weighed("stable", Decimal(1), "kg", "S S 1 kg")) for reading in driver.readings(event, 5.0)]

    assert [(type(reading).__name__, getattr(reading, "active", None)) for reading in said] == [
        ("Weight", None),
        ("ConditionChanged", True),
        ("Weight", None),
        ("ConditionChanged", False),
    ]
