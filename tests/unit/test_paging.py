# SPDX-License-Identifier: Apache-2.0
"""Cursor pages: every row once, whatever is added meanwhile; nothing but our own cursors is taken."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Date, Integer, MetaData, String, Table, create_engine, insert, select

from central.database import Instant
from central.paging import BadCursorError, Key, Page, decode, down, encode, of_list, page, up

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
METADATA = MetaData()
VISIT = Table("visit", METADATA, Column("id", Integer, primary_key=True), Column("site", String), Column("at", Instant), Column("day", Date))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path}/pages.db")
    METADATA.create_all(engine)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def fill(connection: Connection, ids: range) -> None:
    rows = [{"id": n, "site": f"s{n % 3}", "at": NOW + timedelta(seconds=n % 4), "day": date(2026, 1, 1 + n % 5)} for n in ids]
    connection.execute(insert(VISIT), rows)


def walk(connection: Connection, keys: list[Key], limit: int) -> list[int]:
    seen: list[int] = []
    after: str | None = None
    while True:
        part: Page[dict[str, object]] = page(connection, select(VISIT), keys, after, limit)
        assert len(part.items) <= limit
        seen += [int(str(row["id"])) for row in part.items]
        if part.next is None:
            return seen
        after = part.next


ORDERS = [
    [up(VISIT.c.id)],
    [down(VISIT.c.id)],
    [up(VISIT.c.site), up(VISIT.c.id)],
    [down(VISIT.c.at), down(VISIT.c.id)],
    [up(VISIT.c.site), down(VISIT.c.at), up(VISIT.c.day), down(VISIT.c.id)],
]


@pytest.mark.requirement("X9")
@pytest.mark.parametrize("keys", ORDERS, ids=lambda keys: ",".join(("-" if key.descending else "") + key.name for key in keys))
@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_hold_every_row_once_in_order(connection: Connection, keys: list[Key], limit: int) -> None:
    fill(connection, range(25))
    whole = connection.execute(select(VISIT.c.id).order_by(*(key.column.desc() if key.descending else key.column for key in keys))).scalars().all()

    assert walk(connection, keys, limit) == whole


@pytest.mark.requirement("X9")
def test_pages_neither_skip_nor_repeat_when_rows_are_added_between_them(connection: Connection) -> None:
    fill(connection, range(10, 20))
    first: Page[dict[str, int]] = page(connection, select(VISIT), [down(VISIT.c.id)], None, 5)
    fill(connection, range(20, 30))
    fill(connection, range(10))

    second: Page[dict[str, int]] = page(connection, select(VISIT), [down(VISIT.c.id)], first.next, 5)

    assert [row["id"] for row in first.items + second.items] == list(range(19, 9, -1))


def test_list_in_memory_pages_like_a_table() -> None:
    rows = sorted(random.Random(1).sample(range(100), 20))
    seen: list[int] = []
    after: str | None = None
    while True:
        part = of_list(rows, lambda row: [row], after, 7, ["row"])
        seen += part.items
        if part.next is None:
            break
        after = part.next

    assert seen == rows


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "AAAA",
        base64.urlsafe_b64encode(b'["-id"]').decode(),
        base64.urlsafe_b64encode(b'["-id", "text"]').decode(),
        base64.urlsafe_b64encode(b'["id", 5]').decode(),
        base64.urlsafe_b64encode(b'["-id", {"at": 1, "day": 2}]').decode(),
        base64.urlsafe_b64encode(b'["-id", {"at": 99999999999999999999}]').decode(),
        base64.urlsafe_b64encode(b'["-id", 99999999999999999999]').decode(),
        base64.urlsafe_b64encode(b'["-id", null]').decode(),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        base64.urlsafe_b64encode(json.dumps(["-id", "\x00"]).encode()).decode(),
        base64.urlsafe_b64encode(b"7").decode(),
    ],
)
def test_cursor_from_elsewhere_is_refused_with_a_code(cursor: str) -> None:
    with pytest.raises(BadCursorError) as refused:
        decode(cursor, [down(VISIT.c.id)])

    assert (refused.value.code, refused.value.status) == ("bad_cursor", 422)


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), st.dates())
def test_cursor_keeps_what_was_put_in(number: int, text: str, day: date) -> None:
    keys = [up(VISIT.c.id), down(VISIT.c.site), up(VISIT.c.day)]

    assert decode(encode([number, text, day], keys), keys) == [number, text, day]


@given(st.text(max_size=60))
def test_any_text_as_cursor_is_read_or_refused(text: str) -> None:
    try:
        decode(text, [up(VISIT.c.id)])
    except BadCursorError:
        return
