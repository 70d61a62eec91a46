# SPDX-License-Identifier: Apache-2.0
"""The outbox itself: both lanes, the stations' states and the answers to commands in one file; all methods block, `Store` runs them in one thread."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from contracts.events import LANES, Event, Lane, lane_of
from gateway.outbox.batches import Answer, Level, StoredBatch, numbered_body
from gateway.outbox.block import BlockDamagedError
from gateway.outbox.blocks import Packed
from gateway.outbox.errors import OutboxDamagedError, OutboxFullError
from gateway.outbox.file import is_damage, is_full
from gateway.outbox.movements import Keeping, Movements
from gateway.outbox.opening import note_damage, note_epoch, open_file
from gateway.outbox.telemetry import Numbered, Telemetry
from gateway.outbox.written import ThreadWrites, Wear

_THIN_FROM = 0.8  # of the bytes allowed: from here on telemetry loses fidelity, the rest is kept for movements
_COMMANDS_KEPT_MAX = 10_000
_COMMAND_BYTES = 1024  # one answer is kept for so many bytes allowed
_EPOCH_BYTES = 8
_WRITTEN_NOTED_EVERY_S = 3600.0
_KNOWN = {lane: f"known_{lane}" for lane in LANES}

_encoder = msgspec.json.Encoder()


class Outbox:
    """One open outbox. `epoch` is made with the file, and anew by `begin_epoch` (see `gateway.epoch`); `found` says in what state the file was."""

    def __init__(
        self, path: Path, *, bytes_max: int = 512 * 1024 * 1024, kept_s: float = 48 * 3600.0, kept_share: float = 0.1, now_s: Callable[[], float] = time.time
    ) -> None:
        """Raises: OutboxDamagedError: the file cannot be used nor set aside; OutboxFullError: no room to make it or to save what a damaged one holds."""
        self._bytes_max = bytes_max
        self._now_s = now_s
        self._writes, self._started_s = ThreadWrites(), time.monotonic()
        self._file, self.found = open_file(path, bytes_max=bytes_max, now_s=now_s())
        self._commands_kept = min(_COMMANDS_KEPT_MAX, bytes_max // _COMMAND_BYTES)
        self._movements = Movements(self._file, Keeping(kept_s, int(bytes_max * kept_share)))
        self._telemetry = Telemetry(self._file)
        self.payload_bytes = 0
        """Bytes of the events accepted since the start, as JSON."""
        self.levels: dict[Lane, Level] = {"movements": self._movements.level, "telemetry": self._telemetry.level}
        self._begin()
        self.known = self._begin_unanswered()
        """Last numbers given before the first of the processes that central has not answered yet."""
        self._written_before, self._written_noted_s = int(self._file.meta().get("written_bytes", 0)), now_s()
        self._writes.bytes()

    def close(self) -> None:
        """Close the file; whatever was appended stays."""
        with contextlib.suppress(OutboxFullError, OutboxDamagedError):
            self._note_written()
        self._file.close()

    @property
    def next_telemetry_row(self) -> int:
        """The row that the next telemetry event gets: what comes from here on is live."""
        return self._telemetry.next_row

    @property
    def must_begin_epoch(self) -> bool:
        """Whether events are missing in the numbers (they were in a damaged part): nothing may be sent before central was asked and `begin_epoch` called."""
        return self._must_begin_epoch

    def wear(self) -> Wear:
        """What was written for what was accepted; to be asked in the thread that uses the outbox. A kill forgets at most an hour of `ever_written_bytes`."""
        written = self._writes.bytes()
        return Wear(self.payload_bytes, written, self._written_before + written, time.monotonic() - self._started_s)

    def append(
        self, events: Sequence[Event], snapshots: Mapping[str, bytes] | None = None, answers: Mapping[str, Answer] | None = None, *, live: bool = False
    ) -> None:
        """Make events, the stations' states that led to them, and answers to commands durable, in one transaction; when it returns they survive a power cut.

        `live`: they go up at once, so that telemetry gets its numbers in the same transaction; a second one would cost as much again.
        Raises: OutboxFullError: nothing of it was stored.
        """
        movements = [_encoder.encode(event) for event in events if lane_of(event) == "movements"]
        telemetry = [_encoder.encode(event) for event in events if lane_of(event) == "telemetry"]
        movement_blocks, telemetry_blocks = self._movements.packed(movements), self._telemetry.packed(telemetry)
        growth_bytes = sum(block.size_bytes for block in [*movement_blocks, *telemetry_blocks])
        if not self._make_room(growth_bytes, is_movement=bool(movements)):
            self._telemetry.level.thinned += len(telemetry)
            telemetry, telemetry_blocks, growth_bytes = [], [], 0
        batch = self._telemetry.numbered_at_once(telemetry) if live and not self._must_begin_epoch else None
        self._write(movement_blocks, telemetry_blocks, batch, snapshots or {}, answers or {})
        self._movements.added(len(movements))
        self._telemetry.added(len(telemetry), batch)
        self.payload_bytes += sum(map(len, movements)) + sum(map(len, telemetry))
        self.size_bytes = self._file.size_bytes

    def snapshots(self) -> dict[str, bytes]:
        """The stations' states as of their last events."""
        return dict(self._file.db.execute("SELECT station, state FROM snapshot"))

    def answer_to(self, command_id: str) -> Answer | None:
        """What was answered to a command; None: it is new."""
        row = self._file.db.execute("SELECT outcome, reason FROM command WHERE id = ?", (command_id,)).fetchone()
        return Answer(*row) if row else None

    def batch_after(self, lane: Lane, seq: int, *, live_from_row: int = 0) -> StoredBatch | None:
        """The batch that begins with number `seq` + 1 (or with the oldest kept), made now if need be; None: nothing more.

        Telemetry rows from `live_from_row` on are taken first and as live; older ones follow and are marked historical.
        Raises: OutboxDamagedError: what is stored is not what was written.
        """
        if self._must_begin_epoch:
            return None
        historical, seq = False, max(seq, self.levels[lane].oldest_kept - 1)
        with self._damage_noted():
            if lane == "movements":
                bodies = self._movements.after(seq)
            else:
                bodies, historical = self._telemetry.after(seq, live_from_row)
        events = tuple(numbered_body(body, number, historical) for number, body in enumerate(bodies, seq + 1))
        return StoredBatch(lane, seq + 1, events, self.epoch) if events else None

    def oldest_pending(self) -> bytes | None:
        """The oldest event that central does not have, as stored; None: it has all."""
        with self._damage_noted():
            body = self._movements.oldest_pending()
            return self._telemetry.oldest_pending() if body is None and self._telemetry.level.pending else body

    def acknowledge(self, lane: Lane, upto: int) -> int:
        """Central has everything up to `upto`; returns how many events that are. They are deleted in bulk, see `trim`."""
        level = self.levels[lane]
        upto = min(upto, level.last_seq)
        gained = max(0, upto - level.acked)
        if gained:
            (self._movements if lane == "movements" else self._telemetry).acknowledge(upto)
        return gained

    def rewind(self, lane: Lane, upto: int) -> int:
        """Central lost what it acknowledged after `upto`; what is still kept of that counts as not acknowledged again. Returns up to where it does now."""
        level = self.levels[lane]
        upto = max(upto, level.oldest_kept - 1)
        if upto < level.acked:
            (self._movements if lane == "movements" else self._telemetry).rewind(upto)
        return level.acked

    def trim(self, *, everything: bool = False) -> None:
        """Forget acknowledged events if they are many, or all of them; movements are kept for a while."""
        with self._damage_noted():
            self._movements.trim(self._now_s(), everything=everything)
            self._telemetry.trim(everything=everything)
            if not 0 <= self._now_s() - self._written_noted_s < _WRITTEN_NOTED_EVERY_S:
                self._note_written()
        self.size_bytes = self._file.size_bytes

    def answered(self) -> None:
        """Central counts the same numbers; whatever is numbered from now on continues them. Raises: OutboxFullError: not noted, so nothing may be sent yet."""
        if not self._file.meta().keys().isdisjoint(_KNOWN.values()):
            with self._file.transaction():
                self._file.forget(*_KNOWN.values())

    def begin_epoch(self, central_has: Mapping[Lane, int]) -> str:
        """Forget what central has up to these numbers; the rest keeps its order and is numbered from 1 in a new epoch. All or nothing.

        Telemetry gets its numbers when its batches are made anew. Returns the epoch. Raises: OutboxFullError: nothing has changed.
        """
        epoch = secrets.token_hex(_EPOCH_BYTES)
        with self._damage_noted(), self._file.transaction():
            self._movements.begin_epoch(central_has["movements"])
            self._telemetry.begin_epoch(central_has["telemetry"])
            self._file.forget("must_begin_epoch", *_KNOWN.values())
            self._file.note({"epoch": epoch, "epochs_begun": self.epochs_begun + 1})
        self._movements.begin()
        self._telemetry.begin()
        self._begin()
        self.known = dict.fromkeys(LANES, 0)
        return epoch

    def _note_written(self) -> None:
        self._written_noted_s = self._now_s()
        with self._file.transaction():
            self._file.note({"written_bytes": self.wear().ever_written_bytes})

    def _begin(self) -> None:
        meta = self._file.meta()
        self.epoch: str = meta.get("epoch") or secrets.token_hex(_EPOCH_BYTES)
        if "epoch" not in meta:
            with self._file.transaction():
                self._file.note({"epoch": self.epoch})
        self.epochs_begun = int(meta.get("epochs_begun", 0))
        """How often the numbers of this file began anew."""
        self._must_begin_epoch = "must_begin_epoch" in meta
        note_epoch(self._file.path, {"epoch": self.epoch, "epochs_begun": self.epochs_begun, "movements_base": meta.get("movements_base", "0")})
        self.size_bytes = self._file.size_bytes
        """Bytes of the file that are in use."""

    def _begin_unanswered(self) -> dict[Lane, int]:
        """What a process numbers before central answers it may meet numbers that are taken, also after the next start: remember where that began."""
        kept = self._file.meta()
        known = {lane: int(kept.get(_KNOWN[lane], level.last_seq)) for lane, level in self.levels.items()}
        with contextlib.suppress(OutboxFullError):  # then nothing can be numbered either, and what there is shall go up
            if not kept.keys() >= set(_KNOWN.values()):
                with self._file.transaction():
                    self._file.note({_KNOWN[lane]: seq for lane, seq in known.items()})
        return known

    def _write(
        self,
        movements: Sequence[Packed],
        telemetry: Sequence[Packed],
        batch: Numbered | None,
        snapshots: Mapping[str, bytes],
        answers: Mapping[str, Answer],
    ) -> None:
        with self._damage_noted(), self._file.transaction() as db:
            self._movements.add(movements)
            self._telemetry.add(telemetry)
            if batch is not None:
                self._telemetry.add_numbers(batch)
            if snapshots:
                db.executemany("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", snapshots.items())
            if answers:
                db.executemany("INSERT INTO command (id, outcome, reason) VALUES (?, ?, ?)", ((key, *answer) for key, answer in answers.items()))
                db.execute("DELETE FROM command WHERE row <= (SELECT max(row) FROM command) - ?", (self._commands_kept,))

    def _make_room(self, growth_bytes: int, *, is_movement: bool) -> bool:
        """Give up what central has, then thin telemetry, when it gets tight. Returns whether there is room.

        Raises: OutboxFullError: a movement does not fit.
        """
        tight_bytes = int(self._bytes_max * _THIN_FROM)
        while self.size_bytes + growth_bytes > tight_bytes and (self._movements.give_up_kept() or self._telemetry.thin()):
            self.size_bytes = self._file.size_bytes
        if is_movement and self.size_bytes + growth_bytes > self._bytes_max:
            raise OutboxFullError(
                f"the outbox holds {self.size_bytes} of {self._bytes_max} bytes and central has not taken them; check the network and central"
            )
        return is_movement or self.size_bytes + growth_bytes <= tight_bytes

    @contextlib.contextmanager
    def _damage_noted(self) -> Iterator[None]:
        """Damage that is met at work is noted beside the file, so that the next start looks for all of it and saves the rest."""
        try:
            yield
        except (OutboxDamagedError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.Error) and is_full(error):
                raise OutboxFullError(f"the disk fails: {error}; replace the card") from error
            if is_damage(error) or is_damage(error.__cause__) or isinstance(error.__cause__, BlockDamagedError):
                note_damage(self._file.path, str(error))
            raise OutboxDamagedError(str(error)) from error
