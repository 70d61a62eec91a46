# SPDX-License-Identifier: Apache-2.0
"""Instants, addresses and engines of central."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.database import instant, micros, open_engine, reading


@given(st.datetimes(timezones=st.just(UTC)))
def test_instant_survives_to_the_microsecond(at: datetime) -> None:
    assert instant(micros(at)) == at


def test_instants_of_other_zones_are_the_same_instant() -> None:
    at = datetime(2026, 11, 21, 16, 15, tzinfo=timezone(timedelta(hours=8)))

    assert instant(micros(at)) == datetime(2026, 11, 21, 8, 15, tzinfo=UTC)


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        micros(datetime(2026, 11, 21))  # noqa: DTZ001  # that is what the test is about


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_database_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database "):
        open_engine(url)


def test_sqlite_is_durable_and_shared(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with reading(engine) as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    engine.dispose()

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
