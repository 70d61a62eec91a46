# SPDX-License-Identifier: Apache-2.0
"""Quantities in packagings and codes in one spelling, for whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from central.catalog.rules import index_code
from central.catalog.rules.goods import NESTED, packagings_disagree
from central.catalog.rules.packing import parse_quantity, quantity_text, split_quantity
from central.catalog.rules.words import QUANTITY_MAX
from contracts.identifiers import check_digit

WORDS = st.text(st.sampled_from("abcxyz-"), min_size=1, max_size=6).filter(lambda word: word not in NESTED and not word.endswith("s"))
SIZES = st.dictionaries(st.sampled_from(("inner", "case", "layer", "pallet")) | WORDS, st.integers(2, 10_000), max_size=6)
QUANTITIES = st.integers(0, QUANTITY_MAX)


@pytest.mark.requirement("X1")
@given(QUANTITIES, SIZES)
def test_quantity_in_packagings_is_the_same_quantity(quantity: int, sizes: dict[str, int]) -> None:
    parts = split_quantity(quantity, sizes)

    assert sum(part.quantity for part in parts) == quantity
    assert all(part.times > 0 for part in parts)
    assert [part.units for part in parts] == sorted((part.units for part in parts), reverse=True)


@pytest.mark.requirement("X1")
@given(QUANTITIES, SIZES, st.sampled_from(["en", "zh"]))
def test_what_is_written_is_read_back_as_it_was(quantity: int, sizes: dict[str, int], language: str) -> None:
    text = quantity_text(quantity, sizes, language)  # type: ignore[arg-type]

    assert parse_quantity(text, sizes) == quantity
    assert (
        parse_quantity(text.upper() if language == "zh" else text.replace(" + ", "+"), {code.upper(): size for code, size in sizes.items()} | sizes) == quantity
    )


@pytest.mark.requirement("X1")
@given(st.text(max_size=30), SIZES)
def test_text_is_a_quantity_or_is_refused(text: str, sizes: dict[str, int]) -> None:
    try:
        read: int | str = parse_quantity(text, sizes)
    except PydanticCustomError as error:
        read = error.type

    assert read in ("quantity_unreadable", "unknown_packaging", "quantity_too_large") or 0 <= int(read) <= QUANTITY_MAX


@pytest.mark.requirement("X1")
@given(st.lists(st.integers(2, 12), min_size=2, max_size=4))
def test_nested_packagings_agree_whatever_their_sizes(factors: list[int]) -> None:
    sizes, total = {}, 1
    for code, factor in zip(NESTED[1:], factors, strict=False):
        total *= factor
        sizes[code] = total

    assert packagings_disagree(sizes) == ""
    # Then the largest first is also the fewest packagings: each count stays below its factor.
    assert all(part.times < factor for part in split_quantity(total - 1, sizes) for factor in (max(factors) + 1,))


@pytest.mark.requirement("R28")
@given(st.sampled_from((7, 11, 12, 13)).flatmap(lambda length: st.text("0123456789", min_size=length, max_size=length)))
def test_gtin_of_every_length_is_one_code(payload: str) -> None:
    gtin = payload + check_digit(payload)

    assert index_code(gtin) == index_code(gtin.zfill(14)) == index_code(f" {gtin} ") == gtin.zfill(14)


@pytest.mark.requirement("R28")
@given(st.text(max_size=40))
def test_code_in_its_one_spelling_stays_so(text: str) -> None:
    assert index_code(index_code(text)) == index_code(text)
