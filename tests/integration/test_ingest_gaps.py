# SPDX-License-Identifier: Apache-2.0
"""Every gap is explained: a new outbox, a restored image and a restored central are told apart, and a person is asked once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine, select, update

from central.database import in_transaction, reading
from central.exceptions.service import raise_work_order
from central.exceptions.tables import work_order
from central.fleet.tables import gateway as gateway_table
from central.ingest import queries
from central.ingest.groups import Group, Said, take_group
from central.ingest.service import Door, Taken, read_message, take_message
from central.ingest.tables import mark
from contracts import wire
from contracts.events import DeviceLinkChanged
from contracts.topics import GatewayAddress, partition_of
from contracts.wire import Batch, GatewayState

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ADDRESS = GatewayAddress(partition_of("s1"), "s1", "g1")
DOOR = Door({}, raise_work_order)
pytestmark = [pytest.mark.requirement("E12")]


def born(engine: Engine, epoch: str, movements: int, telemetry: int = 0, *, is_retained: bool = False, now: datetime = NOW, outbox: str = "") -> None:
    """A birth that says how many numbers were given, and what befell the outbox."""
    last = {"movements": movements, "telemetry": telemetry}
    state = GatewayState(online=True, boot_id="b", session_id=f"{epoch}-{movements}", epoch=epoch, last_seq=last, outbox=outbox)
    take_group(engine, Group(states=[Said(ADDRESS, state, is_retained)]), DOOR, lambda: now)


def send(engine: Engine, first: int, last: int, epoch: str = "e1", oldest: int = 0) -> Taken:
    events = [msgspec.Raw(wire.encode(DeviceLinkChanged(seq=seq, event_time=NOW, device="d", state="connected"))) for seq in range(first, last + 1)]
    batch = Batch(gateway="g1", epoch=epoch, lane="movements", first_seq=first, oldest_seq=oldest, events=events)
    message = read_message(ADDRESS.topic("up/movements"), ADDRESS, "movements", wire.encode(batch))
    return in_transaction(engine, lambda connection: take_message(connection, message, DOOR, NOW))


def told(engine: Engine) -> list[tuple[str, str]]:
    """Kind and text of the work orders."""
    with reading(engine) as connection:
        return [(row.kind, row.message) for row in connection.execute(select(work_order).order_by(work_order.c.id))]


def gaps(engine: Engine) -> list[tuple[str, str, int, int, str]]:
    """What the API says: epoch, lane, first, last, reason."""
    with reading(engine) as connection:
        rows = queries.marks(connection, None, 100).items
    return [(row["epoch"], row["lane"], gap["first_seq"], gap["last_seq"], gap["reason"]) for row in rows for gap in row["gaps"]]


def test_new_card_says_once_what_the_old_one_had_not_sent(engine: Engine) -> None:
    send(engine, 1, 3)
    born(engine, "e1", 5, telemetry=2)

    born(engine, "e2", 0, now=NOW + timedelta(minutes=1))
    born(engine, "e2", 0, now=NOW + timedelta(minutes=2))

    assert gaps(engine) == [("e1", "movements", 4, 5, "outbox_lost"), ("e1", "telemetry", 1, 2, "outbox_lost")]
    ((kind, text),) = told(engine)
    assert kind == "gateway_outbox_lost"
    assert "movements 4 to 5, telemetry 1 to 2" in text
    assert "since 2026-11-21 08:00 UTC" in text


def test_births_of_an_old_image_and_of_its_successor_that_come_together_lose_no_number(engine: Engine) -> None:
    """What was said first was said: the image that says less afterwards does not take it back."""
    states = [
        GatewayState(online=True, boot_id="b", session_id=f"s{n}", epoch=epoch, last_seq={"movements": said})
        for n, (epoch, said) in enumerate([("e1", 5), ("e1", 3), ("e2", 0)])
    ]

    take_group(engine, Group(states=[Said(ADDRESS, state) for state in states]), DOOR, lambda: NOW)

    assert gaps(engine) == [("e1", "movements", 1, 5, "outbox_lost")]


def test_new_card_after_everything_came_asks_nobody(engine: Engine) -> None:
    born(engine, "e1", 3)
    send(engine, 1, 3)

    born(engine, "e2", 0)

    assert (gaps(engine), told(engine)) == ([], [])
    with reading(engine) as connection:
        assert connection.execute(select(mark.c.ended).where(mark.c.epoch == "e1").distinct()).scalars().all() == ["outbox_lost"]


def test_restored_image_is_told_from_a_lost_card(engine: Engine) -> None:
    """The image says fewer numbers than central has; then the gateway begins an epoch by itself."""
    born(engine, "e1", 9)
    send(engine, 1, 7)

    born(engine, "e1", 4)
    born(engine, "e2", 2)

    assert gaps(engine) == [("e1", "movements", 8, 9, "image_restored")]
    assert [kind for kind, _ in told(engine)] == ["gateway_image_restored"]


def test_birth_that_the_broker_kept_proves_no_restored_image(engine: Engine) -> None:
    born(engine, "e1", 4)
    send(engine, 1, 7)

    born(engine, "e1", 4, is_retained=True)
    born(engine, "e2", 0)

    assert told(engine) == []


def test_birth_of_an_outbox_that_was_replaced_is_not_believed_when_it_was_kept(engine: Engine) -> None:
    born(engine, "e1", 5)
    born(engine, "e2", 0)

    born(engine, "e1", 5, is_retained=True)

    with reading(engine) as connection:
        assert connection.execute(select(gateway_table.c.epoch)).scalar() == "e2"
    assert len(told(engine)) == 1


def test_restored_central_asks_for_what_it_forgot_and_the_gateway_replays(engine: Engine) -> None:
    send(engine, 1, 2)

    asked = send(engine, 6, 5, oldest=2)
    replayed = send(engine, 3, 5, oldest=2)

    assert asked.ack is not None
    assert (asked.ack.upto, asked.ack.resend) == (2, True)
    assert replayed.applied == 3
    assert (gaps(engine), told(engine)) == ([], [])
    with reading(engine) as connection:
        assert connection.execute(select(mark.c.ended)).scalar() == ""


def test_restored_central_says_what_the_gateway_cannot_replay(engine: Engine) -> None:
    send(engine, 1, 2)

    send(engine, 6, 5, oldest=5)
    send(engine, 5, 6, oldest=5)

    assert gaps(engine) == [("e1", "movements", 3, 4, "central_restored")]
    assert [kind for kind, _ in told(engine)] == ["events_missing"]


def test_harmed_outbox_is_told_once_in_the_gateways_words_however_often_it_connects(engine: Engine) -> None:
    harm = "/data/outbox.db was damaged (3 commits in its log cannot be read): 7 events were saved. Replace the card: damage comes again"
    born(engine, "e1", 5)

    for minute in range(3):
        born(engine, "e1", 5, now=NOW + timedelta(minutes=minute), outbox=harm)
        in_transaction(engine, lambda connection: connection.execute(update(work_order).values(state="resolved")))
    born(engine, "e1", 5, now=NOW + timedelta(minutes=9))
    born(engine, "e1", 5, now=NOW + timedelta(minutes=10), outbox=harm)

    assert [kind for kind, _ in told(engine)] == ["gateway_outbox_harmed"] * 2
    assert f"g1: {harm}" in told(engine)[0][1]
