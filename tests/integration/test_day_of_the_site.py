# SPDX-License-Identifier: Apache-2.0
"""Goods expire at midnight by the clock of their site, not by UTC. On SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from central.catalog import rules as catalog
from central.database import reading
from central.ledger import service as ledger
from central.stock import expiry
from tests.integration.warehouse import SITE, Warehouse

pytestmark = pytest.mark.requirement("R20")

LAST_DAY = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("zone", "now", "expired"),
    [
        ("Asia/Shanghai", datetime(2026, 12, 1, 15, 59, tzinfo=UTC), False),
        ("Asia/Shanghai", datetime(2026, 12, 1, 16, 0, tzinfo=UTC), True),
        ("America/Los_Angeles", datetime(2026, 12, 2, 7, 59, tzinfo=UTC), False),
        ("America/Los_Angeles", datetime(2026, 12, 2, 8, 0, tzinfo=UTC), True),
        ("UTC", datetime(2026, 12, 2, 0, 0, tzinfo=UTC), True),
    ],
)
def test_goods_expire_when_the_day_ends_at_their_site(engine: Engine, zone: str, now: datetime, expired: bool) -> None:
    house = Warehouse(engine)
    house.keep(catalog.SiteRow(code=SITE, time_zone=zone))
    house.put("A-01", "milk", 10, "L1", LAST_DAY)
    house.put("A-02", "milk", 10, "L2", date(2027, 1, 31))
    house.now = now
    with reading(engine) as connection:
        left = {each.lot: each.days_left for each in expiry.near_expiry(connection, now, days=5)}
    assert left == {"L1": -1 if expired else 0}

    def reserve_some() -> str:
        fact = house.fact()
        (mine,) = house.do(lambda c: (ledger.record(c, fact, now), ledger.reserve(c, fact.id, [ledger.Demand("line", SITE, "milk", 4)], now))[1])
        return mine.account.lot

    assert reserve_some() == ("L2" if expired else "L1")
    assert expiry.watch_once(engine, now) == (10 if expired else 0)
    house.assert_sound()
