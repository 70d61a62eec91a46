# SPDX-License-Identifier: Apache-2.0
"""Supervision of dangerous goods, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from central.analytics.hazards import dangerous_goods
from central.catalog.rules import Item, Location
from central.database import reading
from tests.integration.warehouse import SITE, Warehouse


@pytest.mark.requirement("R30")
def test_dangerous_goods_are_listed_with_what_is_wrong_about_their_place(engine: Engine) -> None:
    house = Warehouse(engine)
    goods = {"thinner": "3", "bleach": "5.1", "acid": "8"}
    house.keep(*(Item(code=code, name=code, hazard_class=hazard, unit_weight_g=1000) for code, hazard in goods.items()))
    house.keep(
        Location(site=SITE, code="H-1", kind="storage", zone="H", hazard_classes="3,5.1"),
        Location(site=SITE, code="H-2", kind="storage", zone="H", hazard_classes="*"),
    )
    for code, item in (("H-1", "thinner"), ("H-1", "bleach"), ("H-2", "acid"), ("rack-1", "acid"), ("rack-1", "peas")):
        house.put(code, item, 2)

    with reading(engine) as connection:
        found = {(row.place, row.item): (row.faults, row.against, row.weight_g) for row in dangerous_goods(connection, SITE)}
        elsewhere = dangerous_goods(connection, "s2")

    assert elsewhere == []
    assert found == {
        (f"{SITE}/H-1", "bleach"): (("apart_in_place", "apart_in_zone"), ("3", "8"), 2000),
        (f"{SITE}/H-1", "thinner"): (("apart_in_place", "apart_in_zone"), ("5.1",), 2000),
        (f"{SITE}/H-2", "acid"): (("apart_in_zone",), ("5.1",), 2000),
        (f"{SITE}/rack-1", "acid"): (("class_not_allowed",), (), 2000),
    }
