# SPDX-License-Identifier: Apache-2.0
"""How partitions are shared out among workers, pure: what one may take, what it gives back, and when it has to say that it lives."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from contracts.topics import PARTITIONS

TERM_S = 6.0
"""So long after its last word a worker counts as dead, once another one asks."""
ROUND_S = 2.0
"""Each worker looks so often who else is there; three rounds make a term."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker as the database knows it. `expires_us` None: it was alone when it last spoke, and counts as alive until somebody asked and waited a term."""

    id: str
    expires_us: int | None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a partition, under which fence."""

    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker does in this round. `ask`: workers that must answer within a term; `bury`: dead ones, whose partitions are free.

    `expires_us`: until when it speaks for itself; None: it is alone and need not speak. `quiet`: the database says all that already.
    """

    expires_us: int | None
    held: Mapping[int, int]
    take: Collection[int] = ()
    give: Collection[int] = ()
    ask: Collection[str] = ()
    bury: Collection[str] = ()
    quiet: bool = False


def plan(me: str, now_us: int, workers: Collection[Worker], leases: Mapping[int, Lease], term_s: float = TERM_S) -> Plan:
    """The next round of worker `me`. `leases` may lack partitions that nobody ever held."""
    others = [each for each in workers if each.id != me]
    dead = [each.id for each in others if each.gone or (each.expires_us is not None and each.expires_us < now_us)]
    alive = [each for each in others if each.id not in dead]
    share = -(-PARTITIONS // (len(alive) + 1))
    held = {partition: lease.fence for partition, lease in leases.items() if lease.owner == me}
    owners = {each.id for each in alive} | {me}
    free = [partition for partition in range(PARTITIONS) if partition not in leases or leases[partition].owner not in owners]
    take, give = free[: max(0, share - len(held))], sorted(held)[share:]
    return Plan(
        expires_us=now_us + int(term_s * 1e6) if alive else None,
        held=held,
        take=take,
        give=give,
        ask=[each.id for each in alive if each.expires_us is None],
        bury=dead,
        quiet=Worker(me, None) in workers and not (others or take or give),
    )
