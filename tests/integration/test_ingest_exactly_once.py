# SPDX-License-Identifier: Apache-2.0
"""Ingest takes each event exactly once, whatever the network does to the batches; the same on SQLite and PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import OperationalError

from central.database import in_transaction, reading, transaction
from central.errors import BusyError, DomainError
from central.exceptions.service import raise_work_order
from central.exceptions.tables import work_order
from central.fleet.tables import gateway
from central.ingest.groups import Group, take_group
from central.ingest.queries import counts, quarantined
from central.ingest.registry import EventContext
from central.ingest.service import Door, Message, Taken, read_message, take_message
from central.ingest.tables import mark
from central.ledger.service import Account, Leg, lock, post
from central.ledger.tables import balance, event
from contracts import wire
from contracts.events import Event, GatewayReported, ItemScanned
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Ack, Batch

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ADDRESS = GatewayAddress(partition_of("s1"), "s1", "g1")
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.requirement("E13")]


def scanned(seq: int, text: str = "one") -> bytes:
    return wire.encode(ItemScanned(seq=seq, event_time=NOW, station="scan-1", text=text))


def batch(first_seq: int, *bodies: bytes, epoch: str = "e1", gateway_id: str = "g1", oldest: int = 0) -> Message:
    made = Batch(gateway=gateway_id, epoch=epoch, lane="movements", first_seq=first_seq, oldest_seq=oldest, events=[msgspec.Raw(body) for body in bodies])
    return read_message(ADDRESS.topic("up/movements"), ADDRESS, "movements", wire.encode(made))


def scans(first_seq: int, last_seq: int, epoch: str = "e1", oldest: int = 0) -> Message:
    return batch(first_seq, *(scanned(seq) for seq in range(first_seq, last_seq + 1)), epoch=epoch, oldest=oldest)


def one_more(connection: Connection, context: EventContext, said: ItemScanned) -> None:
    """Each scan brings one milk; `refuse` and `break` do what they say after they have posted."""
    lock(connection, [("s1", "milk")])
    account = Account("s1/a", "milk")
    post(connection, context.fact_id, [Leg(account.at("@vendor"), -1), Leg(account, 1)])
    if said.text == "refuse":
        raise DomainError("unknown_item", "item x is not known; add it")
    if said.text == "break":
        raise KeyError("bug")


def door_of(handler: Callable[[Connection, EventContext, Any], None] = one_more) -> Door:
    handlers: dict[type[Event], tuple[Any, ...]] = {ItemScanned: (handler,)}
    return Door(handlers, raise_work_order)


def take(engine: Engine, message: Message, door: Door | None = None) -> Taken:
    return in_transaction(engine, lambda connection: take_message(connection, message, door or door_of(), NOW))


def milk(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.coalesce(func.sum(balance.c.on_hand), 0))).scalar() or 0)


def orders(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(select(work_order.c.kind).order_by(work_order.c.id)).scalars())


def test_batch_is_taken_and_acknowledged_and_its_gateway_enrolled(engine: Engine) -> None:
    taken = take(engine, scans(1, 3))

    assert taken.ack == Ack(epoch="e1", lane="movements", upto=3)
    assert (taken.applied, milk(engine)) == (3, 3)
    with reading(engine) as connection:
        assert connection.execute(select(gateway.c.id, gateway.c.site)).one() == ("g1", "s1")


def test_repeated_batch_is_refused_and_acknowledged_again(engine: Engine) -> None:
    take(engine, scans(1, 3))

    taken = take(engine, scans(1, 3))

    assert (taken.ack, taken.applied, taken.duplicates) == (Ack(epoch="e1", lane="movements", upto=3), 0, 3)
    assert milk(engine) == 3
    assert orders(engine) == []


def test_overlapping_batch_gives_only_what_is_new(engine: Engine) -> None:
    take(engine, scans(1, 3))

    taken = take(engine, scans(2, 5))

    assert (taken.applied, taken.duplicates, milk(engine)) == (2, 2, 5)


def test_gap_is_answered_by_a_wish_for_the_rest(engine: Engine) -> None:
    take(engine, scans(1, 2))

    taken = take(engine, scans(4, 5))

    assert taken.ack == Ack(epoch="e1", lane="movements", upto=2, resend=True)
    assert milk(engine) == 2


@pytest.mark.requirement("E12")
def test_events_that_the_gateway_has_deleted_are_missed_once_and_do_not_stop_the_lane(engine: Engine) -> None:
    """Central's database was restored from an older copy: it knows less than it once acknowledged."""
    take(engine, scans(1, 2))

    taken = take(engine, scans(7, 8, oldest=6))
    again = take(engine, scans(6, 8, oldest=6))

    assert (taken.missing, taken.ack) == (3, Ack(epoch="e1", lane="movements", upto=5, resend=True))
    assert (again.missing, again.applied, again.ack) == (0, 3, Ack(epoch="e1", lane="movements", upto=8))
    assert milk(engine) == 5
    with reading(engine) as connection:
        (order,) = connection.execute(select(work_order).where(work_order.c.kind == "events_missing")).all()
    assert "events 3 to 5 of g1 (movements)" in order.message


def test_new_epoch_begins_anew(engine: Engine) -> None:
    take(engine, scans(1, 2))

    taken = take(engine, scans(1, 2, epoch="e2"))

    assert (taken.applied, milk(engine)) == (2, 4)


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_or_doubled_when_batches_come_twice_and_out_of_order(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    acked = 0
    for _ in range(400):
        first = max(1, acked + chance.randint(-6, 3))
        message = scans(first, min(40, first + chance.randint(0, 8))) if first <= 40 else scans(38, 40)
        ack = take(engine, message).ack
        assert ack is not None
        acked = max(acked, ack.upto)
        if acked == 40:
            break

    assert (acked, milk(engine)) == (40, 40), f"seed {seed}"
    with reading(engine) as connection:
        assert sorted(connection.execute(select(event.c.source_seq)).scalars()) == list(range(1, 41))


def test_poison_event_is_set_aside_with_its_bytes_and_blocks_nobody(engine: Engine) -> None:
    poison = b'{"type":"Unheard","seq":2}'

    taken = take(engine, batch(1, scanned(1), poison, scanned(3)))

    assert taken.ack == Ack(epoch="e1", lane="movements", upto=3)
    assert (taken.applied, taken.quarantined, milk(engine)) == (2, 1, 2)
    with reading(engine) as connection:
        (kept,) = quarantined(connection)
    assert (kept.seq, kept.body) == (2, poison)
    assert orders(engine) == ["event_quarantined"]


def test_event_under_a_wrong_number_is_set_aside(engine: Engine) -> None:
    taken = take(engine, batch(1, scanned(1), scanned(7)))

    assert (taken.applied, taken.quarantined) == (1, 1)


def test_domain_error_undoes_its_event_alone_and_becomes_a_work_order(engine: Engine) -> None:
    taken = take(engine, batch(1, scanned(1), scanned(2, "refuse"), scanned(3)))

    assert (taken.applied, taken.excepted, milk(engine)) == (3, 1, 2)
    assert orders(engine) == ["unknown_item"]


def test_broken_use_case_undoes_its_event_alone_and_sets_it_aside(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    taken = take(engine, batch(1, scanned(1), scanned(2, "break"), scanned(3)))

    assert (taken.applied, taken.quarantined, milk(engine)) == (2, 1, 2)
    assert orders(engine) == ["event_quarantined"]
    assert "handler broke" in caplog.text


def test_same_identity_with_other_content_is_an_alarm_once(engine: Engine) -> None:
    take(engine, scans(1, 2))

    taken = take(engine, batch(1, scanned(1), scanned(2, "something else")))
    take(engine, batch(1, scanned(1), scanned(2, "something else")))

    assert (taken.applied, taken.duplicates, milk(engine)) == (0, 2, 2)
    assert orders(engine) == ["identity_reused"]


@pytest.mark.parametrize("payload", [b"no batch", wire.encode(Batch(gateway="g2", epoch="e", lane="movements", first_seq=1, events=[]))])
def test_message_that_is_no_batch_of_this_gateway_is_kept_once(engine: Engine, payload: bytes) -> None:
    message = read_message(ADDRESS.topic("up/movements"), ADDRESS, "movements", payload)

    assert take(engine, message).ack is None
    take(engine, message)

    with reading(engine) as connection:
        assert [row.body for row in quarantined(connection)] == [payload]
    assert orders(engine) == ["message_quarantined"]


def test_gateway_that_speaks_as_one_of_another_site_is_not_believed(engine: Engine) -> None:
    take(engine, scans(1, 1))
    elsewhere = GatewayAddress(partition_of("s2"), "s2", "g1")
    said = Batch(gateway="g1", epoch="e1", lane="movements", first_seq=2, events=[msgspec.Raw(scanned(2))])

    taken = take(engine, read_message(elsewhere.topic("up/movements"), elsewhere, "movements", wire.encode(said)))

    assert (taken.ack, milk(engine)) == (None, 1)


def test_busy_database_acknowledges_nothing_and_the_batch_is_taken_later(engine: Engine) -> None:
    def locked_out(*_: Any) -> None:
        raise OperationalError("statement", {}, Exception("database is locked"))

    with pytest.raises(BusyError), transaction(engine) as connection:
        take_message(connection, scans(1, 2), door_of(locked_out), NOW)

    assert take(engine, scans(1, 2)).applied == 2


def test_second_worker_that_took_the_same_events_is_fenced_off_by_the_mark(engine: Engine) -> None:
    take(engine, scans(1, 2))

    def rival(connection: Connection, context: EventContext, said: ItemScanned) -> None:
        connection.execute(mark.update().values(upto=context.seq))

    with pytest.raises(BusyError), transaction(engine) as connection:
        take_message(connection, scans(3, 4), door_of(rival), NOW)

    with reading(engine) as connection:
        assert connection.execute(select(mark.c.upto)).scalar() == 2


def test_group_of_messages_is_one_transaction_with_an_answer_each(engine: Engine) -> None:
    taken = take_group(engine, Group(messages=[scans(1, 2), scans(3, 4), scans(3, 4)]), door_of(), lambda: NOW)

    assert [each.ack.upto if each.ack else None for each in taken] == [2, 4, 4]
    with reading(engine) as connection:
        counted = counts(connection)
    assert (counted.accepted, counted.applied, counted.duplicates) == (4, 4, 2)


def test_message_that_breaks_the_program_is_kept_and_the_others_are_taken(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """An event is stored that the mark does not know of, as after a botched repair: the message cannot be stored."""
    take(engine, scans(1, 2, epoch="broken"))
    with transaction(engine) as connection:
        connection.execute(mark.delete())

    taken = take_group(engine, Group(messages=[scans(1, 2, epoch="broken"), scans(1, 2, epoch="sound")]), door_of(), lambda: NOW)

    assert [each.ack.upto if each.ack else None for each in taken] == [None, 2]
    assert orders(engine) == ["message_quarantined"]
    assert "message broke" in caplog.text


def test_event_that_nobody_handles_is_stored_and_counts_as_applied(engine: Engine) -> None:
    report = GatewayReported(seq=1, event_time=NOW, pending_events=0, oldest_pending_s=0, rss_bytes=1, disk_free_bytes=1, devices_up=0, devices_down=0)

    taken = take(engine, batch(1, wire.encode(report)))

    assert taken.applied == 1
