# SPDX-License-Identifier: Apache-2.0
"""The sealer chains committed events of each site into blocks, so that nobody can change them unseen, without a hot row in the way of writers.

Events are sealed by position. A position may commit after a higher one, so the sealer looks back over the blocks of the last minutes for positions
that came late; no write transaction may take that long (`idle_in_transaction_session_timeout`), and the verifier finds what was missed. SQLite has one
writer at a time: there positions commit in their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, func, insert, select, type_coerce

from central.bulk import among
from central.database import take_turns
from central.ledger import rules
from central.ledger.tables import block, entry, event

LATE_COMMIT_S = 120.0
"""No write transaction takes longer: twice what the database lets one stand idle."""
LOOKED_BACK_POSITIONS = 20_000
"""So many are looked at again whatever the clock says: it may have been set forward while a transaction was under way, and minutes passed in a moment."""
SEALED_AT_ONCE_MAX = 2000
"""More would hold up other writers on SQLite for longer than a person at a light notices."""
FIRST_PREVIOUS = bytes(32)


def seal(connection: Connection, now: datetime) -> int:
    """Seal what is committed and not sealed yet, the lowest positions first; returns how many events were sealed, at most SEALED_AT_ONCE_MAX."""
    take_turns(connection, "seal")
    unsealed = _unsealed(connection)
    for site, positions in unsealed.items():
        _seal_block(connection, site, positions, now)
    return sum(map(len, unsealed.values()))


def _unsealed(connection: Connection) -> dict[str, list[int]]:
    """Positions by site. What lies below a block that was old when the newest was made had all been committed by then, and was sealed with it at the latest."""
    newest: datetime | None = connection.execute(select(func.max(block.c.sealed_at))).scalar()
    highest = select(func.max(block.c.last_position))
    if newest and connection.dialect.name == "postgresql":
        looked_back = select(func.max(block.c.last_position) - LOOKED_BACK_POSITIONS).scalar_subquery()
        highest = highest.where(block.c.sealed_at < newest - timedelta(seconds=LATE_COMMIT_S), block.c.last_position < looked_back)
    floor = connection.execute(highest).scalar() or 0
    recent: set[int] = set()
    for members in connection.execute(select(block.c.members).where(block.c.last_position > floor)).scalars():
        recent.update(rules.unpack_positions(members))
    top = max(recent, default=floor)
    # What is sealed is not read again: it would be all that happened in the last minutes, each second.
    late = [position for position in range(floor + 1, top) if position not in recent]
    unsealed: dict[str, list[int]] = defaultdict(list)
    query = select(event.c.position, event.c.site).where((event.c.position > top) | among(connection, event.c.position, late))
    for row in connection.execute(query.order_by(event.c.position).limit(SEALED_AT_ONCE_MAX)):
        unsealed[row.site].append(row.position)
    return unsealed


def _seal_block(connection: Connection, site: str, positions: Sequence[int], now: datetime) -> None:
    last = connection.execute(select(block.c.n, block.c.hash).where(block.c.site == site).order_by(block.c.n.desc()).limit(1)).one_or_none()
    n, previous = (last.n + 1, last.hash) if last else (1, FIRST_PREVIOUS)
    members = rules.pack_positions(positions)
    root = rules.merkle_root([leaf for _, leaf in leaves(connection, positions)])
    values = {"previous": previous, "root": root, "members": members, "last_position": max(positions), "sealed_at": now}
    connection.execute(insert(block).values(site=site, n=n, hash=rules.block_hash(site, n, previous, root, members), **values))


_EVENTS = select(
    *(event.c[name] for name in ("position", "id", "site", "source", "source_seq", "kind", "body", "actor")),
    # As numbers, as they are hashed: to make instants of them and numbers again was a third of the sealer's work.
    *(type_coerce(event.c[name], BigInteger) for name in ("occurred_at", "recorded_at")),
).order_by(event.c.position)
_HASHED = ("n", "place", "item", "lot", "owner", "status", "unit", "quantity", "value_minor")
_ENTRIES = (
    select(event.c.position, *(entry.c[name] for name in _HASHED)).join_from(entry, event, event.c.id == entry.c.event_id).order_by(event.c.position, entry.c.n)
)


def leaves(connection: Connection, positions: Sequence[int]) -> list[tuple[int, bytes]]:
    """The Merkle leaves of events that are there, in the order of their positions, each over the event and its entries."""
    found: list[tuple[int, bytes]] = []
    for start in range(0, len(positions), 500):
        part = among(connection, event.c.position, positions[start : start + 500])
        entries: dict[int, list[Sequence[object]]] = defaultdict(list)
        for position, *fields in connection.execute(_ENTRIES.where(part)):
            entries[position].append(fields)
        for position, fact_id, site, source, sequence, *fields in connection.execute(_EVENTS.where(part)):
            hashed = (position, fact_id, site, source, "" if sequence is None else sequence, *fields)
            found.append((position, rules.leaf_hash(hashed, entries[position])))
    return found


def blocks(connection: Connection) -> Iterable[Any]:
    """All blocks by site and number."""
    return connection.execute(select(block).order_by(block.c.site, block.c.n))
