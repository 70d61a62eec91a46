# SPDX-License-Identifier: Apache-2.0
"""The migrated schema is the one that the tables declare, on both databases; migrating again changes nothing, and what was stored before is kept."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from central import migrations
from central.database import load_tables, open_engine, reading, transaction
from central.ledger.verify import verify

pytestmark = pytest.mark.slow

FACT = "7b0c2f8e-30a4-5a0b-9f0e-6f1d0c7a4b52"
ORDER = "8d7c1f6e-30a4-5a0b-9f0e-6f1d0c7a4b52"
AT = 1_795_000_000_000_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def first(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database at the first revision."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'first.db'}"
    else:
        server, name = request.getfixturevalue("postgres_server"), f"first_{uuid.uuid4().hex[:8]}"
        admin = create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
    engine = open_engine(url)
    migrations.upgrade(engine, "0001")
    yield engine
    engine.dispose()


def add(connection: Connection, table: str, **values: Any) -> None:
    if connection.dialect.name == "sqlite":
        values = {name: value.replace("-", "") if isinstance(value, str) and value in (FACT, ORDER) else value for name, value in values.items()}
    names = ", ".join(f'"{name}"' for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values)


def furnish(connection: Connection) -> None:
    """One item with stock and an order, as the first version stored them."""
    add(connection, "item", code="milk", gtin="00614141000012", name="Milk", unit_weight_g=250, condition="chilled")
    add(connection, "lot", item="milk", lot="L1", expiry="2026-12-01")
    for code, kind in (("A-01", "bin"), ("cool-1", "storage")):
        add(connection, "location", place=f"s1/{code}", site="s1", code=code, kind=kind, condition="chilled", zone="", pick_rank=1, cold_room="")
    add(connection, "partner", code="shop", name="Shop", kind="customer")
    common = {"item": "milk", "lot": "L1", "owner": "", "status": "available", "unit": ""}
    body = {"body": b"{}", "body_hash": hashlib.sha256(b"{}").digest()}
    event = {"id": FACT, "site": "s1", "source": "api", "kind": "StockCorrected", "actor": "li", "occurred_at": AT, "recorded_at": AT + 5}
    add(connection, "event", **event, **body)
    legs = (("@count_difference", -15), ("s1/A-01", 10), ("s1/cool-1", 5))
    for n, (place, quantity) in enumerate(legs):
        add(connection, "entry", event_id=FACT, n=n, place=place, quantity=quantity, value_minor=0, **common)
    add(connection, "fence", site="s1", item="milk", turn=1)
    for place, quantity in legs[1:]:
        add(
            connection,
            "balance",
            **common,
            site="s1",
            place=place,
            on_hand=quantity,
            reserved=0,
            expiry="2026-12-01",
            in_date=AT,
            pick_rank=1,
            pickable=place == "s1/A-01",
            turn=1,
        )
    add(connection, "customer_order", id=ORDER, channel="api", number="1001", site="s1", partner="shop", state="open", ship_when="picked", created_at=AT)
    add(connection, "order_line", id=f"{ORDER}/1", order_id=ORDER, n=1, item="milk", quantity=4, promised=4)


def test_migrated_schema_is_what_the_tables_declare(engine: Engine) -> None:
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), load_tables()) == []


def test_migrated_checks_and_keys_are_what_the_tables_declare(engine: Engine) -> None:
    """Alembic compares neither."""
    with reading(engine) as connection:
        for table in load_tables().sorted_tables:
            found = inspect(connection)
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [column.name for column in table.primary_key.columns], table.name
            declared = {check.name for check in table.constraints if isinstance(check, CheckConstraint)}
            assert {check["name"] for check in found.get_check_constraints(table.name)} == declared, table.name


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrations.upgrade(engine)

    assert migrations.current(engine) == migrations.newest()


def test_what_was_stored_before_is_kept(first: Engine) -> None:
    with transaction(first) as connection:
        furnish(connection)

    migrations.upgrade(first)

    with reading(first) as connection:
        assert connection.execute(text("SELECT code, item, quantity, kind FROM barcode ORDER BY code")).all() == [
            ("00614141000012", "milk", 1, "gtin"),
            ("milk", "milk", 1, "item"),
        ]
        assert connection.execute(text("SELECT place, on_hand, storage, locked FROM balance ORDER BY place")).all() == [
            ("s1/A-01", 10, False, False),
            ("s1/cool-1", 5, True, False),
        ]
        assert connection.execute(text("SELECT number, state, role, priority FROM customer_order")).all() == [("1001", "open", "order", 5)]
        assert connection.execute(text("SELECT DISTINCT occurred_at, recorded_at FROM entry")).all() == [(AT, AT + 5)]
        assert verify(connection).texts() == []


@pytest.mark.parametrize("statement", ["UPDATE entry SET quantity = 1", "DELETE FROM event", "UPDATE event SET actor = 'x'"])
def test_facts_stay_as_they_were_written_after_a_migration(first: Engine, statement: str) -> None:
    with transaction(first) as connection:
        furnish(connection)
    migrations.upgrade(first)

    with pytest.raises(DBAPIError, match="append-only"), transaction(first) as connection:
        connection.execute(text(statement))
