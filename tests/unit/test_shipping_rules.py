# SPDX-License-Identifier: Apache-2.0
"""Rules of packing and delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.errors import ConflictError
from central.shipping import delivery, rules
from central.shipping.documents import CartonType
from central.shipping.papers import address_lines
from central.shipping.rules import Packed, Scanned
from central.shipping.scans import sscc_in

PICKED = {("milk", "L1"): 4, ("milk", "L2"): 2, ("peas", ""): 1}


@pytest.mark.parametrize(
    "text",
    [
        "006141410000000005",
        "00006141410000000005",
        "(00)006141410000000005",
        "]C100006141410000000005",
        " 006141410000000005\n",
        "]d2\x1d00006141410000000005" + "10L\x1d",
        "(00) 0 0614141 000000000 5",
        "]Q1https://id.gs1.org/00/006141410000000005",
    ],
)
def test_label_is_recognised_however_the_scanner_says_it(text: str) -> None:
    assert sscc_in(text) == "006141410000000005"


@pytest.mark.parametrize("text", ["", "006141410000000006", "0100614141000012", "hello", "]C1"])
def test_what_is_no_package_label_is_none(text: str) -> None:
    assert sscc_in(text) is None


def test_what_is_left_is_what_was_picked_less_what_is_packed() -> None:
    assert rules.left_to_pack(PICKED, {("milk", "L1"): 1, ("peas", ""): 1}) == {("milk", "L1"): 3, ("milk", "L2"): 2}


def test_only_open_lot_is_taken_when_none_is_said() -> None:
    left = {("milk", "L2"): 2}

    assert rules.judge_scan("1", Scanned("milk", None, 2), PICKED, left) == Packed("milk", "L2", 2)
    with pytest.raises(ConflictError, match="0 are still to be packed"):
        rules.judge_scan("1", Scanned("peas", None, None), PICKED, left)


@given(st.lists(st.tuples(st.sampled_from(["milk", "peas"]), st.sampled_from([None, "", "L1", "L2"]), st.integers(1, 5)), max_size=30))
def test_no_row_of_scans_packs_more_than_was_picked(scans: list[tuple[str, str | None, int]]) -> None:
    packed: dict[rules.Content, int] = {}
    for item, lot, quantity in scans:
        try:
            done = rules.judge_scan("1", Scanned(item, lot, quantity), PICKED, rules.left_to_pack(PICKED, packed))
        except ConflictError:
            continue
        packed[done.item, done.lot] = packed.get((done.item, done.lot), 0) + done.quantity
    assert all(packed[content] <= PICKED[content] for content in packed)


@pytest.mark.parametrize(
    ("address", "missing"),
    [
        (None, ("name", "phone", "street", "city")),
        ({"name": "Li", "phone": "1", "street": "x", "city": " "}, ("city",)),
        ({"name": "Li", "phone": "1", "street": "x", "province": "北京市"}, ()),
        ({"name": "Li", "phone": None, "street": "x", "city": "上海市"}, ("phone",)),
    ],
)
def test_address_lacks_what_a_carrier_needs(address: dict[str, str] | None, missing: tuple[str, ...]) -> None:
    assert delivery.missing_of(address) == missing


def test_tries_come_ever_later_and_at_least_hourly() -> None:
    waits = [delivery.try_again_in(n) for n in range(1, 40)]

    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)


def test_delivered_stays_delivered() -> None:
    assert delivery.state_after("labelled", []) == "labelled"
    assert delivery.state_after("labelled", ["in_transit"]) == "in_transit"
    assert delivery.state_after("in_transit", ["in_transit", "delivered"]) == "delivered"
    assert delivery.state_after("delivered", ["exception"]) == "delivered"


def test_chinese_addresses_go_from_the_large_to_the_small_and_others_the_other_way() -> None:
    chinese = {"name": "王芳", "phone": "138", "province": "上海市", "city": "上海市", "district": "浦东新区", "street": "世纪大道 1 号"}
    english = {"name": "Li Wei", "street": "Wensan Rd 90", "city": "Hangzhou", "postcode": "310012", "country": "CN"}

    assert address_lines(chinese) == ("王芳 138", "上海市浦东新区", "世纪大道 1 号")
    assert address_lines(english) == ("Li Wei", "Wensan Rd 90", "Hangzhou 310012")
    assert address_lines(None) == ()


def test_carton_whose_outside_is_smaller_than_its_inside_is_refused() -> None:
    sides = {"inner_length_mm": 300, "inner_width_mm": 200, "inner_height_mm": 100, "tare_g": 1, "max_weight_g": 1}

    with pytest.raises(ValueError, match="outer_width_mm is less than inner_width_mm"):
        CartonType.model_validate({"code": "M", "outer_width_mm": 199, **sides})


@pytest.mark.parametrize(
    ("packed", "tracked", "code"),
    [
        (Packed("tv", "", 1), True, "serials_needed"),
        (Packed("tv", "", 2, ("A",)), False, "serials_needed"),
        (Packed("tv", "", 1, ("K",)), True, "serial_twice"),
        (Packed("tv", "", 2, ("A", "A")), True, "serial_twice"),
    ],
)
def test_tracked_pieces_need_a_serial_number_each_and_none_twice(packed: Packed, tracked: bool, code: str) -> None:
    with pytest.raises(ConflictError) as refused:
        rules.check_serials("1", packed, tracked=tracked, known={"K"})

    assert refused.value.code == code
    rules.check_serials("1", Packed("tv", "", 2, ("A", "B")), tracked=True, known={"K"})
    rules.check_serials("1", Packed("tv", "", 2), tracked=False, known=())
