# SPDX-License-Identifier: Apache-2.0
"""What valid master data is, and the pure rules over it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from central.catalog import rules
from central.catalog.rules.capacity import Load, PlaceRules, refusals
from central.catalog.rules.duplicates import Known, bare_code, look_alikes, name_words
from central.catalog.rules.goods import kit_cycle, packagings_disagree
from central.catalog.rules.hazards import allowed_in, conflicts, segregation
from central.catalog.rules.ranking import Spot, Way, ranked
from central.catalog.rules.words import HAZARDS
from central.catalog.search import like_pattern, search_text

ITEM = {"code": "milk", "name": "Milk"}
PLACE = {"site": "s1", "code": "A-01", "kind": "bin"}
SITE = {"code": "s1"}


@pytest.mark.requirement("R16", "R28", "R30", "X1")
@pytest.mark.parametrize(
    ("kind", "row", "code"),
    [
        (rules.Item, ITEM | {"gtin": "614141000013"}, "value_error"),
        (rules.Item, ITEM | {"uom": "PCS"}, "literal_error"),
        (rules.Item, ITEM | {"hazard_class": "4"}, "hazard_unknown"),
        (rules.Item, ITEM | {"handling": "fragile, loud"}, "handling_unknown"),
        (rules.Item, ITEM | {"length_mm": 10}, "sizes_incomplete"),
        (rules.Item, ITEM | {"length_mm": 0, "width_mm": 1, "height_mm": 1}, "greater_than"),
        (rules.Item, ITEM | {"name": "a\x00b"}, "text_unstorable"),
        (rules.Packaging, {"item": "milk", "code": "case", "quantity": 0}, "greater_than"),
        (rules.Packaging, {"item": "milk", "code": "box", "quantity": 1, "gtin": "10614141000019"}, "gtin_of_one_unit"),
        (rules.Packaging, {"item": "milk", "code": "each", "quantity": 2}, "each_is_one"),
        (rules.Substitute, {"item": "milk", "substitute": "milk"}, "own_substitute"),
        (rules.Component, {"kit": "milk", "component": "milk", "quantity": 1}, "own_component"),
        (rules.LotRow, {"item": "milk", "lot": ""}, "lot_missing"),
        (rules.LotRow, {"item": "milk", "lot": "L", "produced_on": "2026-02-01", "expiry": "2026-01-01"}, "day_before_production"),
        (rules.SiteRow, SITE | {"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
        (rules.SiteRow, SITE | {"cutoff": "24:30"}, "time_wrong"),
        (rules.SiteRow, SITE | {"cutoff": "9:30"}, "string_pattern_mismatch"),
        (rules.SiteRow, SITE | {"latitude_deg": 3}, "position_incomplete"),
        (rules.SiteRow, SITE | {"latitude_deg": 91, "longitude_deg": 0}, "less_than_equal"),
        (rules.Aisle, {"site": "s1", "code": "A", "x_m": 0, "y_from_m": 5, "y_to_m": 5}, "no_length"),
        (rules.Location, PLACE | {"x_m": 1}, "position_incomplete"),
        (rules.Location, PLACE | {"x_m": "nan", "y_m": 1}, "finite_number"),
        (rules.Location, PLACE | {"capacity_g": 0}, "greater_than"),
        (rules.Location, PLACE | {"hazard_classes": "3, 12"}, "hazard_unknown"),
        (rules.Location, PLACE | {"locked": "maybe"}, "literal_error"),
        (rules.Partner, {"code": "p", "name": "P", "kind": "customer", "priority": 10}, "less_than_equal"),
        (rules.Partner, {"code": "p", "name": "P", "kind": "customer", "address": {"country": "China"}}, "string_pattern_mismatch"),
        (rules.Reason, {"code": "r", "kind": "bad", "name": "R"}, "literal_error"),
    ],
)
def test_row_that_cannot_be_is_refused_with_a_stable_code(kind: type[rules.Row], row: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        kind.model_validate(row)

    assert [each["type"] for each in refused.value.errors()] == [code]


def test_example_of_every_kind_is_a_valid_row() -> None:
    for name, kind in rules.KINDS.items():
        extra: Any = kind.model_config["json_schema_extra"]

        assert kind.model_validate(extra["examples"][0]).key, name


def test_words_are_kept_in_one_spelling() -> None:
    item = rules.Item.model_validate(ITEM | {"handling": "fragile，upright; fragile", "hazard_class": "5.1", "gtin": " 614141000012 "})

    assert (item.handling, item.hazard_class, item.gtin) == ("fragile,upright", "5.1", "00614141000012")


@pytest.mark.requirement("R28")
@pytest.mark.parametrize(
    ("scanned", "looked_up"),
    [
        ("614141000012", "00614141000012"),
        ("6141410000１２", "00614141000012"),
        ("  A-01 ", "A-01"),
        ("614141000013", "614141000013"),
        ("00000012345670", "00000012345670"),
        ("12345670", "00000012345670"),
    ],
)
def test_code_is_looked_up_in_one_spelling(scanned: str, looked_up: str) -> None:
    assert rules.index_code(scanned) == looked_up


@pytest.mark.parametrize(
    ("label", "gtin"),
    [
        ("(01)10614141000019(10)L1", "10614141000019"),
        ("]C1011061414100001910L1", "10614141000019"),
        ("01106141410000191726120110L1", "10614141000019"),
        ("https://id.gs1.org/01/00614141000012/10/L1?17=261201", "00614141000012"),
        ("(01)10614141000018", ""),
        ("milk", ""),
    ],
)
def test_label_names_its_goods_by_its_gtin(label: str, gtin: str) -> None:
    assert rules.gtin_within(label) == gtin


@pytest.mark.requirement("X1")
@pytest.mark.parametrize(
    ("sizes", "wrong"),
    [
        ({"each": 1, "case": 12, "pallet": 480}, ""),
        ({"case": 12, "display": 7}, ""),
        ({"case": 12, "pallet": 500}, "a pallet holds whole ones of case"),
        ({"case": 12, "inner": 24}, "a case holds whole ones of inner"),
        ({"case": 12, "box": 12}, "both hold 12"),
    ],
)
def test_packagings_of_an_item_hold_whole_ones_of_each_other(sizes: dict[str, int], wrong: str) -> None:
    assert wrong in packagings_disagree(sizes)
    assert bool(packagings_disagree(sizes)) == bool(wrong)


@pytest.mark.requirement("X3")
def test_kit_that_contains_itself_is_found_however_deep() -> None:
    assert kit_cycle({"a": {"b", "x"}, "b": {"c"}, "c": {"x"}}) == ()
    assert kit_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ("a", "b", "c", "a")
    assert kit_cycle({"z": {"a"}, "a": {"b"}, "b": {"a"}}) == ("a", "b", "a")
    assert kit_cycle({f"k{n}": {f"k{n + 1}"} for n in range(5000)}) == ()


@pytest.mark.requirement("R30")
def test_segregation_is_the_same_from_both_sides() -> None:
    assert [segregation(one, other) - segregation(other, one) for one in HAZARDS for other in HAZARDS] == [0] * len(HAZARDS) ** 2
    assert (segregation("3", "5.1"), segregation("3", "8"), segregation("8", ""), segregation("1.1", "1.4"), segregation("9", "1.1")) == (2, 0, 0, 1, 0)
    assert conflicts("3", ["3", "4.1", "5.1", "2.2"]) == ["2.2", "5.1"]


@pytest.mark.requirement("R30")
def test_dangerous_goods_lie_only_where_their_class_is_allowed() -> None:
    assert [allowed_in("3", allowed) for allowed in ("", "8", "3,8", "*")] == [False, False, True, True]
    assert allowed_in("", "")


@pytest.mark.requirement("R16", "R30")
@pytest.mark.parametrize(
    ("place", "coming", "present", "code"),
    [
        ({"locked": "in"}, Load("a", 1), (), "place_locked"),
        ({"condition": "chilled"}, Load("a", 1), (), "place_condition"),
        ({"mixed_items": False}, Load("a", 1), (Load("b", 1),), "place_mixed_items"),
        ({"mixed_lots": False}, Load("a", 1, "L1"), (Load("a", 1, "L2"),), "place_mixed_lots"),
        ({"capacity_units": 9}, Load("a", 5), (Load("a", 5),), "place_full"),
        ({"capacity_g": 999}, Load("a", 3, unit_weight_g=Fraction(1000, 3)), (), "place_weight"),
        ({"capacity_cm3": 1}, Load("a", 2, unit_volume_mm3=Fraction(501)), (), "place_volume"),
        ({"capacity_g": 999}, Load("a", 3), (), "weight_unknown"),
        ({}, Load("a", 1, hazard_class="3"), (), "hazard_not_allowed"),
        ({"hazard_classes": "*"}, Load("a", 1, hazard_class="3"), (Load("b", 1, hazard_class="5.1"),), "hazard_apart"),
    ],
)
def test_place_refuses_goods_with_its_reason(place: dict[str, Any], coming: Load, present: tuple[Load, ...], code: str) -> None:
    assert [each.code for each in refusals(PlaceRules("s1/A-01", **place), [coming], present)] == [code]


def test_place_takes_what_just_fits() -> None:
    place = PlaceRules("s1/A-01", capacity_units=10, capacity_g=1000, capacity_cm3=10, mixed_items=False, mixed_lots=False)
    load = Load("a", 3, "L1", unit_weight_g=Fraction(100), unit_volume_mm3=Fraction(1000))

    assert refusals(place, [load], [Load("a", 7, "L1", unit_weight_g=Fraction(100), unit_volume_mm3=Fraction(1000)), Load("b", 0)]) == []


@pytest.mark.requirement("R30")
def test_goods_keep_their_distance_in_a_zone() -> None:
    place = PlaceRules("s1/A-01", hazard_classes="*")

    assert [each.code for each in refusals(place, [Load("a", 1, hazard_class="3")], zone_hazards=["5.1", "8"])] == ["hazard_zone"]
    assert refusals(place, [Load("a", 1, hazard_class="4.1")], zone_hazards=["2.1"]) == []


@pytest.mark.requirement("R28")
def test_one_thing_under_two_codes_is_found() -> None:
    none = (None, None, None, None)
    box = (100, 100, 200, 1030)
    items = [
        Known("A-001", None, "Milk, 250 g", "", none),
        Known("a1", None, "Cream", "", none),
        Known("m-2", None, "250G milk", "", none),
        Known("case", "10614141000019", "Case of tea", "", none),
        Known("tea", "00614141000012", "Tea", "", none),
        Known("uht", None, "Whole milk UHT 1 litre", "", box),
        Known("uht-new", None, "Whole milk UHT 1 liter", "", box),
        Known("x", None, "X", "牛奶 250克", none),
        Known("y", None, "Y", "250克牛奶", none),
    ]

    found = {(pair.one, pair.other): pair.alike for pair in look_alikes(items)}

    assert found == {
        ("A-001", "a1"): ("code",),
        ("A-001", "m-2"): ("name",),
        ("case", "tea"): ("gtin",),
        ("uht", "uht-new"): ("similar_name", "size"),
        ("x", "y"): ("name",),
    }
    assert (bare_code("A-001"), bare_code("a 1"), bare_code("A-010")) == ("a1", "a1", "a10")
    assert name_words("Milk, 250 g") == name_words("250G milk")


@pytest.mark.requirement("X11")
def test_chinese_name_is_found_by_pinyin_and_initials() -> None:
    text = search_text("milk", "Milk", "蒙牛纯牛奶 250ml", "00614141000012")

    for typed in ("mncnn", "mengniu", "牛奶", "MILK", "614141", "cnn250ml"):
        assert like_pattern(typed).strip("%") in text, typed
    assert like_pattern("50%_!") == "%50!%!_!!%"


@pytest.mark.requirement("R16")
def test_places_are_passed_up_one_aisle_and_down_the_next() -> None:
    ways = [Way("A", 2, 0, 10), Way("B", 5, 0, 10), Way("C", 8, 0, 10, "up")]
    spots = [Spot(f"{way.code}{n}", way.code, way.x_m, n) for way in ways for n in (1, 5, 9)] + [Spot("far", "", 20, 0), Spot("A1-up", "A", 2, 1, 1.5)]

    assert ranked("serpentine", spots, ways, (0, 0)) == ["A1", "A1-up", "A5", "A9", "B9", "B5", "B1", "C1", "C5", "C9", "far"]
    assert ranked("serpentine", spots, ways, (9, 10))[:4] == ["C1", "C5", "C9", "B9"]
    assert ranked("distance", spots, ways, (0, 0))[:3] == ["A1", "A1-up", "B1"]
