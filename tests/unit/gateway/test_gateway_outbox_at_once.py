# SPDX-License-Identifier: Apache-2.0
"""Telemetry that goes up at once gets its numbers in the transaction that makes it durable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.events import Event, SensorMeasured
from contracts.wire import decode_event
from gateway.outbox import BATCH_EVENTS_MAX, Outbox

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def samples(*values: float) -> list[Event]:
    return [SensorMeasured(event_time=NOW, station="cold-1", device="s", quantity="temperature_c", value=value) for value in values]


def sent(outbox: Outbox, seq: int = 0, live_from_row: int = 0) -> list[tuple[int, float, bool]]:
    got: list[tuple[int, float, bool]] = []
    while (batch := outbox.batch_after("telemetry", seq, live_from_row=live_from_row)) is not None:
        events = [decode_event(body) for body in batch.events]
        got += [(event.seq, event.value, event.historical) for event in events if isinstance(event, SensorMeasured)]
        seq = batch.last_seq
    return got


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.db")
    yield opened
    opened.close()


@pytest.mark.requirement("E12", "E17")
def test_live_telemetry_is_numbered_when_it_is_durable_and_after_a_restart_as_before(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.append(samples(1.0, 2.0), live=True)
    outbox.append(samples(3.0), live=True)
    level = outbox.levels["telemetry"]
    numbered = (level.last_seq, level.waiting)
    outbox.close()

    again = Outbox(tmp_path / "outbox.db")

    assert numbered == (3, 0)
    assert sent(again) == [(1, 1.0, False), (2, 2.0, False), (3, 3.0, False)]
    again.close()


def test_number_of_transactions_is_one_for_a_live_group_and_two_for_another(outbox: Outbox) -> None:
    begun: list[str] = []
    outbox._file.db.set_trace_callback(lambda statement: begun.append(statement) if statement.startswith("BEGIN") else None)

    outbox.append(samples(1.0), live=True)
    outbox.batch_after("telemetry", 0)
    assert len(begun) == 1

    outbox.append(samples(2.0))
    outbox.batch_after("telemetry", 1)
    assert len(begun) == 3


@pytest.mark.requirement("E12")
def test_live_telemetry_behind_a_backlog_waits_for_its_turn(outbox: Outbox) -> None:
    outbox.append(samples(1.0, 2.0))
    live_from_row = outbox.next_telemetry_row

    outbox.append(samples(3.0), live=True)

    assert outbox.levels["telemetry"].waiting == 3
    assert sent(outbox, live_from_row=live_from_row) == [(1, 3.0, False), (2, 1.0, True), (3, 2.0, True)]


def test_what_is_too_much_for_one_batch_or_piles_up_gets_its_numbers_later(outbox: Outbox) -> None:
    outbox.append(samples(*map(float, range(BATCH_EVENTS_MAX + 1))), live=True)
    assert outbox.levels["telemetry"].waiting == BATCH_EVENTS_MAX + 1
    sent(outbox)

    for _ in range(10):
        outbox.append(samples(*map(float, range(BATCH_EVENTS_MAX))), live=True)

    level = outbox.levels["telemetry"]
    assert level.waiting > 0
    assert level.last_seq < 6 * BATCH_EVENTS_MAX
