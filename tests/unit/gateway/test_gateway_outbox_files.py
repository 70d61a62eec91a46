# SPDX-License-Identifier: Apache-2.0
"""Which file stands at a start: of the format before, gone, of another program, big, on a full disk; and what becomes of it."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from contracts.events import ItemScanned, SensorMeasured
from contracts.wire import decode_event
from gateway.outbox import Answer, Outbox, OutboxDamagedError, block
from gateway.outbox.file import File

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.requirement("E12")

_OLD_SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE movement (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE telemetry (row INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE telemetry_batch (first_seq INTEGER PRIMARY KEY, last_seq INTEGER NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL,
  historical INTEGER NOT NULL);
CREATE TABLE snapshot (station TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE command (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, outcome TEXT NOT NULL, reason TEXT NOT NULL);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def scan(number: int) -> ItemScanned:
    return ItemScanned(event_time=NOW, station="scan-1", text=str(number))


def sample(number: int) -> SensorMeasured:
    return SensorMeasured(event_time=NOW, station="cold-1", device="s", quantity="temperature_c", value=float(number))


def old_file(path: Path) -> None:
    """As the program before left it: 40 of 120 movements acknowledged and gone; of 90 samples 10 gone, 30 numbered, every second of the next 30 given up."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(_OLD_SCHEMA)
        db.executemany(
            "INSERT INTO meta VALUES (?, ?)", [("epoch", "0123456789abcdef"), ("epochs_begun", "2"), ("trimmed_movements", "40"), ("trimmed_telemetry", "10")]
        )
        db.executemany("INSERT INTO movement VALUES (?, ?)", ((number, msgspec.json.encode(scan(number))) for number in range(41, 121)))
        rows = [*range(11, 41), *range(41, 71, 2), *range(71, 91)]
        db.executemany("INSERT INTO telemetry VALUES (?, ?)", ((row, msgspec.json.encode(sample(row))) for row in rows))
        db.execute("INSERT INTO telemetry_batch VALUES (11, 40, 11, 40, 1)")
        db.execute("INSERT INTO snapshot VALUES ('zone-1', ?)", (b"state",))
        db.execute("INSERT INTO command VALUES (7, 'c-7', 'done', '')")
        db.commit()


def test_file_of_the_format_before_keeps_its_numbers_its_marks_and_its_batches(path: Path) -> None:
    old_file(path)

    outbox = Outbox(path)

    assert (outbox.found.state, outbox.epoch, outbox.epochs_begun) == ("upgraded", "0123456789abcdef", 2)
    assert (outbox.snapshots(), outbox.answer_to("c-7")) == ({"zone-1": b"state"}, Answer("done", ""))
    movements, telemetry = outbox.levels["movements"], outbox.levels["telemetry"]
    assert (movements.acked, movements.last_seq, telemetry.acked, telemetry.last_seq, telemetry.waiting) == (40, 120, 10, 40, 35)
    batch = outbox.batch_after("movements", 40)
    assert batch is not None
    assert [decode_event(body) for body in batch.events] == [msgspec.structs.replace(scan(number), seq=number) for number in range(41, 91)]
    numbered, following = outbox.batch_after("telemetry", 10), outbox.batch_after("telemetry", 40)
    assert numbered is not None
    assert following is not None
    assert [decode_event(body) for body in numbered.events] == [msgspec.structs.replace(sample(row), seq=row, historical=True) for row in range(11, 41)]
    assert [event.value for body in following.events if isinstance(event := decode_event(body), SensorMeasured)] == [*range(41, 71, 2), *range(71, 91)]
    outbox.close()
    again = Outbox(path)
    assert (again.found.state, again.levels["telemetry"].waiting) == ("as_left", 0)
    again.close()


def test_file_of_the_format_before_that_is_damaged_is_saved_as_far_as_it_can_be_read(path: Path) -> None:
    old_file(path)
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(bytes(4096))  # the tree of the notes

    outbox = Outbox(path)

    assert (outbox.found.state, outbox.must_begin_epoch) == ("salvaged", True)
    outbox.begin_epoch({"movements": 60, "telemetry": 20})
    batch = outbox.batch_after("movements", 0)
    assert batch is not None
    event = decode_event(batch.events[0])
    assert isinstance(event, ItemScanned)
    assert (event.seq, event.text) == (1, "61")
    outbox.close()


def test_file_that_is_gone_is_told_from_a_first_start_and_has_another_epoch(path: Path) -> None:
    first = Outbox(path)
    first.append([scan(1)])
    first.close()
    path.unlink()

    second = Outbox(path)

    assert (first.found.state, second.found.state) == ("new", "lost")
    assert second.epoch != first.epoch
    assert "is gone" in second.found.text
    second.close()


def test_file_that_is_no_database_is_set_aside_and_named(path: Path) -> None:
    path.write_bytes(b"this is not a database" * 100)

    outbox = Outbox(path, now_s=NOW.timestamp)

    assert outbox.found.state == "salvaged"
    assert outbox.found.damaged == path.with_name("outbox.db.damaged-20261121T080000Z")
    assert outbox.found.damaged.read_bytes() == b"this is not a database" * 100
    outbox.append([scan(1)])
    outbox.close()


def test_start_that_was_killed_between_saving_and_putting_in_place_goes_on_with_what_was_saved(path: Path) -> None:
    saved = Outbox(path)
    saved.append([scan(1)])
    saved.close()
    path.rename(path.with_name("outbox.db.new"))

    outbox = Outbox(path)

    assert outbox.levels["movements"].pending == 1
    outbox.close()


def test_disk_that_takes_no_more_bytes_refuses_and_loses_nothing(path: Path) -> None:
    """RLIMIT_FSIZE makes the writes themselves fail, in the log and in the file."""
    program = """
import resource, signal, sys
from pathlib import Path
from gateway.outbox import Outbox, OutboxFullError
from tests.unit.gateway.test_gateway_outbox_files import scan, sample
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
outbox = Outbox(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
accepted = refused = 0
while refused < 20:
    try:
        outbox.append([scan(accepted + 1), sample(accepted + 1)], {"zone": str(accepted + 1).encode()})
        accepted += 1
    except OutboxFullError:
        refused += 1
print(accepted)
"""
    said = subprocess.run([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, check=True, text=True).stdout
    accepted = int(said)

    outbox = Outbox(path)

    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert (outbox.levels["movements"].accepted, outbox.levels["telemetry"].accepted) == (accepted, accepted)
    assert outbox.snapshots() == {"zone": str(accepted).encode()}
    outbox.append([scan(accepted + 1)])
    outbox.close()


def test_damage_met_at_work_is_looked_for_at_the_next_start(path: Path) -> None:
    outbox = Outbox(path)
    for number in range(1, 61):
        outbox.append([scan(number)])
    with outbox._file.transaction() as db:
        db.execute("UPDATE movements SET body = zeroblob(length(body)) WHERE first = 30")

    with pytest.raises(Exception, match="check sum is wrong"):
        outbox.batch_after("movements", 0)
    outbox.close()
    again = Outbox(path)

    assert (again.found.state, again.found.events) == ("salvaged", 59)
    assert again.batch_after("movements", 0) is None, "numbers with a hole must not go out"
    again.begin_epoch({"movements": 10, "telemetry": 0})
    batch = again.batch_after("movements", 0)
    assert batch is not None
    assert [event.text for body in batch.events if isinstance(event := decode_event(body), ItemScanned)] == [str(n) for n in range(11, 61) if n != 30]
    again.append([scan(61)])
    again.close()
    third = Outbox(path)
    assert (third.found.state, third.levels["movements"].pending) == ("as_left", 50)
    third.close()


@pytest.mark.requirement("E17")
def test_start_and_batches_read_no_more_of_a_big_file_than_of_a_small_one(tmp_path: Path) -> None:
    """Counted in steps of SQLite's machine, not in seconds."""

    def steps(path: Path, blocks: int) -> int:
        file = File(path, bytes_max=1 << 30)
        bodies = [msgspec.json.encode(sample(number)) for number in range(5)]
        with file.transaction() as db:
            db.executemany("INSERT INTO telemetry VALUES (?, 5, ?)", ((first, block.pack("telemetry", first, bodies)) for first in range(1, 5 * blocks, 5)))
        file.close()
        outbox = Outbox(path, bytes_max=1 << 30)
        ticks: list[None] = []
        outbox._file.db.set_progress_handler(lambda: ticks.append(None), 1)
        outbox._telemetry.begin()
        outbox.append([sample(1), scan(1)])
        assert outbox.batch_after("telemetry", 0, live_from_row=5 * blocks + 1) is not None
        assert outbox.batch_after("telemetry", 1, live_from_row=5 * blocks + 1) is not None
        assert outbox.oldest_pending() is not None
        outbox.close()
        return len(ticks)

    assert steps(tmp_path / "big.db", 20_000) <= steps(tmp_path / "small.db", 200) * 1.05


def test_file_that_another_program_holds_is_left_where_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Outbox(path).close()

    def is_locked(file: File) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    monkeypatch.setattr(File, "_set_up", is_locked)
    with pytest.raises(OutboxDamagedError, match="locked"):
        Outbox(path)

    assert [file.name for file in path.parent.iterdir() if "damaged" in file.name] == []
