# SPDX-License-Identifier: Apache-2.0
"""What the outbox writes for what it accepts, told truly, and how long a card lasts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.events import LANES, Event, ItemScanned, SensorMeasured
from gateway.outbox import Outbox, Wear, card_life_days, written

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.requirement("E17")


def sample(number: int) -> SensorMeasured:
    value = 4.0 + number * 37 % 100 / 50
    at = NOW + timedelta(milliseconds=20 * number)
    return SensorMeasured(event_time=at, monotonic_s=number / 50, station=f"cold-{number % 7}", device=f"s-{number % 7}", quantity="temperature_c", value=value)


def scan(number: int) -> ItemScanned:
    return ItemScanned(event_time=NOW, monotonic_s=number / 3, station="scan-1", text=f"0104006381333931{number:08}", symbology="]C1")


def process_bytes() -> int:
    """Bytes that this process handed to write calls, as the kernel counts them."""
    return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])


def amplification(path: Path, groups: list[list[Event]]) -> float:
    """Bytes written for each byte accepted, numbering, acknowledging and deleting included; checked against the kernel's count for the process."""
    before = process_bytes()
    outbox = Outbox(path)
    for group in groups:
        outbox.append(group)
        for lane in LANES:
            while (batch := outbox.batch_after(lane, outbox.levels[lane].acked)) is not None:
                outbox.acknowledge(lane, batch.last_seq)
                outbox.trim()
    outbox.close()
    wear = outbox.wear()
    assert wear.written_bytes == pytest.approx(process_bytes() - before, rel=0.1)
    return wear.written_bytes / wear.payload_bytes


def test_telemetry_in_groups_costs_less_than_its_bytes(tmp_path: Path) -> None:
    assert amplification(tmp_path / "outbox.db", [[sample(number + start) for number in range(50)] for start in range(0, 5000, 50)]) < 0.6


def test_small_groups_of_a_slow_gateway_cost_less_than_twice_their_bytes(tmp_path: Path) -> None:
    assert amplification(tmp_path / "outbox.db", [[sample(number + start) for number in range(5)] for start in range(0, 1000, 5)]) < 2.0


def test_single_movement_costs_less_than_a_third_of_what_a_row_in_a_large_page_does(tmp_path: Path) -> None:
    assert amplification(tmp_path / "outbox.db", [[scan(number)] for number in range(300)]) < 16.9 / 3


@pytest.mark.parametrize(
    ("wear", "card_bytes_written_max", "days"),
    [
        (Wear(1000, 2_000_000_000, 500_000_000_000, 86_400.0), 1_000_000_000_000, 250.0),
        (Wear(1000, 2_000_000_000, 2_000_000_000_000, 86_400.0), 1_000_000_000_000, 0.0),
        (Wear(1000, 2_000_000, 2_000_000, 60.0), 1_000_000_000_000, None),
        (Wear(1000, 2_000_000, 2_000_000, 86_400.0), 0, None),
    ],
)
def test_card_life_is_what_is_left_at_the_present_rate(wear: Wear, card_bytes_written_max: int, days: float | None) -> None:
    assert card_life_days(wear, card_bytes_written_max) == days


def test_machine_whose_kernel_does_not_count_has_an_outbox_and_no_forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "_THREAD_IO", tmp_path / "not-there")

    outbox = Outbox(tmp_path / "outbox.db")
    outbox.append([scan(1)])
    wear = outbox.wear()
    outbox.close()

    assert (wear.written_bytes, wear.ever_written_bytes) == (0, 0)
    assert card_life_days(wear._replace(running_s=86_400.0), 10**12) is None
