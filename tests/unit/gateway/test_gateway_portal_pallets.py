# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random

import pytest

from contracts.events import Direction
from contracts.identifiers import Sgtin, Sscc
from gateway.portal.pallets import pallets
from gateway.portal.reads import Pass, Result, TagResult

ONE, OTHER = Sscc("0614141", "1234567890"), Sscc("0614141", "1234567891")


def case(number: int) -> str:
    return Sgtin("0614141", "812345", str(number)).hex()


def tag(epc: str, crossed_s: float | None = 1.0, result: Result = "moved_in", moved: float = 0.99) -> TagResult:
    return TagResult(epc, result, 0.99, moved, 10, -50.0, crossed_s, {})


def passed(*tags: TagResult, direction: Direction = "in") -> Pass:
    return Pass(0.0, 9.0, 1.0, direction, 0.99, tags)


def load(parent: Sscc, cases: range, at_s: float, spread_s: float) -> list[TagResult]:
    noise = random.Random(cases.start)
    return [tag(parent.hex(), at_s + noise.uniform(-spread_s, spread_s))] + [tag(case(number), at_s + noise.uniform(-spread_s, spread_s)) for number in cases]


def test_one_sscc_is_the_parent_of_all_that_moved_and_of_nothing_else() -> None:
    (pallet,) = pallets(passed(tag(ONE.hex()), tag(case(1)), tag(case(2), None, "stayed", 0.01), tag(case(3), 1.0, "unknown", 0.55)))

    assert (pallet.sscc, pallet.parent, pallet.others, pallet.is_clear) == (ONE.sscc, ONE.uri, (), True)
    assert pallet.children() == ["urn:epc:id:sgtin:0614141.812345.1"]
    assert [one.epc for one in pallet.doubtful] == [case(3)]


def test_cases_without_a_pallet_have_no_parent() -> None:
    (pallet,) = pallets(passed(tag(case(1)), tag("AD3830770CCDD0AD38300214")))

    assert (pallet.parent, pallet.is_clear) == (None, False)
    assert pallet.children() == ["urn:epc:id:sgtin:0614141.812345.1", "urn:epc:raw:96.xAD3830770CCDD0AD38300214"]


@pytest.mark.requirement("E2")
def test_two_pallets_two_seconds_apart_are_told_apart_and_what_lies_between_is_doubtful() -> None:
    between = tag(case(99), 4.0)

    first, second = pallets(passed(*load(OTHER, range(1, 21), 3.0, 0.5), *load(ONE, range(21, 51), 5.0, 0.5), between))

    assert (first.parent, second.parent) == (OTHER.uri, ONE.uri)
    assert {one.epc for one in first.tags} == {OTHER.hex(), *map(case, range(1, 21))}
    assert {one.epc for one in second.tags} == {ONE.hex(), *map(case, range(21, 51))}
    assert [one.epc for one in first.doubtful] == [one.epc for one in second.doubtful] == [case(99)]
    assert first.crossed_s == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize(("apart_s", "spread_s"), [(0.0, 0.5), (0.8, 0.3), (2.0, 1.5), (4.0, 4.0)])
def test_two_sscc_that_are_not_clearly_apart_are_one_doubtful_pass(apart_s: float, spread_s: float) -> None:
    (pallet,) = pallets(passed(*load(ONE, range(1, 21), 3.0, spread_s), *load(OTHER, range(21, 51), 3.0 + apart_s, spread_s)))

    assert (pallet.parent, pallet.others) == (None, (ONE.uri, OTHER.uri))
    assert len(pallet.children()) == 50


def test_two_sscc_of_which_one_has_no_time_are_one_doubtful_pass() -> None:
    (pallet,) = pallets(passed(tag(ONE.hex(), 1.0), tag(OTHER.hex(), None), direction="unknown"))

    assert pallet.others == (ONE.uri, OTHER.uri)


@pytest.mark.requirement("E3")
def test_second_pallet_whose_label_was_not_read_gives_its_cases_to_nobody() -> None:
    unlabelled = load(OTHER, range(21, 33), 5.0, 0.5)[1:]

    (pallet,) = pallets(passed(*load(ONE, range(1, 21), 3.0, 0.5), *unlabelled))

    assert pallet.parent == ONE.uri
    assert {one.epc for one in pallet.doubtful} == {case(number) for number in range(21, 33)}
    assert len(pallet.tags) == 21
