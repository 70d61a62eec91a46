# SPDX-License-Identifier: Apache-2.0
"""Whatever is stacked: nothing overlaps, nothing sticks out, everything rests on something, no carton carries too much, no piece is lost."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.catalog.rules.hazards import segregation
from central.shipping.cartons import Advice, Carton, Piece, advise
from central.shipping.stacking import Goods, Placed, Size, stack

pytestmark = pytest.mark.requirement("R52")

SIDES = st.integers(20, 400)
WORDS = st.frozensets(st.sampled_from(["fragile", "upright", "no_stack", "liquid"]))


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece]:
    count = draw(st.integers(1, 4))
    return [
        Piece(
            f"item-{n}",
            draw(st.integers(1, 12)),
            draw(SIDES),
            draw(SIDES),
            draw(SIDES),
            draw(st.integers(1, 3000)),
            draw(st.sampled_from(["ambient", "chilled", "frozen"])),
            draw(st.sampled_from(["", "", "3", "5.1", "8", "6.1"])),
            draw(WORDS),
        )
        for n in range(count)
    ]


@st.composite
def cartons(draw: st.DrawFn) -> list[Carton]:
    made = []
    for n in range(draw(st.integers(1, 4))):
        inside = Size(draw(st.integers(100, 800)), draw(st.integers(100, 600)), draw(st.integers(100, 500)))
        outside = Size(inside.length_mm + 6, inside.width_mm + 6, inside.height_mm + 6)
        made.append(Carton(f"C{n}", inside, outside, 200, draw(st.integers(2000, 20000)), draw(st.integers(10, 300)), draw(st.booleans())))
    return made


def overlap(a: Placed, b: Placed) -> bool:
    corners = zip(a[1:4], a.size, b[1:4], b.size, strict=True)
    return all(low < other + other_side and other < low + side for low, side, other, other_side in corners)


def rests(piece: Placed, others: tuple[Placed, ...]) -> bool:
    """On the floor, or its whole base on pieces whose tops are at its height."""
    if piece.z_mm == 0:
        return True
    area = 0
    for other in others:
        if other.z_mm + other.size.height_mm == piece.z_mm:
            wide = min(piece.x_mm + piece.size.length_mm, other.x_mm + other.size.length_mm) - max(piece.x_mm, other.x_mm)
            deep = min(piece.y_mm + piece.size.width_mm, other.y_mm + other.size.width_mm) - max(piece.y_mm, other.y_mm)
            area += max(0, wide) * max(0, deep)
    return area == piece.size.length_mm * piece.size.width_mm


def above(piece: Placed, other: Placed) -> bool:
    """Whether `piece` is over some part of `other`."""
    flat = replace_height(piece), replace_height(other)
    return overlap(*flat) and piece.z_mm >= other.z_mm + other.size.height_mm


def replace_height(piece: Placed) -> Placed:
    return piece._replace(z_mm=0, size=piece.size._replace(height_mm=1))


def assert_sound(advice: Advice, goods: list[Piece], boxes: list[Carton]) -> None:
    by_code, by_item = {box.code: box for box in boxes}, {piece.item: piece for piece in goods}
    for packed in advice.cartons:
        box = by_code[packed.carton]
        weight_g = sum(by_item[item].weight_g * quantity for item, quantity in packed.contents.items())  # type: ignore[operator]
        assert weight_g <= box.max_weight_g
        assert packed.weight_g == weight_g + box.tare_g
        assert Counter(piece.item for piece in packed.placed) == packed.contents
        for piece in packed.placed:
            assert all(low >= 0 and low + side <= room for low, side, room in zip(piece[1:4], piece.size, box.inside, strict=True))
            known = by_item[piece.item]
            assert sorted(piece.size) == sorted((known.length_mm, known.width_mm, known.height_mm))
            if "upright" in known.handling:
                assert piece.size.height_mm == known.height_mm
            assert rests(piece, packed.placed)
        for a, b in combinations(packed.placed, 2):
            assert not overlap(a, b)
            for low, high in ((a, b), (b, a)):
                if by_item[low.item].handling & {"fragile", "no_stack"}:
                    assert not above(high, low)
        inside = [by_item[item] for item in packed.contents]
        assert len({piece.condition for piece in inside}) == 1
        assert not any(segregation(a.hazard_class, b.hazard_class) for a, b in combinations(inside, 2))


@given(pieces(), cartons())
def test_advised_cartons_are_sound_and_hold_every_piece(goods: list[Piece], boxes: list[Carton]) -> None:
    advice = advise(goods, boxes, transit_h=24)

    assert_sound(advice, goods, boxes)
    packed = Counter[str]()
    for carton in advice.cartons:
        packed.update(carton.contents)
    for piece in goods:
        assert packed[piece.item] == piece.quantity or piece.item in advice.too_large or not advice.possible


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), SIDES, SIDES, SIDES)
def test_box_that_is_a_grid_of_equal_pieces_is_filled_to_the_last(along: int, across: int, high: int, length: int, width: int, height: int) -> None:
    inside = Size(along * length, across * width, high * height)

    found = stack([Goods("a", along * across * high, Size(length, width, height), 1, upright=True)], inside, 10_000)

    assert found.left == {}
    assert found.volume_mm3 == inside.volume_mm3
