# SPDX-License-Identifier: Apache-2.0
"""Entity tags: the same resource has the same tag, and preconditions compare with it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fastapi import Response
from pydantic import BaseModel

from central.etags import Conditions, NotModified, PreconditionFailedError, Reading, etag


class Bin(BaseModel):
    code: str
    seen_at: datetime


BIN = Bin(code="A-01", seen_at=datetime(2026, 11, 21, tzinfo=UTC))
OTHER = BIN.model_copy(update={"code": "A-02"})


def test_tag_is_that_of_the_content_not_of_its_form() -> None:
    assert etag(BIN) == etag(BIN.model_dump()) == etag(dict(reversed(BIN.model_dump().items()))) != etag(OTHER)


@pytest.mark.requirement("X9")
@pytest.mark.parametrize(("if_match", "current"), [(etag(BIN), BIN), ("*", BIN), (f'"x", {etag(BIN)}', BIN), (None, None), (None, BIN)])
def test_write_passes_when_the_resource_is_as_seen(if_match: str | None, current: Bin | None) -> None:
    Conditions(if_match=if_match).check(current)


@pytest.mark.requirement("X9")
@pytest.mark.parametrize(("if_match", "current"), [(etag(BIN), OTHER), (etag(BIN), None), ("*", None), (f"W/{etag(BIN)}", BIN), ("", BIN)])
def test_write_is_refused_when_the_resource_moved_on(if_match: str, current: Bin | None) -> None:
    with pytest.raises(PreconditionFailedError) as refused:
        Conditions(if_match=if_match).check(current)

    assert (refused.value.code, refused.value.status) == ("precondition_failed", 412)


def test_creation_only_is_refused_when_there_is_one() -> None:
    Conditions(if_none_match="*").check(None)
    with pytest.raises(PreconditionFailedError):
        Conditions(if_none_match="*").check(BIN)


@pytest.mark.parametrize("header", [etag(BIN), f"W/{etag(BIN)}", "*", f'"a", {etag(BIN)}'])
def test_reader_who_has_it_is_told_so(header: str) -> None:
    with pytest.raises(NotModified):
        Reading(header, Response()).answer(BIN)


@pytest.mark.parametrize("header", [None, etag(OTHER), ""])
def test_reader_who_has_another_gets_it_with_its_tag(header: str | None) -> None:
    response = Response()

    assert Reading(header, response).answer(BIN) is BIN
    assert response.headers["etag"] == etag(BIN)
