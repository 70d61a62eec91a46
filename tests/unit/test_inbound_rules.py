# SPDX-License-Identifier: Apache-2.0
"""Receiving rules, on small pallets written as text: `line: item lot quantity [cases]`."""

from __future__ import annotations

import pytest

from central.inbound.rules import Case, NoticeLine, Receipt, check_line, match_to_ship_notice, receive_by_hand, receive_loose

pytestmark = pytest.mark.requirement("R7", "E4")


def pallet(text: str) -> tuple[NoticeLine, ...]:
    """Lines like `milk L1 48 m1 m2` (tagged cases) or `peas - 10/4` (4 received before); a case's first letter is its GTIN."""
    lines = []
    for number, row in enumerate(text.strip().splitlines(), start=1):
        item, lot, quantity, *cases = row.split()
        announced, _, received = quantity.partition("/")
        line = NoticeLine(number, item, item[0], lot.strip("-"), int(announced), int(received or 0), tuple(Case(name[0], name[1:]) for name in cases))
        lines.append(line)
    return tuple(lines)


def seen(text: str) -> list[Case]:
    return [Case(name[0], name[1:]) for name in text.split()]


def shown(receipt: Receipt) -> tuple[list[str], list[str]]:
    received = [f"{each.line.item} {each.quantity}" for each in receipt.received]
    differing = [f"{each.kind} {each.quantity} {' '.join(case.gtin + case.serial for case in each.cases)}".strip() for each in receipt.discrepancies]
    return received, differing


@pytest.mark.parametrize(
    ("notice", "tags", "received", "differing"),
    [
        ("milk L1 48 m1 m2", "m1 m2", ["milk 48"], []),
        ("milk L1 48 m1 m2", "m2", ["milk 24"], ["missing 24 m1"]),
        ("milk L1 48 m1 m2", "", [], ["missing 48 m1 m2"]),
        ("milk L1 48 m1 m2", "m1 m2 m3", ["milk 48"], ["unexpected 24 m3"]),
        ("milk L1 48 m1 m2", "m1 x9", ["milk 24"], ["missing 24 m2", "unexpected 0 x9"]),
        ("milk L1 48", "", ["milk 48"], []),
        ("milk L1 48", "m1 m2", ["milk 48"], []),
        ("milk L1 48", "p1", ["milk 48"], ["unexpected 0 p1"]),
        ("milk L1 48 m1 m2\npeas - 10", "m1 m2 p7", ["milk 48", "peas 10"], []),
        ("milk L1 48/48 m1 m2", "m1 m2", [], []),
        ("milk L1 24 m1\nmilk L2 24 m2", "m2", ["milk 24"], ["missing 24 m1"]),
    ],
)
def test_only_what_was_seen_is_received_and_the_rest_is_told(notice: str, tags: str, received: list[str], differing: list[str]) -> None:
    assert shown(match_to_ship_notice(pallet(notice), seen(tags))) == (received, differing)


def test_counts_of_a_receipt_are_those_of_listed_cases() -> None:
    receipt = match_to_ship_notice(pallet("milk L1 48 m1 m2 m3\npeas - 10"), seen("m1 m3 x9"))

    assert (receipt.seen, receipt.expected) == (2, 3)


def test_hand_vouches_for_everything_that_is_open() -> None:
    assert shown(receive_by_hand(pallet("milk L1 48/12 m1 m2\npeas - 10/10"))) == (["milk 36"], [])


@pytest.mark.parametrize(
    ("lot", "quantity", "received", "differing"),
    [
        ("L1", 5, ["milk 5"], []),
        ("L1", 11, ["milk 8", "milk 3"], []),
        ("L1", 15, ["milk 8", "milk 5"], ["over 2"]),
        ("L2", 1, ["milk 1"], []),
        ("L3", 1, [], ["over 1"]),
    ],
)
def test_loose_goods_fill_open_lines_of_their_lot_oldest_first(lot: str, quantity: int, received: list[str], differing: list[str]) -> None:
    lines = pallet("milk L1 10/2\nmilk L2 4\nmilk L1 5")

    assert shown(receive_loose(lines, lot, quantity)) == (received, differing)


@pytest.mark.parametrize(("quantity", "cases", "problem"), [(48, 4, ""), (48, 0, ""), (0, 0, "above 0"), (-1, 0, "above 0"), (10, 4, "does not divide")])
def test_line_is_checked_before_it_is_stored(quantity: int, cases: int, problem: str) -> None:
    answer = check_line(quantity, cases)

    assert problem in answer
    assert bool(answer) == bool(problem)
