# SPDX-License-Identifier: Apache-2.0
"""Rules of ingest, pure: which events of a batch are new, repeated, or beyond a gap, and the identity of each."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from contracts.wire import Batch

_NAMESPACE = uuid.UUID("5b7e9a60-6c1e-5d0c-9d62-0d6b3f1a2c47")
"""Made once for this project; changing it would make every event a new one."""


_CAPTURE = b'{"type":"PassCaptured",'
"""How the body of a capture begins (`contracts.wire` writes the type first)."""


def recorded_body(body: bytes) -> bytes:
    """What of an event's bytes is recorded for ever: all of them, but of a capture, which its area keeps for a time and then forgets, only their digest."""
    if not body.startswith(_CAPTURE):
        return body
    return _CAPTURE + b'"sha256":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a batch as bytes, with its number."""

    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Split:
    """A batch against the mark. `gap`: the first event is further on than mark + 1, nothing is taken."""

    repeated: tuple[Piece, ...]
    new: tuple[Piece, ...]
    gap: bool


def split_at_mark(batch: Batch, upto: int) -> Split:
    """Only `upto` + 1 onward is new; what lies before has been taken."""
    pieces = tuple(Piece(batch.first_seq + n, bytes(raw)) for n, raw in enumerate(batch.events))
    repeated = tuple(piece for piece in pieces if piece.seq <= upto)
    if batch.first_seq > upto + 1:
        return Split((), (), gap=True)
    return Split(repeated, tuple(piece for piece in pieces if piece.seq > upto), gap=False)


def source_of(gateway: str, epoch: str, lane: str) -> str:
    """The source under which a lane's events are recorded; with `seq` it is their identity."""
    return f"{gateway}/{epoch}/{lane}"


def fact_id_of(source: str, seq: int) -> str:
    """The UUID of an event, the same whenever it comes."""
    return str(uuid.uuid5(_NAMESPACE, f"{source}/{seq}"))


_FULL = ("database or disk is full", "no space left on device", "could not extend file", "disk quota exceeded", "file too large", "disk full")
"""How SQLite (SQLITE_FULL) and PostgreSQL (SQLSTATE 53100, errno ENOSPC, EDQUOT, EFBIG) say that there is no room."""


def fault_of(error: BaseException) -> str:
    """Why the database took nothing, in words, and what to do."""
    cause = error.__cause__ or error
    said = str(getattr(cause, "orig", None) or cause or error).strip().splitlines()
    first = said[0] if said else type(error).__name__
    if any(word in str(said).lower() for word in _FULL):
        return f"the database has no room left ({first}); nothing is acknowledged and the gateways keep what they have; make room, then it goes on by itself"
    return f"the database takes nothing ({first}); nothing is acknowledged and the gateways keep what they have"
