# SPDX-License-Identifier: Apache-2.0
"""A whole number may be written as 4.0 in any body (JSON has one kind of numbers); 4.5, true and "4" are none."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from central.forms import Forms, addresses_of

router = APIRouter(prefix="/api/v1")


class Line(BaseModel):
    quantity: int
    weight_g: int | None = None
    by_item: dict[str, int] = {}


class Document(BaseModel):
    lines: list[Line]


@router.post("/documents/{name}")
def post_document(name: str, body: Document) -> None:
    """Take a document."""


FORMS = Forms(addresses_of([router]))


def faults(line: str) -> list[Any]:
    return [fault["type"] for fault in FORMS.faults("POST", "/api/v1/documents/a", b'{"lines": [%s]}' % line.encode())]


@pytest.mark.parametrize("line", ['{"quantity": 4}', '{"quantity": 4.0}', '{"quantity": 4e1, "weight_g": 2.0}', '{"quantity": 1, "by_item": {"milk": 3.0}}'])
def test_whole_number_is_taken_however_it_is_written(line: str) -> None:
    assert faults(line) == []


@pytest.mark.parametrize("number", ["4.5", "true", '"4"', "[4]", "null", "1e400"])
@pytest.mark.parametrize("where", ['{"quantity": %s}', '{"quantity": 1, "by_item": {"milk": %s}}'])
def test_what_is_no_whole_number_is_a_fault(where: str, number: str) -> None:
    assert len(faults(where % number)) == 1


def test_optional_number_is_as_strict() -> None:
    assert [len(faults(f'{{"quantity": 1, "weight_g": {number}}}')) for number in ("null", "2.0", "2.5", "false", '"2"')] == [0, 0, 1, 1, 1]
