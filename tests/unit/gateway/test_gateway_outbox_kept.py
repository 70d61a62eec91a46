# SPDX-License-Identifier: Apache-2.0
"""Movements stay for a while after central has them: a central that was restored from a backup asks for them again and gets the same bytes."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.events import ItemScanned
from contracts.wire import decode_event
from gateway.outbox import Outbox

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
HOUR_S = 3600.0
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.requirement("X12")]


class Clock:
    now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


def scan(number: int, noise: str = "") -> ItemScanned:
    return ItemScanned(event_time=NOW, station="scan-1", text=f"{number}{noise}")


def sent(outbox: Outbox, seq: int) -> list[bytes]:
    found: list[bytes] = []
    while (batch := outbox.batch_after("movements", seq)) is not None:
        assert batch.first_seq == seq + 1
        found += batch.events
        seq = batch.last_seq
    return found


def test_central_that_went_back_gets_the_same_bytes_again_also_after_a_restart(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    for number in range(1, 301):
        outbox.append([scan(number)])
    first = sent(outbox, 0)
    outbox.acknowledge("movements", 300)
    outbox.trim(everything=True)
    outbox.close()

    again = Outbox(tmp_path / "outbox.db")
    assert (again.levels["movements"].oldest_kept, again.levels["movements"].pending) == (1, 0)
    assert again.rewind("movements", 120) == 120
    assert (again.levels["movements"].pending, sent(again, 120)) == (180, first[120:])
    again.close()
    third = Outbox(tmp_path / "outbox.db")
    assert third.levels["movements"].acked == 120
    third.close()


def test_nothing_is_kept_longer_than_the_hours_given_and_no_further_back_is_gone(tmp_path: Path) -> None:
    clock = Clock()
    outbox = Outbox(tmp_path / "outbox.db", kept_s=2 * HOUR_S, now_s=clock)
    for hour in range(5):
        outbox.append([scan(10 * hour + number) for number in range(10)])
        outbox.acknowledge("movements", 10 * (hour + 1))
        outbox.trim(everything=True)
        clock.now_s += HOUR_S

    level = outbox.levels["movements"]
    assert level.oldest_kept == 31
    assert outbox.rewind("movements", 0) == 30
    assert [decode_event(body).seq for body in sent(outbox, 30)] == list(range(31, 51))
    outbox.close()


def test_what_central_has_is_given_up_before_telemetry_and_before_a_movement_is_refused(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", bytes_max=100_000, kept_share=0.5)
    acked = 0
    for number in range(1, 301):
        outbox.append([scan(number, random.Random(number).randbytes(250).hex())])
        if number % 30 == 0:
            outbox.acknowledge("movements", acked := number)
            outbox.trim(everything=True)

    level = outbox.levels["movements"]
    assert 1 < level.oldest_kept <= acked + 1
    assert outbox.size_bytes <= 80_000
    outbox.close()


def test_telemetry_that_is_still_there_can_be_asked_for_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.rewind("telemetry", 0) == 0
    assert outbox.levels["telemetry"].oldest_kept == 1
    outbox.close()
