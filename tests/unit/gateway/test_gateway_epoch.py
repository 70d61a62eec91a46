# SPDX-License-Identifier: Apache-2.0
"""An outbox restored from an image: which of its events central has, and which go on in a new epoch."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import ItemScanned, Lane, SensorMeasured
from contracts.wire import decode_event
from gateway.epoch import FORGOTTEN, RESTORED, EpochWatch
from gateway.outbox import Outbox

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.requirement("E12")


def scan(text: str) -> ItemScanned:
    return ItemScanned(event_time=NOW, station="scan-1", text=text)


def sample(value: float) -> SensorMeasured:
    return SensorMeasured(event_time=NOW, station="cold-1", device="s", quantity="temperature_c", value=value)


def asked(watch: EpochWatch, movements: int, telemetry: int, *, acked: int = 0, resend: bool = False) -> EpochWatch:
    for lane, upto in (("movements", movements), ("telemetry", telemetry)):
        watch.asked = watch.to_ask[0]
        watch.on_ack(watch.asked, upto, resend=resend and lane == "movements", acked=acked)
    return watch


def events(outbox: Outbox, lane: Lane) -> list[tuple[int, str | float]]:
    got: list[tuple[int, str | float]] = []
    seq = outbox.levels[lane].acked
    while (batch := outbox.batch_after(lane, seq)) is not None:
        assert batch.epoch == outbox.epoch
        for body in batch.events:
            event = decode_event(body)
            assert isinstance(event, ItemScanned | SensorMeasured)
            got.append((event.seq, event.text if isinstance(event, ItemScanned) else event.value))
        seq = batch.last_seq
    return got


def test_numbers_go_on_when_central_has_no_more_than_was_there_at_the_start() -> None:
    watch = asked(EpochWatch({"movements": 100, "telemetry": 30}), 100, 12)

    assert not watch.must_begin_anew
    assert watch.to_ask == []


def test_new_epoch_waits_until_both_lanes_were_asked() -> None:
    watch = EpochWatch({"movements": 100, "telemetry": 30})
    watch.asked = "movements"

    ours = watch.on_ack("movements", 120, resend=False, acked=90)

    assert (ours, watch.to_ask, watch.must_begin_anew) == (100, ["telemetry"], False)
    watch.asked = "telemetry"
    watch.on_ack("telemetry", 12, resend=False, acked=10)
    assert (watch.must_begin_anew, watch.fault, watch.central_has) == (True, RESTORED, {"movements": 100, "telemetry": 12})


def test_central_that_lost_its_database_makes_a_new_epoch_begin() -> None:
    watch = asked(EpochWatch({"movements": 100, "telemetry": 0}), 40, 0, acked=90, resend=True)

    assert (watch.fault, watch.central_has["movements"]) == (FORGOTTEN, 40)


def test_central_that_lost_no_more_than_is_kept_gets_it_again_under_the_same_numbers() -> None:
    watch = EpochWatch({"movements": 100, "telemetry": 0})
    for lane, upto in (("movements", 40), ("telemetry", 0)):
        watch.asked = watch.to_ask[0]
        watch.on_ack(watch.asked, upto, resend=lane == "movements", acked=90 if lane == "movements" else 0, oldest_kept=41)

    assert (watch.rewinds, watch.fault, watch.must_begin_anew) == ({"movements": 40}, "", False)


def test_central_that_lost_more_than_is_kept_makes_a_new_epoch_begin() -> None:
    watch = EpochWatch({"movements": 100, "telemetry": 0})
    watch.asked = "movements"

    watch.on_ack("movements", 39, resend=True, acked=90, oldest_kept=41)

    assert (watch.rewinds, watch.fault) == ({}, FORGOTTEN)


def test_answer_beyond_what_was_sent_in_the_middle_of_work_asks_all_lanes_again() -> None:
    watch = asked(EpochWatch({"movements": 100, "telemetry": 0}), 100, 0)
    watch.on_sent("movements", 150)

    got = [(watch.on_ack("movements", upto, resend=False, acked=acked), watch.is_in_doubt) for upto, acked in ((140, 100), (151, 140))]

    assert got == [(140, False), (140, True)]
    assert watch.to_ask == ["movements", "telemetry"]


def test_acknowledgement_that_nobody_asked_for_is_no_answer() -> None:
    watch = EpochWatch({"movements": 100, "telemetry": 0})

    watch.on_ack("movements", 120, resend=False, acked=90)

    assert watch.to_ask == ["movements", "telemetry"]
    assert not watch.is_in_doubt


def test_rest_keeps_its_order_and_is_numbered_from_one_in_a_new_epoch(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.append([scan(str(number)) for number in range(1, 131)])
    outbox.append([sample(float(number)) for number in range(1, 101)])
    outbox.batch_after("telemetry", 0)
    old = outbox.epoch

    outbox.begin_epoch({"movements": 10, "telemetry": 20})

    assert outbox.epoch != old
    assert events(outbox, "movements") == [(number - 10, str(number)) for number in range(11, 131)]
    assert events(outbox, "telemetry") == [(number - 20, float(number)) for number in range(21, 101)]
    outbox.close()
    again = Outbox(tmp_path / "outbox.db")
    assert (again.epochs_begun, again.levels["movements"].pending, again.levels["telemetry"].pending) == (1, 120, 80)
    assert events(again, "movements")[-1] == (120, "130")
    again.append([scan("next")])
    assert events(again, "movements")[-1] == (121, "next")
    again.close()


def test_starts_without_an_answer_do_not_make_the_restored_outbox_forget_where_it_began(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.answered()
    outbox.append([scan("image")])
    outbox.close()

    for number in range(3):
        outbox = Outbox(path)
        assert outbox.known == {"movements": 1, "telemetry": 0}
        outbox.append([scan(f"offline-{number}")])
        outbox.close()
    outbox = Outbox(path)
    outbox.answered()
    outbox.close()
    outbox = Outbox(path)
    assert outbox.known["movements"] == 4
    outbox.close()


def test_new_epoch_is_not_taken_for_a_restored_one_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.append([scan("one"), scan("two")])
    outbox.begin_epoch({"movements": 1, "telemetry": 0})
    outbox.append([scan("three")])
    outbox.close()

    again = Outbox(path)

    assert again.known["movements"] == again.levels["movements"].last_seq == 2
    again.close()


@given(
    delivered=st.integers(0, 30),
    before=st.integers(0, 30),
    original_after=st.integers(0, 30),
    restored_runs=st.lists(st.integers(0, 12), min_size=1, max_size=3),
)
def test_every_event_reaches_central_once_whenever_the_image_was_taken(
    tmp_path_factory: pytest.TempPathFactory, delivered: int, before: int, original_after: int, restored_runs: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("image")
    original, image = Outbox(folder / "original.db"), folder / "image.db"
    original.answered()
    original.append([scan(f"before-{number}") for number in range(before)])
    original.acknowledge("movements", min(delivered, before))
    original.trim(everything=True)
    original.close()
    shutil.copy(folder / "original.db", image)
    original = Outbox(folder / "original.db")
    original.answered()
    original.append([scan(f"original-{number}") for number in range(original_after)])
    central = [text for _, text in events(original, "movements")]
    mark = original.levels["movements"].last_seq
    original.close()

    for run, count in enumerate(restored_runs):
        outbox = Outbox(image)
        outbox.append([scan(f"restored-{run}-{number}") for number in range(count)])
        if run < len(restored_runs) - 1:
            outbox.close()
    watch = asked(EpochWatch(outbox.known), mark, 0, acked=outbox.levels["movements"].acked)
    if watch.must_begin_anew:
        outbox.begin_epoch(watch.central_has)
        mark = 0
    else:
        outbox.acknowledge("movements", watch.central_has["movements"])
    sent = [text for seq, text in events(outbox, "movements") if seq > mark]
    outbox.close()

    done = [f"before-{number}" for number in range(min(delivered, before))]
    expected = done + [f"before-{number}" for number in range(min(delivered, before), before)]
    expected += [f"original-{number}" for number in range(original_after)]
    expected += [f"restored-{run}-{number}" for run, count in enumerate(restored_runs) for number in range(count)]
    assert done + central + sent == expected
