# SPDX-License-Identifier: Apache-2.0
"""Outbox: durable events per second and bytes written per byte of payload, beside a plain file that is appended to and fdatasync'ed.

Both write the same events in the same commits, taking turns, on the same disk; medians of the repeats. The plain file, which never forgets anything, is the
floor of what any durable store costs. The outbox is measured offline (all is appended, then acknowledged and deleted) and online (acknowledged as it goes).
Run: python -m benchmarks outbox. The files are made beside this one, since a temporary folder may be a RAM disk.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from contracts.events import LANES, Event, ItemScanned, SensorMeasured
from contracts.readings import Identifiers
from gateway.outbox import Outbox

_EVENTS = {1: 400, 50: 10_000}
"""Events of one repeat by commit size: long enough for several WAL checkpoints, short enough for two cores that others use."""


def _scan(number: int) -> Event:
    return ItemScanned(
        event_time=datetime.now(UTC),
        boot_id="3f1c2a54-6d0f-4a52-9a8e-0c8f7f6f3d11",
        monotonic_s=12_345.678 + number,
        station="scan-1",
        text=f"0104006381333931{number:08d}",
        symbology="]C1",
        identifiers=Identifiers(gtin="04006381333931", serial=f"{number:08d}"),
    )


def _sample(number: int) -> Event:
    return SensorMeasured(
        event_time=datetime.now(UTC),
        boot_id="3f1c2a54-6d0f-4a52-9a8e-0c8f7f6f3d11",
        station="cold-1",
        device="s-1",
        quantity="temperature_c",
        value=4.0 + number % 10,
    )


def _io_bytes() -> tuple[int, int]:
    """(bytes handed to write calls, bytes charged to the disk) of this process so far."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"]), int(fields["write_bytes"])


def _measured(events: list[Event], batch: int, append: Callable[[list[Event]], object], finish: Callable[[], object]) -> dict[str, float]:
    payload_bytes = sum(len(msgspec.json.encode(event)) for event in events)
    written_before, charged_before = _io_bytes()
    commits_s = []
    started_s = time.perf_counter()
    for start in range(0, len(events), batch):
        commit_s = time.perf_counter()
        append(events[start : start + batch])
        commits_s.append(time.perf_counter() - commit_s)
    elapsed_s = time.perf_counter() - started_s
    finish()
    written, charged = _io_bytes()
    commits_s.sort()
    return {
        "events_per_s": len(events) / elapsed_s,
        "commit_p50_ms": 1000 * commits_s[len(commits_s) // 2],
        "commit_p99_ms": 1000 * commits_s[int(len(commits_s) * 0.99)],
        "written_per_payload_byte": (written - written_before) / payload_bytes,
        "charged_per_payload_byte": (charged - charged_before) / payload_bytes,
    }


def _forget(outbox: Outbox) -> None:
    """What the uplink does: make the batches, take central's acknowledgements, delete."""
    for lane in LANES:
        seq = outbox.levels[lane].acked
        while (found := outbox.batch_after(lane, seq)) is not None:
            seq = found.last_seq
            outbox.acknowledge(lane, seq)
            outbox.trim()


def _outbox(folder: Path, events: list[Event], batch: int, *, online: bool) -> dict[str, float]:
    outbox = Outbox(folder / "outbox.db")

    def append(group: list[Event]) -> None:
        outbox.append(group)
        if online:
            _forget(outbox)

    def finish() -> None:
        _forget(outbox)
        outbox.trim(everything=True)

    try:
        return _measured(events, batch, append, finish)
    finally:
        outbox.close()
        for file in folder.glob("outbox.db*"):
            file.unlink()


def _plain_file(folder: Path, events: list[Event], batch: int) -> dict[str, float]:
    path = folder / "plain.log"
    with path.open("ab", buffering=0) as file:

        def append(group: list[Event]) -> None:
            file.write(b"\n".join(msgspec.json.encode(event) for event in group) + b"\n")
            os.fdatasync(file.fileno())

        try:
            return _measured(events, batch, append, lambda: None)
        finally:
            path.unlink()


def run(repeats: int) -> dict[str, object]:
    """Medians by lane and commit size. The bytes include numbering, acknowledging and deleting, without which no outbox lives.

    The rates of `outbox` are of appending alone, those of `outbox_online` include the rest as well.
    """
    cases: dict[str, object] = {}
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        for lane, make in (("movements", _scan), ("telemetry", _sample)):
            for batch, count in _EVENTS.items():
                events = [make(number) for number in range(count)]
                rounds: dict[str, list[dict[str, float]]] = {"outbox": [], "outbox_online": [], "plain_file": []}
                for _ in range(repeats):
                    rounds["outbox"].append(_outbox(Path(name), events, batch, online=False))
                    rounds["outbox_online"].append(_outbox(Path(name), events, batch, online=True))
                    rounds["plain_file"].append(_plain_file(Path(name), events, batch))
                medians = {kind: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]} for kind, rows in rounds.items()}
                ratios = [ours["events_per_s"] / plain["events_per_s"] for ours, plain in zip(rounds["outbox"], rounds["plain_file"], strict=True)]
                cases[f"{lane}_batch_{batch}"] = {**medians, "events_per_s_ratio": round(statistics.median(ratios), 3)}
    return cases
