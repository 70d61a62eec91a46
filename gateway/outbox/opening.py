# SPDX-License-Identifier: Apache-2.0
"""The start: in what state the outbox's file is, and what to do about it. Whatever stands there, an outbox comes of it.

Beside FILE there may be FILE.epoch (so that a lost file is told from a first start), FILE.suspect (damage was met at work: save what can be read), FILE.new
(being made from FILE; complete when FILE itself is gone) and FILE.damaged-TIME (set aside, for people to look at;
only more damage deletes the oldest).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from contracts.events import LANES
from gateway.durable_file import sync_folder, write_durably
from gateway.outbox import upgrade
from gateway.outbox.blocks import Blocks
from gateway.outbox.errors import OutboxDamagedError, OutboxFullError
from gateway.outbox.file import FORMAT, File, is_full, is_passing
from gateway.outbox.pages import commits_lost_in_log
from gateway.outbox.salvage import save

_CHECK_BYTES_MAX = 16 * 1024 * 1024  # a larger file would delay the start; its blocks are checked when they are read
_REASON_CHARACTERS_MAX = 500  # it goes into a birth, and may have been on a card that dies
_PARTS = ("", "-wal", "-shm")
_DAMAGED_MAX = 3  # chosen: a card that goes on dying must not fill itself with what it spoiled
State = Literal["as_left", "new", "lost", "upgraded", "salvaged"]


@dataclass(frozen=True)
class Found:
    """In what state the file was. `text` says in words what was found and what to do, empty when all is well; `events` were saved from a damaged file."""

    state: State
    text: str = ""
    events: int = 0
    damaged: Path | None = None

    @property
    def harm(self) -> str:
        """The text, if anything may have been lost."""
        return self.text if self.state in ("lost", "salvaged") else ""


def open_file(path: Path, *, bytes_max: int, now_s: float) -> tuple[File, Found]:
    """Open the file or make one. Raises: OutboxFullError: there is no room; OutboxDamagedError: it can neither be used nor set aside."""
    fresh = beside(path, ".new")
    if not path.exists() and fresh.exists():
        _put_in_place(fresh, path)
    _remove(fresh)
    if not path.exists():
        return _make(path, bytes_max)
    doubt = _doubt(path)
    if not doubt:
        try:
            return _open(path, bytes_max)
        except OutboxDamagedError as error:
            if is_passing(error.__cause__):
                raise
            doubt = str(error)
    return _salvage(path, doubt, bytes_max, now_s)


def beside(path: Path, ending: str) -> Path:
    """A file beside the outbox's."""
    return path.with_name(path.name + ending)


def note_damage(path: Path, reason: str) -> None:
    """Have the next start look at everything."""
    with contextlib.suppress(OSError):  # a disk that takes nothing: the next start then looks at the ends of the file only
        write_durably(beside(path, ".suspect"), f"{reason}\n".encode())


def note_epoch(path: Path, noted: Mapping[str, object]) -> None:
    """Remember beside the file that there is one, and whose numbers it has."""
    note, text = beside(path, ".epoch"), json.dumps(noted) + "\n"
    with contextlib.suppress(OSError):  # needed only when the file is gone or its marks cannot be read
        if not note.exists() or note.read_text(errors="replace") != text:
            write_durably(note, text.encode())


def _make(path: Path, bytes_max: int) -> tuple[File, Found]:
    """A first file, or one for a file that is gone."""
    for part in _PARTS[1:]:
        _remove(beside(path, part))
    was_here = beside(path, ".epoch").exists()
    file = File(path, bytes_max=bytes_max)
    sync_folder(path.parent)
    if not was_here:
        return file, Found("new")
    text = f"{path} is gone: what central had not acknowledged is lost, and the numbers begin anew. Look who deletes files there; check the card"
    return file, Found("lost", text)


def _open(path: Path, bytes_max: int) -> tuple[File, Found]:
    """The file as it was left, brought up to the present format. Raises: OutboxDamagedError."""
    upgraded = upgrade.is_old(path)
    if upgraded:
        fresh = beside(path, ".new")
        upgrade.rewrite(path, fresh, bytes_max=bytes_max)
        for part in _PARTS[1:]:
            _remove(beside(path, part))
        fresh.replace(path)
        sync_folder(path.parent)
    file = File(path, bytes_max=bytes_max)
    try:
        _check(file)
    except OutboxDamagedError:
        file.close()
        raise
    return file, Found("upgraded" if upgraded else "as_left", f"{path} was rewritten in format {FORMAT}" if upgraded else "")


def _doubt(path: Path) -> str:
    """Why a file must not be used as it is; empty: no reason."""
    lost = commits_lost_in_log(path)
    if lost:
        return f"{lost} commits in its log cannot be read"
    suspect = beside(path, ".suspect")
    return suspect.read_text(errors="replace").strip()[:_REASON_CHARACTERS_MAX] or "damage was noted" if suspect.exists() else ""


def _check(file: File) -> None:
    """Look at the first and the last block of each lane and, in a file that is soon read, at the order of all pages. Raises: OutboxDamagedError."""
    try:
        if file.size_bytes <= _CHECK_BYTES_MAX:
            found = [row[0] for row in file.db.execute("PRAGMA quick_check(3)")]
            if found != ["ok"]:
                raise OutboxDamagedError("; ".join(found))
        for lane in LANES:
            blocks = Blocks(file, lane)
            for place in (blocks.first(), blocks.last()):
                next(blocks.between(place, place), None)
        file.meta()
    except sqlite3.DatabaseError as error:
        if is_full(error):
            raise OutboxFullError(f"the disk fails: {error}; replace the card") from error
        raise OutboxDamagedError(str(error)) from error


def _salvage(path: Path, reason: str, bytes_max: int, now_s: float) -> tuple[File, Found]:
    """Save what can be read into a new file and set the damaged one aside."""
    _forget_oldest_damaged(path)
    fresh = beside(path, ".new")
    epoch = beside(path, ".epoch")
    saved = save(path, fresh, bytes_max=bytes_max, noted=epoch.read_text(errors="replace") if epoch.exists() else "")
    damaged = beside(path, f".damaged-{datetime.fromtimestamp(now_s, UTC):%Y%m%dT%H%M%SZ}")
    number = 1
    while damaged.exists():
        number += 1
        damaged = damaged.with_name(f"{damaged.name.partition('.again-')[0]}.again-{number}")
    for part in _PARTS:  # the file itself first: as long as it is there, all is done again; once it is gone, the new one is taken
        with contextlib.suppress(FileNotFoundError):
            beside(path, part).replace(beside(damaged, part))
    _put_in_place(fresh, path)
    _remove(beside(path, ".suspect"))
    text = (
        f"{path} was damaged ({reason}): {saved.events} events were saved, {saved.unreadable} places could not be read; the damaged file is {damaged}. "
        "The numbers begin anew once central was asked what it has. Replace the card: damage comes again"
    )
    return File(path, bytes_max=bytes_max), Found("salvaged", text, saved.events, damaged)


def _forget_oldest_damaged(path: Path) -> None:
    """Leave room for one more that is set aside."""
    aside = [each for each in path.parent.glob(f"{path.name}.damaged-*") if not each.name.endswith(_PARTS[1:])]
    for each in sorted(aside)[: 1 - _DAMAGED_MAX]:
        _remove(each)


def _put_in_place(fresh: Path, path: Path) -> None:
    for part in _PARTS[1:]:
        _remove(beside(path, part))
    fresh.replace(path)
    sync_folder(path.parent)


def _remove(path: Path) -> None:
    for part in _PARTS:
        beside(path, part).unlink(missing_ok=True)
