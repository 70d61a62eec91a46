# SPDX-License-Identifier: Apache-2.0
"""What the outbox hands out: batches of numbered events, answers to commands, and how full a lane is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from contracts.events import Lane, Outcome

BATCH_EVENTS_MAX = 50
BATCH_BYTES_MAX = 256 * 1024


class StoredBatch(NamedTuple):
    """Events of a lane ready for the wire, numbered without holes from `first_seq`; a batch of the same numbers always has the same bytes."""

    lane: Lane
    first_seq: int
    events: tuple[bytes, ...]
    epoch: str

    @property
    def last_seq(self) -> int:
        """Number of the last event."""
        return self.first_seq + len(self.events) - 1


class Answer(NamedTuple):
    """What became of a command."""

    outcome: Outcome
    reason: str


@dataclass
class Level:
    """How full a lane is. `last_seq`: last number given; `waiting`: telemetry without a number yet; `acked`: central has up to this.

    `oldest_kept` is the first number that is still stored, `acked` + 1 when nothing is kept of what central has.
    """

    last_seq: int = 0
    acked: int = 0
    waiting: int = 0
    thinned: int = 0
    oldest_kept: int = 1

    @property
    def accepted(self) -> int:
        """Events that are in the outbox or have gone through it."""
        return self.last_seq + self.waiting

    @property
    def pending(self) -> int:
        """Events that central does not have."""
        return self.accepted - self.acked


def within_bytes(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """As many as fit into a batch, at least one."""
    total = 0
    for body in bodies:
        total += len(body)
        if total > BATCH_BYTES_MAX and total > len(body):
            return
        yield body


def numbered_body(body: bytes, seq: int, historical: bool = False) -> bytes:
    """A stored event with its number put in after its type, which always comes first and never holds a comma."""
    comma = body.index(b",")
    return b'%b,"seq":%d%b%b' % (body[:comma], seq, b',"historical":true' if historical else b"", body[comma:])
