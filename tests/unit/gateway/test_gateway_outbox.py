# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import ItemScanned, SensorMeasured
from contracts.wire import decode_event
from gateway.outbox import Answer, Outbox, OutboxFullError

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


def scan(text: str = "x") -> ItemScanned:
    return ItemScanned(event_time=NOW, station="scan-1", text=text)


def sample(value: float = 4.0) -> SensorMeasured:
    return SensorMeasured(event_time=NOW, station="cold-1", device="s", quantity="temperature_c", value=value)


def values(outbox: Outbox, seq: int = 0, live_from_row: int = 0) -> list[tuple[int, float, bool]]:
    got: list[tuple[int, float, bool]] = []
    while (batch := outbox.batch_after("telemetry", seq, live_from_row=live_from_row)) is not None:
        for body in batch.events:
            event = decode_event(body)
            assert isinstance(event, SensorMeasured)
            got.append((event.seq, event.value, event.historical))
        seq = batch.last_seq
    return got


def test_movements_come_back_in_batches_of_fifty_with_their_numbers(outbox: Outbox) -> None:
    outbox.append([scan(str(number)) for number in range(120)])

    batches = [outbox.batch_after("movements", seq) for seq in (0, 50, 100, 120)]

    assert [(batch.first_seq, batch.last_seq) for batch in batches if batch] == [(1, 50), (51, 100), (101, 120)]
    assert batches[3] is None
    first = batches[1]
    assert first is not None
    event = decode_event(first.events[0])
    assert isinstance(event, ItemScanned)
    assert (event.seq, event.text) == (51, "50")


@pytest.mark.requirement("E12")
def test_numbers_go_on_after_everything_was_acknowledged_and_the_file_reopened(path: Path) -> None:
    outbox = Outbox(path)
    outbox.append([scan(), scan(), sample()])
    values(outbox)
    epoch = outbox.epoch
    outbox.acknowledge("movements", 2)
    outbox.acknowledge("telemetry", 1)
    outbox.trim(everything=True)
    outbox.close()

    again = Outbox(path)
    again.append([scan(), sample()])
    batch = again.batch_after("movements", 2)

    assert again.epoch == epoch
    assert batch is not None
    assert batch.first_seq == 3
    assert values(again, 1) == [(2, 4.0, False)]
    assert again.levels["movements"].pending == 1
    again.close()


def test_new_file_has_a_new_epoch(tmp_path: Path) -> None:
    first, second = Outbox(tmp_path / "a.db"), Outbox(tmp_path / "b.db")

    assert first.epoch != second.epoch
    first.close()
    second.close()


def test_snapshots_and_answers_are_stored_with_the_events(path: Path) -> None:
    outbox = Outbox(path)
    outbox.append([scan()], {"zone-1": b"one"}, {"c-1": Answer("done", "")})
    outbox.append([scan()], {"zone-1": b"two"}, {"c-2": Answer("refused", "why")})
    outbox.close()

    again = Outbox(path)

    assert again.snapshots() == {"zone-1": b"two"}
    assert again.answer_to("c-2") == Answer("refused", "why")
    assert again.answer_to("c-3") is None
    again.close()


def test_live_telemetry_is_numbered_before_the_backlog_which_is_historical(outbox: Outbox) -> None:
    outbox.append([sample(float(value)) for value in range(60)])
    live_from_row = outbox.next_telemetry_row
    outbox.append([sample(100.0), sample(101.0)])

    got = values(outbox, live_from_row=live_from_row)

    assert got[:2] == [(1, 100.0, False), (2, 101.0, False)]
    assert got[2:] == [(3 + value, float(value), True) for value in range(60)]


def test_numbered_batch_is_the_same_after_a_restart_and_another_connection(path: Path) -> None:
    outbox = Outbox(path)
    outbox.append([sample(float(value)) for value in range(70)])
    first = outbox.batch_after("telemetry", 0, live_from_row=outbox.next_telemetry_row)
    outbox.close()

    again = Outbox(path)
    assert again.batch_after("telemetry", 0, live_from_row=0) == first
    assert again.levels["telemetry"].waiting == 20
    again.close()


@pytest.mark.requirement("E12")
def test_nearly_full_outbox_halves_telemetry_without_a_hole_in_the_numbers(path: Path) -> None:
    outbox = Outbox(path, bytes_max=65_536)
    for value in range(0, 3000, 5):
        outbox.append([sample(value * 1.713 + number * 1.371) for number in range(5)])

    got = values(outbox)

    assert outbox.size_bytes <= 53_500
    assert 0 < outbox.levels["telemetry"].thinned == 3000 - len(got)
    assert [seq for seq, _, _ in got] == list(range(1, len(got) + 1))
    assert got[-1][1] == 2995 * 1.713 + 4 * 1.371
    assert [value for _, value, _ in got] == sorted(value for _, value, _ in got)
    outbox.close()


@pytest.mark.requirement("E12")
def test_full_outbox_refuses_a_movement_and_keeps_all_accepted_ones(path: Path) -> None:
    outbox = Outbox(path, bytes_max=65_536)
    accepted = 0

    def fill() -> None:
        nonlocal accepted
        while True:
            outbox.append([scan(f"item-{accepted}"), sample()], {"zone-1": str(accepted).encode()})
            accepted += 1

    with pytest.raises(OutboxFullError, match="central has not taken them"):
        fill()

    assert outbox.levels["movements"].last_seq == accepted > 50
    assert outbox.snapshots() == {"zone-1": str(accepted - 1).encode()}
    outbox.acknowledge("movements", 20)
    outbox.trim(everything=True)
    outbox.append([scan("there is room again")])
    outbox.close()


def test_acknowledgement_beyond_the_last_number_is_cut(outbox: Outbox) -> None:
    outbox.append([scan()])

    assert outbox.acknowledge("movements", 99) == 1
    assert outbox.levels["movements"].pending == 0


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 70)),
            st.tuples(st.just("send"), st.integers(0, 1)),
            st.tuples(st.just("ack"), st.integers(0, 200)),
            st.tuples(st.just("reopen"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_what_is_sent_never_has_holes_or_changes_whatever_happens(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    path = tmp_path_factory.mktemp("outbox") / "outbox.db"
    outbox = Outbox(path, bytes_max=40_000)
    sent: dict[int, bytes] = {}
    acked, cursor, live_from_row = 0, 0, 0
    for step, value in steps:
        if step == "append":
            outbox.append([sample(float(value))] * value)
        elif step == "send":
            live_from_row = outbox.next_telemetry_row if value else live_from_row
            while (batch := outbox.batch_after("telemetry", cursor, live_from_row=live_from_row)) is not None:
                assert batch.first_seq == cursor + 1
                for offset, body in enumerate(batch.events):
                    assert sent.setdefault(batch.first_seq + offset, body) == body
                cursor = batch.last_seq
        elif step == "ack":
            acked = max(acked, min(value, cursor))
            outbox.acknowledge("telemetry", min(value, cursor))
            outbox.trim(everything=True)
        else:
            outbox.close()
            outbox = Outbox(path, bytes_max=40_000)
            cursor = outbox.levels["telemetry"].acked
            live_from_row = 0
    assert sorted(sent) == list(range(1, len(sent) + 1))
    level = outbox.levels["telemetry"]
    assert level.accepted >= len(sent)
    outbox.close()
