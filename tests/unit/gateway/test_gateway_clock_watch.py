# SPDX-License-Identifier: Apache-2.0
"""A wall clock that is set, by hours in both directions or from 1970, is noticed once; what runs by the monotonic clock does not feel it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.events import AlarmChanged, Clock
from contracts.readings import Measured
from gateway.clock import Instant
from gateway.clock_watch import Anchor, ClockWatch, load_anchor, save_anchor
from gateway.config import ColdRoom
from gateway.stations.cold_room import ColdRoomStation

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.requirement("E12")


def at(monotonic_s: float, ahead: timedelta = timedelta(0), clock: Clock = "synced", boot_id: str = "b1") -> Instant:
    return Instant(NOON + ahead + timedelta(seconds=monotonic_s), monotonic_s, clock, boot_id)


def test_first_look_has_nothing_to_compare() -> None:
    assert ClockWatch().look(at(0)) is None


@pytest.mark.parametrize("hours", [24, -24, 1, -1])
def test_step_is_told_once_with_its_offset(hours: int) -> None:
    watch = ClockWatch()
    watch.look(at(0))

    told = watch.look(at(1, timedelta(hours=hours)))

    assert told is not None
    assert (told.offset_s, told.reason, told.clock, told.monotonic_s) == (hours * 3600.0, "step", "synced", 1)
    assert watch.look(at(2, timedelta(hours=hours))) is None


def test_first_sync_is_told_also_when_the_clock_was_right_before() -> None:
    watch = ClockWatch()
    watch.look(at(0, clock="unsynced"))

    told = watch.look(at(1))

    assert told is not None
    assert (told.offset_s, told.reason) == (0.0, "first_sync")


def test_clock_that_is_slewed_was_not_set() -> None:
    watch = ClockWatch()

    assert [watch.look(at(second, timedelta(milliseconds=second))) for second in range(0, 2000, 10)] == [None] * 200


def test_clock_in_holdover_that_is_found_right_again_was_not_set() -> None:
    watch = ClockWatch()
    watch.look(at(0, clock="holdover"))

    assert watch.look(at(1)) is None


def test_another_boot_cannot_be_compared() -> None:
    watch = ClockWatch()
    watch.look(at(0))

    assert watch.look(at(1, timedelta(hours=5), boot_id="b2")) is None


def test_sync_while_the_program_did_not_run_is_seen_by_the_next_one(tmp_path: Path) -> None:
    before = ClockWatch()
    before.look(at(50, timedelta(days=-20_000), "unsynced"))
    assert before.anchor is not None
    save_anchor(tmp_path / "clock", before.anchor)

    told = ClockWatch(load_anchor(tmp_path / "clock")).look(at(90))

    assert told is not None
    assert (told.offset_s, told.reason) == (20_000 * 86_400.0, "first_sync")


@pytest.mark.parametrize("content", [b"", b"{", b'{"boot_id":3}', b"\xff"])
def test_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clock").write_bytes(content)

    assert load_anchor(tmp_path / "clock") is None


def test_file_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    save_anchor(tmp_path / "no" / "clock", Anchor("b1", 0.0, "synced"))

    assert load_anchor(tmp_path / "no" / "clock") is None


@pytest.mark.parametrize("step", [timedelta(hours=24), timedelta(hours=-24)])
def test_steps_of_a_day_change_no_duration_of_an_alarm(step: timedelta) -> None:
    """The alarm is raised and cleared at the same monotonic seconds whatever the wall clock does in between."""

    def changes(ahead: timedelta) -> list[tuple[float, str]]:
        room = ColdRoomStation(ColdRoom(id="cold-1", sensor="s", high_c=8.0, on_delay_s=60, off_delay_s=60, stale_s=120))
        told = []
        for second in range(0, 600, 10):
            now = at(float(second), ahead if second >= 130 else timedelta(0))
            value = 12.0 if 100 <= second < 300 else 5.0
            outputs = [*room.advance_to(now), *room.on_reading(Measured(device="s", at_s=float(second), quantity="temperature_c", value=value), now)]
            told += [(output.monotonic_s, output.state) for output in outputs if isinstance(output, AlarmChanged)]
        return told

    assert changes(step) == changes(timedelta(0))
    assert len(changes(step)) >= 2
