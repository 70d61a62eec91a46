# SPDX-License-Identifier: Apache-2.0
"""The captured portal reads as a schedule."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from drivers.rfid_llrp.config import RfidLlrpConfig
from drivers.rfid_llrp.session import LlrpSession, State, TagsSeen
from drivers.rfid_llrp.tag_reports import SeenTag
from firmware_sims.rfid_llrp.replay import CaptureError, captured_reads, moving_epcs, schedule
from firmware_sims.rfid_llrp.twin import UTC_AT_ZERO_US, LlrpReaderTwin

pytestmark = pytest.mark.requirement("E15")


def test_excerpt_holds_two_passes_of_a_hundred_tags_before_standing_ones() -> None:
    reads = captured_reads()

    seen = {read.epc for read in reads}
    assert (len(reads), len(seen & moving_epcs()), len(seen - moving_epcs())) == (1338, 100, 49)
    assert {read.antenna for read in reads} == {1, 2, 3, 4}
    assert -80 < min(read.peak_rssi_dbm for read in reads) < max(read.peak_rssi_dbm for read in reads) < -30


def test_original_timing_is_kept_to_the_microsecond() -> None:
    times_s = [read.at_s for read in captured_reads()]

    assert times_s[0] == 0.0
    assert times_s[1] == pytest.approx(0.072479)
    assert times_s == sorted(times_s)
    assert 24.9 < times_s[-1] < 25.0


@pytest.mark.parametrize(("begin_s", "end_s", "first_side"), [(0.0, 12.0, {1, 2}), (12.0, 25.0, {3, 4})])
def test_moving_tags_peak_on_one_side_before_the_other(begin_s: float, end_s: float, first_side: set[int]) -> None:
    reads = [read for read in captured_reads() if begin_s <= read.at_s < end_s and read.epc in moving_epcs()]

    def mean_s(side: set[int]) -> float:
        times_s = [read.at_s for read in reads if read.antenna in side]
        return sum(times_s) / len(times_s)

    assert mean_s(first_side) < mean_s({1, 2, 3, 4} - first_side)


def test_schedule_repeats_with_a_pause_and_runs_faster() -> None:
    reads = captured_reads()[:3]
    length_s = reads[-1].at_s

    times_s = [read.at_s for read in itertools.islice(schedule(reads, begin_s=100.0, speed=2.0, pause_s=5.0), 4)]

    assert times_s == pytest.approx([100.0, 100.0 + reads[1].at_s / 2, 100.0 + length_s / 2, 105.0 + length_s / 2])


def test_schedule_without_pause_ends() -> None:
    assert list(schedule([])) == []
    assert len(list(schedule(captured_reads()[:5]))) == 5


def test_plain_file_of_ones_own_can_be_replayed(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("// comment\n2026-01-01T00:00:00.5000000+08:00;30aa;;2;-61,5;920,625;r;;\n2026-01-01T00:00:01+08:00;30ab;;3;-60;920,625;r;;\n")

    assert captured_reads(own) == [(0.0, "30AA", 2, -61.5), (0.5, "30AB", 3, -60.0)]


def test_line_that_is_no_read_is_named(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("2026-01-01T00:00:00.5000000+08:00;30aa;;two;-61,5;;;;\n")

    with pytest.raises(CaptureError, match=r"own\.csv:1: not a captured read"):
        captured_reads(own)


def replayed() -> list[SeenTag]:
    """The whole excerpt through the simulated reader and the driver's session, second by second of its own time."""
    twin, session = LlrpReaderTwin(), LlrpSession(RfidLlrpConfig(host="reader"))
    said = twin.connected(0.0)
    while said:
        session.receive_bytes(said, 0.0)
        said = twin.receive_bytes(session.bytes_to_send(), 0.0)
    assert session.state is State.RUNNING
    found: list[SeenTag] = []
    for at_s, epc, antenna, rssi_dbm in schedule(captured_reads()):
        report = twin.stimulate("read", {"epc": epc, "antenna": antenna, "peak_rssi_dbm": rssi_dbm}, at_s)
        found += [tag for event in session.receive_bytes(report, at_s) if isinstance(event, TagsSeen) for tag in event.tags]
    return found


def test_replayed_reads_reach_the_session_with_their_own_times() -> None:
    captured, seen = captured_reads(), replayed()

    assert [(tag.epc.hex().upper(), tag.antenna) for tag in seen] == [(read.epc, read.antenna) for read in captured]
    assert [(tag.last_seen_us or 0) - UTC_AT_ZERO_US for tag in seen] == [round(read.at_s * 1e6) for read in captured]
    assert max(abs((tag.peak_rssi_dbm or 0) - read.peak_rssi_dbm) for tag, read in zip(seen, captured, strict=True)) <= 0.5
