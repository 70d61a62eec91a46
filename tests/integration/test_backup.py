# SPDX-License-Identifier: Apache-2.0
"""A copy made while events flow, put back after the database was destroyed: the gateways bring the books back to the truth, and what they cannot is told."""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url

from central import migrations
from central.backup import BackupError, back_up, restore
from central.command import main
from central.database import in_transaction, open_engine, reading
from central.exceptions.service import raise_work_order
from central.ingest.groups import Grip, Group, take_group
from central.ingest.leases import LeaseLostError, Leases
from central.ingest.service import Door, Message, Taken, read_message, take_message
from contracts import wire
from contracts.events import ItemScanned
from contracts.wire import Batch
from tests.integration.paused_worker import ADDRESS, NOW, one_more
from tests.integration.test_leases import books

DOOR = Door({ItemScanned: (one_more,)}, raise_work_order)
pytestmark = [pytest.mark.requirement("X12"), pytest.mark.slow]


def scans(first: int, last: int, oldest: int = 1) -> Message:
    """What a gateway sends that still has all from `oldest` on."""
    events = [msgspec.Raw(wire.encode(ItemScanned(seq=seq, event_time=NOW, station="scan-1", text="one"))) for seq in range(first, last + 1)]
    made = Batch(gateway="g1", epoch="e1", lane="movements", first_seq=first, oldest_seq=oldest, events=events)
    return read_message(ADDRESS.topic("up/movements"), ADDRESS, "movements", wire.encode(made))


def take(engine: Engine, message: Message) -> Taken:
    return in_transaction(engine, lambda connection: take_message(connection, message, DOOR, NOW))


@pytest.fixture
def empty(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where to restore: a file that is not there yet, or an empty database."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    server, name = make_url(request.getfixturevalue("postgres_server")), f"restored_{uuid.uuid4().hex[:8]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def opened(empty: str) -> Iterator[Callable[[], Engine]]:
    """Engines on `empty`, closed before it goes."""
    engines: list[Engine] = []

    def open_it() -> Engine:
        engines.append(open_engine(empty))
        return engines[-1]

    yield open_it
    for engine in engines:
        engine.dispose()


@pytest.mark.requirement("E12")
def test_books_are_right_again_after_a_restore_in_the_middle_of_the_work(
    engine: Engine, database_url: str, empty: str, opened: Callable[[], Engine], tmp_path: Path
) -> None:
    given, stop = [20], threading.Event()
    take(engine, scans(1, 20))

    def go_on() -> None:
        while not stop.is_set():
            take(engine, scans(given[0] + 1, given[0] + 5))
            given[0] += 5

    working = threading.Thread(target=go_on, name="events")
    working.start()
    try:
        back_up(database_url, tmp_path / "copy")
    finally:
        stop.set()
        working.join()
    take(engine, scans(given[0] + 1, given[0] + 5))
    given[0] += 5

    findings = restore(tmp_path / "copy", empty)

    assert findings.texts() == []
    new = opened()
    upto, events, milk = books(new)
    assert upto == events == milk < given[0]
    asked = take(new, scans(given[0] + 1, given[0]))
    assert asked.ack is not None
    assert (asked.ack.upto, asked.ack.resend) == (upto, True)
    take(new, scans(upto + 1, given[0]))
    take(new, scans(given[0] + 1, given[0] + 1))
    assert books(new) == (given[0] + 1,) * 3


def test_worker_of_the_lost_database_can_commit_nothing_on_the_restored_one(
    engine: Engine, database_url: str, empty: str, opened: Callable[[], Engine], tmp_path: Path
) -> None:
    leases = Leases(engine, lambda: NOW)
    leases.keep()
    back_up(database_url, tmp_path / "copy")
    restore(tmp_path / "copy", empty)

    with pytest.raises(LeaseLostError):
        take_group(opened(), Group(messages=[scans(1, 3)]), DOOR, lambda: NOW, Grip(leases.worker, dict(leases.held)))


def test_nothing_is_overwritten(engine: Engine, database_url: str, tmp_path: Path) -> None:
    back_up(database_url, tmp_path / "copy")

    with pytest.raises(BackupError, match="exists already"):
        back_up(database_url, tmp_path / "copy")
    with pytest.raises(BackupError, match=r"exists already|is not empty"):
        restore(tmp_path / "copy", database_url)


def test_damaged_copy_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    back_up(sqlite_url, tmp_path / "copy")
    raw = bytearray((tmp_path / "copy").read_bytes())
    raw[4096 * 3 : 4096 * 40] = b"\xa5" * (4096 * 37)
    (tmp_path / "copy").write_bytes(raw)

    with pytest.raises(BackupError, match="damaged"):
        restore(tmp_path / "copy", f"sqlite:///{tmp_path / 'new.db'}")

    assert not (tmp_path / "new.db").exists()


def test_commands_copy_restore_and_say_what_is_missing(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_engine(sqlite_url)
    take(engine, scans(1, 3))
    take(engine, scans(9, 9, oldest=9))
    engine.dispose()
    new = f"sqlite:///{tmp_path / 'new.db'}"

    assert main(["backup", str(tmp_path / "copy"), "--database", sqlite_url]) == 0
    assert main(["restore", str(tmp_path / "copy"), "--database", new]) == 0
    assert "sound, 4 events" in capsys.readouterr().out
    assert main(["gaps", "--database", new]) == 1
    assert "g1 movements (epoch e1): 4 to 8" in capsys.readouterr().out
    assert main(["backup", str(tmp_path / "copy"), "--database", sqlite_url]) == 2
    assert "exists already" in capsys.readouterr().err


def test_upgrade_copies_a_sqlite_database_first_and_going_back_is_warned_of(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    older = migrations.known()[1]

    assert main(["migrate", "--to", older, "--database", sqlite_url]) == 0
    said = capsys.readouterr()
    assert "what only newer revisions store is lost" in said.err
    (copy,) = file.parent.glob("*.backup")
    shutil.move(copy, tmp_path / "as-it-was")
    engine = open_engine(sqlite_url)
    assert migrations.current(engine) == older
    engine.dispose()

    assert main(["migrate", "--database", sqlite_url]) == 0
    assert len(list(file.parent.glob("*.backup"))) == 1
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        assert "lease" in inspect(connection).get_table_names()
    engine.dispose()


def test_revision_that_is_not_known_is_explained(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--to", "9999", "--database", sqlite_url]) == 2
    assert "it knows 0001, 0002" in capsys.readouterr().err
