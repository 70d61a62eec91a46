# SPDX-License-Identifier: Apache-2.0
"""The verifier finds what somebody changed behind the ledger's back; the seals make the change of a whole event visible."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, text

from central.catalog.tables import location
from central.database import reading, transaction
from central.ledger.command import main
from central.ledger.sealer import seal
from central.ledger.service import Account, Demand, Fact, Leg, lock, post, record, reserve
from central.ledger.verify import verify

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
BIN = Account("s1/a", "milk", "L1")


def receive(engine: Engine, quantity: int, at: datetime = NOW, account: Account = BIN) -> None:
    with transaction(engine) as connection:
        fact = record(connection, Fact(str(uuid.uuid4()), "test", None, "Test", b"{}", "tester", at, "s1"), at)
        lock(connection, [("s1", "milk")])
        post(connection, fact.fact_id, [Leg(account.at("@vendor"), -quantity), Leg(account, quantity)])


def sealed(engine: Engine, at: datetime = NOW) -> int:
    with transaction(engine) as connection:
        return seal(connection, at)


def tamper(engine: Engine, *statements: str) -> None:
    """Change rows as somebody with the owner's rights could: without the triggers."""
    postgres = engine.dialect.name == "postgresql"
    with transaction(engine) as connection:
        if postgres:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for table in ("event", "entry", "block"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_update"))
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_delete"))
        for statement in statements:
            connection.execute(text(statement))


def found(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return verify(connection).texts()


@pytest.fixture(autouse=True)
def goods(engine: Engine) -> None:
    with transaction(engine) as connection:
        rows = [{"place": f"s1/{code}", "site": "s1", "code": code, "kind": "bin", "pick_rank": rank} for rank, code in enumerate("ab")]
        connection.execute(insert(location), rows)
    receive(engine, 10)
    receive(engine, 5)


def test_two_services_that_seal_at_once_seal_each_event_once(engine: Engine) -> None:
    def somebody_waits() -> bool:
        with reading(engine) as connection:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            return bool(connection.execute(text(waiting)).scalar())

    with ThreadPoolExecutor(1) as other:
        with transaction(engine) as connection:
            mine = seal(connection, NOW)
            theirs = other.submit(sealed, engine)
            # SQLite has one writer at a time: there the other one waits for the transaction's end anyhow.
            while engine.dialect.name == "postgresql" and not theirs.done() and not somebody_waits():
                pass
        assert (mine, theirs.result(30)) == (2, 0)

    assert found(engine) == []


def test_untouched_ledger_is_sound_and_wholly_sealed(engine: Engine) -> None:
    assert sealed(engine) == 2

    with reading(engine) as connection:
        findings = verify(connection)

    assert (findings.texts(), findings.events, findings.sealed) == ([], 2, 2)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE balance SET on_hand = 14", "balances: s1/a: item milk lot L1, available: balance says 14, the entries sum to 15"),
        ("DELETE FROM balance", "balances: s1/a: item milk lot L1, available: balance says 0, the entries sum to 15"),
        ("UPDATE balance SET reserved = 1", "reservations: s1/a: item milk lot L1, available: balance says 1 reserved, pending reservations sum to 0"),
        ("UPDATE balance SET turn = 99", "fefo: s1/a: item milk was changed without its fence"),
    ],
)
def test_changed_balance_is_found(engine: Engine, statement: str, check: str) -> None:
    tamper(engine, statement)

    assert found(engine) == [check]


def test_changed_entry_is_found_though_all_sums_were_made_to_fit(engine: Engine) -> None:
    sealed(engine)

    tamper(engine, "UPDATE entry SET quantity = quantity * 3", "UPDATE balance SET on_hand = on_hand * 3")

    assert found(engine) == ["seals: site s1, block 1: an event or one of its entries was changed after it was sealed"]


def test_one_sided_entry_is_found(engine: Engine) -> None:
    tamper(engine, "UPDATE entry SET quantity = 4 WHERE quantity = 5", "UPDATE balance SET on_hand = 14")

    (finding,) = found(engine)
    assert finding.endswith("its entries of item milk sum to -1 instead of 0")


def test_changed_body_is_found(engine: Engine) -> None:
    # SQLite keeps text where bytes belong, if a hand writes it there.
    others = ("x'00'", "'{}'") if engine.dialect.name == "sqlite" else ("decode('00', 'hex')",)
    for other in others:
        tamper(engine, f"UPDATE event SET body = {other} WHERE position = 1")

        assert any(line.endswith("its body does not fit its hash") for line in found(engine))


def test_missing_and_rewritten_blocks_are_found(engine: Engine) -> None:
    sealed(engine)
    receive(engine, 1)
    sealed(engine)

    tamper(engine, "DELETE FROM block WHERE n = 1")

    assert found(engine) == ["seals: site s1, block 2: does not follow block 0; a block is missing or was changed"]


def test_event_that_commits_late_is_sealed_with_a_later_block(engine: Engine) -> None:
    """The event with the lower number is not there yet when the one with the higher number is sealed; so it can happen on PostgreSQL."""
    if engine.dialect.name == "postgresql":
        tamper(engine, "UPDATE event SET position = 50 WHERE position = 2")
    assert sealed(engine) == 2
    receive(engine, 1)

    assert sealed(engine, NOW + timedelta(seconds=5)) == 1
    assert sealed(engine, NOW + timedelta(hours=1)) == 0
    assert found(engine) == []


def test_event_that_commits_late_is_sealed_although_the_clock_was_set_forward_meanwhile(engine: Engine) -> None:
    if engine.dialect.name == "postgresql":
        tamper(engine, "UPDATE event SET position = 50 WHERE position = 2")
    assert sealed(engine) == 2
    receive(engine, 1)
    if engine.dialect.name == "postgresql":
        tamper(engine, "UPDATE event SET position = 60 WHERE position = 3")
    assert sealed(engine, NOW + timedelta(hours=1)) == 1
    receive(engine, 1, NOW)

    assert sealed(engine, NOW + timedelta(hours=1, seconds=5)) == 1
    assert found(engine) == []


def test_event_that_was_never_sealed_is_found(engine: Engine) -> None:
    sealed(engine)
    receive(engine, 1, NOW + timedelta(hours=1))
    tamper(engine, "DELETE FROM block WHERE n = 1")
    sealed(engine, NOW + timedelta(hours=1))
    tamper(engine, "UPDATE event SET recorded_at = 0 WHERE position = 1", "UPDATE block SET members = substr(members, 9)")

    assert any("1 events were recorded long before the last block and never sealed" in line for line in found(engine))


def test_event_that_waits_to_be_sealed_is_no_finding_although_the_clock_was_set_back(engine: Engine) -> None:
    assert sealed(engine, NOW + timedelta(hours=1)) == 2
    receive(engine, 1, NOW)

    assert found(engine) == []


def test_reservation_that_passed_over_an_older_lot_is_found(engine: Engine) -> None:
    receive(engine, 5, NOW - timedelta(days=2), Account("s1/b", "milk", "L0"))
    with transaction(engine) as connection:
        fact = record(connection, Fact(str(uuid.uuid4()), "test", None, "Test", b"{}", "tester", NOW, "s1"), NOW)
        (made,) = reserve(connection, fact.fact_id, [Demand("1", "s1", "milk", 3, rule="fifo")], NOW)
    assert made.account.place == "s1/b"
    assert found(engine) == []

    tamper(
        engine,
        "UPDATE reservation SET place = 's1/a', lot = 'L1', pick_rank = 0, in_date = in_date + 172800000000",
        "UPDATE balance SET reserved = 3 WHERE place = 's1/a'",
        "UPDATE balance SET reserved = 0, turn = 1 WHERE place = 's1/b'",
    )

    finding, *others = found(engine)
    assert others == []
    assert "took s1/a and passed over s1/b" in finding


def test_command_prints_findings_and_its_status_says_so(engine: Engine, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--database", database_url]) == 0
    assert capsys.readouterr().out == "sound: 2 events (0 sealed), 4 entries, 1 balances, 0 reservations\n"

    tamper(engine, "UPDATE balance SET on_hand = 14")

    assert main(["verify", "--database", database_url]) == 1
    assert capsys.readouterr().out.endswith("1 findings: 2 events (0 sealed), 4 entries, 1 balances, 0 reservations\n")
