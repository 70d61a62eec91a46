# SPDX-License-Identifier: Apache-2.0
"""Outbox: durable events and values, bytes written per byte of payload, room for a long backlog, and what a start costs.

Side by side, taking turns, on the same disk: the outbox; the layout that it had before, a row for each event in SQLite pages of 4096 bytes; and a plain file
that is appended to and fdatasync'ed, which forgets nothing and is the floor of what any durable store costs. The outbox's numbers include numbering,
acknowledging and deleting, without which no outbox lives; of none what opening costs, which 2,000 single movements do not outweigh. A value is a number: a
sample has one, the reading of an array a hundred.
Run: python -m benchmarks outbox. The files are made beside this one, since a temporary folder may be a RAM disk.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from contracts.events import Event, ItemScanned, SensorArrayMeasured, SensorMeasured
from contracts.readings import Identifiers
from gateway.outbox import Outbox

_START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
_BACKLOG_EVENTS, _BACKLOG_GROUP = 1_000_000, 5
_DAYS, _EVENTS_PER_S = 30, 50
_BOOT = "3f1c2a54-6d0f-4a52-9a8e-0c8f7f6f3d11"


def _scan(number: int) -> Event:
    return ItemScanned(
        event_time=_START + timedelta(milliseconds=333 * number),
        boot_id=_BOOT,
        monotonic_s=12_345.678 + number / 3,
        station="scan-1",
        text=f"0104006381333931{number:08d}",
        symbology="]C1",
        identifiers=Identifiers(gtin="04006381333931", serial=f"{number:08d}"),
    )


def _sample(number: int) -> Event:
    """One of 50 a second, of seven rooms, with noise: what compresses worst of telemetry as it is."""
    noise = random.Random(number)  # the same numbers in every run
    return SensorMeasured(
        event_time=_START + timedelta(milliseconds=20 * number + noise.randint(0, 9)),
        boot_id=_BOOT,
        monotonic_s=round(12_345.678 + number / 50, 3),
        station=f"cold-{number % 7}",
        device=f"s-{number % 7}",
        quantity="temperature_c",
        value=round(4.0 + noise.gauss(0, 0.4), 2),
    )


def _array(number: int) -> Event:
    """A hundred registers of one device in one answer."""
    noise = random.Random(number)
    return SensorArrayMeasured(
        event_time=_START + timedelta(milliseconds=10 * number),
        boot_id=_BOOT,
        monotonic_s=round(12_345.678 + number / 100, 3),
        device=f"plc-{number % 10}",
        quantity="register",
        values=[noise.randint(0, 65_535) for _ in range(100)],
    )


_CASES: dict[str, tuple[Callable[[int], Event], int, int, int]] = {
    "movements_single": (_scan, 1, 2_000, 1),
    "movements_in_groups_of_50": (_scan, 50, 10_000, 1),
    "samples_in_groups_of_5": (_sample, 5, 2_000, 1),
    "samples_in_groups_of_50": (_sample, 50, 10_000, 1),
    "arrays_of_100_in_groups_of_10": (_array, 10, 2_000, 100),
}
"""Events, how many share a commit, how many are measured, and the values of each."""


class _RowPerEvent:
    """The layout before, as it was when online: events in, batches of 50 numbered, acknowledged and deleted by the thousand."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "rows.db", isolation_level=None)
        for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE event (row INTEGER PRIMARY KEY, body BLOB)"):
            self._db.execute(line)
        self._db.execute("CREATE TABLE batch (first INTEGER PRIMARY KEY, last INTEGER)")
        self._last = self._numbered = self._deleted = 0

    def append(self, group: list[Event]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO event VALUES (?, ?)", enumerate(map(msgspec.json.encode, group), self._last + 1))
        self._db.execute("COMMIT")
        self._last += len(group)
        if self._last - self._numbered >= 50:
            self._db.execute("SELECT row, body FROM event WHERE row > ? ORDER BY row LIMIT 50", (self._numbered,)).fetchall()
            self._db.execute("INSERT INTO batch VALUES (?, ?)", (self._numbered + 1, self._last))
            self._numbered = self._last
        if self._last - self._deleted >= 1000:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM event")
            self._db.execute("DELETE FROM batch")
            self._db.execute("COMMIT")
            self._deleted = self._last

    def close(self) -> None:
        self._db.close()


class _Blocks:
    """The outbox, online: numbered, acknowledged and deleted as it goes."""

    def __init__(self, folder: Path) -> None:
        self._outbox = Outbox(folder / "outbox.db")

    def append(self, group: list[Event]) -> None:
        self._outbox.append(group)
        for lane, level in self._outbox.levels.items():
            while level.pending >= 50 and (found := self._outbox.batch_after(lane, level.acked)) is not None:
                self._outbox.acknowledge(lane, found.last_seq)
                self._outbox.trim()

    def close(self) -> None:
        self._outbox.close()


class _PlainFile:
    """The floor: bytes at the end of a file."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / "plain.log").open("ab", buffering=0)

    def append(self, group: list[Event]) -> None:
        self._file.write(b"\n".join(msgspec.json.encode(event) for event in group) + b"\n")
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


_Kind = type[_Blocks] | type[_RowPerEvent] | type[_PlainFile]
_KINDS: dict[str, _Kind] = {"outbox": _Blocks, "row_per_event": _RowPerEvent, "plain_file": _PlainFile}


def _io_bytes() -> tuple[int, int]:
    """(bytes handed to write calls, bytes charged to the disk) of this process so far."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"]), int(fields["write_bytes"])


def _rss_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _measured(kind: _Kind, events: list[Event], group: int, values: int) -> dict[str, float]:
    payload_bytes = sum(len(msgspec.json.encode(event)) for event in events)
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        store = kind(Path(name))
        written_before, charged_before = _io_bytes()
        commits_s = []
        started_s, cpu_s = time.perf_counter(), time.process_time()
        for start in range(0, len(events), group):
            commit_s = time.perf_counter()
            store.append(events[start : start + group])
            commits_s.append(time.perf_counter() - commit_s)
        store.close()
        cpu_s = time.process_time() - cpu_s
        elapsed_s = time.perf_counter() - started_s
        written, charged = _io_bytes()
    commits_s.sort()
    return {
        "events_per_s": len(events) / elapsed_s,
        "values_per_cpu_s": len(events) * values / cpu_s,
        "commit_p50_ms": 1000 * commits_s[len(commits_s) // 2],
        "commit_p99_ms": 1000 * commits_s[int(len(commits_s) * 0.99)],
        "written_per_payload_byte": (written - written_before) / payload_bytes,
        "charged_per_payload_byte": (charged - charged_before) / payload_bytes,
    }


def _backlog() -> dict[str, float]:
    """A million events while central is away: how big, how much memory, how long a start and the first batch take, how fast it drains."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        path = Path(name) / "outbox.db"
        outbox, rss_before, rss_most = Outbox(path, bytes_max=8 * 10**9), _rss_mib(), 0.0
        for start in range(0, _BACKLOG_EVENTS, _BACKLOG_GROUP):
            outbox.append([_sample(number) for number in range(start, start + _BACKLOG_GROUP)])
            rss_most = max(rss_most, _rss_mib()) if start % 50_000 == 0 else rss_most
        outbox.close()
        file_bytes = path.stat().st_size
        started_s = time.perf_counter()
        with contextlib.closing(Outbox(path, bytes_max=8 * 10**9)) as outbox:
            start_s, started_s = time.perf_counter() - started_s, time.perf_counter()
            assert outbox.levels["telemetry"].pending == _BACKLOG_EVENTS
            live_from = outbox.next_telemetry_row
            outbox.append([_sample(0)])
            first = outbox.batch_after("telemetry", 0, live_from_row=live_from)
            assert first is not None
            first_s, cpu_s, seq = time.perf_counter() - started_s, time.process_time(), 1
            for _ in range(1000):
                batch = outbox.batch_after("telemetry", seq, live_from_row=live_from)
                assert batch is not None
                outbox.acknowledge("telemetry", seq := batch.last_seq)
                outbox.trim()
            drained_per_cpu_s = (seq - 1) / (time.process_time() - cpu_s)
        per_event = file_bytes / _BACKLOG_EVENTS
    return {
        "bytes_per_event": per_event,
        "gigabytes_of_30_days": per_event * _DAYS * 86_400 * _EVENTS_PER_S / 1e9,
        "rss_grown_mib": rss_most - rss_before,
        "start_ms": 1000 * start_s,
        "append_and_first_live_batch_ms": 1000 * first_s,
        "drained_events_per_cpu_s": drained_per_cpu_s,
    }


def run(repeats: int) -> dict[str, object]:
    """Medians by what is stored and how; the backlog is made once."""
    cases: dict[str, object] = {}
    for case, (make, group, count, values) in _CASES.items():
        events = [make(number) for number in range(count)]
        rounds: dict[str, list[dict[str, float]]] = {kind: [] for kind in _KINDS}
        for _ in range(repeats):
            for name, kind in _KINDS.items():
                rounds[name].append(_measured(kind, events, group, values))
        cases[case] = {name: {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]} for name, rows in rounds.items()}
    return {**cases, "backlog_of_a_million_events": {key: round(value, 3) for key, value in _backlog().items()}}
