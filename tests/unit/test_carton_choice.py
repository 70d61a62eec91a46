# SPDX-License-Identifier: Apache-2.0
"""Which carton is advised, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from central.shipping.cartons import Carton, Piece, advise, coolant_g, groups_of
from central.shipping.stacking import Size

pytestmark = pytest.mark.requirement("R52")

CUBE = Piece("cube", 1, 100, 100, 100, 500)


def carton(code: str, length: int, width: int, height: int, cost_minor: int, max_weight_g: int = 20_000, *, insulated: bool = False) -> Carton:
    return Carton(code, Size(length, width, height), Size(length + 6, width + 6, height + 6), 100, max_weight_g, cost_minor, insulated)


SMALL, MEDIUM, LARGE = carton("S", 110, 110, 110, 30), carton("M", 210, 210, 110, 60), carton("L", 410, 210, 210, 100)
ALL = [LARGE, SMALL, MEDIUM]


@pytest.mark.parametrize(("quantity", "expected"), [(1, ["S"]), (4, ["M"]), (5, ["L"]), (16, ["L"]), (17, ["L", "S"]), (36, ["L", "L", "M"])])
def test_fewest_then_cheapest_cartons_are_advised(quantity: int, expected: list[str]) -> None:
    advice = advise([replace(CUBE, quantity=quantity)], ALL, transit_h=24)

    assert [each.carton for each in advice.cartons] == expected
    assert advice.possible


def test_advice_says_why_and_how_full() -> None:
    (packed,) = advise([replace(CUBE, quantity=5)], ALL, transit_h=24).cartons

    assert packed.fill_pct == 27
    assert packed.why == "5 pieces of ambient; 27 % full; 2500 of 20000 g; too small: M, S"
    assert [(each.kind, each.quantity, each.unit) for each in packed.materials] == [("filler", 13, "l")]


@pytest.mark.parametrize(("side_mm", "quantity"), [(1, 10**12), (100, 16 * 200 + 1)])
def test_what_needs_pallets_is_told_and_not_computed(side_mm: int, quantity: int) -> None:
    many = Piece("many", quantity, side_mm, side_mm, side_mm, 1)

    advice = advise([many, replace(CUBE, condition="chilled")], ALL, transit_h=24)

    assert (advice.possible, advice.too_large) == (False, ("many",))
    assert [each.group for each in advice.cartons] == ["chilled"]


def test_weight_splits_what_the_volume_would_not() -> None:
    heavy = replace(CUBE, quantity=4, weight_g=6_000)

    advice = advise([heavy], [replace(MEDIUM, max_weight_g=12_000)], transit_h=24)

    assert [each.contents for each in advice.cartons] == [{"cube": 2}, {"cube": 2}]
    assert [each.weight_g for each in advice.cartons] == [12_100, 12_100]


def test_items_without_sizes_are_named_and_nothing_is_advised() -> None:
    advice = advise([CUBE, replace(CUBE, item="new", height_mm=None, weight_g=None)], ALL, transit_h=24)

    assert (advice.possible, advice.cartons) == (False, ())
    assert advice.missing == {"new": ("height_mm", "unit_weight_g")}


def test_what_fits_into_no_carton_is_named() -> None:
    long = replace(CUBE, item="long", length_mm=900)

    assert advise([CUBE, long], ALL, transit_h=24).too_large == ("long",)


def test_upright_piece_needs_a_carton_that_is_high_enough() -> None:
    bottle = Piece("bottle", 1, 80, 80, 180, 500, handling=frozenset({"upright"}))
    low = carton("low", 200, 200, 90, 10)

    assert [each.carton for each in advise([bottle], [low, LARGE], transit_h=24).cartons] == ["L"]
    assert [each.carton for each in advise([replace(bottle, handling=frozenset())], [low, LARGE], transit_h=24).cartons] == ["low"]


def test_fragile_pieces_are_not_stacked_and_get_cushions() -> None:
    glass = replace(CUBE, quantity=8, handling=frozenset({"fragile"}))

    (packed,) = advise([glass], [carton("L", 410, 210, 210, 100)], transit_h=24).cartons

    assert {piece.z_mm for piece in packed.placed} == {0}
    assert ("cushion", 8) in [(each.kind, each.quantity) for each in packed.materials]


def test_dangerous_goods_and_cold_goods_travel_apart() -> None:
    kinds = [
        replace(CUBE, item="paint", hazard_class="3"),
        replace(CUBE, item="acid", hazard_class="8"),
        replace(CUBE, item="book"),
        replace(CUBE, item="milk", condition="chilled"),
        replace(CUBE, item="ice", condition="frozen"),
    ]

    assert {group: [piece.item for piece in members] for group, members in groups_of(kinds).items()} == {
        "ambient class 3 + 8": ["paint", "acid"],
        "ambient": ["book"],
        "chilled": ["milk"],
        "frozen": ["ice"],
    }
    aerosol, oxidiser = replace(CUBE, item="aerosol", hazard_class="2.2"), replace(CUBE, item="oxidiser", hazard_class="5.1")
    assert list(groups_of([aerosol, oxidiser, kinds[0]])) == ["ambient class 2.2 + 5.1", "ambient class 3"]
    assert list(groups_of([kinds[0], kinds[2]])) == ["ambient class 3"]
    assert list(groups_of([kinds[1], kinds[2]])) == ["ambient class 8", "ambient"]


def test_cold_goods_get_an_insulated_carton_and_enough_coolant() -> None:
    cool = carton("COOL", 210, 210, 210, 300, insulated=True)

    (packed,) = advise([replace(CUBE, condition="chilled")], [*ALL, cool], transit_h=24).cartons
    (bare,) = advise([replace(CUBE, condition="frozen")], [SMALL], transit_h=24).cartons

    assert packed.carton == "COOL"
    assert [each.kind for each in packed.materials] == ["filler", "gel_pack"]
    # 1.2 W/m2K x 0.279936 m2 x 25 K x 86,400 s / 334 J/g = 2,172 g
    assert coolant_g(Size(216, 216, 216), "chilled", 24) == 2200
    assert [each.kind for each in bare.materials] == ["insulation", "dry_ice"]
    assert coolant_g(Size(216, 216, 216), "chilled", 48) > 4000
